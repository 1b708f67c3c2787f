"""What a tracker is, and which there are."""

from collections.abc import Mapping
from typing import Any, Protocol

from mu2.system.tracker_targets import split_target


class Tracker(Protocol):
    """Takes what a system's log tells; what it has taken it does not take again."""

    def taken(self, task: str) -> int:
        """How many children of a task it has, from earlier times too."""

    def take(self, task: str, step: int, values: Mapping[str, float]) -> None:
        """Takes a child.

        Args:
          task: its task.
          step: its number among the task's children, from 0.
          values: name to number; no NaN.
        """

    def describe(self, task: str, facts: Mapping[str, Any]) -> None:
        """Takes what is known of a task as a whole, in place of what was known before."""

    def flush(self) -> None:
        """Writes down what it has taken."""

    def close(self) -> None:
        """Ends."""


def open_tracker(target: str) -> Tracker:
    """The tracker of a target.

    Raises:
      Mu2Error: as `split_target`, or its library is not installed.
    """
    kind, where = split_target(target)
    if kind == "csv":
        from mu2.report.trackers.csv_files import CsvTracker

        return CsvTracker(where)
    if kind == "mlflow":
        from mu2.report.trackers.mlflow import MlflowTracker

        return MlflowTracker(where)
    if kind == "wandb":
        from mu2.report.trackers.wandb import WandbTracker

        return WandbTracker(where)
    from mu2.report.trackers.tensorboard import TensorBoardTracker

    return TensorBoardTracker(where)
