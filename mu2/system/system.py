"""A system: all live paths over one parameter store, on disk; what users keep."""

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any, TypeVar

from mu2.errors import Mu2Error, did_you_mean
from mu2.evolution.live_paths import Head, LivePaths
from mu2.evolution.path import Component, Path
from mu2.store.arrays import Arrays
from mu2.store.branch import branch, is_branch
from mu2.store.cache import Cache
from mu2.store.components import ComponentStore
from mu2.store.files import NamedFile, damage_error, read_bytes, sha256
from mu2.store.journal import Journal
from mu2.system import schema
from mu2.system.child_log import ChildLog
from mu2.system.log_proof import check_log
from mu2.system.predictions import TestPredictions
from mu2.system.record import (
    Change,
    Progress,
    TaskRecord,
    read_aliases,
    read_iterations,
    read_path,
    read_run,
)
from mu2.system.sample import SAMPLE, Sample

CACHE_LIMIT_MB = 1024
ROOT, TASK, RUN, PREDICTIONS = "root/", "task/", "run/", "predictions/"
# How many iterations a task had that was removed, so that no id of its components comes again.
REMOVED = "removed/"
# Which task a name that was given later means.
ALIASES = "aliases"
# What an agent's last cycle was made of.
AGENT = "agent/"
T = TypeVar("T")


