"""How images become what a network reads: the choices in which published pipelines differ."""

import dataclasses
from typing import Literal, get_args

from mu2.errors import Mu2Error, did_you_mean

Resize = Literal["antialias", "bilinear"]
Colours = Literal["unit", "signed", "bytes"]

# Of paths that were made before the choice was recorded.
FIRST_RESIZE: Resize = "antialias"


@dataclasses.dataclass(frozen=True)
class Images:
    """The image pipeline of a run; what the data hyperparameters do is told in `Augmentation`.

    docs/input_pipeline.md lists every rule with what the published code does.

    Attributes:
      resize: how images, whole or cropped, are brought to the network's size. `antialias`: by a
        triangle filter that widens when it shrinks, in whole grey levels where nothing is cropped.
        `bilinear`: between the four nearest pixels with half-pixel centres and no antialiasing, in
        float32, as `tf.image.resize` does and as all of the published code has it. It is stored
        with every path, so that a path is always tested and asked as it was validated.
      colours: the scale on which colours change. `unit`: [0, 1], cut off there after each change
        (µ2Net+). `signed`: [-1, 1], cut off at the end (muNet, µ2Net): a brightness is half as
        strong, and a pixel without a positive channel turns grey where saturation changes.
        `bytes`: [0, 255] in floats (µ4Net): a brightness is a 255th as strong, which is none.
      colours_before_resize: change colours of the original pixels, before the resize, as all of
        the published code does; or of the fewer pixels that are left after it.

    Raises:
      Mu2Error: a choice is none of these.
    """

    resize: Resize = "antialias"
    colours: Colours = "unit"
    colours_before_resize: bool = False

    def __post_init__(self) -> None:
        for name, kind in (("resize", Resize), ("colours", Colours)):
            check_choice(f"Images.{name}", getattr(self, name), get_args(kind))
        if not isinstance(self.colours_before_resize, bool):
            raise Mu2Error(
                "Images.colours_before_resize must be True or False, not "
                f"{self.colours_before_resize!r}."
            )


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raises Mu2Error unless a value is one of the choices."""
    if value not in choices:
        raise Mu2Error(
            f"{name} is {value!r}; it must be one of {', '.join(map(repr, choices))}.",
            hint=did_you_mean(str(value), choices),
        )


DEFAULT = Images()
