"""Augmentation: what each range does, and that what is off does nothing."""

import colorsys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mu2.models.inputs import normalise
from mu2.random_keys import Key
from mu2.tasks.colours import NAMES, saturate, turn_hue
from mu2.tasks.images import DEFAULT, Images
from mu2.tasks.part import bring_to_shape
from mu2.training.augment import Augmentation, augment
from tests.bilinear import half_pixel_bilinear

KEY = Key.from_seed(5)
OFF = Augmentation(
    np.bool_(False), np.float32(1), np.float32(1), np.bool_(False), *[np.float32(0)] * 9
)
IMAGES = KEY.numpy().integers(40, 200, (64, 12, 12, 3), dtype=np.uint8)
compiled = jax.jit(augment, static_argnames=("size", "images"))


def run(key, images, a, boxes=None, size=12, how=DEFAULT):
    return compiled(key, images, a, boxes, size=size, images=how)


def test_everything_off_is_the_plain_image():
    np.testing.assert_allclose(run(KEY.jax(), IMAGES, OFF), normalise(IMAGES), atol=1e-6)


def test_flip_mirrors_about_half_of_the_images():
    got = np.asarray(run(KEY.jax(), IMAGES, OFF._replace(flip=np.bool_(True))))
    plain = np.asarray(normalise(IMAGES))
    mirrored = [np.allclose(g, p[:, ::-1], atol=1e-5) for g, p in zip(got, plain, strict=True)]
    kept = [np.allclose(g, p, atol=1e-5) for g, p in zip(got, plain, strict=True)]
    assert sum(mirrored) + sum(kept) == 64
    assert 20 < sum(mirrored) < 44


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
    got = np.asarray(
        turn_hue(jnp, jnp.asarray(pixels), jnp.asarray(turns, jnp.float32)[:, None, None])
    )
    for pixel, turn, result in zip(pixels[:, 0, 0], turns, got[:, 0, 0], strict=True):
        h, s, v = colorsys.rgb_to_hsv(*pixel)
        np.testing.assert_allclose(colorsys.hsv_to_rgb((h + turn) % 1, s, v), result, atol=1e-5)


def test_the_same_key_gives_the_same_images():
    a = OFF._replace(flip=np.bool_(True), brightness=np.float32(0.1))
    np.testing.assert_array_equal(run(KEY.jax(), IMAGES, a), run(KEY.jax(), IMAGES, a))


def shifts(how, delta=0.2):
    """Of 4,000 grey images, by how much each is brighter, in units of [-1, 1]."""
    images = np.full((4000, 2, 2, 1), 128, np.uint8)
    a = OFF._replace(brightness=np.float32(delta))
    got = np.asarray(run(KEY.jax(), images, a, size=2, how=how))
    return got[:, 0, 0, 0] - (128 / 127.5 - 1)


@pytest.mark.parametrize(
    ("colours", "largest"), [("unit", 0.4), ("signed", 0.2), ("bytes", 0.2 / 127.5)]
)
def test_a_brightness_is_uniform_in_units_of_the_scale(colours, largest):
    drawn = shifts(Images(colours=colours))
    assert np.abs(drawn).max() <= largest * (1 + 1e-3)
    for share in (0.05, 0.25, 0.5, 0.75, 0.95):
        expected = largest * (2 * share - 1)
        assert np.quantile(drawn, share) == pytest.approx(expected, abs=0.05 * largest)


def test_saturation_is_that_of_hsv_and_not_a_blend_with_luma():
    rng = KEY.fold_in("saturation").numpy()
    pixels, factors = rng.random((32, 1, 1, 3)).astype(np.float32), rng.uniform(0.5, 2, 32)
    got = np.asarray(saturate(jnp, jnp.asarray(pixels), jnp.float32(factors)[:, None, None, None]))
    for pixel, factor, result in zip(pixels[:, 0, 0], factors, got[:, 0, 0], strict=True):
        h, s, v = colorsys.rgb_to_hsv(*pixel)
        expected = colorsys.hsv_to_rgb(h, min(s * factor, 1.0), v)
        np.testing.assert_allclose(result, expected, atol=1e-5)
    # On [-1, 1] what has no channel above 0 turns grey, as in TensorFlow.
    dark = np.array([-0.2, -0.5, -0.9], np.float32).reshape(1, 1, 3)
    assert saturate(np, dark, 1.0).tolist() == [[[dark[0, 0, 0]] * 3]]


