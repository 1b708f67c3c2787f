"""One image file or its bytes as pixels, the same wherever mu2 reads one."""

import io
import warnings
from pathlib import Path

import numpy as np

from mu2.errors import Mu2Error


def decode(image: bytes | Path, place: str) -> np.ndarray:
    """An image as uint8 [H, W, 3], upright, on white where it is transparent.

    Of a moving image the first frame counts; 16-bit greys keep their upper eight bits.

    Args:
      image: a file's name, or what is in one.
      place: what to call it in messages.

    Raises:
      Mu2Error: Pillow is missing; the file is not there, is no image, is damaged, or has more
        pixels than Pillow trusts.
    """
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError as error:
        raise Mu2Error(
            f"{place}: reading images needs Pillow.", hint="pip install 'mu2[images]'"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(image) if isinstance(image, bytes) else image) as opened:
                upright = ImageOps.exif_transpose(opened)
        if upright.mode.startswith("I"):
            grey = np.clip(np.asarray(upright).astype(np.int64) >> 8, 0, 255).astype(np.uint8)
            return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
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
    except UnidentifiedImageError as error:
        raise Mu2Error(f"{place}: no image that Pillow knows.") from error
    except OSError as error:
        raise Mu2Error(f"{place}: {error.strerror or error}.") from error
    except (SyntaxError, ValueError) as error:  # what Pillow's decoders raise for damaged files
        raise Mu2Error(f"{place}: a damaged image ({error}).") from error
