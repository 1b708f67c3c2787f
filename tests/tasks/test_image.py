"""Resizing and channels: exact pixels, alone and among others, and no aliasing."""

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.random_keys import Key
from mu2.tasks import image
from mu2.tasks.image import resize, to_channels
from tests.bilinear import half_pixel_bilinear

# From (height, width) to size, both ways and with sides that divide and that do not.
CASES = [
    ((8, 8), 32),
    ((28, 28), 32),
    ((32, 32), 28),
    ((105, 105), 28),
    ((31, 47), 20),
    ((5, 3), 1),
]


def noise(*shape):
    random = Key.from_seed(0).fold_in("noise", *shape).numpy()
    return random.integers(0, 256, shape, dtype=np.uint8)


def by_the_formula(picture_HxW, size):
    """A triangle filter in exact arithmetic but for the weights, sides one after the other."""

    def weights(old):
        scale = old / size
        centres = (np.arange(size)[:, None] + 0.5) * scale - 0.5
        far = np.abs(np.arange(old) - centres) / max(scale, 1)
        kernel = np.maximum(0, 1 - far)
        return kernel / kernel.sum(axis=1, keepdims=True)

    height, width = picture_HxW.shape
    return weights(height) @ picture_HxW @ weights(width).T


@pytest.mark.parametrize(("sides", "size"), CASES)
def test_an_image_has_the_same_pixels_alone_and_in_any_batch(sides, size, monkeypatch):
    images = noise(9, *sides, 3)
    together = resize(images, size)
    assert together.shape == (9, size, size, 3)
    assert together.dtype == np.uint8
    for i in range(9):
        np.testing.assert_array_equal(resize(images[i : i + 1], size), together[i : i + 1])
    np.testing.assert_array_equal(resize(images[::-1], size), together[::-1])
    np.testing.assert_array_equal(resize(images[..., 1:2], size), together[..., 1:2])
    # Two images at a time, with one left over.
    monkeypatch.setattr(image, "_CHUNK_PIXELS", 3 * max(*sides, size) ** 2 * 2)
    np.testing.assert_array_equal(resize(images, size), together)


@pytest.mark.parametrize(("sides", "size"), CASES)
def test_pixels_are_those_of_the_triangle_filter(sides, size):
    picture = noise(1, *sides, 1)
    found = resize(picture, size)[0, :, :, 0]
    # Half a grey level for each of the two roundings, and the weights' own.
    assert np.abs(found - by_the_formula(picture[0, :, :, 0], size)).max() < 1.25


def test_doubling_and_halving_give_known_pixels():
    edge = np.array([[0, 200]], np.uint8)[np.newaxis, ..., np.newaxis]
    np.testing.assert_array_equal(resize(edge.repeat(2, 1), 4)[0, :, :, 0], [[0, 50, 150, 200]] * 4)
    # The filter reaches two pixels each way and is as wide at the border as there are pixels.
    np.testing.assert_array_equal(
        resize(np.array([0, 0, 80, 80], np.uint8).reshape(1, 1, 4, 1).repeat(4, 1), 2)[0, :, :, 0],
        [[11, 69]] * 2,
    )


def test_an_image_of_that_size_is_left_alone():
    images = noise(3, 16, 16, 1)
    assert resize(images, 16) is images


@pytest.mark.parametrize("value", [0, 1, 127, 254, 255])
@pytest.mark.parametrize(("sides", "size"), [*CASES, ((1, 1), 9), ((2, 700), 3), ((1, 6000), 1)])
def test_a_plain_image_stays_plain(sides, size, value):
    assert (resize(np.full((1, *sides, 1), value, np.uint8), size) == value).all()


@pytest.mark.parametrize("old", [1, 2, 7, 28, 105, 1000, 4000, 5000, 20_000])
@pytest.mark.parametrize("new", [1, 2, 7, 28])
def test_weights_sum_to_one_and_each_is_right_however_many_there_are(old, new):
    weights = image._weights(old, new)
    assert (weights.sum(axis=1) == image._ONE).all()
    assert weights.min() >= 0
    exact = image._ONE * by_the_formula_for_one_side(old, new)
    assert np.abs(weights - exact).max() < 1


def by_the_formula_for_one_side(old, new):
    centres = (np.arange(new)[:, None] + 0.5) * (old / new) - 0.5
    kernel = np.maximum(0, 1 - np.abs(np.arange(old) - centres) / max(old / new, 1))
    return kernel / kernel.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("side", "size"), [(64, 32), (64, 16), (96, 20), (105, 28)])
