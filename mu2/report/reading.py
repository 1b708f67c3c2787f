"""Reads a system into the plain data that reports are made of."""

import dataclasses
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path as FilePath

from mu2.errors import Mu2Error
from mu2.evolution.path import Path
from mu2.report.history import (
    History,
    HistoryCommit,
    HistoryTask,
    KeptComponent,
    KeptPath,
    LoggedChild,
    Predictions,
)
from mu2.system import System
from mu2.system.record import TaskRecord

_BINDING = re.compile(r"(?P<name>[\w./-]+) = (?P<value>.*)")


def read_history(directory: str | FilePath, at: str | None = None) -> History:
    """Reads all that a report shows of a system: its records and logs, no arrays.

    A run may go on meanwhile: what belongs to no commit yet is left out.

    Args:
      directory: the system's folder.
      at: a commit of its history, by number or name; None: the newest.

    Raises:
      Mu2Error: there is no system or commit, or it is damaged, or its log is.
    """
    system = System.open(directory, at)
    system.check_log()
    records = system.records()
    changes = list(system.changes())
    lines = system.progress.log_lines
    children = tuple(_children(system, lines))
    logged = {child.path: child for child in children}
    made: dict[str, Path] = {}
    commits, iterations = [], dict.fromkeys((r.name for r in records), 0)
    for change in changes:
        ended = None
        for root in change.roots:
            made[root.id] = root
        for record in change.tasks:
            if record.iterations > iterations.get(record.name, 0):
                ended = record.name
            iterations[record.name] = record.iterations
            if record.path is not None:
                made[record.path.id] = record.path
        if not change.passing:
            paths = {r.name: r.path.id for r in change.tasks if r.path is not None}
            commits.append(
                HistoryCommit(change.number, change.message, ended, paths, change.log_lines)
            )
    made |= {root.id: root for root in system.roots()}
    made |= {record.path.id: record.path for record in records if record.path is not None}
    return History(
        name=FilePath(directory).resolve().name,
        tasks=tuple(_task(system, record) for record in records),
        paths={name: _path(path, logged) for name, path in made.items()},
        components=_components(made, logged),
        children=children,
        commits=tuple(commits),
        complete=system.progress.complete,
        settings=_settings(system),
        under_way=tuple(
            (r.name, r.iterations, r.population.generation)
            for r in records
            if r.population is not None
        ),
        titles={name: title for name, title in system.titles.items() if name != title},
    )


def tell_apart(
    histories: Sequence[History], directories: Sequence[str | os.PathLike[str]]
) -> tuple[History, ...]:
    """Systems whose folders are called alike, under names that differ: `a/system`, `b/system`.

    Args:
      histories: as `read_history` gives them.
      directories: the folder of each.
    """
    parts = [FilePath(each).resolve().parts for each in directories]
    names, depths = [each.name for each in histories], [1] * len(parts)
    while alike := [
        i for i, name in enumerate(names) if names.count(name) > 1 and depths[i] < len(parts[i]) - 1
    ]:
        for i in alike:
            depths[i] += 1
            names[i] = "/".join(parts[i][-depths[i] :])
    return tuple(
        dataclasses.replace(each, name=name) for each, name in zip(histories, names, strict=True)
    )


def _task(system: System, record: TaskRecord) -> HistoryTask:
    kept = system.predictions(record.name)
    predictions: Predictions | None = None
    if kept is not None:
        predictions = (
            tuple(kept.labels.tolist()),
            tuple(kept.classes.tolist()),
            tuple(kept.probabilities.tolist()),
        )
    return HistoryTask(
        name=record.name,
        class_names=record.class_names,
        private=record.private,
        input=record.input,
        iterations=record.iterations,
        path=None if record.path is None else record.path.id,
        predictions=predictions,
    )


