"""Whether the numbers of pixels mean what mu2 takes them for: 0 is black, and the most is white."""

import numpy as np

from mu2.errors import Mu2Error

# Of 16 bits mu2 keeps the upper eight: what needs no more than 12 would be all but black.
_LEAST_OF_16_BITS = 1 << 12
# Of 8 bits: where no pixel of a part is lighter, white may be another number than 255.
DARK = 128


def check_depth(grey: np.ndarray, place: str) -> None:
    """Refuses an image of 16 bits whose pixels use the lower of them alone.

    Cameras and scanners of 10 or 12 bits write such files, and so do masks of small numbers.

    Args:
      grey: a whole image of integers, [H, W].
      place: what to call it.

    Raises:
      Mu2Error: it would become black.
    """
    highest = int(grey.max(initial=0))
    if 0 < highest < _LEAST_OF_16_BITS:
        raise Mu2Error(
            f"{place}: 16-bit pixels of at most {highest}, where white is 65,535: as 8 bits, which "
            f"mu2 reads, they are at most {highest >> 8} of 255.",
            hint="Save the images so that white is 65,535, or with 8 bits.",
        )


def check_upper(pixels: np.ndarray, place: str) -> None:
    """The same of an image of 16 bits a colour, of which the upper eight are there, uint8.

    Raises:
      Mu2Error: it would become all but black.
    """
    highest = int(pixels.max(initial=0))
    if highest < _LEAST_OF_16_BITS >> 8:
        raise Mu2Error(
            f"{place}: 16-bit colours below {256 * (highest + 1):,}, where white is 65,535: as 8 "
            f"bits, which mu2 reads, they are at most {highest} of 255.",
            hint="Save the images so that white is 65,535, or with 8 bits.",
        )


def check_range(highest: float, owner: str) -> None:
    """Refuses images that run from 0 to 1 in place of 255.

    Trained on, they do well, and every image from 0 to 255 is then nonsense.

    Args:
      highest: the lightest pixel of all examples of a part, 255 being white.
      owner: whose they are.

    Raises:
      Mu2Error: it is 1.
    """
    if 0 < highest <= 1:
        raise Mu2Error(
            f"{owner}: the pixels of all images run from 0 to 1, and mu2 reads 255 as white.",
            hint="Multiply them by 255: so are the images that `mu2 predict` reads.",
        )
