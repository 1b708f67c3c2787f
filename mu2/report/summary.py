"""What a system holds, as one document: the content of `mu2 show`."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from mu2.evolution.live_paths import LivePaths
from mu2.evolution.path import Component
from mu2.evolution.scoring import accounted_parameters
from mu2.system import System, TaskRecord

FORMAT = 1


def summarise(system: System) -> dict[str, Any]:
    """The document; its keys are told by `mu2 show --help`.

    A layer counts as reused where another task or a root made it, and as added where the task
    itself did. The share activated is of the parameters of all live paths.
    """
    records, live_paths = system.records(), system.paths()
    # The records have the paths already; made from `live_paths`, all would be made once more.
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
            {**_task(record, live_paths, whole), "seconds": _rounded(seconds.get(record.name))}
            for record in records
        ],
        "run": _run(system.progress.complete, records),
    }


def _task(record: TaskRecord, live_paths: LivePaths, whole: int) -> dict[str, Any]:
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
        "accounted_parameters": accounted_parameters(path.components, live_paths, record.name),
        "activated_share": parameters / whole,
        "hyperparameters": dict(sorted(path.hyperparameters.items())),
    }


def _run(complete: bool, records: Sequence[TaskRecord]) -> dict[str, Any]:
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
