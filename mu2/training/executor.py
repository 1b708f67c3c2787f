"""Executors: where children are trained. One interface, so that a cluster can take its place."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from mu2.models.component import Arrays, Network
from mu2.training.job import Job, SelectSurvivors, Training, TrainingResult
from mu2.training.layout import Layout


@runtime_checkable
class Executor(Protocol):
    """Where children are trained, as an experiment declares it."""

    def start(self, layout: Layout | None, training: Training) -> "Workers":
        """Makes its devices ready.

        Args:
          layout: how the devices are shared out; None for the first one alone, whatever there are.
          training: the budget of a child.

        Raises:
          Mu2Error: the layout does not fit the devices.
        """


class Workers(Protocol):
    """Trains the children of a generation, wherever they are trained."""

    def train(
        self, jobs: Sequence[Job], select_survivors: SelectSurvivors | None = None
    ) -> Iterator[TrainingResult]:
        """Trains the children of a generation.

        Args:
          jobs: theirs.
          select_survivors: which of them go on after each interval but the last; None: all.

        Yields:
          The results in the order of the jobs.
        """

    def logits(
        self, network: Network, arrays: Mapping[str, Arrays], inputs: np.ndarray, num_classes: int
    ) -> np.ndarray:
        """float32 logits [N, num_classes] of examples [N, ...] for one path."""

    def compiled(self) -> int:
        """XLA programs compiled so far: training steps and forward passes."""
