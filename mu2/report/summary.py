"""What a system holds, as one document: the content of `mu2 show`."""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from mu2.evolution.live_paths import LivePaths
from mu2.evolution.path import Component, Path
from mu2.evolution.scoring import accounted_parameters
from mu2.report.sharing import sharing
from mu2.system import System, TaskRecord
from mu2.system.agents import agents_of

FORMAT = 1
# Keys of a task's document whose values name tasks.
_NAMING = ("parent_task", "lineage", "reused_from", "reused_layers")


def summarise(system: System) -> dict[str, Any]:
    """The document; its keys are told by `mu2 show --help`.

    A layer counts as reused where another task or a root made it, and as added where the task
    itself did. The share activated is of the parameters of all live paths.

    Raises:
      Mu2Error: a record, a commit or a log is damaged.
    """
    records, live_paths = system.records(), system.paths()
    # The records have the paths already; made from `live_paths`, all would be made once more.
    paths = [*system.roots(), *(record.path for record in records if record.path is not None)]
    sizes = {c.id: c.size for path in paths for c in path.components}
    whole = sum(sizes.values())
    system.check_log()
    seconds: dict[str, float] = {}
    for line in islice(system.times, system.progress.log_lines):
        seconds[line["task"]] = seconds.get(line["task"], 0.0) + line["seconds"]
    logged = system.log.ancestors(r.path.id for r in records if r.path is not None)
    return {
        "format": FORMAT,
        "system": str(system.directory),
        "models": [json.loads(m) for m in sorted({p.model for p in system.roots()})],
        "parameters": whole,
        "tasks": [
            with_titles(
                {
                    **_task(record, live_paths, whole, logged),
                    "seconds": _rounded(seconds.get(record.name)),
                },
                {record.name: record.title for record in records},
            )
            for record in records
        ],
        "sharing": sharing(
            [record.path for record in records if record.path is not None],
            system.roots(),
            islice(system.log, system.progress.log_lines),
        ),
        "run": _run(system.progress.complete, records),
        "agents": [dataclasses.asdict(agent) for agent in agents_of(system.directory)],
    }


def with_titles(task: Mapping[str, Any], titles: Mapping[str, str]) -> dict[str, Any]:
    """A task's document, tasks named as they are shown; its own name stays under `id`."""

    def shown(value: Any) -> Any:
        if isinstance(value, list):
            return [shown(each) for each in value]
        if isinstance(value, dict):
            return {shown(name): layers for name, layers in value.items()}
        return titles.get(value, value)

    return {
        **task,
        **{key: shown(task[key]) for key in _NAMING},
        "name": titles[task["name"]],
        "id": task["name"],
    }


def tasks_of_lineage(
    path: Path, live_paths: Mapping[str, Path], logged: Mapping[str, Mapping[str, Any]]
) -> list[str | None]:
    """The tasks that a path comes from, nearest first: each once in a row, its own left out.

    Args:
      path: of a task.
      live_paths: every live path by id.
      logged: what the log says of its ancestors, by path; a path that it does not know goes on
        with its record.

    Returns:
      Names of tasks; None for a root, which is last where the lineage is known to its end.
    """
    found: list[str | None] = [path.task]
    here: str | None = path.id
    met: set[str] = set()
    while here is not None and here not in met:
        met.add(here)
        if here in logged:
            here, task = logged[here]["parent"], logged[here]["parent_task"]
        elif here in live_paths:
            task, here = live_paths[here].parent_task, live_paths[here].parent
        else:
            break
        if here is not None and task != found[-1]:
            found.append(task)
    return found[1:]


def _task(
    record: TaskRecord, live_paths: LivePaths, whole: int, logged: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
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
        "lineage": [],
        "components": None,
        "reused_components": None,
        "reused_from": [],
        "reused_layers": {},
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
        "lineage": tasks_of_lineage(path, live_paths, logged),
        "components": len(path.components),
        "reused_components": len(reused),
        "reused_from": sorted({component.owner or "root" for component in reused}),
        "reused_layers": {
            owner: [c.name for c in reused if (c.owner or "root") == owner]
            for owner in dict.fromkeys(c.owner or "root" for c in reused)
        },
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
