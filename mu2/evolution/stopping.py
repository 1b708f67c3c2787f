"""Stopping: children that cannot catch up are not trained to the end."""

import dataclasses
from collections.abc import Sequence

from mu2.errors import Mu2Error

Rungs = tuple[tuple[float, ...], ...]


@dataclasses.dataclass(frozen=True)
class Halving:
    """Successive halving between validation intervals, a generation at a time.

    The children of a generation are trained interval by interval. After each but the last a child
    goes on if its score is among the best 1 / `factor` of all children of the task iteration at
    that interval, its own generation counted, and if no more than that share has gone on; of equal
    scores the earlier child's. The second rule is what bounds the cost: children learn from better
    parents as time goes by, so that most of them are better than those before. The outcome does not
    depend on where and when children train. A generation of one child has nobody to choose from:
    the first of a task iteration is trained to its end, and hardly any other.
    Source: successive halving (Jamieson and Talwalkar, arXiv 1502.07943), and from one generation
    to the next its asynchronous kind (Li et al., arXiv 1810.05934); not in the µNet papers.

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

    def select_survivors(
        self, rungs: Rungs, intervals: int, scores: Sequence[float | None]
    ) -> tuple[bool, ...]:
        """Which children of a generation go on.

        Args:
          rungs: for each interval, the scores of the children of earlier generations that had it.
          intervals: that have passed, 1 or more.
          scores: of the generation's children after the last of them; None for those that had it
            not.
        """
        known = {i: score for i, score in enumerate(scores) if score is not None}
        if intervals < self.first:
            return tuple(i in known for i in range(len(scores)))
        before = rungs[intervals - 1] if intervals <= len(rungs) else ()
        gone_on = len(rungs[intervals]) if intervals < len(rungs) else 0
        share = self._share(len(before) + len(known))
        ranked = sorted(known, key=lambda i: (-known[i], i))
        among_the_best = [
            i for rank, i in enumerate(ranked) if rank + sum(b > known[i] for b in before) < share
        ]
        chosen = among_the_best[: max(share - gone_on, 0)]
        return tuple(i in chosen for i in range(len(scores)))

    def expected(self, children: int, intervals: int) -> tuple[int, ...]:
        """How many children of one task iteration have each interval, if later ones are better.

        Args:
          children: of the task iteration.
          intervals: of a whole training.
        """
        counts = [children]
        for interval in range(1, intervals):
            counts.append(self._share(counts[-1]) if interval >= self.first else counts[-1])
        return tuple(counts)

    def _share(self, children: int) -> int:
        # While too few are known to divide, only a child as good as all of them goes on.
        return max(children // self.factor, 1)


def record_scores(rungs: Rungs, scores: Sequence[float]) -> Rungs:
    """The rungs with the scores of one more child, an interval each."""
    longer = [*rungs, *((),) * (len(scores) - len(rungs))]
    return tuple((*rung, scores[i]) if i < len(scores) else rung for i, rung in enumerate(longer))