class System:
    """A system directory as it is read, by anyone; `WritableSystem` is one that is written.

    Attributes:
      directory: where it lies.
      log: the JSON-lines log of every child.
      times: wall time of every child, a line each; apart from the log, so that the same run
        leaves the same log.
    """

    def __init__(
        self,
        directory: FilePath,
        journal: Journal,
        cache_limit_mb: int = CACHE_LIMIT_MB,
    ):
        self.directory = directory
        self.log = ChildLog(directory / "log.jsonl")
        self.times = ChildLog(directory / "times.jsonl")
        self._pending_journal = journal
        self._store = ComponentStore(directory / "components")
        self._cache = Cache(cache_limit_mb << 20)
        self._records: dict[str, TaskRecord] = {}
        self._progress: Progress | None = None  # that of the newest commit, written or not
        self._live_paths: LivePaths | None = None

    @staticmethod
    def open(directory: str | FilePath, at: str | None = None) -> "System":
        """Opens a system for reading; reads its index, no arrays.

        Args:
          directory: where it lies.
          at: a commit of its history, by number or name (`mu2 log` lists them); None: the newest.

        Raises:
          Mu2Error: there is no system, or no such commit, or it is of a newer format, or it is
            damaged.
        """
        directory = FilePath(directory)
        journal = Journal.open(directory)
        return System(directory, journal if at is None else journal.at(at))

    @staticmethod
    def exists(directory: str | FilePath) -> bool:
        """True if the folder holds a system of any format."""
        return Journal.exists(FilePath(directory))

    @staticmethod
    def branch(source: str | FilePath, target: str | FilePath, at: str | None = None) -> None:
        """Makes a new system that begins at a commit of another; it shares what never changes.

        Args:
          source: a system.
          target: a new or empty folder.
          at: a commit of the source's history, by number or name; None: the newest.

        Raises:
          Mu2Error: there is no such system or commit, or the target is not empty.
        """
        source = FilePath(source)

        def finish(journal: Journal, folder: FilePath) -> None:
            whole = System(source, journal)
            whole.check_log()
            whole.log.copy(folder / "log.jsonl", whole.progress.log_lines)
            whole.times.copy(folder / "times.jsonl", whole.progress.log_lines)

        branch(source, FilePath(target), at, finish)

    @staticmethod
    def is_branch(source: str | FilePath, target: str | FilePath, at: str | None = None) -> bool:
        """Whether a system is a branch of another at a commit, or at any.

        Raises:
          Mu2Error: one of them cannot be read, or there is no such commit.
        """
        return is_branch(FilePath(source), FilePath(target), at)

    @property
    def progress(self) -> Progress:
        """How far its runs have come, at the newest commit."""
        if self._progress is None:
            head = self._pending_journal.head
            read = Progress.from_json
            self._progress = Progress() if head is None else self._read(read, head.progress, "HEAD")
        return self._progress

    def check_log(self) -> None:
        """Compares the logs, up to the newest commit, with what it says of them.

        Raises:
          Mu2Error: log.jsonl is shortened, changed or another one; or times.jsonl is not of the
            same children.
        """
        check_log(self.directory, [self.progress])

    @property
    def _journal(self) -> Journal:
        """The journal, once all is in it."""
        return self._pending_journal

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of its tasks, in order of introduction."""
        return tuple(n.removeprefix(TASK) for n in self._journal.names() if n.startswith(TASK))

    def task(self, name: str) -> TaskRecord:
        """What is known of a task, by its name or by the one that it is shown by.

        Raises:
          Mu2Error: no such task.
        """
        if name not in self._records:
            if TASK + name not in self._journal:
                if (renamed := self._renamed(name)) is not None:
                    return renamed
                raise Mu2Error(
                    f"{self.directory} has no task {name!r}.",
                    hint=did_you_mean(name, self.titles.values()),
                )
            document = self._journal.record(TASK + name)
            self._records[name] = self._task(name, document)
        return self._records[name]

    def records(self) -> tuple[TaskRecord, ...]:
        """What is known of every task, in order of introduction; the index is read once."""
        for name, document in self._journal.records(TASK):
            if (task := name.removeprefix(TASK)) not in self._records:
                self._records[task] = self._task(task, document)
        return tuple(self._records[task] for task in self.tasks)

    def _read(self, made: Callable[[Any], T], document: Any, name: str) -> T:
        """What is made of a record whose bytes are whole, though mu2 need not have written it."""
        try:
            return made(document)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Mu2Error(
                f"the record {name!r} is none that mu2 writes ({type(error).__name__}: {error}).",
                location=str(self.directory),
            ) from error

    def _task(self, name: str, document: Any) -> TaskRecord:
        record = self._read(TaskRecord.from_json, document, TASK + name)
        if record.name != name:
            raise Mu2Error(
                f"the record {TASK + name!r} is of task {record.name[:80]!r}.",
                location=str(self.directory),
            )
        return record

    def has_task(self, name: str) -> bool:
        """True if there is a task of this name, or one that is shown by it."""
        known = name in self._records or TASK + name in self._journal
        return known or self._renamed(name) is not None

    def _renamed(self, alias: str) -> TaskRecord | None:
        """The task that is shown by a name that is not its own."""
        name = self.aliases.get(alias)
        return None if name is None else self.task(name)

    @property
    def aliases(self) -> dict[str, str]:
        """The names that tasks were given later, each with the task's own."""
        if ALIASES not in self._journal:
            return {}
        return self._read(read_aliases, self._journal.record(ALIASES), ALIASES)

    @property
    def titles(self) -> dict[str, str]:
        """The name that each task is shown by, by its own name, in order of introduction."""
        shown = {name: alias for alias, name in self.aliases.items()}
        return {name: shown.get(name, name) for name in self.tasks}

    def removed_iterations(self, name: str) -> int:
        """Iterations of a task that was removed; 0 where none of this name was.

        A new task of the name goes on from there, as others may still use components of the old.
        """
        if REMOVED + name not in self._journal:
            return 0
        return self._read(read_iterations, self._journal.record(REMOVED + name), REMOVED + name)

    def history(self) -> list[dict[str, Any]]:
        """The commits that can be gone back to, newest first.

        Returns:
          JSON documents: `name`, `number`, `message`, `previous`, `passing`.

        Raises:
          Mu2Error: the history is damaged.
        """
        keys = ("number", "message", "previous", "passing")
        return [
            {"name": name, **{key: getattr(commit, key) for key in keys}}
            for name, commit in self._journal.history()
        ]

    def changes(self) -> Iterator[Change]:
        """What each commit of the history changed, oldest first; reads no arrays.

        Costs what was changed: not more for each commit of a system of many tasks.

        Raises:
          Mu2Error: the history or one of its records is damaged.
        """
        for name, commit, records in self._journal.changes():
            tasks = {n: d for n, d in records.items() if n.startswith(TASK)}
            roots = {n: d for n, d in records.items() if n.startswith(ROOT)}
            yield Change(
                name=name,
                number=commit.number,
                message=commit.message,
                passing=commit.passing,
                log_lines=self._read(Progress.from_json, commit.progress, name).log_lines,
                tasks=tuple(self._read(TaskRecord.from_json, d, n) for n, d in tasks.items()),
                roots=tuple(self._made(d, n) for n, d in roots.items()),
            )

    def roots(self) -> tuple[Path, ...]:
        """The paths that no task owns."""
        return tuple(self._made(document, name) for document, name in self._roots())

    def paths(self) -> LivePaths:
        """Every live path by id: the roots and each task's kept path.

        The first call reads a record a task; later ones follow the commits of this process.
        """
        if self._live_paths is None:
            kept = (
                (self._read(lambda task: task["path"], document, name), name)
                for name, document in self._journal.records(TASK)
            )
            named = [*self._roots(), *((path, name) for path, name in kept if path is not None)]
            heads = [self._read(_head, path, name) for path, name in named]
            parents = _parents(heads)
            self._live_paths = LivePaths.of(
                (
                    head._replace(parent=parents[head.id]),
                    functools.partial(self._made, {**path, "parent": parents[head.id]}, name),
                )
                for head, (path, name) in zip(heads, named, strict=True)
            )
        return self._live_paths

    def _roots(self) -> Iterator[tuple[Any, str]]:
        """The documents and names of the roots."""
        return ((document, name) for name, document in self._journal.records(ROOT))

    def _made(self, document: Any, name: str) -> Path:
        return self._read(read_path, document, name)

    def path(self, task: str) -> Path:
        """The path that solves a task.

        Raises:
          Mu2Error: no such task, or its first iteration is not finished.
        """
        path = self.task(task).path
        if path is None:
            raise Mu2Error(
                f"task {task!r} of {self.directory} has no path yet: its first iteration is not "
                "finished.",
                hint="The same `mu2 run` command goes on with it.",
            )
        return path

    def predictions(self, task: str) -> TestPredictions | None:
        """What a task's path made of the task's test examples when it was locked.

        None where the task has no path, or its path was locked by an mu2 that kept none.

        Raises:
          Mu2Error: no such task, or the record is damaged.
        """
        record = self.task(task)
        path, name = record.path, PREDICTIONS + record.name
        if path is None or name not in self._journal:
            return None
        made = self._read(TestPredictions.from_json, self._journal.record(name), name)
        return made if made.path == path.id else None

    def arrays(self, component: Component) -> Arrays:
        """A component's leaves, read from the store or from the cache."""
        arrays = self._cache.get(component.digest)
        if arrays is None:
            arrays = self._stored(component)
            self._cache.put(component.digest, arrays)
        return arrays

    def _stored(self, component: Component) -> Arrays:
        """A component's leaves, read from the store."""
        stored = (component.digest, component.pack)
        arrays = self._store.read([stored])[component.digest]
        try:
            schema.check_arrays(component, arrays)
        except ValueError as error:
            raise Mu2Error(
                f"component {component.digest} is not that of its record: {error}.",
                location=str(self.directory / "components" / component.pack),
            ) from error
        return arrays

    def sample(self, task: str) -> Sample | None:
        """The sample that is kept of a task's path; None where there is none.

        Raises:
          Mu2Error: it is damaged, or none that mu2 writes.
        """
        name = SAMPLE + (self.task(task).name if self.has_task(task) else task)
        if name not in self._journal:
            return None
        return self._read(Sample.from_json, self._journal.record(name), name)

    def gin_file(self, run: int) -> FilePath:
        """Where the resolved Gin text of the run of this number (from 0) lies.

        Raises:
          Mu2Error: it is missing, a link, or not the text that was run.
        """
        file, _ = self._run(run)
        path = self.directory / file.name
        if sha256(read_bytes(path)) != file.digest:
            raise damage_error(path, "its bytes are not those that its record names.")
        return path

    def run_environment(self, run: int) -> dict[str, str]:
        """What the numbers of the run of this number depend on (see `run_environment`)."""
        return self._run(run)[1]

    def _run(self, run: int) -> tuple[NamedFile, dict[str, str]]:
        name = RUN + str(run)
        return self._read(lambda name: read_run(self._journal.record(name)), name, name)


def _head(document: Any) -> Head:
    """What is asked of a path that is not made yet; see `schema.HEAD`."""
    schema.require(schema.HEAD, document)
    return Head.of(document)


def _parents(heads: Sequence[Head]) -> dict[str, str | None]:
    """The parent of each live path; that of one whose parent is gone is a root of its architecture.

    Its agent read the parent before another agent replaced it (µ3Net, docs/howto/agents.md).
    """
    alive = {None, *(head.id for head in heads)}
    roots = {head.model: head.id for head in reversed(heads) if head.task is None}
    return {h.id: h.parent if h.parent in alive else roots.get(h.model) for h in heads}
