"""What an agent's cycle was made of, so that it can go on, and be replayed."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from mu2.errors import Mu2Error
from mu2.store.files import damage_error, read_bytes, sha256, write_file
from mu2.store.journal import Journal
from mu2.system import schema
from mu2.system.record import TaskRecord
from mu2.system.system import AGENT, TASK

_CYCLE = schema.fields(
    {
        "task": schema.text(500, empty=False),
        "iteration": schema.count(),
        "snapshot": schema.text(100, empty=False),
        "visits": schema.count(least=1),
        "file": schema.text(200, empty=False),
        "sha256": schema.digest,
        "made_with": schema.mapping(schema.text(10_000), 1000),
    }
)
_STATE = schema.fields(
    {
        "cycle": _CYCLE,
        "record": schema.optional(schema.TASK),
        "log_bytes": schema.count(),
        "log_lines": schema.count(),
    }
)


@dataclasses.dataclass(frozen=True)
class AgentCycle:
    """One cycle of an agent: a task iteration, evolved beside those of other tasks.

    Attributes:
      task: the agent's.
      iteration: of the task, from 0.
      snapshot: name of the commit whose paths it read.
      visits: cycles that share the agent's budget, if its experiment has one.
      file: the resolved Gin text, below the system's folder.
      sha256: of that text.
      made_with: what else its numbers depend on (see `environment.run_environment`).
    """

    task: str
    iteration: int
    snapshot: str
    visits: int
    file: str
    sha256: str
    made_with: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """A JSON document."""
        return {**dataclasses.asdict(self), "made_with": dict(self.made_with)}

    def text_file(self, directory: FilePath) -> FilePath:
        """Where its Gin text lies; Mu2Error where that is not the text that its agent had."""
        if sha256(read_bytes(directory / self.file)) != self.sha256:
            raise damage_error(
                directory / self.file, "its bytes are not those that its record names."
            )
        return directory / self.file

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "AgentCycle":
        """The cycle of a document that `to_json` made.

        Raises:
          ValueError: it is not as declared.
          KeyError, TypeError: a part is missing, or there is one more.
        """
        schema.require(_CYCLE, document)
        return cls(**document)


@dataclasses.dataclass(frozen=True)
class CycleState:
    """How far a cycle has come that is not published.

    Attributes:
      cycle: which.
      record: the task's, with its population; None before the first generation's end.
      log_bytes: of the cycle's own log that belong to it.
      log_lines: lines of them.
    """

    cycle: AgentCycle
    record: TaskRecord | None = None
    log_bytes: int = 0
    log_lines: int = 0

    def to_json(self) -> dict[str, Any]:
        """A JSON document."""
        return {
            "cycle": self.cycle.to_json(),
            "record": None if self.record is None else self.record.to_json(),
            "log_bytes": self.log_bytes,
            "log_lines": self.log_lines,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "CycleState":
        """The state of a document that `to_json` made; raises as `AgentCycle.from_json`."""
        schema.require(_STATE, document)
        record = document["record"]
        return cls(
            AgentCycle.from_json(document["cycle"]),
            None if record is None else TaskRecord.from_json(record),
            document["log_bytes"],
            document["log_lines"],
        )


def keep_text(directory: FilePath, resolved: str) -> tuple[str, str]:
    """Keeps the complete Gin text that agents go by; returns its file below the system and sha256.

    Call under the system's lease.

    Raises:
      OSError: it cannot be written.
    """
    digest = sha256(resolved.encode())
    # Named by content: what a commit names is never written over.
    name = f"runs/agents-{digest[:16]}.gin"
    if not (directory / name).exists():
        (directory / "runs").mkdir(exist_ok=True)
        write_file(directory / name, resolved.encode())
    return name, digest


def published_cycles(
    directory: str | FilePath, task: str
) -> dict[int, tuple[AgentCycle, TaskRecord]]:
    """The cycles that an agent has published, and the record that each published, by iteration.

    Raises:
      Mu2Error: there is no system, or its history is damaged.
    """
    found: dict[int, tuple[AgentCycle, TaskRecord]] = {}
    for name, _, records in Journal.open(FilePath(directory)).changes():
        if AGENT + task not in records or TASK + task not in records:
            continue
        try:
            cycle = AgentCycle.from_json(records[AGENT + task])
            found[cycle.iteration] = (cycle, TaskRecord.from_json(records[TASK + task]))
        except (KeyError, TypeError, ValueError) as error:
            raise Mu2Error(
                f"the record {AGENT + task!r} of commit {name[:8]} is none that mu2 writes.",
                location=str(directory),
            ) from error
    return found


def published_cycle(
    directory: str | FilePath, task: str, number: int
) -> tuple[AgentCycle, TaskRecord]:
    """One of `published_cycles`.

    Raises:
      Mu2Error: no agent has published it.
    """
    cycles = published_cycles(directory, task)
    if number not in cycles:
        raise Mu2Error(
            f"no agent of {directory} published cycle {number} of {task!r}.",
            hint=f"Of this task there is {', '.join(map(str, sorted(cycles))) or 'none'}.",
        )
    return cycles[number]
