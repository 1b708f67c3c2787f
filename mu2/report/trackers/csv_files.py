"""A CSV file a task: a row a child."""

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mu2.report.trackers.names import folder_name
from mu2.system import documents


class CsvTracker:
    """Writes `<folder>/<task>/children.csv` and `<folder>/<task>/task.json`.

    Columns are `step` and the names of all values, sorted; a child that has not one of them has an
    empty cell. A file is replaced as a whole, so that a reader never meets half of one.

    Args:
      folder: where to; made if need be.
    """

    def __init__(self, folder: str):
        self._folder = Path(folder)
        self._rows: dict[str, list[dict[str, str]]] = {}
        self._changed: set[str] = set()

    def taken(self, task: str) -> int:
        """See `Tracker`."""
        return len(self._read(task))

    def take(self, task: str, step: int, values: Mapping[str, float]) -> None:
        """See `Tracker`."""
        row = {"step": str(step), **{name: repr(value) for name, value in values.items()}}
        self._read(task).append(row)
        self._changed.add(task)

    def describe(self, task: str, facts: Mapping[str, Any]) -> None:
        """See `Tracker`."""
        file = self._place(task) / "task.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False)
        documents.write(file, f"{text}\n".encode())

    def flush(self) -> None:
        """See `Tracker`."""
        for task in sorted(self._changed):
            rows = self._rows[task]
            names = sorted({name for row in rows for name in row} - {"step"})
            file = self._place(task) / "children.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            out = io.StringIO(newline="")
            writer = csv.DictWriter(out, ["step", *names], restval="")
            writer.writeheader()
            writer.writerows(rows)
            documents.write(file, out.getvalue().encode())
        self._changed.clear()

    def close(self) -> None:
        """See `Tracker`."""
        self.flush()

    def _place(self, task: str) -> Path:
        return self._folder / folder_name(task)

    def _read(self, task: str) -> list[dict[str, str]]:
        if task not in self._rows:
            file = self._place(task) / "children.csv"
            self._rows[task] = []
            if file.exists():
                with file.open(encoding="utf-8", newline="") as text:
                    rows = csv.DictReader(text)
                    self._rows[task] = [{n: v for n, v in row.items() if v} for row in rows]
        return self._rows[task]
