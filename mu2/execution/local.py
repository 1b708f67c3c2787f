"""The devices of this process, and the children that are trained on them."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, ClassVar, TypeVar

import numpy as np

from mu2.training import (
    Arrays,
    Job,
    Layout,
    Network,
    Race,
    SelectSurvivors,
    Trainer,
    Training,
    TrainingResult,
    in_order,
)
from mu2.training.layout import single

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class LocalExecutor:
    """Trains on the devices of this process."""

    workers: ClassVar[int] = 1

    def devices(self, layout: Layout) -> int:
        """See `Executor.devices`."""
        return layout.size

    def validate(self, layout: Layout) -> None:
        """See `Executor.validate`."""
        layout.slices()

    def start(self, layout: Layout | None, training: Training) -> "LocalWorkers":
        """See `Executor.start`."""
        return LocalWorkers(layout, training)


class LocalWorkers:
    """Trains on this process's devices, one child a slice of the layout at a time.

    Args:
      layout: how the devices are shared out; None for the first device alone, whatever there are.
      training: the budget of a child.

    Raises:
      Mu2Error: the layout does not fit the devices.
    """

    def __init__(self, layout: Layout | None, training: Training):
        slices = (single(),) if layout is None else layout.slices()
        self._trainers = tuple(Trainer(training, devices) for devices in slices)
        self._intervals = training.intervals

    def train(
        self, jobs: Sequence[Job], select_survivors: SelectSurvivors | None = None
    ) -> Iterator[TrainingResult]:
        """See `Workers.train`. What a child is does not depend on the slice it was trained on."""
        if select_survivors is not None:
            yield from self._race(jobs, select_survivors)
            return
        if len(self._trainers) == 1:
            yield from self._trainers[0].train(jobs)
            return
        idle: SimpleQueue[Trainer] = SimpleQueue()
        for trainer in self._trainers:
            idle.put(trainer)

        def train(job: Job) -> TrainingResult:
            trainer = idle.get()
            try:
                (trained,) = trainer.train([job])
                return trained
            finally:
                idle.put(trainer)

        with ThreadPoolExecutor(len(self._trainers)) as pool:
            yield from pool.map(train, jobs)

    def race(self, jobs: Sequence[Job]) -> "SlicedRace":
        """The children of a generation, to be trained interval by interval, all slices together."""
        return SlicedRace(self._trainers, jobs)

    def _race(self, jobs: Sequence[Job], select_survivors: SelectSurvivors) -> list[TrainingResult]:
        """The children's results, who were trained interval by interval."""
        race = self.race(jobs)
        for intervals in range(1, self._intervals + 1):
            scores = race.advance()
            if intervals == self._intervals or scores.count(None) == len(scores):
                break
            race.stop(select_survivors(intervals, scores))
        return race.results()

    def logits(
        self, network: Network, arrays: Mapping[str, Arrays], inputs: np.ndarray, num_classes: int
    ) -> np.ndarray:
        """See `Workers.logits`."""
        return self._trainers[0].logits(network, arrays, inputs, num_classes)

    def compiled(self) -> int:
        """See `Workers.compiled`."""
        return sum(trainer.programs.compiled() for trainer in self._trainers)

    def environment(self, describe: Callable[[], dict[str, str]]) -> dict[str, str]:
        """See `Workers.environment`."""
        return describe()

    def close(self) -> None:
        """See `Workers.close`; there is nothing to end."""


class SlicedRace:
    """Children on the slices of one process, dealt out, to be trained interval by interval.

    Args:
      trainers: one a slice.
      jobs: of the children, at least one.
    """

    def __init__(self, trainers: Sequence[Trainer], jobs: Sequence[Job]):
        n = min(len(trainers), len(jobs))
        self._lanes = [range(i, len(jobs), n) for i in range(n)]
        shares = [[jobs[i] for i in lane] for lane in self._lanes]
        self._races: list[Race] = self._each(Trainer.race, trainers[:n], shares)

    def advance(self) -> list[float | None]:
        """See `Race.advance`."""
        advanced = self._each(lambda race: race.advance(), self._races)
        return in_order(zip(self._lanes, advanced, strict=True))

    def stop(self, select_survivors: Sequence[bool]) -> None:
        """See `Race.stop`."""
        for race, lane in zip(self._races, self._lanes, strict=True):
            race.stop([select_survivors[i] for i in lane])

    def results(self) -> list[TrainingResult]:
        """See `Race.results`."""
        results = [race.results() for race in self._races]
        return in_order(zip(self._lanes, results, strict=True))

    def _each(self, act: Callable[..., T], *given: Sequence[Any]) -> list[T]:
        """What an act makes of each, at the same time."""
        if len(self._lanes) == 1:  # in this thread, where an interrupt is heard at once
            return list(map(act, *given))
        with ThreadPoolExecutor(len(self._lanes)) as pool:
            return list(pool.map(act, *given))
