"""Random crops, drawn as TensorFlow's `sample_distorted_bounding_box` draws them.

Source: mu2Net.ipynb (docs/input_pipeline.md). The box is drawn in whole pixels of the original
image: first its aspect, then its height within what the area allows, then its place; a box that
does not fit is drawn again.
"""

import numpy as np

# Boxes that are drawn for an image before the whole of it is taken.
TRIES = 100
# Uniform numbers that one try takes: aspect, height, top, left.
NUMBERS = 4


def draw_boxes(
    uniform_BxTx4: np.ndarray, size_Bx2: np.ndarray, area_min: float, aspect_min: float
) -> np.ndarray:
    """A box an image.

    Args:
      uniform_BxTx4: float32 in [0, 1), one row a try; the first try that fits is taken, and the
        whole image where none does.
      size_Bx2: int, height and width of each image.
      area_min: smallest share of the area, in (0, 1]; the largest is 1.
      aspect_min: smallest ratio of width to height, in (0, 1]; the largest is its inverse.

    Returns:
      int32 [B, 4]: top, left, height and width in pixels, inside the image.
    """
    sizes = np.asarray(size_Bx2, np.int32)
    box_Bx4 = np.concatenate([np.zeros_like(sizes), sizes], axis=1)
    open_ = np.arange(len(sizes))
    for tried in range(uniform_BxTx4.shape[1]):
        if not len(open_):
            break
        drawn, fits = _try(uniform_BxTx4[open_, tried], sizes[open_], area_min, aspect_min)
        box_Bx4[open_[fits]] = drawn[fits]
        open_ = open_[~fits]
    return box_Bx4


def _try(
    uniform_Bx4: np.ndarray, size_Bx2: np.ndarray, area_min: float, aspect_min: float
) -> tuple[np.ndarray, np.ndarray]:
    """One box an image, int32 [B, 4], and whether it fits, bool [B]."""
    height_B, width_B = size_Bx2.T
    whole_B = height_B.astype(np.float32) * width_B
    least_B = np.float32(area_min) * whole_B
    low, high = np.float32(aspect_min), np.float32(1.0 / aspect_min)
    aspect_B = uniform_Bx4[:, 0] * (high - low) + low
    shortest_B = _rounded(np.sqrt(least_B / aspect_B))
    tallest_B = _rounded(np.sqrt(whole_B / aspect_B))
    # No taller than that the width, rounded, still fits.
    wide_B = _rounded(tallest_B * aspect_B) > width_B
    fitting_B = ((width_B + 0.5 - 1e-7) / aspect_B).astype(np.int32)
    fitting_B -= _rounded(fitting_B * aspect_B) > width_B
    tallest_B = np.minimum(np.where(wide_B, fitting_B, tallest_B), height_B)
    shortest_B = np.minimum(shortest_B, tallest_B)
    h_B = shortest_B + _below(uniform_Bx4[:, 1], tallest_B - shortest_B + 1)
    w_B = _rounded(h_B * aspect_B)
    # What rounding did to the area is mended by one row.
    h_B = h_B + (h_B * w_B < least_B)
    w_B = _rounded(h_B * aspect_B)
    h_B = h_B - (h_B * w_B > whole_B)
    w_B = _rounded(h_B * aspect_B)
    area_B = h_B * w_B
    fits_B = (area_B >= least_B) & (area_B <= whole_B) & (h_B > 0) & (w_B > 0)
    fits_B &= (h_B <= height_B) & (w_B <= width_B)
    # As in TensorFlow the last place, flush with the far side, is never drawn.
    top_B = _below(uniform_Bx4[:, 2], np.maximum(height_B - h_B, 1))
    left_B = _below(uniform_Bx4[:, 3], np.maximum(width_B - w_B, 1))
    return np.stack([top_B, left_B, h_B, w_B], axis=1).astype(np.int32), fits_B


def _rounded(x: np.ndarray) -> np.ndarray:
    """The nearest whole numbers, int32; halves to even, as C's lrintf."""
    return np.rint(x.astype(np.float32)).astype(np.int32)


def _below(uniform_B: np.ndarray, n_B: np.ndarray) -> np.ndarray:
    """Whole numbers from 0 to n - 1, int32, out of uniform ones in [0, 1)."""
    return np.minimum((uniform_B * n_B).astype(np.int32), n_B - 1).astype(np.int32)
