"""What a system keeps on disk besides paths: a record a task, and how far its runs have come."""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from mu2.evolution.path import Path
from mu2.evolution.population import Population
from mu2.store.files import NamedFile, files_of
from mu2.system import schema


@dataclasses.dataclass(frozen=True)
class TaskRecord:
    """What a system knows of one task.

    Attributes:
      name: the task's name, which its components and its log lines bear for good.
      class_names: one a class, in label order.
      private: its path is no seed for other tasks.
      input: the kind of its examples.
      iterations: task iterations finished.
      path: the path that survived the last one; None before the first is finished.
      population: the task iteration under way, or None.
      offspring: path id to the number of children this task had from it.
      preparation: how its examples are made of what files hold, as
        `mu2.tasks.preparation.Preparation` writes it; None where its source does not say, and in
        systems of earlier versions.
      alias: the name that it was given later, by which it is shown; None: its own.
    """

    name: str
    class_names: tuple[str, ...]
    private: bool
    input: str = "image"
    iterations: int = 0
    path: Path | None = None
    population: Population | None = None
    offspring: Mapping[str, int] = dataclasses.field(default_factory=dict)
    preparation: Mapping[str, Any] | None = None
    alias: str | None = None

    @property
    def title(self) -> str:
        """The name by which it is shown."""
        return self.name if self.alias is None else self.alias

    @property
    def current_population(self) -> Population:
        """The population of the task iteration under way; ValueError where there is none."""
        if self.population is None:
            raise ValueError(f"no iteration of task {self.name!r} is under way")
        return self.population

    def to_json(self) -> dict[str, Any]:
        """A JSON document, the same for equal records."""
        return {
            "name": self.name,
            "class_names": list(self.class_names),
            "private": self.private,
            "input": self.input,
            "iterations": self.iterations,
            "path": None if self.path is None else self.path.to_json(),
            "population": None if self.population is None else self.population.to_json(),
            "offspring": dict(sorted(self.offspring.items())),
            **({} if self.preparation is None else {"preparation": dict(self.preparation)}),
            **({} if self.alias is None else {"alias": self.alias}),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "TaskRecord":
        """The record of a document that `to_json` made.

        Raises:
          ValueError: the document is not as `schema.TASK` declares it, or its parts do not go
            together.
          KeyError: a part is missing.
          TypeError: it has one more.
        """
        schema.require(schema.TASK, document)
        path, population = document["path"], document["population"]
        record = cls(
            name=document["name"],
            class_names=tuple(document["class_names"]),
            private=document["private"],
            input=document["input"],
            iterations=document["iterations"],
            path=None if path is None else Path.from_json(path),
            population=None if population is None else Population.from_json(population),
            offspring=document["offspring"],
            preparation=document.get("preparation"),
            alias=document.get("alias"),
        )
        record._check()
        return record

    def _check(self) -> None:
        """ValueError where its parts do not go together."""
        made = self.population
        own = () if made is None else (*made.own, *made.dropped)
        for path in (*own, *([] if self.path is None else [self.path])):
            schema.check_path(path, task=self.name, classes=len(self.class_names))
        if made is not None:
            known = (made.task, made.num_classes)
            if known != (self.name, len(self.class_names)):
                raise ValueError("its population is of another task, or of other classes")
        prepared = self.preparation
        if self.input == "table" and prepared is not None and prepared.get("encoding") is None:
            raise ValueError("the columns of its table have no encoding")


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far the system's runs have come.

    Attributes:
      runs: runs begun, the last one perhaps unfinished.
      fingerprint: sha256 (hex) of the last one's resolved Gin text; empty before the first.
      position: task iterations of the last run that are finished.
      visited: names them, in order, as one digest.
      complete: the last run is finished.
      log_lines: lines of the child log that belong to the commit.
      log_bytes: bytes of these lines.
      log_digest: of these lines, see `child_log.chain_digest`; empty where there are none, and in
        systems of mu2 0.1 up to November 2026, which did not keep it.
      packs: checkpoints written since the last lasting commit.
      under_way: tasks with a task iteration under way.
    """

    runs: int = 0
    fingerprint: str = ""
    position: int = 0
    visited: str = ""
    complete: bool = True
    log_lines: int = 0
    log_bytes: int = 0
    packs: tuple[str, ...] = ()
    under_way: tuple[str, ...] = ()
    log_digest: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON document."""
        lists = {"packs": list(self.packs), "under_way": list(self.under_way)}
        return {**dataclasses.asdict(self), **lists}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Progress":
        """The progress of a document that `to_json` made.

        Raises:
          ValueError: it is not as `schema.PROGRESS` declares it.
          KeyError: a part is missing.
          TypeError: it has one more.
        """
        schema.require(schema.PROGRESS, document)
        tuples = {name: tuple(document[name]) for name in ("packs", "under_way")}
        return cls(**{**document, **tuples})

    def finish_task(self, task: str) -> "Progress":
        """The progress with one more task iteration finished, of this task."""
        return dataclasses.replace(
            self, position=self.position + 1, visited=_visited(self.visited, task)
        )

    def start_run(self, fingerprint: str, schedule: Sequence[str]) -> "Progress":
        """The progress at the start of a run, or of the last one with other settings.

        Of a run that is not complete the finished task iterations count, where the new schedule
        begins with the same ones.

        Args:
          fingerprint: of the run's resolved Gin text.
          schedule: the task of each task iteration.
        """
        made = dataclasses.replace(
            self, runs=self.runs + self.complete, fingerprint=fingerprint, complete=False
        )
        visited = ""
        for task in schedule[: self.position]:
            visited = _visited(visited, task)
        if self.complete or self.position > len(schedule) or visited != self.visited:
            return dataclasses.replace(made, position=0, visited="")
        return made


@dataclasses.dataclass(frozen=True)
class Change:
    """What one commit of a system's history changed.

    Attributes:
      name: the commit's.
      number: counted from 1.
      message: what it was for.
      passing: a generation whose task iteration is not over.
      log_lines: lines of the child log that belong to the system as of this commit.
      tasks: the records that it wrote.
      roots: the roots that it wrote.
    """

    name: str
    number: int
    message: str
    passing: bool
    log_lines: int
    tasks: tuple[TaskRecord, ...]
    roots: tuple[Path, ...]


def _visited(before: str, task: str) -> str:
    return hashlib.sha256(f"{before}\n{task}".encode()).hexdigest()


def read_path(document: Any) -> Path:
    """A path whose parts go together (see `schema.PATH`); raises ValueError, KeyError."""
    schema.require(schema.PATH, document)
    path = Path.from_json(document)
    schema.check_path(path, task=path.task, classes=path.num_classes if path.task else None)
    return path


def read_aliases(document: Any) -> dict[str, str]:
    """The names that tasks were given later, each with the task's own; raises ValueError."""
    schema.require(schema.ALIASES, document)
    return dict(document["aliases"])


def read_iterations(document: Any) -> int:
    """The iterations of a task that was removed; raises ValueError, KeyError."""
    schema.require(schema.REMOVED, document)
    return int(document["iterations"])


def read_run(document: Any) -> tuple[NamedFile, dict[str, str]]:
    """A run's Gin text, and what else its numbers depend on; raises ValueError, KeyError."""
    schema.require(schema.RUN, document)
    (file,) = files_of(document)
    return file, dict(document["made_with"])