def test_fine_stripes_become_grey_and_not_coarse_stripes(side, size):
    stripes = np.zeros((1, side, side, 1), np.uint8)
    stripes[:, :, ::2] = 255
    for pattern in (stripes, stripes.transpose(0, 2, 1, 3)):
        inside = resize(pattern, size)[0, 1:-1, 1:-1, 0].astype(int)
        assert np.abs(inside - 127.5).max() < 16


def test_a_picture_keeps_its_place_and_its_brightness():
    picture = np.zeros((1, 40, 40, 1), np.uint8)
    picture[0, 4:12, 20:36] = 240
    for size in (10, 20, 80):
        found = resize(picture, size)[0, :, :, 0].astype(float)
        assert found.mean() == pytest.approx(picture.mean(), rel=0.02)
        rows, columns = np.indices(found.shape) + 0.5
        assert (found * rows).sum() / found.sum() == pytest.approx(8 * size / 40, abs=0.1)
        assert (found * columns).sum() / found.sum() == pytest.approx(28 * size / 40, abs=0.1)


def test_no_image_at_all_is_resized_too():
    assert resize(np.empty((0, 5, 6, 3), np.uint8), 4).shape == (0, 4, 4, 3)


@pytest.mark.parametrize(("sides", "size"), [((4, 4), 0), ((4, 4), -1), ((0, 4), 4), ((4, 0), 4)])
def test_sizes_of_no_pixels_are_refused(sides, size):
    with pytest.raises(Mu2Error, match="pixel"):
        resize(np.zeros((1, *sides, 1), np.uint8), size)


def test_grey_is_repeated_and_colour_becomes_luma():
    grey = noise(2, 4, 4, 1)
    np.testing.assert_array_equal(to_channels(grey, 3), np.concatenate([grey] * 3, axis=-1))
    assert to_channels(grey, 1) is grey
    colours = np.array(
        [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [9, 9, 9]], np.uint8
    )
    luma = to_channels(colours.reshape(1, 1, 5, 3), 1)
    assert luma.dtype == np.uint8
    assert luma.ravel().tolist() == [76, 150, 29, 255, 9]


def test_grey_made_colour_and_back_is_the_same_for_every_level():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    np.testing.assert_array_equal(to_channels(to_channels(levels, 3), 1), levels)


@pytest.mark.parametrize(("have", "want"), [(3, 4), (4, 3), (2, 1), (3, 2), (1, 0), (0, 3)])
def test_other_channels_are_refused(have, want):
    with pytest.raises(Mu2Error, match=f"{have} channels cannot be read as images of {want}"):
        to_channels(np.zeros((1, 2, 2, have), np.uint8), want)


@pytest.mark.parametrize(("sides", "size"), [*CASES, ((12, 12), 12), ((3, 70), 9)])
def test_bilinear_is_half_pixel_bilinear_without_antialias(sides, size):
    picture = noise(1, *sides, 3)
    found = image.resize_bilinear(picture, size)
    assert (found.dtype, found.shape) == (np.float32, (1, size, size, 3))
    np.testing.assert_allclose(found[0], half_pixel_bilinear(picture[0], size), atol=1e-3)


def test_bilinear_leaves_stripes_that_antialiasing_makes_grey():
    stripes = np.zeros((1, 64, 64, 1), np.uint8)
    stripes[:, :, 1::4] = 255
    # Every fourth column, at a quarter of the size, lies halfway between two.
    assert image.resize_bilinear(stripes, 16).std() == 0
    assert image.resize_bilinear(stripes, 16).mean() == 127.5
    assert abs(float(resize(stripes, 16).mean()) - 255 / 4) < 3


@pytest.mark.parametrize(("sides", "size"), [((4, 4), 0), ((0, 4), 4)])
def test_bilinear_of_no_pixels_is_refused(sides, size):
    with pytest.raises(Mu2Error, match="pixel"):
        image.resize_bilinear(np.zeros((1, *sides, 1), np.uint8), size)


def test_luma_of_float_pixels_is_not_rounded():
    pixel = np.array([10.5, 20.25, 30.0], np.float32).reshape(1, 1, 1, 3)
    expected = 0.299 * 10.5 + 0.587 * 20.25 + 0.114 * 30.0
    assert to_channels(pixel, 1)[0, 0, 0, 0] == pytest.approx(expected, abs=1e-5)
