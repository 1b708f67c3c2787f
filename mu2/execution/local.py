"""The devices of this process, and the children that are trained on them."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue

import numpy as np

from mu2.models.component import Arrays, Network
from mu2.training import Job, SelectSurvivors, Trainer, Training, TrainingResult, in_order
from mu2.training.layout import Layout, single


@dataclasses.dataclass(frozen=True)
class LocalExecutor:
    """Trains on the devices of this process."""

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

    def _race(self, jobs: Sequence[Job], select_survivors: SelectSurvivors) -> list[TrainingResult]:
        """The children's results, who were trained interval by interval, all slices together."""
        n = min(len(self._trainers), len(jobs))
        lanes = [range(i, len(jobs), n) for i in range(n)]
        shares = [[jobs[i] for i in lane] for lane in lanes]
        with ThreadPoolExecutor(n) as pool:
            # One slice stays in this thread, where an interrupt is heard at once.
            each = pool.map if n > 1 else map
            races = list(each(Trainer.race, self._trainers[:n], shares))
            for intervals in range(1, self._intervals + 1):
                advanced = each(lambda race: race.advance(), races)
                scores = in_order(zip(lanes, advanced, strict=True))
                if intervals == self._intervals or scores.count(None) == len(scores):
                    break
                verdict = select_survivors(intervals, scores)
                for race, lane in zip(races, lanes, strict=True):
                    race.stop([verdict[i] for i in lane])
        return in_order((lane, race.trained()) for lane, race in zip(lanes, races, strict=True))

    def logits(
        self, network: Network, arrays: Mapping[str, Arrays], inputs: np.ndarray, num_classes: int
    ) -> np.ndarray:
        """See `Workers.logits`."""
        return self._trainers[0].logits(network, arrays, inputs, num_classes)

    def compiled(self) -> int:
        """See `Workers.compiled`."""
        return sum(trainer.programs.compiled() for trainer in self._trainers)
