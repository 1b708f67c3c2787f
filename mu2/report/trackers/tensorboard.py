"""Event files of TensorBoard: a run a task, a step a child."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mu2.errors import Mu2Error
from mu2.report.trackers.names import folder_name

_TAKEN = "mu2.json"  # how many children the event files beside it hold


class TensorBoardTracker:
    """Writes event files below `<folder>/<task>`; `tensorboard --logdir FOLDER` shows them.

    Args:
      folder: where to; made if need be.

    Raises:
      Mu2Error: tensorboardX is not installed.
    """

    def __init__(self, folder: str):
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise Mu2Error(
                "the tracker of TensorBoard needs tensorboardX, which is not installed.",
                hint="pip install 'mu2[tensorboard]'",
            ) from error
        self._make = SummaryWriter
        self._folder = Path(folder)
        self._writers: dict[str, Any] = {}
        self._taken: dict[str, int] = {}
        self._changed: set[str] = set()

    def taken(self, task: str) -> int:
        """See `Tracker`."""
        if task not in self._taken:
            file = self._place(task) / _TAKEN
            known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
            self._taken[task] = known.get("children", 0)
        return self._taken[task]

    def take(self, task: str, step: int, values: Mapping[str, float]) -> None:
        """See `Tracker`."""
        writer = self._writer(task)
        for name, value in values.items():
            writer.add_scalar(name, value, step)
        self._taken[task] = step + 1
        self._changed.add(task)

    def describe(self, task: str, facts: Mapping[str, Any]) -> None:
        """See `Tracker`."""
        # TensorBoard reads this text as Markdown: indented, it is shown as it stands.
        text = json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False)
        shown = "\n".join(f"    {line}" for line in text.splitlines())
        self._writer(task).add_text("task", shown, self.taken(task))
        self._changed.add(task)

    def flush(self) -> None:
        """See `Tracker`."""
        for task in sorted(self._changed):
            self._writers[task].flush()
            file = self._place(task) / _TAKEN
            file.write_text(json.dumps({"children": self.taken(task)}) + "\n", encoding="utf-8")
        self._changed.clear()

    def close(self) -> None:
        """See `Tracker`."""
        self.flush()
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _place(self, task: str) -> Path:
        return self._folder / folder_name(task)

    def _writer(self, task: str) -> Any:
        if task not in self._writers:
            # Names of event files hold the second alone: two of one second would be one file.
            suffix = f".{self.taken(task)}"
            self._writers[task] = self._make(str(self._place(task)), filename_suffix=suffix)
        return self._writers[task]
