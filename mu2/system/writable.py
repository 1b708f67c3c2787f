"""A system that this process writes: runs begin and end, paths are written, commits made."""

import dataclasses
import functools
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path as FilePath
from typing import Any, Self

from mu2.errors import Mu2Error
from mu2.evolution.path import Component, Path
from mu2.store.arrays import Arrays, count_bytes, pack_name
from mu2.store.background import BackgroundWriter
from mu2.store.files import write_file
from mu2.store.head import drop_commit, refuse_doubtful_head
from mu2.store.journal import Journal
from mu2.store.lock import CommitLock, WriterLock, is_left
from mu2.store.stored_component import StoredComponent
from mu2.store.sweep import sweep
from mu2.system import System
from mu2.system.changes import Changes
from mu2.system.child_log import Mark, chain_digest
from mu2.system.environment import describe_changes
from mu2.system.record import Progress, TaskRecord
from mu2.system.system import ALIASES, CACHE_LIMIT_MB, REMOVED, RUN


class WritableSystem(System):
    """A system directory that is written, by one process at a time.

    A context manager, so that what is written behind is on disk and the lock is given back.
    """

    def __init__(
        self,
        directory: FilePath,
        journal: Journal,
        lock: WriterLock,
        cache_limit_mb: int = CACHE_LIMIT_MB,
    ):
        super().__init__(directory, journal, cache_limit_mb)
        self._background = BackgroundWriter()
        self._lock = lock
        self._last_commit: Future[None] | None = None
        self._log_mark = Mark()  # where it ends, from `begin` on
        self._known_packs: set[str] = set()
        self._new_packs: set[str] = set()
        self._unwritten: dict[str, dict[str, Arrays]] = {}  # pack to its components, by digest
        self._unwritten_bytes, self._unwritten_limit = 0, cache_limit_mb << 20

    @classmethod
    def extend(
        cls,
        directory: str | FilePath,
        cache_limit_mb: int = CACHE_LIMIT_MB,
        *,
        beside_agents: bool = False,
    ) -> Self:
        """Opens a system for writing, or creates it.

        Args:
          directory: where it lies.
          cache_limit_mb: MiB of components that stay in memory once they were read or written.
          beside_agents: for a moment, while agents write to it, who wait for the end.

        Raises:
          Mu2Error: another process writes to it, or the folder holds something else.
        """
        directory = FilePath(directory)
        if not Journal.exists(directory):
            Journal.create(directory, {})
        lock = (CommitLock if beside_agents else WriterLock)(directory)
        lock.__enter__()
        try:
            return cls(directory, Journal.open(directory), lock, cache_limit_mb)
        except BaseException:
            lock.__exit__(None, None, None)
            raise

    @classmethod
    def tidy(cls, directory: str | FilePath) -> None:
        """Removes what a killed process of this machine left behind its last commit, if any did.

        For whoever only reads a system that is complete: the next to write it does the same.

        Raises:
          Mu2Error: another process writes to it, the folder cannot be written, or as `begin_edit`.
        """
        if is_left(FilePath(directory)):
            with cls.extend(directory) as system:
                system.begin_edit()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if error is None:
                self._background.wait()
        finally:
            self._background.close()
            self._lock.__exit__(kind, error, trace)

    @property
    def _journal(self) -> Journal:
        self._background.wait()
        return super()._journal

    def _stored(self, component: Component) -> Arrays:
        if component.digest in (unwritten := self._unwritten.get(component.pack, {})):
            return unwritten[component.digest]
        self._background.wait()
        return super()._stored(component)

    def start_run(
        self,
        resolved: str,
        schedule: Sequence[str] = (),
        run_environment: Mapping[str, str] | None = None,
        accept_changes: bool = False,
    ) -> None:
        """Begins a run, or goes on with the last one if it has not ended; commits that.

        Children that no commit knows are dropped from the log.

        Args:
          resolved: the complete Gin text of the run; equal texts are the same run.
          schedule: the task of each of its task iterations.
          run_environment: what else its numbers depend on (see `environment.run_environment`).
          accept_changes: go on with an unfinished run though its text, or what else its numbers
            depend on, is another.

        Raises:
          Mu2Error: the last run is not finished, and is another one, or its numbers would be
            others from here on; the logs are not those of the newest commit; or HEAD names an older
            commit than others that stand there.
        """
        refuse_doubtful_head(self.directory)
        progress, fingerprint = self.progress, hashlib.sha256(resolved.encode()).hexdigest()
        same = progress.fingerprint == fingerprint
        if not (same or progress.complete or accept_changes):
            file = self.gin_file(progress.runs - 1)
            raise Mu2Error(
                f"{self.directory} holds an unfinished run with other settings. "
                f"{_difference(file, resolved)}",
                hint=f"Finish it first (mu2 run {file} --system {self.directory}), or go on with "
                "the new settings: --accept-changes.",
            )
        run_environment = dict(run_environment or {})
        if not progress.complete:
            before = self.run_environment(progress.runs - 1)
            if "threads" not in before and "threads" in run_environment:
                # It was begun by a mu2 that did not tell.
                before = {**before, "threads": run_environment["threads"]}
            if before != run_environment and not accept_changes:
                raise Mu2Error(
                    f"{self.directory} holds an unfinished run whose numbers may be others here: "
                    f"{describe_changes(before, run_environment)}.",
                    hint="Go on where it was begun, to end with the same bits; or here, with what "
                    "comes next: --accept-changes.",
                )
            same = same and before == run_environment
        self._check_log(accept_changes)
        self.log.cut(self.progress.log_bytes)
        self.times.keep(self.progress.log_lines)
        drop_commit(self.directory, None)
        self._journal.remove_superfluous()  # where a kill came before the last commit could
        if not progress.complete:
            self.sweep()  # of the generation that was cut off
        self._known_packs = self._store.packs()
        if same:
            return
        progress = self.progress.start_run(fingerprint, schedule)
        run = progress.runs - 1
        # Named by content too: what a commit names is never written over.
        name = f"runs/{run}-{fingerprint[:8]}.gin"
        file = self.directory / name
        file.parent.mkdir(exist_ok=True)
        write_file(file, resolved.encode())
        record = {"file": name, "sha256": fingerprint, "made_with": run_environment}
        self._remove_unused(self._commit(progress, "run", {RUN + str(run): record}), ())

    def begin_edit(self) -> None:
        """Prepares commits that belong to no run: children that no commit knows leave the log.

        Raises:
          Mu2Error: the logs are not those of the newest commit, or HEAD names an older commit than
            others that stand there.
        """
        refuse_doubtful_head(self.directory)
        self._check_log(False)
        self.log.cut(self.progress.log_bytes)
        self.times.keep(self.progress.log_lines)
        drop_commit(self.directory, None)
        self._journal.remove_superfluous()
        self._known_packs = self._store.packs()

    def _check_log(self, accept_changes: bool) -> None:
        """Compares the logs with the newest commit; goes on with what there is where asked to."""
        progress = self.progress
        try:
            self.check_log()
        except Mu2Error:
            if not accept_changes:
                raise
        size = min(self.log.size(), progress.log_bytes)
        mark = self.log.marks({size}).get(size, Mark())
        self._log_mark = mark
        self._progress = dataclasses.replace(progress, log_bytes=mark.bytes, log_lines=mark.lines)

    def complete(self) -> None:
        """Notes that the run has ended."""
        if not self.progress.complete:
            progress = dataclasses.replace(self.progress, complete=True)
            self._remove_unused(self._commit(progress, "run complete", {}), ())

    def stage(self, path: Path, arrays: Mapping[str, Arrays]) -> Path:
        """Takes a path's new components, to be written in one pack; nothing names them yet.

        They are on disk before the next commit is, if that names them; else they are given up.

        Args:
          path: a path whose new components have no digest.
          arrays: component name to leaves, for the new components.

        Returns:
          The path with every digest filled in.
        """
        by_id = {c.id: arrays[c.name] for c in path.components if c.name in arrays}
        stored, new = self._store.assign_packs(by_id)
        for component, s in stored.items():
            self._cache.put(s.digest, by_id[component])
        if new:
            self._unwritten[pack_name(new)] = new
            self._unwritten_bytes += count_bytes(new)
        if self._unwritten_bytes > self._unwritten_limit:
            self._put([*self._unwritten])
        return with_places(path, stored)

    def _put(self, packs: Iterable[str]) -> None:
        """Hands over those of some packs that are not written yet, to be written behind."""
        for pack in packs:
            if (new := self._unwritten.pop(pack, None)) is not None:
                self._background.add(functools.partial(self._store.put, new))
                self._unwritten_bytes -= count_bytes(new)
                self._new_packs |= {pack} - self._known_packs
                self._known_packs.add(pack)

    def _put_named(self, paths: Iterable[Path]) -> None:
        """As `_put`, of the packs that the paths of a commit name; the others are given up."""
        self._put(dict.fromkeys(c.pack for path in paths for c in path.components))
        self._store.withdraw(d for new in self._unwritten.values() for d in new)
        self._unwritten.clear()
        self._unwritten_bytes = 0

    def log_child(self, line: Mapping[str, Any], seconds: float) -> None:
        """Adds one child to the log, and its wall time to the times."""
        written = self.log.append(line)
        mark = self._log_mark
        self._log_mark = Mark(
            mark.bytes + len(written), mark.lines + 1, chain_digest(mark.digest, written)
        )
        times = {"path": line["path"], "task": line["task"], "seconds": round(seconds, 3)}
        self.times.append(times)

    def commit(self, message: str, changes: Changes, *, passing: bool = False) -> None:
        """Makes changes durable at once: all of them or none.

        A passing commit is written while the next generation is trained, a lasting one is on disk
        on return. What a passing one meets is raised by the next.

        Args:
          message: what the commit is for.
          changes: what it makes durable.
          passing: the next lasting commit replaces it.
        """
        progress, roots, removed = self.progress, changes.roots, changes.removed
        self._put_named(changes.paths())
        records = {record.name: record for record in changes.tasks}
        begun = {name for name, record in records.items() if record.population is not None}
        under_way = tuple(sorted({*progress.under_way}.difference(records) | begun))
        progress = dataclasses.replace(progress, under_way=under_way)
        if changes.finished is not None:
            progress = progress.finish_task(changes.finished)
        before = [self.task(name).path for name in records if self.has_task(name)]
        documents = changes.documents()
        aliases = self._aliases(records, removed)
        if aliases is not None:  # pairs, as a record's keys say what it is
            documents[ALIASES] = {"aliases": [list(pair) for pair in aliases.items()]}
        if removed is not None:
            before.append(removed.path)
            documents[REMOVED + removed.name] = {"iterations": removed.iterations}
        written = self._commit(progress, message, documents, passing, changes.removed_keys())
        self._records |= records
        if removed is not None:
            self._records.pop(removed.name, None)
        kept = [*roots, *(record.path for record in records.values() if record.path is not None)]
        if self._live_paths is not None:
            gone = [path for path in before if path is not None]
            gone += [self._live_paths[root.id] for root in roots if root.id in self._live_paths]
            self._live_paths = self._live_paths.replace(gone, kept)
        if not passing:
            self._remove_unused(written, kept)

    def _commit(
        self,
        progress: Progress,
        message: str,
        documents: Mapping[str, Any],
        passing: bool = False,
        removed_keys: tuple[str, ...] = (),
    ) -> set[str]:
        """Makes it durable; returns the packs written since the last lasting commit."""
        if self._last_commit is not None:
            # At most one commit waits to be written.
            self._last_commit.result()
        written = {*progress.packs, *self._new_packs}
        progress = dataclasses.replace(
            progress,
            log_bytes=self._log_mark.bytes,
            log_lines=self._log_mark.lines,
            log_digest=self._log_mark.digest,
            packs=tuple(sorted(written)) if passing else (),
        )
        state = progress.to_json()

        def durable() -> None:
            self.times.flush()
            self.log.flush()
            self._pending_journal.commit(documents, state, message, removed_keys, passing=passing)

        self._last_commit = self._background.add(durable)
        if not passing:
            self._background.wait()
        self._progress = progress
        self._new_packs.clear()
        return written

    def _aliases(
        self, records: Mapping[str, TaskRecord], removed: TaskRecord | None
    ) -> dict[str, str] | None:
        """Which name means which task by a commit; None where that is as it was."""
        gone = {removed.name} if removed is not None else set()
        old = self.aliases
        kept = {a: name for a, name in old.items() if name not in records and name not in gone}
        new = {r.alias: name for name, r in records.items() if r.alias is not None}
        return None if {**kept, **new} == old else dict(sorted({**kept, **new}.items()))

    def _remove_unused(self, written: set[str], kept: Iterable[Path]) -> None:
        """Removes those of some packs that are not in use.

        Args:
          written: packs of the tasks under way, and of those that the last commit changed.
          kept: paths of the last commit's records; no others can use these packs.
        """
        live = [*kept]
        for name in self.progress.under_way:
            population = self.task(name).current_population
            live += [*population.own, *population.dropped]
        gone = written - {c.pack for path in live for c in path.components}
        self._store.remove(gone)
        self._known_packs -= gone

    def sweep(self) -> int:
        """Removes what no commit names; returns the bytes that were freed.

        Raises:
          Mu2Error: the history is damaged (nothing is removed), or the folder cannot be written.
        """
        self._background.wait()
        return sweep(self.directory)


def with_places(path: Path, stored: Mapping[str, StoredComponent]) -> Path:
    """A path whose components have the digests and packs of where they lie, by component id."""
    components = (
        dataclasses.replace(c, **stored[c.id]._asdict()) if c.id in stored else c
        for c in path.components
    )
    return dataclasses.replace(path, components=tuple(components))


def _difference(file: FilePath, resolved: str) -> str:
    """The first lines in which two Gin texts differ."""
    try:
        before = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"Its settings ({file}) cannot be read."
    now = resolved.splitlines()
    gone = [line for line in before if line not in now]
    new = [line for line in now if line not in before]
    parts = []
    if gone:
        parts.append(f"It has: {'; '.join(gone[:3])}{' …' if len(gone) > 3 else ''}.")
    if new:
        parts.append(f"Now there is: {'; '.join(new[:3])}{' …' if len(new) > 3 else ''}.")
    return " ".join(parts)
