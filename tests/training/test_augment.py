"""Augmentation: what each range does, and that what is off does nothing."""

import colorsys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mu2.models.inputs import normalise
from mu2.random_keys import Key
from mu2.training.augment import Augmentation, _turn_hue, augment

KEY = Key.from_seed(5)
OFF = Augmentation(
    np.bool_(False), np.float32(1), np.float32(1), np.bool_(False), *[np.float32(0)] * 4
)
IMAGES = KEY.numpy().integers(40, 200, (64, 12, 12, 3), dtype=np.uint8)
run = jax.jit(augment)


def test_everything_off_is_the_plain_image():
    np.testing.assert_allclose(run(KEY.jax(), IMAGES, OFF), normalise(IMAGES), atol=1e-6)


def test_flip_mirrors_about_half_of_the_images():
    got = np.asarray(run(KEY.jax(), IMAGES, OFF._replace(flip=np.bool_(True))))
    plain = np.asarray(normalise(IMAGES))
    mirrored = [np.allclose(g, p[:, ::-1], atol=1e-5) for g, p in zip(got, plain, strict=True)]
    kept = [np.allclose(g, p, atol=1e-5) for g, p in zip(got, plain, strict=True)]
    assert sum(mirrored) + sum(kept) == 64
    assert 20 < sum(mirrored) < 44


def test_crop_stays_inside_the_image_and_differs_by_image():
    ramp = np.broadcast_to(np.arange(12, dtype=np.uint8)[:, None, None] * 20, (64, 12, 12, 3))
    a = OFF._replace(crop=np.bool_(True), area_min=np.float32(0.1), aspect_min=np.float32(0.5))
    got = (np.asarray(run(KEY.jax(), ramp, a)) + 1) * 127.5
    assert got.min() >= -1e-3
    assert got.max() <= 220 + 1e-3
    assert (np.diff(got[:, :, 0, 0], axis=1) >= -1e-3).all()
    heights = got[:, -1, 0, 0] - got[:, 0, 0, 0]
    assert heights.std() > 20


def test_crop_of_the_whole_area_is_switched_off():
    a = OFF._replace(crop=np.bool_(True))
    np.testing.assert_allclose(run(KEY.jax(), IMAGES, a), normalise(IMAGES), atol=1e-6)


@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "hue"])
def test_each_colour_range_changes_images_within_bounds(name):
    got = np.asarray(run(KEY.jax(), IMAGES, OFF._replace(**{name: np.float32(0.2)})))
    plain = np.asarray(normalise(IMAGES))
    assert np.abs(got - plain).max() > 0.05
    assert np.abs(got).max() <= 1.0
    if name == "brightness":
        shift = (got - plain).mean((1, 2, 3))
        assert np.abs(shift).max() <= 0.4 + 1e-5
        assert shift.std() > 0.1


def test_hue_turns_as_the_colour_wheel_does():
    rng = KEY.fold_in("hue").numpy()
    pixels, turns = rng.random((16, 1, 1, 3)).astype(np.float32), rng.random(16) - 0.5
    got = np.asarray(_turn_hue(jnp.asarray(pixels), jnp.asarray(turns, jnp.float32)))
    for pixel, turn, result in zip(pixels[:, 0, 0], turns, got[:, 0, 0], strict=True):
        h, s, v = colorsys.rgb_to_hsv(*pixel)
        np.testing.assert_allclose(colorsys.hsv_to_rgb((h + turn) % 1, s, v), result, atol=1e-5)


def test_the_same_key_gives_the_same_images():
    a = OFF._replace(crop=np.bool_(True), area_min=np.float32(0.05), flip=np.bool_(True))
    np.testing.assert_array_equal(run(KEY.jax(), IMAGES, a), run(KEY.jax(), IMAGES, a))
