"""A race: children of a generation that are trained interval by interval, and may be stopped."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TypeVar

from mu2.training.cohort import Child, Cohort
from mu2.training.job import TrainingResult

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Race:
    """Children on one set of devices, all of whose states are held until the race is over.

    Attributes:
      cohorts: each with the places of its children.
    """

    cohorts: tuple[tuple[tuple[int, ...], Cohort], ...]

    def advance(self) -> list[float | None]:
        """Trains the children that are not done for one interval.

        Returns:
          The score of each after it; None for those that had it not, or diverged.
        """
        before = [child.done for child in self._children()]
        for _, cohort in self.cohorts:
            cohort.advance()
        return [
            None if done or child.done else child.scores[-1]
            for done, child in zip(before, self._children(), strict=True)
        ]

    def stop(self, select_survivors: Sequence[bool]) -> None:
        """Ends the training of the children that do not go on."""
        for child, goes_on in zip(self._children(), select_survivors, strict=True):
            child.done |= not goes_on

    def results(self) -> list[TrainingResult]:
        """What became of each."""
        return in_order((places, cohort.results()) for places, cohort in self.cohorts)

    def _children(self) -> list[Child]:
        return in_order((places, cohort.children) for places, cohort in self.cohorts)


def in_order(dealt: Iterable[tuple[Sequence[int], Sequence[T]]]) -> list[T]:
    """What was dealt out, with the places of each part, in one list again."""
    found = {
        place: each for places, part in dealt for place, each in zip(places, part, strict=True)
    }
    return [found[place] for place in sorted(found)]
