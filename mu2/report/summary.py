"""What a system holds, as one document: the content of `mu2 show`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from mu2.evolution.living import Living
from mu2.evolution.path import Component, Path
from mu2.evolution.population import Population
from mu2.evolution.scoring import accounted_parameters

FORMAT = 1


class Record(Protocol):
    """A task, as far as the summary asks."""

    @property
    def name(self) -> str:
        """The task's name."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """One a class."""

    @property
    def private(self) -> bool:
        """No seed for other tasks."""

    @property
    def input(self) -> str:
        """The kind of its examples."""

    @property
    def iterations(self) -> int:
        """Task iterations finished."""

    @property
    def path(self) -> Path | None:
        """The path that survived the last one."""

    @property
    def population(self) -> Population | None:
        """The task iteration under way."""


class Position(Protocol):
    """How far the last run has come."""

    @property
    def complete(self) -> bool:
        """It is finished."""


class System(Protocol):
    """A system, as far as the summary asks."""

    @property
    def directory(self) -> object:
        """Where it lies."""

    @property
    def progress(self) -> Position:
        """How far its runs have come."""

    @property
    def times(self) -> Iterable[Mapping[str, Any]]:
        """A record a child: task and seconds."""

    def records(self) -> Sequence[Record]:
        """What is known of every task, in order of introduction."""

    def roots(self) -> tuple[Path, ...]:
        """The paths that no task owns."""

    def paths(self) -> Living:
        """The roots and each task's kept path."""


def summarise(system: System) -> dict[str, Any]:
    """The document; its keys are told by `mu2 show --help`.

    A layer counts as reused where another task or a root made it, and as added where the task
    itself did. The share activated is of the parameters of all live paths.
    """
    records, living = system.records(), system.paths()
    # The records have the paths already; made from `living`, all would be made once more.
    paths = [*system.roots(), *(record.path for record in records if record.path is not None)]
    sizes = {c.id: c.size for path in paths for c in path.components}
    whole = sum(sizes.values())
    seconds: dict[str, float] = {}
    for line in system.times:
        seconds[line["task"]] = seconds.get(line["task"], 0.0) + line["seconds"]
    return {
        "format": FORMAT,
        "system": str(system.directory),
        "models": [json.loads(m) for m in sorted({p.model for p in system.roots()})],
        "parameters": whole,
        "tasks": [
            {**_task(record, living, whole), "seconds": _rounded(seconds.get(record.name))}
            for record in records
        ],
        "run": _run(system.progress.complete, records),
    }


def _task(record: Record, living: Living, whole: int) -> dict[str, Any]:
    path = record.path
    document: dict[str, Any] = {
        "name": record.name,
        "private": record.private,
        "input": record.input,
        "iterations": record.iterations,
        "classes": len(record.class_names),
        "path": None,
        "model": None,
        "test_accuracy": None,
        "validation_accuracy": None,
        "score": None,
        "parent_task": None,
        "components": None,
        "reused_components": None,
        "reused_from": [],
        "path_parameters": None,
        "added_parameters": None,
        "accounted_parameters": None,
        "activated_share": None,
        "hyperparameters": {},
    }
    if path is None:
        return document
    reused = [c for c in path.components if c.owner != record.name]
    parameters = _parameters(path.components)
    return {
        **document,
        "path": path.id,
        "model": path.model,
        "test_accuracy": path.test_accuracy,
        "validation_accuracy": path.quality,
        "score": path.score,
        "parent_task": path.parent_task,
        "components": len(path.components),
        "reused_components": len(reused),
        "reused_from": sorted({component.owner or "root" for component in reused}),
        "path_parameters": parameters,
        "added_parameters": parameters - _parameters(reused),
        "accounted_parameters": accounted_parameters(path.components, living, record.name),
        "activated_share": parameters / whole,
        "hyperparameters": dict(sorted(path.hyperparameters.items())),
    }


def _run(complete: bool, records: Sequence[Record]) -> dict[str, Any]:
    run: dict[str, Any] = {"complete": complete}
    under_way = [record.population for record in records if record.population is not None]
    if under_way:
        population = under_way[0]
        run |= {
            "task": population.task,
            "iteration": population.iteration,
            "generation": population.generation,
        }
    return run


def _parameters(components: Iterable[Component]) -> int:
    return sum(component.size for component in components)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
