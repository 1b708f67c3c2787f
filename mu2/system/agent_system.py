"""A system as one agent sees and writes it: a snapshot of all, and its own task beside it."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any, Self

from mu2.errors import Mu2Error
from mu2.store.agent_folder import AgentComponents, AgentFolder
from mu2.store.files import reason
from mu2.store.head import drop_commit
from mu2.store.journal import Journal
from mu2.store.lock import AgentLock, CommitLock
from mu2.system.agent_cycle import AgentCycle, CycleState
from mu2.system.changes import Changes
from mu2.system.child_log import ChildLog, Mark
from mu2.system.record import Progress, TaskRecord
from mu2.system.system import AGENT, CACHE_LIMIT_MB, TASK, System
from mu2.system.writable import WritableSystem


class AgentSystem(WritableSystem):
    """A system that one agent extends by cycles, while others extend it too.

    During a cycle it stands at the commit that was the newest at its beginning. Generations are
    kept in the agent's own folder; the end of the cycle is one commit of the system, made on
    whatever is the newest by then. A context manager, which gives the agent's lease back.

    Attributes:
      agent: the task whose agent this is.
    """

    def __init__(self, directory: FilePath, agent: str, lock: AgentLock, cache_limit_mb: int):
        super().__init__(directory, Journal.open(directory), lock, cache_limit_mb)
        self.agent = agent
        self._folder = AgentFolder(directory, agent)
        self._store = self._own = AgentComponents(directory / "components", self._folder)
        self.log, self.times = ChildLog(self._folder.log), ChildLog(self._folder.times)
        self._cycle: AgentCycle | None = None

    @classmethod
    def join(
        cls, directory: str | FilePath, agent: str, cache_limit_mb: int = CACHE_LIMIT_MB
    ) -> Self:
        """Opens a system as an agent of it.

        Args:
          directory: where it lies.
          agent: the task, by its own name.
          cache_limit_mb: MiB of components that stay in memory once they were read or written.

        Raises:
          Mu2Error: there is no system, another process is this agent, or the system is written as
            a whole.
        """
        directory = FilePath(directory)
        Journal.open(directory)  # or it says that there is none
        lock = AgentLock(directory, agent)
        lock.__enter__()
        try:
            AgentFolder(directory, agent).make()
            return cls(directory, agent, lock, cache_limit_mb)
        except BaseException:
            lock.__exit__(None, None, None)
            raise

    @property
    def iterations(self) -> int:
        """Task iterations that the newest commit has of its task, whoever made them."""
        newest = System(self.directory, Journal.open(self.directory))
        if newest.has_task(self.agent):
            return newest.task(self.agent).iterations
        return newest.removed_iterations(self.agent)

    def begin_cycle(self, wanted: AgentCycle, accept_changes: bool = False) -> AgentCycle:
        """Goes on with the cycle that was cut off, from the commit that it read; or begins one.

        A cycle whose task somebody else has changed since is begun anew.

        Args:
          wanted: what a new cycle would be made of; its iteration and snapshot are found out.
          accept_changes: begin a cycle anew that was cut off with other settings.

        Raises:
          Mu2Error: the cycle that was cut off had other settings, or the system is damaged.
        """
        newest = Journal.open(self.directory)
        state = self._cut_off(newest, wanted, accept_changes)
        if state is None:
            self._folder.clear()
            self._stand_at(newest)
            snapshot = str(newest.name)
            cycle = dataclasses.replace(wanted, iteration=self.iterations, snapshot=snapshot)
            state = CycleState(cycle)
            self._folder.write(state.to_json())
        else:
            self._stand_at(Journal(self.directory, newest.header, state.cycle.snapshot))
            if state.record is not None:
                self._records[self.agent] = state.record
        self._own.forget()
        self._own.find_again(self._folder.packs())
        self.log.cut(state.log_bytes)
        self.times.keep(state.log_lines)
        self._log_mark = Mark(state.log_bytes, state.log_lines)
        self._cycle = state.cycle
        return state.cycle

    def _cut_off(
        self, newest: Journal, wanted: AgentCycle, accept_changes: bool
    ) -> CycleState | None:
        """The state of a cycle that can go on."""
        document = self._folder.read()
        if document is None:
            return None
        state = self._read(CycleState.from_json, document, f"agents/{self.agent}")
        read = Journal(self.directory, newest.header, state.cycle.snapshot)
        if newest.digest(TASK + self.agent) != read.digest(TASK + self.agent):
            return None  # published already, or changed by a run
        population = None if state.record is None else state.record.population
        own = () if population is None else (*population.own, *population.dropped)
        if not self._store.packs().issuperset(c.pack for path in own for c in path.components):
            return None  # a run has removed the very same components
        same = (state.cycle.sha256, dict(state.cycle.made_with), state.cycle.visits)
        if same == (wanted.sha256, dict(wanted.made_with), wanted.visits):
            return state
        if not accept_changes:
            raise Mu2Error(
                f"a cycle of {self.agent!r} in {self.directory} was cut off that had other "
                "settings.",
                hint=f"Go on with those ({self.directory / state.cycle.file}), or begin the cycle "
                "anew: --accept-changes.",
            )
        return None

    def _stand_at(self, journal: Journal) -> None:
        self._pending_journal, self._progress, self._live_paths = journal, None, None
        self._records.clear()

    def commit(self, message: str, changes: Changes, *, passing: bool = False) -> None:
        """Keeps a generation in the agent's folder (`passing`), or publishes the cycle.

        The records of other tasks are their agents': a path whose parent goes by this commit hangs
        on a root from then on (see `System.paths`).
        """
        (record,) = (record for record in changes.tasks if record.name == self.agent)
        self._put_named(changes.paths())
        if passing:
            self._keep(record)
        else:
            own = {TASK + self.agent: record.to_json(), AGENT + self.agent: self.cycle.to_json()}
            documents = own | dataclasses.replace(changes, tasks=()).documents()
            self._background.wait()
            self._publish(message, record, documents)
        self._records[self.agent] = record

    @property
    def cycle(self) -> AgentCycle:
        """The cycle under way; ValueError where there is none."""
        if self._cycle is None:
            raise ValueError(f"no cycle of {self.agent!r} is under way")
        return self._cycle

    def _keep(self, record: TaskRecord) -> None:
        mark = self._log_mark
        state = CycleState(self.cycle, record, mark.bytes, mark.lines).to_json()
        if self._last_commit is not None:
            self._last_commit.result()

        def durable() -> None:
            self._lock.check()
            self.times.flush()
            self.log.flush()
            self._folder.write(state)

        self._last_commit = self._background.add(durable)

    def _publish(self, message: str, record: TaskRecord, documents: Mapping[str, Any]) -> None:
        """Makes the cycle's end a commit on top of the newest one, its children last in the log."""
        name = TASK + self.agent
        self._lock.check()
        try:
            with CommitLock(self.directory, is_agent=True) as lease:
                journal = Journal.open(self.directory)
                drop_commit(self.directory, None)  # of whoever was killed in the midst of it
                if journal.digest(name) != self._pending_journal.digest(name):
                    raise Mu2Error(
                        f"another process has changed task {self.agent!r} of {self.directory} "
                        "during the cycle.",
                        hint="The same command begins the cycle anew.",
                    )
                progress = self._append_log(
                    self._read(Progress.from_json, journal.newest.progress, "HEAD")
                )
                mine = {c.pack for c in record.path.components} if record.path else set()
                self._own.publish(sorted(mine.intersection(self._folder.packs())))
                lease.check()
                journal.commit(documents, progress.to_json(), message)
                self._own.remove_others(self.agent, mine)
            self._folder.clear()
        except OSError as error:
            raise Mu2Error(
                f"{self.directory} does not take a commit: {reason(error)}",
                hint="Its last commit is whole. Mend this, then run the same command again.",
            ) from error
        self._own.forget()

    def _append_log(self, progress: Progress) -> Progress:
        """Puts the cycle's children behind those of the newest commit; what a kill left goes."""
        log, times = (ChildLog(self.directory / n) for n in ("log.jsonl", "times.jsonl"))
        if log.raw_size() < progress.log_bytes:
            raise Mu2Error(
                f"the log is shortened: {log.raw_size():,} bytes, and the commit was made with "
                f"{progress.log_bytes:,}.",
                location=str(self.directory / "log.jsonl"),
                hint="Put it back from a copy, then run the same command again.",
            )
        if log.raw_size() > progress.log_bytes:
            times.keep(progress.log_lines)
        mark = Mark(progress.log_bytes, progress.log_lines, progress.log_digest)
        if mark.lines and not mark.digest:  # of a system that kept none
            mark = log.marks({mark.bytes})[mark.bytes]
        # In this order: of whatever a kill leaves, more stands in the log than its commit knows.
        mark = log.extend(self.log.lines(), mark)
        times.extend(self.times.lines(), Mark(times.size()))
        times.flush()
        log.flush()
        return dataclasses.replace(
            progress, log_bytes=mark.bytes, log_lines=mark.lines, log_digest=mark.digest
        )
