"""One image file or its bytes as pixels, the same wherever mu2 reads one."""

import contextlib
import io
import os
import stat
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mu2.errors import Mu2Error
from mu2.tasks import exif, jpeg
from mu2.tasks.foreign import foreign_file
from mu2.tasks.greys import check_depth, check_upper
from mu2.tasks.jpeg import recompress
from mu2.tasks.view import View

# How the names of image files end, in small letters.
SUFFIXES = frozenset(
    {
        ".png",
        ".jpg",
        ".jpeg",
        ".jfif",
        ".bmp",
        ".gif",
        ".webp",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".pbm",
    }
)
# What Pillow calls the formats that are read; it knows others that start programs (Ghostscript for
# EPS) or read files that an image names.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
# Looked at before anything is decoded; of pixels, Pillow's own limit holds.
MAX_BYTES = 1 << 28
MAX_SIDE = 20_000
_NAMES = ("PNG", "JPEG", "BMP", "GIF", "WebP", "TIFF", "PPM")


_SIDEWAYS = (5, 6, 7, 8)  # values of Exif's orientation where height and width change places


def decode(image: bytes | Path, place: str) -> np.ndarray:
    """An image as uint8 [H, W, 3], upright, on white where it is transparent.

    Of a moving image the first frame counts. 16-bit greys keep their upper eight bits, and so do
    greys of 32-bit integers that need no more than 16; those that the upper eight bits would leave
    black are refused.

    Args:
      image: a file's name, or what is in one.
      place: what to call it in messages.

    Raises:
      Mu2Error: Pillow is missing; the file is not there, is of no format in `FORMATS`, is damaged,
        holds floats or larger integers, or is larger than `MAX_BYTES`, `MAX_SIDE` or the pixels
        that Pillow trusts.
    """
    with _reported(place, image):
        with open_picture(image) as opened:
            deep = is_deep(opened)
            upright = exif.upright(opened)
        pixels = _colours(upright, place)
        if deep and not upright.mode.startswith("I"):
            check_upper(pixels, place)
        if upright.mode.startswith("I"):
            check_depth(np.asarray(upright).astype(np.int64), place)
        return pixels


def decode_view(images: Sequence[tuple[bytes | Path, str]], view: View) -> Iterator[np.ndarray]:
    """Parts of images, uint8 [h, w, 3] each, with the pixels that `decode` gives.

    Args:
      images: each a file's name or what is in one, and what to call it in messages.
      view: which parts. Where it may come with fewer pixels, a JPEG file is decoded at a half, a
        quarter or an eighth, which averages the pixels that it leaves out; the part's sides are
        then rounded to the pixels that are left.

    Yields:
      The parts, each decoded as it is asked for.

    Raises:
      Mu2Error: as `decode`.
    """
    with contextlib.ExitStack() as stack:
        opened, sizes = [], []
        for image, place in images:
            with _reported(place, image):
                check_file(image)
                content = image.read_bytes() if view.opencv and isinstance(image, Path) else image
                opened.append((content, stack.enter_context(open_picture(content))))
                turned = exif.orientation(opened[-1][1])
                sizes.append((opened[-1][1].size[::-1], turned))
        upright = [size[::-1] if turned in _SIDEWAYS else size for size, turned in sizes]
        boxes = view.boxes(np.array(upright, np.int32).reshape(-1, 2))
        for i, ((content, picture), (_, turned), box) in enumerate(
            zip(opened, sizes, boxes, strict=True)
        ):
            image, place = images[i]
            if turned == 1 and view.quality is None:
                with _reported(place, content):
                    part = crop_jpeg(picture, content, box) if view.opencv else None
                    if part is None:
                        part = _colours(crop(picture, box, view.least), place)
                yield part
                continue
            whole = decode(image, place)
            if view.quality is not None:
                whole = recompress(whole, int(view.quality[i]))
            top, left, height, width = box
            yield whole[top : top + height, left : left + width]


def crop_jpeg(picture: Any, content: bytes | Path, box: np.ndarray) -> np.ndarray | None:
    """A part of a coloured JPEG file, uint8 [h, w, 3]; None where it is none, or damaged.

    Args:
      picture: the Pillow image, not decoded yet.
      content: what is in its file.
      box: top, left, height and width in pixels.
    """
    if picture.format != "JPEG" or picture.mode != "RGB" or not isinstance(content, bytes):
        return None
    whole = jpeg.decode(content)
    top, left, height, width = box
    return None if whole is None else whole[top : top + height, left : left + width]


