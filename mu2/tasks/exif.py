"""How an image is to be turned, whatever else its Exif says."""

from typing import Any

_ORIENTATION = 0x0112


def orientation(image: Any) -> int:
    """Which of Exif's eight orientations a Pillow image has; 1, upright, where that cannot be read.

    No other field is looked at: cameras and editors write many that Pillow cannot parse.
    """
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001  Pillow raises what it pleases for Exif that is damaged
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def upright(image: Any) -> Any:
    """A copy of a Pillow image, turned and mirrored as its Exif says.

    Raises:
      OSError: it cannot be decoded, as whatever else Pillow raises.
    """
    from PIL.Image import Transpose

    image.load()  # which turns a TIFF already
    methods = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    method = methods.get(orientation(image))
    return image.copy() if method is None else image.transpose(method)
