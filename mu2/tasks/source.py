"""What a source of examples offers, as a task asks for it."""

import dataclasses
from typing import Any, Protocol, runtime_checkable

from mu2.tasks.examples import Examples


@runtime_checkable
class Source(Protocol):
    """Where examples come from.

    A split expression names splits and slices of them as TFDS does: 'train', 'train[20%:]',
    'train[:5%]+train[10%:]', 'all' (see `mu2.tasks.split.parse`). Reading the same expression
    twice gives the same examples in the same order. Nothing is read before it is asked for.
    Every method raises Mu2Error where the data, or the library that reads them, are missing.
    """

    @property
    def input(self) -> str:
        """The kind of its examples: `image`, `table` or `text`."""
        ...

    def num_classes(self) -> int:
        """Number of classes, the same in every split."""
        ...

    def class_names(self) -> tuple[str, ...]:
        """One name a class, in label order."""
        ...

    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in order."""
        ...

    def size(self, split: str) -> int:
        """Number of examples that a split expression selects, found without decoding any."""
        ...

    def read(self, split: str, size: int) -> Examples:
        """The examples that a split expression selects, decoded.

        Args:
          split: a split expression.
          size: side S in pixels that every image is resized to; bytes T that every text is cut or
            filled up to; columns F of a table, which must be those it has.

        Returns:
          Examples with inputs uint8 [N, S, S, C] (C 1 or 3), uint8 [N, T] or float32 [N, F], and
          labels int32 [N].
        """
        ...


@runtime_checkable
class FittableSource(Protocol):
    """A source that learns from training examples how to read any, as a table's scale is."""

    def fit_to(self, train: str) -> Source:
        """The same source, which learns from the examples of a split expression alone."""
        ...

    def num_features(self) -> int:
        """Numbers that an example becomes, where the source is a table."""
        ...


@dataclasses.dataclass(frozen=True)
class Splits:
    """What the parts of a task are.

    Attributes:
      train: split expression.
      validation: split expression.
      test: split expression.
      rule: in words, the papers' rule where it made the parts; None where the task says them.
    """

    train: str
    validation: str
    test: str
    rule: str | None = None


def is_source(made: Any) -> bool:
    """Whether an object has all that a source has; nothing is asked of it, nor any file read."""
    names = ("input", "num_classes", "class_names", "splits", "size", "read")
    return all(hasattr(type(made), name) or name in getattr(made, "__dict__", ()) for name in names)


@runtime_checkable
class Requires(Protocol):
    """A source that needs another library to read, though not to tell sizes and classes."""

    def check_libraries(self) -> None:
        """Looks whether it is installed.

        Raises:
          Mu2Error: it is not.
        """
        ...