def crop(picture: Any, box: np.ndarray, least: int | None) -> Any:
    """A part of a Pillow image that is open and not yet decoded.

    Args:
      picture: the image.
      box: top, left, height and width in pixels.
      least: see `View.least`.
    """
    top, left, height, width = map(int, box)
    columns, rows = picture.size
    if least is not None and picture.format == "JPEG":
        smaller = min(height, width) // least
        scale = next((s for s in (8, 4, 2) if s <= smaller), 1)
        if scale > 1 and picture.draft(picture.mode, (columns // scale, rows // scale)):
            across, down = picture.size[0] / columns, picture.size[1] / rows
            left, right = round(left * across), round((left + width) * across)
            top, bottom = round(top * down), round((top + height) * down)
            return picture.crop((left, top, right, bottom))
    return picture.crop((left, top, left + width, top + height))


def check_file(image: bytes | Path) -> None:
    """Refuses what is no file, or has too many bytes, before any of them is read.

    Raises:
      Mu2Error: so it is.
      OSError: it is not there.
    """
    if isinstance(image, Path) and not stat.S_ISREG(os.stat(image).st_mode):
        raise Mu2Error("no file.")
    size = len(image) if isinstance(image, bytes) else os.stat(image).st_size
    if size > MAX_BYTES:
        raise Mu2Error(
            f"{size:,} bytes, and mu2 reads images of {MAX_BYTES:,} at most.",
            hint="Make it smaller first.",
        )


def open_picture(image: bytes | Path) -> Any:
    """A Pillow image of a known format and of bounded size, not decoded yet.

    Raises:
      Mu2Error: it has too many bytes, or a side is too long; it is no file.
      OSError: it cannot be read, or is of another format.
    """
    from PIL import Image

    check_file(image)
    source = io.BytesIO(image) if isinstance(image, bytes) else image
    opened = Image.open(source, formats=FORMATS)
    if max(opened.size) > MAX_SIDE:
        opened.close()
        raise Mu2Error(
            f"a side of {max(opened.size):,} pixels, and mu2 reads {MAX_SIDE:,} at most.",
            hint="Make it smaller first.",
        )
    return opened


def is_deep(picture: Any) -> bool:
    """Whether a file that is open and not yet decoded has 16 bits a colour; Pillow keeps 8."""
    modes = (tile[3] for tile in picture.tile)
    return any(";16" in str(mode[0] if isinstance(mode, tuple) else mode) for mode in modes)


def _colours(picture: Any, place: str) -> np.ndarray:
    """The pixels of an upright Pillow image, uint8 [H, W, 3]."""
    from PIL import Image

    if picture.mode.startswith("I"):
        grey = np.asarray(picture).astype(np.int64)
        if grey.min() < 0 or grey.max() > 0xFFFF:
            raise Mu2Error(
                f"{place}: pixels of 32-bit integers, from {grey.min()} to {grey.max()}, and "
                "mu2 reads greys of 8 and 16 bits."
            )
        return np.repeat((grey >> 8).astype(np.uint8)[:, :, np.newaxis], 3, axis=2)
    if picture.mode == "F":
        raise Mu2Error(f"{place}: pixels of 32-bit floats, and mu2 reads images of 8 bits.")
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return np.asarray(picture)
    if picture.mode in ("L", "1") and "transparency" not in picture.info:
        return np.asarray(picture.convert("RGB"))
    rgba = picture.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))


@contextlib.contextmanager
def _reported(place: str, image: bytes | Path) -> Iterator[None]:
    """Says what Pillow cannot do as a Mu2Error."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise Mu2Error("reading images needs Pillow.", hint="pip install 'mu2[images]'") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on files that it reads all the same
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise Mu2Error(
            f"{place}: more than {Image.MAX_IMAGE_PIXELS:,} pixels.", hint="Make it smaller first."
        ) from error
    except Mu2Error as error:
        if error.message.startswith(place):
            raise
        raise Mu2Error(f"{place}: {error.message}", hint=error.hint) from error
    except UnidentifiedImageError as error:
        head = image[:64] if isinstance(image, bytes) else _head(image)
        raise foreign_file(head, place) or Mu2Error(
            f"{place}: no image that Pillow knows, of those that mu2 reads"
            f"{'' if head else ' (it is empty)'}.",
            hint=f"Images are {', '.join(_NAMES)}.",
        ) from error
    except OSError as error:
        raise Mu2Error(f"{place}: {error.strerror or error}.") from error
    except Exception as error:  # Pillow's decoders raise what they please for damaged files
        raise Mu2Error(f"{place}: a damaged image ({error}).") from error


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(64)


def is_picture(content: bytes) -> bool:
    """False if these bytes are of no format that is read; True is for `decode` to prove."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            open_picture(content).close()
    except UnidentifiedImageError:
        return False
    except (Image.DecompressionBombError, Mu2Error, OSError, SyntaxError, ValueError):
        return True
    return True
