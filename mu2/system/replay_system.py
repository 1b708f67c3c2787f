"""A system at a commit of its past, for evolving a cycle of an agent again; writes nothing."""

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from mu2.evolution.path import Component, Path
from mu2.store.arrays import Arrays
from mu2.store.journal import Journal
from mu2.store.lock import WriterLock
from mu2.system.changes import Changes
from mu2.system.child_log import ChildLog, log_line
from mu2.system.system import CACHE_LIMIT_MB
from mu2.system.writable import WritableSystem, with_places


class ReplaySystem(WritableSystem):
    """Takes what is written, and keeps it in memory.

    Attributes:
      lines: of the child log, as they would have been written.
    """

    def __init__(
        self, directory: FilePath, commit: str, cache_limit_mb: int = CACHE_LIMIT_MB
    ) -> None:
        journal = Journal.open(directory)
        past = Journal(directory, journal.header, commit)
        super().__init__(directory, past, WriterLock(directory), cache_limit_mb)  # never entered
        self.lines: list[bytes] = []
        self._made_arrays: dict[str, Arrays] = {}

    def stage(self, path: Path, arrays: Mapping[str, Arrays]) -> Path:
        """See `WritableSystem.stage`."""
        by_id = {c.id: arrays[c.name] for c in path.components if c.name in arrays}
        stored, new = self._store.assign_packs(by_id)
        self._made_arrays |= new
        return with_places(path, stored)

    def arrays(self, component: Component) -> Arrays:
        """See `System.arrays`."""
        made = self._made_arrays.get(component.digest)
        return super().arrays(component) if made is None else made

    def log_child(self, line: Mapping[str, Any], seconds: float) -> None:
        """Keeps the line."""
        self.lines.append(log_line(line))

    def commit(self, message: str, changes: Changes, *, passing: bool = False) -> None:
        """Keeps the records."""
        self._records |= {record.name: record for record in changes.tasks}


def published_lines(directory: str | FilePath, task: str, iteration: int) -> list[bytes]:
    """The lines of a system's child log that are of one iteration of a task, in order."""
    log = ChildLog(FilePath(directory) / "log.jsonl")
    start = f"{task}/{iteration}/"
    pairs = zip(log, log.lines(), strict=True)
    return [line for record, line in pairs if str(record.get("path")).startswith(start)]
