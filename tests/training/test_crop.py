"""Cropping on the device: the part is cut out first and resized as the images' own module does."""

import jax.numpy as jnp
import numpy as np
import pytest

from mu2.random_keys import Key
from mu2.tasks.image import resize, resize_bilinear
from mu2.training.crop import crop_and_resize, part_mean, weights

KEY = Key.from_seed(4)
IMAGES = KEY.numpy().integers(0, 256, (5, 24, 30, 3), np.uint8)
BOXES = np.array(
    [[0, 0, 24, 30], [3, 4, 7, 5], [1, 2, 20, 25], [9, 0, 1, 30], [23, 29, 1, 1]], np.int32
)


@pytest.mark.parametrize("size", [6, 8, 24, 40])
@pytest.mark.parametrize(
    ("how", "off"), [(resize_bilinear, 1e-3), (resize, 1.25)], ids=["bilinear", "antialias"]
)
def test_a_part_is_cut_out_and_then_resized(size, how, off):
    made = crop_and_resize(
        jnp.float32(IMAGES), jnp.float32(BOXES), size, antialias=how is not resize_bilinear
    )
    for image, (top, left, h, w), found in zip(IMAGES, BOXES, made, strict=True):
        expected = how(image[None, top : top + h, left : left + w], size)[0]
        np.testing.assert_allclose(found, expected.astype(float), atol=off)


@pytest.mark.parametrize("antialias", [False, True])
def test_every_row_of_weights_adds_up_to_one(antialias):
    start, length = jnp.float32([0, 2.5, 7, 19]), jnp.float32([20, 11.25, 1, 1])
    for size in (1, 7, 20, 33):
        made = weights(start, length, 20, size, antialias=antialias)
        np.testing.assert_allclose(made.sum(-1), 1, atol=1e-5)
        assert float(made.min()) >= 0


def test_the_mean_is_that_of_the_part():
    made = part_mean(jnp.float32(IMAGES), jnp.float32(BOXES))
    for image, (top, left, h, w), found in zip(IMAGES, BOXES, made, strict=True):
        expected = image[top : top + h, left : left + w].mean((0, 1))
        np.testing.assert_allclose(found[0, 0], expected, rtol=1e-5)
