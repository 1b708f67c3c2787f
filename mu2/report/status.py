"""Where a run stands: what every reporter needs to know to say something."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from mu2.experiment import Experiment
from mu2.report.time_left import TimeLeft
from mu2.system import System


class Status:
    """Follows the calls of a reporter and counts.

    Attributes:
      directory: the system's.
      workers: processes that train.
      visits: task names, one for each task iteration of the run, in order.
      visit: number (from 0) of the task iteration under way; before the first, of the next one.
      children: children of one task iteration.
      child: children of the task iteration under way that are done.
      began: whether any task iteration began or went on.
      task: the active task; None between task iterations.
      best: the best quality of the task iteration under way.
      started: when the run began or went on, by `clock`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._left = TimeLeft()
        self._generation_began = 0.0
        self._generation: int | None = None
        self._last_child = 0.0
        self.directory = ""
        self.workers = 1
        self.visits: tuple[str, ...] = ()
        self.visit = 0
        self.children = 0
        self.child = 0
        self.began = False
        self.task: str | None = None
        self.best: float | None = None
        self.started = clock()

    def run_started(self, experiment: Experiment, system: System) -> None:
        """The run begins or goes on."""
        self.directory = str(system.directory)
        self.workers = experiment.executor.workers if experiment.executor else 1
        self.visits = tuple(task.name for _, task in experiment.stream.schedule())
        self.visit = system.progress.position
        self.children = experiment.evolution.children
        self.started = self._clock()

    def task_started(self, task: str) -> None:
        """A task iteration begins or goes on."""
        self.began = True
        self.task = task
        self.child = 0
        self.best = None
        self._generation = None
        self._last_child = self._clock()

    def child_done(self, record: Mapping[str, Any]) -> None:
        """A child is trained."""
        now = self._clock()
        if record["generation"] != self._generation:
            self._generation = record["generation"]
            self._generation_began = self._last_child
        self._last_child = now
        self.child = record["child"] + 1
        self.best = record["best"]
        self._left.observe(
            record["task"], self.visit, record["generation"], now - self._generation_began
        )

    def task_done(self) -> None:
        """The task iteration is over."""
        self.visit += 1
        self.child = 0
        self.task = None

    @property
    def iteration(self) -> int:
        """Number of this visit to the task, from 1."""
        return self.visits[: self.visit + 1].count(self.visits[self.visit])

    @property
    def iterations(self) -> int:
        """How often the run visits the active task."""
        return self.visits.count(self.visits[self.visit])

    @property
    def done(self) -> int:
        """Children of the whole run that are done."""
        return self.visit * self.children + self.child

    @property
    def total(self) -> int:
        """Children of the whole run."""
        return len(self.visits) * self.children

    def elapsed(self) -> float:
        """Seconds since the run began or went on."""
        return self._clock() - self.started

    def time_left(self) -> float | None:
        """Seconds until the run ends; None before the first child is done."""
        remaining = Counter(self.visits[self.visit :])
        remaining = Counter({task: n * self.children for task, n in remaining.items()})
        if self.task is not None:
            remaining[self.task] -= self.child
        left = self._left.estimate(remaining)
        if left is None:
            return None
        return max(0.0, left - (self._clock() - self._last_child if self.task else 0.0))
