"""The schedule: which children are trained together, and what becomes of those of a lost worker."""

import collections
import threading
from collections.abc import Sequence

from mu2.errors import Mu2Error
from mu2.training import Job

Share = tuple[int, ...]  # places of jobs that one worker trains together

# Workers that one share may end before it is taken for the cause.
MOST_LOSSES = 5


class WorkerLost(Exception):
    """A worker died, hangs or cannot be reached; what it was doing is done again."""


def deal(jobs: Sequence[Job], workers: int, together: int = 1) -> list[Share]:
    """Shares out the children of a generation, so that each can be taken by whoever is free.

    Children that begin with the same frozen component compute it once where one worker trains
    them; so they stay together as far as all workers have something to do.

    Args:
      jobs: the children.
      workers: how many there are.
      together: children that a worker trains at the same time.

    Returns:
      Places of jobs, each once, in shares of at most ceil(jobs / workers), or of `together` where
      that is more; the largest share first.
    """
    largest = max(together, -(-len(jobs) // workers))
    alike: dict[str, list[int]] = {}
    for place, job in enumerate(jobs):
        alike.setdefault(_first_frozen(job) or f"alone {place}", []).append(place)
    alone = [places[0] for places in alike.values() if len(places) == 1]
    groups = [places for places in alike.values() if len(places) > 1]
    cut = [places[i : i + largest] for places in groups for i in range(0, len(places), largest)]
    cut += [alone[i : i + together] for i in range(0, len(alone), together)]
    return sorted((tuple(share) for share in cut), key=lambda share: (-len(share), share))


def deal_lanes(jobs: Sequence[Job], workers: int) -> list[Share]:
    """One share for each worker that has something to do, of even sizes, for a race."""
    n = min(workers, len(jobs))
    in_groups = [place for share in deal(jobs, n) for place in share]
    size, more = divmod(len(jobs), n)
    ends = [i * size + min(i, more) for i in range(n + 1)]
    return [tuple(in_groups[ends[i] : ends[i + 1]]) for i in range(n)]


def _first_frozen(job: Job) -> str | None:
    first = job.network[0].name
    return None if first in job.trainable else job.ids[first]


class Schedule:
    """The shares of a generation that are yet to be trained; for several threads at once.

    Args:
      shares: in the order in which they are taken.
    """

    def __init__(self, shares: Sequence[Share]):
        self._waiting = collections.deque(shares)
        self._open = len(shares)  # not trained yet
        self._losses: collections.Counter[Share] = collections.Counter()
        self._changed = threading.Condition()

    def take(self) -> Share | None:
        """The next share; waits while others may yet lose theirs. None once nothing is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or not self._open)
            return self._waiting.popleft() if self._open else None

    def done(self) -> None:
        """A share is trained."""
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def lost(self, share: Share, error: WorkerLost) -> None:
        """The worker of a share is lost: the share waits for another one.

        Raises:
          Mu2Error: that has happened to this share too often.
        """
        with self._changed:
            self._losses[share] += 1
            refuse_deadly(self._losses[share], error)
            self._waiting.appendleft(share)
            self._changed.notify_all()

    def stop(self) -> None:
        """Nothing more is taken."""
        with self._changed:
            self._open = 0
            self._changed.notify_all()


def refuse_deadly(losses: int, error: WorkerLost) -> None:
    """Raises Mu2Error where the same children have ended too many workers."""
    if losses >= MOST_LOSSES:
        raise Mu2Error(
            f"{losses} workers were lost one after the other with the same children; of the last: "
            f"{error}.",
            hint="They may need more memory than a worker has: fewer workers, a smaller "
            "Training.batch_size or narrower ranges of what shapes a network need less.",
        )
