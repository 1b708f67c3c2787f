"""One image file or its bytes as pixels, the same wherever mu2 reads one."""

import io
import warnings
from pathlib import Path

import numpy as np

from mu2.errors import Mu2Error, lfs_pointer
from mu2.tasks import exif
from mu2.tasks.greys import check_depth

# How the names of image files end, in small letters.
SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm"}
)


def decode(image: bytes | Path, place: str) -> np.ndarray:
    """An image as uint8 [H, W, 3], upright, on white where it is transparent.

    Of a moving image the first frame counts. 16-bit greys keep their upper eight bits, and so do
    greys of 32-bit integers that need no more than 16; those that the upper eight bits would leave
    black are refused.

    Args:
      image: a file's name, or what is in one.
      place: what to call it in messages.

    Raises:
      Mu2Error: Pillow is missing; the file is not there, is no image, is damaged, holds floats or
        larger integers, or has more pixels than Pillow trusts.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise Mu2Error(
            f"{place}: reading images needs Pillow.", hint="pip install 'mu2[images]'"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on files that it reads all the same
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(image) if isinstance(image, bytes) else image) as opened:
                upright = exif.upright(opened)
        if upright.mode.startswith("I"):
            grey = np.asarray(upright).astype(np.int64)
            if grey.min() < 0 or grey.max() > 0xFFFF:
                raise Mu2Error(
                    f"{place}: pixels of 32-bit integers, from {grey.min()} to {grey.max()}, and "
                    "mu2 reads greys of 8 and 16 bits."
                )
            check_depth(grey, place)
            return np.repeat((grey >> 8).astype(np.uint8)[:, :, np.newaxis], 3, axis=2)
        if upright.mode == "F":
            raise Mu2Error(f"{place}: pixels of 32-bit floats, and mu2 reads images of 8 bits.")
        if upright.mode in ("L", "RGB", "1") and "transparency" not in upright.info:
            return np.asarray(upright.convert("RGB"))
        rgba = upright.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise Mu2Error(
            f"{place}: more than {Image.MAX_IMAGE_PIXELS:,} pixels.", hint="Make it smaller first."
        ) from error
    except Mu2Error:
        raise
    except UnidentifiedImageError as error:
        head = image[:64] if isinstance(image, bytes) else _head(image)
        empty = "" if head else " (it is empty)"
        raise lfs_pointer(head, place) or Mu2Error(
            f"{place}: no image that Pillow knows{empty}."
        ) from error
    except OSError as error:
        raise Mu2Error(f"{place}: {error.strerror or error}.") from error
    except Exception as error:  # Pillow's decoders raise what they please for damaged files
        raise Mu2Error(f"{place}: a damaged image ({error}).") from error


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(64)


def is_picture(content: bytes) -> bool:
    """False if these bytes are of no format that Pillow knows; True is for `decode` to prove."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            Image.open(io.BytesIO(content)).close()
    except UnidentifiedImageError:
        return False
    except (Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        return True
    return True
