"""Weights & Biases: a run a task, a step a child; online or, with `WANDB_MODE=offline`, on disk."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mu2.errors import Mu2Error


class WandbTracker:
    """Logs to a project; each task's run has an id of its own, so that it goes on where it was.

    How many children a run has is kept below `$WANDB_DIR/wandb` (here: `./wandb`), as an offline
    run cannot be asked.

    Args:
      project: its name, or `ENTITY/PROJECT`.

    Raises:
      Mu2Error: wandb is not installed.
    """

    def __init__(self, project: str):
        try:
            import wandb
        except ImportError as error:
            raise Mu2Error(
                "the tracker of Weights & Biases needs wandb, which is not installed.",
                hint="pip install 'mu2[wandb]'",
            ) from error
        self._library = wandb
        self._entity, _, self._project = project.rpartition("/")
        folder = Path(os.environ.get("WANDB_DIR", ".")) / "wandb"
        self._file = folder / f"mu2-{hashlib.sha256(project.encode()).hexdigest()[:12]}.json"
        known = self._file.exists()
        self._taken: dict[str, int] = (
            json.loads(self._file.read_text(encoding="utf-8")) if known else {}
        )
        self._runs: dict[str, Any] = {}

    def taken(self, task: str) -> int:
        """See `Tracker`."""
        return self._taken.get(task, 0)

    def take(self, task: str, step: int, values: Mapping[str, float]) -> None:
        """See `Tracker`."""
        self._run(task).log(dict(values), step=step)
        self._taken[task] = step + 1

    def describe(self, task: str, facts: Mapping[str, Any]) -> None:
        """See `Tracker`."""
        run = self._run(task)
        run.config.update(dict(facts["hyperparameters"]), allow_val_change=True)
        run.summary.update({k: v for k, v in facts.items() if isinstance(v, int | float | str)})

    def flush(self) -> None:
        """See `Tracker`."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self._taken, sort_keys=True) + "\n", encoding="utf-8")

    def close(self) -> None:
        """See `Tracker`."""
        for run in self._runs.values():
            run.finish()
        self._runs.clear()
        self.flush()

    def _run(self, task: str) -> Any:
        if task not in self._runs:
            name = f"{self._entity}/{self._project}/{task}"
            self._runs[task] = self._library.init(
                project=self._project,
                entity=self._entity or None,
                name=task,
                id=hashlib.sha256(name.encode()).hexdigest()[:16],
                resume="allow",
                reinit="create_new",  # the runs of several tasks are open at once
                dir=os.environ.get("WANDB_DIR"),
                settings=self._library.Settings(console="off", silent=True),
            )
        return self._runs[task]
