"""What sources do alike: they select of their splits, and read through a reader."""

import abc

from mu2.tasks.examples import Examples
from mu2.tasks.reader import Reader
from mu2.tasks.split import Span, parse


class SplitSource(abc.ABC):
    """A source that knows how many examples each of its splits has; see `Source`."""

    @property
    @abc.abstractmethod
    def _owner(self) -> str:
        """What it is called in messages."""

    @abc.abstractmethod
    def _sizes(self) -> dict[str, int]:
        """Number of examples of each split, in order."""

    @abc.abstractmethod
    def reader(self, split: str) -> Reader:
        """The examples that a split expression selects, decoded when they are asked for."""

    def splits(self) -> tuple[str, ...]:
        """Names of the splits, in order.

        Raises:
          Mu2Error: as `reader`, before any example is read.
        """
        return tuple(self._sizes())

    def size(self, split: str) -> int:
        """Number of examples that a split expression selects.

        Raises:
          Mu2Error: as `reader`, before any example is read.
        """
        return sum(map(len, self._spans(split)))

    def read(self, split: str, size: int) -> Examples:
        """The selected examples (see `Source.read`).

        Raises:
          Mu2Error: as `reader`; an example cannot be decoded; rows have another number of features
            than `size`.
        """
        return self.reader(split).read_all(size)

    def _spans(self, split: str) -> tuple[Span, ...]:
        """The parts of splits that an expression selects.

        Raises:
          Mu2Error: the expression is wrong or selects nothing.
        """
        return parse(split, self._sizes(), self._owner)
