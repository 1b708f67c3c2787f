"""Random crops: the distribution of TensorFlow's sample_distorted_bounding_box, by its formulas."""

import numpy as np
import pytest

from mu2.random_keys import Key
from mu2.tasks.crop import NUMBERS, TRIES, draw_boxes

N = 20_000


def boxes(height, width, area_min, aspect_min, n=N, tries=TRIES):
    random = Key.from_seed(0).fold_in("boxes", height, width).numpy()
    uniform = random.random((n, tries, NUMBERS), np.float32)
    return draw_boxes(uniform, np.tile([height, width], (n, 1)), area_min, aspect_min)


@pytest.mark.parametrize(
    ("height", "width", "area_min", "aspect_min"),
    [(375, 500, 0.05, 0.75), (500, 375, 0.5, 0.5), (32, 32, 0.05, 0.75), (128, 128, 0.01, 0.25)],
)
def test_boxes_lie_within_the_image_and_the_bounds(height, width, area_min, aspect_min):
    top, left, h, w = boxes(height, width, area_min, aspect_min).T
    assert min(top.min(), left.min()) == 0
    assert (top + h <= height).all()
    assert (left + w <= width).all()
    share = h * w / (height * width)
    assert share.min() >= area_min
    # A width is rounded, so that the aspect is off by half a pixel of the height at most.
    assert (w / h >= aspect_min - 0.5 / h).all()
    assert (w / h <= 1 / aspect_min + 0.5 / h).all()


def test_the_aspect_is_uniform_and_not_its_logarithm():
    # Small areas of a large image: nothing is rejected.
    _, _, h, w = boxes(1000, 1000, 0.01, 0.5, tries=1).T
    aspect = w / h
    for share in (0.1, 0.25, 0.5, 0.75, 0.9):
        assert np.quantile(aspect, share) == pytest.approx(0.5 + 1.5 * share, abs=0.03)


def test_the_height_is_uniform_between_the_bounds_and_not_the_area():
    _, _, h, w = boxes(1000, 1000, 0.05, 0.999).T
    # Aspect 1: heights from sqrt(0.05) of the side to the whole, all alike.
    low = np.sqrt(0.05)
    for share in (0.1, 0.25, 0.5, 0.75, 0.9):
        assert np.quantile(h / 1000, share) == pytest.approx(low + (1 - low) * share, abs=0.012)
    # A uniform area would have the mean 0.525; (1 + low + low^2) / 3 is that of uniform sides.
    assert (h * w / 1e6).mean() == pytest.approx((1 + low + low**2) / 3, abs=0.008)


def test_the_tallest_box_of_an_aspect_is_as_wide_as_the_image():
    _, _, h, w = boxes(1000, 200, 0.01, 0.5).T
    for low, high in ((0.5, 0.6), (1.0, 1.2), (1.7, 1.9)):
        some = h[(w / h >= low) & (w / h < high)]
        assert some.max() == pytest.approx(200 / low, rel=0.02)


def test_places_are_uniform_but_for_the_last():
    top, left, h, w = boxes(16, 12, 0.05, 0.75).T
    some = h == 8
    free = 16 - 8
    counts = np.bincount(top[some], minlength=free + 1)
    assert counts[free] == 0  # as in TensorFlow, flush with the lower side never
    assert counts[:free].min() > 0.7 * some.sum() / free
    assert (left[w == 12] == 0).all()
    assert (top[h == 16] == 0).all()


def test_what_does_not_fit_is_drawn_again_and_the_whole_is_taken_after_all_tries():
    # A square holds no more than half of itself in a box of aspect 0.5.
    uniform = np.full((1, 3, NUMBERS), 0.5, np.float32)
    uniform[0, :2, 0] = 0.0
    size = np.array([[100, 100]])
    aspect = 0.5 + 0.5 * 1.5
    drawn = draw_boxes(uniform, size, 0.6, 0.5)
    assert drawn[0, 3] / drawn[0, 2] == pytest.approx(aspect, abs=0.01)
    assert draw_boxes(uniform[:, :2], size, 0.95, 0.5).tolist() == [[0, 0, 100, 100]]
    shares = boxes(100, 100, 0.95, 0.5)
    assert (shares[:, 2] * shares[:, 3] >= 0.95 * 100 * 100).all()
    assert len(np.unique(shares, axis=0)) > 3


def test_a_box_does_not_depend_on_the_others():
    random = Key.from_seed(1).numpy()
    uniform = random.random((50, TRIES, NUMBERS), np.float32)
    sizes = random.integers(1, 300, (50, 2))
    together = draw_boxes(uniform, sizes, 0.8, 0.5)
    for i in range(50):
        alone = draw_boxes(uniform[i : i + 1], sizes[i : i + 1], 0.8, 0.5)
        np.testing.assert_array_equal(alone[0], together[i])
    assert (together[:, 2:] > 0).all()
