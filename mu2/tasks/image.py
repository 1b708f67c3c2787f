"""Resizing and channels of uint8 images, exact to the last bit on every machine."""

import numpy as np

from mu2.errors import Mu2Error

# Weights are multiples of 2**-12 that sum to one, so that every sum below is an integer under
# 2**24, which float32 holds exactly in whatever order a matrix product adds it up.
_ONE = 4096

# Images are taken together up to this many pixels, which bounds the float32 copies.
_CHUNK_PIXELS = 1 << 22


def resize(images_NxHxWxC: np.ndarray, size: int) -> np.ndarray:
    """Images as squares of `size`, by a triangle filter that widens when it shrinks (no aliasing).

    The sides are scaled each by its own factor; no part of the image is cut off. An image gives
    the same pixels alone and among others.

    Args:
      images_NxHxWxC: uint8 [N, H, W, C].
      size: side of the result in pixels, at least 1.

    Returns:
      uint8 [N, size, size, C]; the argument itself where it has that size already.

    Raises:
      Mu2Error: `size` is below 1, or the images have a side of no pixels.
    """
    if size < 1:
        raise Mu2Error(f"an image size must be at least 1 pixel, not {size}.")
    n, height, width, channels = images_NxHxWxC.shape
    if height == width == size:
        return images_NxHxWxC
    if not height or not width:
        raise Mu2Error(f"an image of {height}x{width} pixels cannot be resized.")
    rows_SxH = _weights(height, size)
    columns_WxS = _weights(width, size).T
    resized = np.empty((n, size, size, channels), np.uint8)
    pixels = channels * max(height, size) * max(width, size)
    chunk = max(1, _CHUNK_PIXELS // pixels)
    for start in range(0, n, chunk):
        some_NxCxHxW = images_NxHxWxC[start : start + chunk].transpose(0, 3, 1, 2)
        x_NxCxHxS = _rounded(some_NxCxHxW.astype(np.float32) @ columns_WxS)
        x_NxCxSxS = _rounded(rows_SxH @ x_NxCxHxS)
        resized[start : start + chunk] = x_NxCxSxS.transpose(0, 2, 3, 1)
    return resized


def to_channels(images_NxHxWxC: np.ndarray, channels: int) -> np.ndarray:
    """Images with `channels` channels: grey is repeated, colour becomes grey by its luma.

    Luma is 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601).

    Args:
      images_NxHxWxC: uint8 [N, H, W, C], C 1 or 3.
      channels: at least 1.

    Returns:
      uint8 [N, H, W, channels].

    Raises:
      Mu2Error: neither rule applies.
    """
    have = images_NxHxWxC.shape[-1]
    if have == channels:
        return images_NxHxWxC
    if have == 1 and channels > 1:
        return np.repeat(images_NxHxWxC, channels, axis=-1)
    if have == 3 and channels == 1:
        red, green, blue = np.moveaxis(images_NxHxWxC.astype(np.uint32), -1, 0)
        luma = (299 * red + 587 * green + 114 * blue + 500) // 1000
        return luma.astype(np.uint8)[..., np.newaxis]
    raise Mu2Error(f"images of {have} channels cannot be read as images of {channels}.")


def _weights(old: int, new: int) -> np.ndarray:
    """The matrix [new, old] that resizes one side, in units of 1/4096; float32 integers.

    Worked out in whole numbers. No weight is a unit or more off what the filter asks for, and none
    is negative, however many pixels share those 4,096 units.
    """
    reach = 2 * max(old, new)
    centres = (2 * np.arange(new) + 1) * old - new
    weights = np.maximum(0, reach - np.abs(2 * new * np.arange(old) - centres[:, np.newaxis]))
    units, lost = np.divmod(weights * _ONE, weights.sum(axis=1, keepdims=True))
    # What rounding down lost goes, a unit each, to the weights that lost most.
    ranks = (-lost).argsort(axis=1, kind="stable").argsort(axis=1)
    units += ranks < _ONE - units.sum(axis=1, keepdims=True)
    return units.astype(np.float32)


def _rounded(sums: np.ndarray) -> np.ndarray:
    """Sums in units of 1/4096 as whole numbers, halves upward."""
    return np.floor((sums + _ONE // 2) / _ONE)
