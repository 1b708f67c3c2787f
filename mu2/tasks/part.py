"""A part of an image as a network reads it, made by those who read ahead."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mu2.errors import Mu2Error
from mu2.tasks import colours
from mu2.tasks.image import to_channels
from mu2.tasks.images import Images
from mu2.tasks.jpeg import import_opencv


def bring_to_shape(
    part_HxWxC: np.ndarray,
    images: Images,
    changes: Mapping[str, np.ndarray],
    out_SxSxC: np.ndarray,
) -> None:
    """A part of an image, recoloured and resized.

    Pillow antialiases, OpenCV does not: both are made for this, and give the pixels of
    `mu2.tasks.image` to within a grey level or so.

    Args:
      part_HxWxC: uint8.
      images: the choices of the run.
      changes: how much each colour that changes does so, by name.
      out_SxSxC: uint8, contiguous, of the network's shape; the result is written into it.

    Raises:
      Mu2Error: the library that resizes is missing.
    """
    size, _, channels = out_SxSxC.shape
    if part_HxWxC.shape[2] > channels:
        part_HxWxC = to_channels(part_HxWxC, channels)
    if changes:
        part_HxWxC = _recoloured(part_HxWxC, images, changes)
    if images.resize == "antialias":
        pixels = _antialiased(part_HxWxC, size)
    else:
        cv2 = import_opencv()
        fits = channels == part_HxWxC.shape[2] == 3 and part_HxWxC.dtype == np.uint8
        into = out_SxSxC if fits else None
        pixels = cv2.resize(part_HxWxC, (size, size), into, interpolation=cv2.INTER_LINEAR)
        if into is not None:
            return
        pixels = pixels.reshape(size, size, -1)
    if changes:
        pixels = np.rint(np.clip(pixels, 0.0, 255.0)).astype(np.uint8)
    out_SxSxC[:] = pixels if pixels.shape[2] == channels else to_channels(pixels, channels)


def _antialiased(part: np.ndarray, size: int) -> np.ndarray:
    try:
        from PIL import Image
    except ImportError as error:
        raise Mu2Error(
            "images that do not fit into memory are resized by Pillow.",
            hint="pip install 'mu2[images]', or raise Stream.memory_limit_mb.",
        ) from error

    def resized(pixels: np.ndarray) -> np.ndarray:
        image = Image.fromarray(np.ascontiguousarray(pixels))
        return np.asarray(image.resize((size, size), Image.Resampling.BILINEAR))

    # Pillow knows colours in bytes alone.
    if part.shape[2] == 1 or part.dtype != np.uint8:
        return np.stack([resized(channel) for channel in np.moveaxis(part, -1, 0)], axis=-1)
    return resized(part)


def _recoloured(part: np.ndarray, images: Images, changes: Mapping[str, Any]) -> np.ndarray:
    """The part with other colours, float32; black is 0 and white 255, and `unit` is within them."""
    low, high = colours.SCALES[images.colours]
    x = part.astype(np.float32) * np.float32((high - low) / 255.0) + np.float32(low)
    for name in colours.NAMES:
        if name not in changes or (x.shape[-1] != 3 and name in ("saturation", "hue")):
            continue
        amount = np.float32(changes[name])
        if name == "brightness":
            x = colours.brighten(x, amount)
        elif name == "contrast":
            x = colours.contrast(x, x.mean((0, 1), keepdims=True), 1 + amount)
        elif name == "saturation":
            x = colours.saturate(np, x, 1 + amount)
        else:
            x = colours.turn_hue(np, x, amount)
        if images.colours == "unit":
            x = np.clip(x, 0.0, 1.0)
    levels: np.ndarray = (x - np.float32(low)) * np.float32(255.0 / (high - low))
    return levels
