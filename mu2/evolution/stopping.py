"""Stopping: children that cannot catch up are not trained to the end."""

import dataclasses
import math
from collections.abc import Sequence

from mu2.errors import Mu2Error

Rungs = tuple[tuple[float, ...], ...]


@dataclasses.dataclass(frozen=True)
class Halving:
    """Successive halving between validation intervals, one child at a time.

    After each interval but the last a child goes on if its score is among the best 1 / `factor` of
    all children of the task iteration at that interval, itself counted, and if no more than that
    share has gone on. The second rule is what bounds the cost: children learn from better parents
    as time goes by, so that most of them are better than those before. Children of one generation
    do not see each other, so that the outcome does not depend on where and when they train.
    Source: asynchronous successive halving, which promotes as many (Li et al., arXiv 1810.05934);
    not in the µNet papers.

    Attributes:
      factor: the share that goes on is 1 / factor; at least 2.
      first: intervals that every child may have; at least 1.
    """

    factor: int = 8
    first: int = 1

    def __post_init__(self) -> None:
        if self.factor < 2:
            raise Mu2Error(f"Halving.factor is {self.factor}; it must be 2 or more.")
        if self.first < 1:
            raise Mu2Error(f"Halving.first is {self.first}; it must be 1 or more.")

    def floors(self, rungs: Rungs, intervals: int) -> tuple[float | None, ...]:
        """The score a child needs after each interval to go on; None where any will do.

        Args:
          rungs: for each interval, the scores of the children that had it.
          intervals: of a whole training.
        """
        known = [*rungs, *((),) * (intervals - len(rungs))]
        return tuple(self._floor(known[i], len(known[i + 1]), i) for i in range(intervals - 1))

    def expected(self, children: int, generation: int, intervals: int) -> tuple[int, ...]:
        """How many children of one task iteration have each interval, if later ones are better.

        Args:
          children: of the task iteration.
          generation: children that do not see each other; none of the first is stopped.
          intervals: of a whole training.
        """
        counts = [children]
        for interval in range(intervals - 1):
            go_on = max(self._share(counts[-1]), min(generation, counts[-1]))
            counts.append(go_on if interval + 1 >= self.first else counts[-1])
        return tuple(counts)

    def _floor(self, scores: Sequence[float], gone_on: int, interval: int) -> float | None:
        if interval + 1 < self.first or not scores:
            return None
        go_on = self._share(len(scores) + 1)
        return math.inf if gone_on >= go_on else sorted(scores, reverse=True)[go_on - 1]

    def _share(self, children: int) -> int:
        # While too few are known to halve, only a child as good as all of them goes on.
        return max(children // self.factor, 1)


def recorded(rungs: Rungs, scores: Sequence[float]) -> Rungs:
    """The rungs with the scores of one more child, an interval each."""
    longer = [*rungs, *((),) * (len(scores) - len(rungs))]
    return tuple((*rung, scores[i]) if i < len(scores) else rung for i, rung in enumerate(longer))
