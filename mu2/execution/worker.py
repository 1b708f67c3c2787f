"""A worker: what trains in a process of its own, asked by a driver elsewhere."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mu2.execution.local import LocalWorkers, SlicedRace
from mu2.training import Arrays, Layout, Network, Training, TrainingResult
from mu2.training.parcel import Parcel, Unpacker


class Worker:
    """Trains what it is sent on the devices of its process.

    Args:
      layout: how they are shared out.
      training: the budget of a child.

    Raises:
      Mu2Error: the layout does not fit the devices.
    """

    def __init__(self, layout: Layout, training: Training):
        self._local = LocalWorkers(layout, training)
        self._unpacker = Unpacker()
        self._race: SlicedRace | None = None
        self._arrays: Mapping[str, Arrays] = {}

    def train(self, parcel: Parcel) -> list[TrainingResult]:
        """Trains children for all their intervals."""
        return list(self._local.train(self._unpacker.unpack(parcel)))

    def race(self, parcel: Parcel, verdicts: Sequence[Sequence[bool]]) -> list[float | None]:
        """Begins a race and trains its children for an interval, or more.

        Args:
          parcel: the children.
          verdicts: who goes on after each interval that is over; a race that another worker began
            is caught up with.

        Returns:
          The scores after one interval more than there are verdicts (see `Race.advance`).
        """
        self._race = self._local.race(self._unpacker.unpack(parcel))
        scores = self._race.advance()
        for verdict in verdicts:
            scores = self.advance(verdict)
        return scores

    def advance(self, verdict: Sequence[bool]) -> list[float | None]:
        """Trains those of the race that go on for one interval more; their scores."""
        race = self._running()
        race.stop(verdict)
        return race.advance()

    def finish(self) -> list[TrainingResult]:
        """Ends the race; what became of its children."""
        results, self._race = self._running().results(), None
        return results

    def _running(self) -> SlicedRace:
        if self._race is None:
            raise RuntimeError("no race goes on")
        return self._race

    def logits(
        self,
        network: Network,
        arrays: Mapping[str, Arrays] | None,
        inputs: np.ndarray,
        num_classes: int,
    ) -> np.ndarray:
        """See `Workers.logits`.

        Args:
          network: of a path.
          arrays: its leaves; None: those of the last call.
          inputs: [N, ...].
          num_classes: of its task.
        """
        if arrays is not None:
            self._arrays = arrays
        return self._local.logits(network, self._arrays, inputs, num_classes)

    def environment(self, describe: Callable[[], dict[str, str]]) -> dict[str, str]:
        """See `Workers.environment`."""
        return self._local.environment(describe)

    def compiled(self) -> int:
        """See `Workers.compiled`."""
        return self._local.compiled()
