"""Letters of any script, drawn from font files."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mu2.errors import Mu2Error
from mu2.random_keys import Key
from mu2.tasks.description import Description
from mu2.tasks.sources.checks import check_library, check_text, check_texts
from mu2.tasks.sources.fonts import find_fonts, parse_ranges, read_outlines
from mu2.tasks.sources.letter_source import LetterSource, check_numbers
from mu2.tasks.sources.letters import Drawing, ink_letters

# Of the image's side: that of a letter of median size.
_MEDIAN = 0.65


@dataclasses.dataclass(frozen=True)
class Script(LetterSource):
    """Letters of one script, light on dark, in random pose, each split from fonts of its own.

    Every image is one letter of one font of its split, chosen uniformly, turned, sheared, scaled,
    moved and inked as those of `Glyphs`. Fonts that test images are drawn from are never trained
    or validated on, so that accuracy is that on a design which was never seen. Within a split
    every letter has as many examples, in random order.

    The pictures are a function of the attributes and of the font files, byte for byte. Sizes and
    classes are known without the fonts.

    Attributes:
      letters: the classes, in order: characters as CSS has its `unicode-range`, `U+5D0-5EA, U+41`.
      train: fonts that are trained on, as patterns below `folder`: `noto-sans-*.ttf`.
      test: fonts of the test images.
      validation: fonts of the validation images; none: other images from those of `train`.
      folder: where the fonts are; .ttf, .otf and .woff are read.
      per_class: training images of each letter; validation and test have a quarter of that each,
        rounded up.
      side: side in pixels of the images as drawn; `read` resizes them.
      seed: another seed, another draw.

    Raises:
      Mu2Error: an attribute is of another type, a number is too small, or the letters are written
        otherwise.
    """

    letters: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    validation: tuple[str, ...] = ()
    folder: str = "fonts/node_modules"
    per_class: int = 40
    side: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        check_text(self, "letters", "folder")
        check_texts(self, "train", "test", "validation")
        for name in ("train", "test"):
            if not getattr(self, name):
                raise Mu2Error(f"Script.{name} names no font.")
        check_numbers(self)
        parse_ranges(self.letters, "Script.letters")

    def size(self, split: str) -> int:
        """Number of examples that a split expression selects.

        Raises:
          Mu2Error: the fonts are not there; the expression is wrong or selects nothing.
        """
        self.fonts()
        return super().size(split)

    def check_libraries(self) -> None:
        """See `Requires.check_libraries`: fontTools."""
        check_library("fontTools", "Script", "fontTools", "demo")

    def find_missing(self) -> tuple[Mu2Error, ...]:
        """See `HasDescription.find_missing`: fonts; what they draw is known all the same."""
        try:
            for patterns in (self.train, self.validation, self.test):
                find_fonts(self.folder, patterns)
        except Mu2Error as error:
            return (error,)
        return ()

    def describe(self) -> Description:
        """See `HasDescription.describe`."""
        (absent,) = self.find_missing()
        sizes = self._sizes()
        balanced = dict.fromkeys(sizes, self.num_classes())
        return Description(self._owner, self.input, self.num_classes(), sizes, absent, balanced)

    def fonts(self) -> Mapping[str, tuple[Path, ...]]:
        """The font files of each split.

        Raises:
          Mu2Error: there are none, or one of 'test' is one of the others.
        """
        found = {
            "train": find_fonts(self.folder, self.train),
            "validation": find_fonts(self.folder, self.validation or self.train),
            "test": find_fonts(self.folder, self.test),
        }
        for split in ("train", "validation"):
            if common := sorted({*found[split]} & {*found["test"]}):
                raise Mu2Error(
                    f"{self._owner}: the font {common[0].name} is both in {split} and in test.",
                    hint="Name fonts of another design for one of them.",
                )
        return found

    def _drawing(self, split: str, examples: int) -> Drawing:
        files = self.fonts()[split]
        masters = functools.partial(_masters, files, self._letters, self.side)
        rng = Key.from_seed(self.seed).fold_in("Script", self._letters, split).numpy()
        return Drawing(masters, self.num_classes(), len(files), examples, self.side, rng)

    @property
    def _owner(self) -> str:
        return f"Script({self.letters.split(',')[0]!r})"

    @functools.cached_property
    def _letters(self) -> str:
        return parse_ranges(self.letters, "Script.letters")


# The parts of one task and no more: a stream has many scripts.
@functools.lru_cache(maxsize=3)
def _masters(files: tuple[Path, ...], letters: str, side: int) -> np.ndarray:
    outlines = ([edges * _MEDIAN for edges in read_outlines(file, letters)] for file in files)
    return ink_letters(outlines, side, em=1.0)