def _path(path: Path, logged: Mapping[str, LoggedChild]) -> KeptPath:
    return KeptPath(
        id=path.id,
        task=path.task,
        parent=logged[path.id].parent if path.id in logged else path.parent,
        components=tuple(component.id for component in path.components),
        hyperparameters=dict(sorted(path.hyperparameters.items())),
        model=path.model,
        private=path.private,
        flops=path.flops,
        quality=path.quality,
        score=path.score,
        test_accuracy=path.test_accuracy,
    )


def _children(system: System, lines: int) -> Iterable[LoggedChild]:
    """The committed lines of the log, each with its wall time."""
    seconds = [line.get("seconds") for _, line in zip(range(lines), system.times, strict=False)]
    for number, line in zip(range(lines), system.log, strict=False):
        try:
            yield LoggedChild(
                path=line["path"],
                task=line["task"],
                iteration=line["iteration"],
                generation=line["generation"],
                number=line["child"],
                parent=line["parent"],
                parent_task=line["parent_task"],
                quality=line["quality"],
                qualities=tuple(line["qualities"]),
                score=line["score"],
                score_to_reach=line["bar"],
                retained=line["retained"],
                diverged=line["diverged"],
                stopped=line.get("stopped", False),
                actions=line["actions"],
                trained_parameters=line["trained_parameters"],
                parameters=line["parameters"],
                steps=line["steps"],
                flops=line["flops"],
                seconds=seconds[number] if number < len(seconds) else None,
                hyperparameters=line["hyperparameters"],
                probes=line.get("probes", {}),
            )
        except (KeyError, TypeError) as error:
            raise Mu2Error(
                f"not a child's line of a log ({type(error).__name__}: {error}).",
                location=f"{system.directory / 'log.jsonl'}:{number + 1}",
            ) from error


def _components(
    paths: Mapping[str, Path], logged: Mapping[str, LoggedChild]
) -> dict[str, KeptComponent]:
    """The components of some paths, and those that they descend from as far as these are known."""
    sizes = {c.id: (c.name, c.size, c.owner) for path in paths.values() for c in path.components}
    by_root = {p.id: {c.name: c.id for c in p.components} for p in paths.values() if not p.task}

    def find_component(path: str | None, name: str) -> str | None:
        """The component of this name that a path has, or its nearest ancestor that has one."""
        seen: set[str] = set()
        while path is not None and path not in seen:
            seen.add(path)
            child = logged.get(path)
            if child is None:
                found = by_root.get(path, {}).get(name)
                known = paths.get(path)
                if found is None and known is not None and known.task is not None:
                    found = next((c.id for c in known.components if c.name == name), None)
                return found
            if child.actions.get(name) in ("clone", "resample", "new", "solve"):
                return f"{path}/{name}"
            path = child.parent
        return None

    made: dict[str, KeptComponent] = {}
    for start, (_, size, owner) in sizes.items():
        here: str | None = start
        while here is not None and here not in made:
            path, _, name = here.rpartition("/")
            child = logged.get(path)
            source = None
            if child is not None and child.actions.get(name) in ("clone", "resample"):
                source = find_component(child.parent, name)
            _, size, owner = sizes.get(here, (name, size, child.task if child else owner))
            made[here] = KeptComponent(here, name, size, owner, source)
            here = source
    return made


def _settings(system: System) -> dict[str, str]:
    """The bindings of the last run's resolved Gin text, as they are spelt there."""
    if not system.progress.runs:
        return {}
    file = system.gin_file(system.progress.runs - 1)
    try:
        text = file.read_text(encoding="utf-8")
    except OSError:
        return {}  # a system whose Gin files were taken away can still be looked at
    found: dict[str, str] = {}
    name = None
    for line in text.splitlines():
        if match := _BINDING.fullmatch(line):
            name = match["name"]
            found[name] = match["value"]
        elif name is not None and line.strip() and not line.startswith("#"):
            found[name] = f"{found[name]} {line.strip()}"
        else:
            name = None
    return found
