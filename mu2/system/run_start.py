"""What a run would do with a system before it begins: go on, visit tasks again, or nothing."""

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from mu2.errors import Mu2Error
from mu2.system.system import System

State = Literal["new", "goes on", "complete", "again", "other settings"]
# Of the lines in which two Gin texts differ, as many are told.
_TOLD = 6


@dataclasses.dataclass(frozen=True)
class RunStart:
    """How a run would begin.

    Attributes:
      state: `new`: the system has no run yet. `goes on`: its last run is this one, and unfinished.
        `complete`: its last run is this one, and there is nothing left. `again`: its last run is
        complete and has other settings, so that this is a run of its own. `other settings`: its
        last run is unfinished and has other settings; `mu2 run` refuses it without
        --accept-changes.
      visits: the task of each task iteration that would be done, in order.
      known: those of them that the system has already, with the iterations they had.
      gone: lines of the last run's Gin text that this one has not.
      new: lines that this one has alone.
    """

    state: State
    visits: tuple[str, ...]
    known: dict[str, int]
    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()

    def lines(self, directory: str) -> list[str]:
        """What is to be said of it, each a sentence or a setting."""
        count = f"{len(self.visits)} task iteration{'s' * (len(self.visits) != 1)}"
        if self.state == "complete":
            return [f"{directory}: this run is complete; nothing would be done."]
        if self.state == "new":
            return [f"{directory} is new: {count}."]
        if self.state == "goes on":
            return [f"{directory}: its last run goes on: {count} left, {self._visited()}."]
        if self.state == "other settings":
            said = [f"{directory}: its last run is unfinished and has other settings:"]
            return [*said, *self._changes(), "mu2 run goes on with them only by --accept-changes."]
        said = [
            f"{directory}: its last run is complete and has other settings, so this is a run of "
            f"its own, which visits every task of the stream: {count}, {self._visited()}."
        ]
        if self.known:
            said.append(
                "Known tasks go on evolving from their paths: "
                + ", ".join(f"{task} after {n} iterations" for task, n in self.known.items())
                + ". To add tasks alone, name only these in Stream.tasks."
            )
        return [*said, *self._changes()]

    def _visited(self) -> str:
        return ", ".join(
            task + (f" ({n} times)" if n > 1 else "") for task, n in Counter(self.visits).items()
        )

    def _changes(self) -> list[str]:
        gone = [f"  was: {line}" for line in self.gone[:_TOLD]]
        new = [f"  is:  {line}" for line in self.new[:_TOLD]]
        more = max(0, len(self.gone) - _TOLD) + max(0, len(self.new) - _TOLD)
        return [*gone, *new, *([f"  and {more} more"] if more else [])]


def run_start(system: System | None, resolved: str, schedule: Sequence[str]) -> RunStart:
    """How a run would begin.

    Args:
      system: as it stands; None: there is none yet.
      resolved: the complete Gin text of the run.
      schedule: the task of each of its task iterations, as the system names them.

    Raises:
      Mu2Error: the last run's Gin text cannot be read.
    """
    if system is None or not system.progress.runs:
        return RunStart("new", tuple(schedule), {})
    progress = system.progress
    known = {
        system.titles[task]: system.task(task).iterations
        for task in dict.fromkeys(schedule)
        if task in system.titles
    }
    shown = [system.titles.get(task, task) for task in schedule]
    if progress.fingerprint == hashlib.sha256(resolved.encode()).hexdigest():
        left = tuple(shown[progress.position :])
        return RunStart("complete" if progress.complete else "goes on", left, known)
    file = system.gin_file(progress.runs - 1)
    try:
        before = _settings(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Mu2Error(f"{file} cannot be read: {error.strerror}.") from error
    now = _settings(resolved)
    gone = tuple(line for line in before if line not in now)
    new = tuple(line for line in now if line not in before)
    if progress.complete:
        return RunStart("again", tuple(shown), known, gone, new)
    position = progress.start_run("", schedule).position
    return RunStart("other settings", tuple(shown[position:]), known, gone, new)


def _settings(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
