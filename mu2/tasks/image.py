"""Resizing and channels of images, exact to the last bit on every machine."""

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
    return resize_sides(images_NxHxWxC, size, size)


def resize_sides(images_NxHxWxC: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """As `resize`, to `rows` by `columns` pixels; uint8 [N, rows, columns, C]."""
    n, height, width, channels = images_NxHxWxC.shape
    if (height, width) == (rows, columns):
        return images_NxHxWxC
    if not height or not width:
        raise Mu2Error(f"an image of {height}x{width} pixels cannot be resized.")
    rows_SxH = _weights(height, rows)
    columns_WxS = _weights(width, columns).T
    resized = np.empty((n, rows, columns, channels), np.uint8)
    pixels = channels * max(height, rows) * max(width, columns)
    chunk = max(1, _CHUNK_PIXELS // pixels)
    for start in range(0, n, chunk):
        some_NxCxHxW = images_NxHxWxC[start : start + chunk].transpose(0, 3, 1, 2)
        x_NxCxHxS = _rounded(some_NxCxHxW.astype(np.float32) @ columns_WxS)
        x_NxCxSxS = _rounded(rows_SxH @ x_NxCxHxS)
        resized[start : start + chunk] = x_NxCxSxS.transpose(0, 2, 3, 1)
    return resized


def resize_bilinear(images_NxHxWxC: np.ndarray, size: int) -> np.ndarray:
    """Images as squares of `size`, each pixel between the four nearest; no antialiasing.

    What `tf.image.resize` does by default: half-pixel centres, edges repeated, float32.

    Args:
      images_NxHxWxC: uint8 [N, H, W, C].
      size: side of the result in pixels, at least 1.

    Returns:
      float32 [N, size, size, C], from 0 to 255.

    Raises:
      Mu2Error: `size` is below 1, or the images have a side of no pixels.
    """
    if size < 1:
        raise Mu2Error(f"an image size must be at least 1 pixel, not {size}.")
    n, height, width, channels = images_NxHxWxC.shape
    if not height or not width:
        raise Mu2Error(f"an image of {height}x{width} pixels cannot be resized.")
    top, bottom, down = _neighbours(height, size)
    left, right, across = _neighbours(width, size)
    resized = np.empty((n, size, size, channels), np.float32)
    for i, image in enumerate(images_NxHxWxC):
        rows_SxWxC = _between(image[top], image[bottom], down[:, None, None])
        resized[i] = _between(rows_SxWxC[:, left], rows_SxWxC[:, right], across[:, None])
    return resized


def _neighbours(old: int, new: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each new pixel the one before it, the one after it and how far it is on its way there."""
    place = (np.arange(new, dtype=np.float64) + 0.5) * (old / new) - 0.5
    before = np.floor(place)
    first, last = (np.clip(b, 0, old - 1).astype(np.int64) for b in (before, before + 1))
    return first, last, (place - before).astype(np.float32)


def _between(one: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    """float32 on the way from one to the other."""
    start = one.astype(np.float32)
    between = other.astype(np.float32)
    between -= start
    between *= share
    between += start
    return between


def to_channels(images_NxHxWxC: np.ndarray, channels: int) -> np.ndarray:
    """Images with `channels` channels: grey is repeated, colour becomes grey by its luma.

    Luma is 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601).

    Args:
      images_NxHxWxC: uint8 [N, H, W, C], C 1 or 3; or float32.
      channels: at least 1.

    Returns:
      [N, H, W, channels] of the same dtype; of uint8 the luma is rounded.

    Raises:
      Mu2Error: neither rule applies.
    """
    have = images_NxHxWxC.shape[-1]
    if have == channels:
        return images_NxHxWxC
    if have == 1 and channels > 1:
        return np.repeat(images_NxHxWxC, channels, axis=-1)
    if have == 3 and channels == 1:
        if images_NxHxWxC.dtype == np.float32:
            return images_NxHxWxC @ np.array([[0.299], [0.587], [0.114]], np.float32)
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
