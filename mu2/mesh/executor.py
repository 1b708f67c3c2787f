"""Executors: where children are trained. One interface, so that a cluster can take its place."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Protocol

import numpy as np

from mu2.mesh.layout import Layout, single
from mu2.models.component import Arrays, Network
from mu2.training import Job, Trained, Trainer, Training


class Executor(Protocol):
    """Trains the children of a generation, wherever they are trained."""

    def train(self, jobs: Sequence[Job]) -> Iterator[Trained]:
        """Trains each job; yields the results in the order of the jobs."""

    def logits(
        self, network: Network, arrays: Mapping[str, Arrays], inputs: np.ndarray, num_classes: int
    ) -> np.ndarray:
        """float32 logits [N, num_classes] of examples [N, ...] for one path."""

    def compiled(self) -> int:
        """XLA programs compiled so far: training steps and forward passes."""


class LocalExecutor:
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

    def train(self, jobs: Sequence[Job]) -> Iterator[Trained]:
        """See `Executor.train`. A child's result depends on its job alone, not on its slice."""
        if len(self._trainers) == 1:
            yield from self._trainers[0].train(jobs)
            return
        idle: SimpleQueue[Trainer] = SimpleQueue()
        for trainer in self._trainers:
            idle.put(trainer)

        def train(job: Job) -> Trained:
            trainer = idle.get()
            try:
                (trained,) = trainer.train([job])
                return trained
            finally:
                idle.put(trainer)

        with ThreadPoolExecutor(len(self._trainers)) as pool:
            yield from pool.map(train, jobs)

    def logits(
        self, network: Network, arrays: Mapping[str, Arrays], inputs: np.ndarray, num_classes: int
    ) -> np.ndarray:
        """See `Executor.logits`."""
        return self._trainers[0].logits(network, arrays, inputs, num_classes)

    def compiled(self) -> int:
        """See `Executor.compiled`."""
        return sum(trainer.programs.compiled() for trainer in self._trainers)