def hsv_of_the_published_order(image, box, how, amounts):
    """Crop, colours, resize: what the published code does to one image, in plain numpy."""
    top, left, h, w = box
    low, high = {"unit": (0, 1), "signed": (-1, 1)}[how.colours]
    x = image[top : top + h, left : left + w].astype(np.float64) / 255 * (high - low) + low
    limit = (lambda x: np.clip(x, 0, 1)) if how.colours == "unit" else lambda x: x
    x = limit(x + amounts[0])
    x = limit((x - x.mean((0, 1))) * amounts[1] + x.mean((0, 1)))
    x = limit(saturate(np, x, amounts[2]))
    x = limit(turn_hue(np, x, amounts[3]))
    made = half_pixel_bilinear(x, 8)
    return np.clip((made - low) / (high - low) * 2 - 1, -1, 1)


@pytest.mark.parametrize("colours", ["unit", "signed"])
def test_colours_change_before_the_resize_in_the_published_order(colours):
    how = Images(resize="bilinear", colours=colours, colours_before_resize=True)
    deltas = {"brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "hue": 0.1}
    a = OFF._replace(**{name: np.float32(delta) for name, delta in deltas.items()})
    images = KEY.fold_in("order").numpy().integers(0, 256, (6, 16, 20, 3), np.uint8)
    boxes = np.array([[2, 3, 9, 12], [0, 0, 16, 20], [5, 1, 11, 7]] * 2, np.int32)
    got = np.asarray(run(KEY.jax(), images, a, np.float32(boxes), 8, how))
    keys = jax.random.split(KEY.jax(), 6)[2:]
    drawn = [np.asarray(jax.random.uniform(k, (6,), minval=-1.0, maxval=1.0)) for k in keys]
    for i in range(6):
        b, c, s, h = (each[i] * d for each, d in zip(drawn, deltas.values(), strict=True))
        expected = hsv_of_the_published_order(images[i], boxes[i], how, (b, 1 + c, 1 + s, h))
        np.testing.assert_allclose(got[i], expected, atol=2e-4)
    # After the resize, which is the default, other pixels come out.
    after = run(KEY.jax(), images, a, np.float32(boxes), 8, Images("bilinear", colours))
    assert np.abs(np.asarray(after) - got).max() > 0.02


@pytest.mark.parametrize("colours", ["unit", "signed"])
def test_read_images_change_colours_in_the_published_order_as_well(colours):
    pytest.importorskip("cv2")
    how = Images(resize="bilinear", colours=colours, colours_before_resize=True)
    random = KEY.fold_in("read").numpy()
    for _ in range(6):
        image = random.integers(0, 256, (16, 20, 3), np.uint8)
        drawn = random.uniform(-1, 1, 4) * (0.2, 0.2, 0.2, 0.1)
        amounts = dict(zip(NAMES, drawn, strict=True))
        made = np.empty((8, 8, 3), np.uint8)
        bring_to_shape(image, how, amounts, made)
        b, c, s, h = drawn
        expected = hsv_of_the_published_order(image, (0, 0, 16, 20), how, (b, 1 + c, 1 + s, h))
        # In whole grey levels, by weights of a finite number of bits.
        assert np.abs(made / 127.5 - 1 - expected).max() < 1 / 127.5


@pytest.mark.parametrize("channels", [1, 3])
def test_antialiased_images_that_are_read_are_cut_off_after_the_resize(channels):
    pytest.importorskip("PIL.Image")
    random = KEY.fold_in("antialias").numpy()
    image = random.integers(0, 256, (40, 56, channels), np.uint8)
    how = Images(colours="signed", colours_before_resize=True)
    plain, brighter = (np.empty((8, 8, channels), np.uint8) for _ in range(2))
    bring_to_shape(image, how, {}, plain)
    bring_to_shape(image, how, {"brightness": 0.6}, brighter)
    # A shift goes through a filter unchanged; half the pixels were white before it.
    expected = np.minimum(plain + 0.6 * 127.5, 255)
    assert np.abs(brighter - expected).max() < 2


def test_what_is_asked_of_the_original_pixels():
    crops = OFF._replace(crop=np.bool_(True), area_min=np.float32(0.5))
    assert crops.reads_originals(DEFAULT)
    assert not crops._replace(crop=np.bool_(False)).reads_originals(DEFAULT)
    assert not OFF._replace(crop=np.bool_(True)).reads_originals(DEFAULT)
    assert OFF._replace(jpeg_quality=np.float32(0.1)).reads_originals(DEFAULT)
    recoloured = OFF._replace(hue=np.float32(0.1))
    assert not recoloured.reads_originals(DEFAULT)
    assert recoloured.reads_originals(Images(colours_before_resize=True))
