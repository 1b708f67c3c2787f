"""Executors: where children are trained. One interface, so that a cluster can take its place."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from mu2.models.component import Arrays, Network
from mu2.training.job import Job, SelectSurvivors, Training, TrainingResult
from mu2.training.layout import Layout


@runtime_checkable
class Executor(Protocol):
    """Where children are trained, as an experiment declares it."""

    @property
    def workers(self) -> int:
        """Processes that train, each on devices of its own that the layout shares out."""

    def devices(self, layout: Layout) -> int:
        """Devices that children are trained on, of all workers together; starts nothing.

        Args:
          layout: as `validate` takes it.
        """

    def validate(self, layout: Layout) -> None:
        """Looks whether it could start; starts nothing.

        Args:
          layout: how the devices of a worker are shared out, where the executor has none of its
            own.

        Raises:
          Mu2Error: a library or devices are missing, or the layout does not fit the devices.
        """

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

    def environment(self, describe: Callable[[], dict[str, str]]) -> dict[str, str]:
        """What the numbers of the children depend on besides their jobs.

        Args:
          describe: says it of the process that calls it; a function of a module.

        Returns:
          What it says where children are trained.

        Raises:
          Mu2Error: it says one thing of one worker, and another of others.
        """

    def close(self) -> None:
        """Ends whatever was started for them."""
