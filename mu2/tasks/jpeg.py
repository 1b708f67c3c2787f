"""Images through JPEG and back, as augmentation by JPEG quality has them."""

import io
from typing import Any

import numpy as np

from mu2.errors import Mu2Error

_END = b"\xff\xd9"


def draw_qualities(uniform_N: np.ndarray, delta: float) -> np.ndarray:
    """Whole numbers from int(100 (1 - delta)) to 99, int32 [N], out of uniform ones in [0, 1).

    Source: mu2Net.ipynb (docs/input_pipeline.md); as `tf.image.random_jpeg_quality` draws them.

    Args:
      uniform_N: one an image.
      delta: the largest loss of quality as a share, in (0, 1).
    """
    # Of a float32, which is a little more than 0.05, the published 95 would become 94.
    lowest = int(100 * (1.0 - round(delta, 6)))
    drawn = lowest + np.asarray(uniform_N * (100 - lowest), np.int32)
    return np.minimum(drawn, 99).astype(np.int32)


def recompress(image_HxWxC: np.ndarray, quality: int) -> np.ndarray:
    """An image, uint8 [H, W, C] with C 1 or 3, encoded as JPEG of a quality and decoded again.

    Chroma is halved both ways, as TensorFlow and Pillow do by default.

    Raises:
      Mu2Error: Pillow is missing.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise Mu2Error(
            "augmentation by JPEG quality needs Pillow.", hint="pip install 'mu2[images]'"
        ) from error
    grey = image_HxWxC.shape[2] == 1
    pixels = np.ascontiguousarray(image_HxWxC[:, :, 0] if grey else image_HxWxC)
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "JPEG", quality=max(1, quality))
    encoded.seek(0)
    with Image.open(encoded, formats=("JPEG",)) as decoded:
        pixels = np.asarray(decoded)
    return pixels[:, :, np.newaxis] if grey else pixels


def decode(encoded: bytes) -> np.ndarray | None:
    """A JPEG file by OpenCV, as fast as it goes; uint8 [H, W, 3], the pixels that Pillow gives.

    Both decode by libjpeg-turbo, OpenCV straight into an array. The orientation is not heeded.

    Args:
      encoded: what is in the file, which has three channels.

    Returns:
      None where the file does not end as one does, or OpenCV has trouble with it; Pillow then says
      what is wrong with it.

    Raises:
      Mu2Error: OpenCV is missing.
    """
    cv2 = import_opencv()
    if not encoded.endswith(_END):
        return None
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    return cv2.imdecode(np.frombuffer(encoded, np.uint8), flags)


def import_opencv() -> Any:
    """The module `cv2`.

    Raises:
      Mu2Error: it is missing.
    """
    try:
        import cv2
    except ImportError as error:
        raise Mu2Error(
            "images that do not fit into memory are read by OpenCV where Images.resize is "
            "'bilinear'.",
            hint="pip install 'mu2[grain]', or raise Stream.memory_limit_mb.",
        ) from error
    return cv2
