"""What sources of drawn letters do alike."""

import abc
from typing import Any, ClassVar

from mu2.errors import Mu2Error
from mu2.tasks.reader import Reader
from mu2.tasks.sources.letters import Drawing, Pictures
from mu2.tasks.sources.split_source import SplitSource


class LetterSource(SplitSource):
    """Letters that are drawn, a class each; its splits are 'train', 'validation' and 'test'.

    Attributes:
      per_class: training images of each letter; validation and test have a quarter of that each,
        rounded up.
      side: side in pixels of the images as drawn; `read` resizes them.
      seed: another seed, another draw.
    """

    input: ClassVar[str] = "image"

    per_class: int
    side: int
    seed: int

    @property
    @abc.abstractmethod
    def _letters(self) -> str:
        """The classes, in order."""

    @abc.abstractmethod
    def check_libraries(self) -> None:
        """See `Requires.check_libraries`."""

    @abc.abstractmethod
    def _drawing(self, split: str, examples: int) -> Drawing:
        """The letters of a split."""

    def num_classes(self) -> int:
        """Number of letters."""
        return len(self._letters)

    def class_names(self) -> tuple[str, ...]:
        """The letters."""
        return tuple(self._letters)

    def reader(self, split: str) -> Reader:
        """The selected images, uint8 of 1 channel, drawn at `side` pixels when they are asked for.

        Consumes the key of (seed, class, letters or their script, name of the split) whole,
        whatever slice is asked for, so that a slice of a split is a part of it.

        Raises:
          Mu2Error: the library that draws is missing, or the fonts are, or one lacks a letter; the
            expression is wrong or selects nothing.
        """
        spans, sizes = self._spans(split), self._sizes()
        self.check_libraries()
        names = {span.split for span in spans}
        return Pictures(spans, {name: self._drawing(name, sizes[name]) for name in names})

    def _sizes(self) -> dict[str, int]:
        held_out = -(-self.per_class // 4) * self.num_classes()
        train = self.per_class * self.num_classes()
        return {"train": train, "validation": held_out, "test": held_out}


def check_numbers(source: Any) -> None:
    """Raises Mu2Error unless the numbers of a `LetterSource` are ints, and large enough."""
    kind = type(source).__name__
    for name, least in (("per_class", 1), ("side", 8), ("seed", None)):
        value = getattr(source, name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise Mu2Error(f"{kind}.{name} must be an int, not {value!r}.")
        if least is not None and value < least:
            raise Mu2Error(f"{kind}.{name} must be at least {least}, not {value}.")
