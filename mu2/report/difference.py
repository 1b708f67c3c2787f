"""What differs between two systems, or two commits of one: the content of `mu2 diff`."""

from collections.abc import Mapping
from typing import Any

from mu2.errors import Mu2Error
from mu2.evolution.path import Path
from mu2.report.summary import summarise
from mu2.system import System, TaskRecord

# Of a task's document, what is compared as it stands.
_COMPARED = (
    *("iterations", "private", "input", "classes", "model", "test_accuracy"),
    *("validation_accuracy", "path_parameters"),
)


def difference(a: System, b: System) -> dict[str, Any]:
    """The document; its keys are told by `mu2 diff --help`.

    Tasks are told apart by the name that they were introduced with, so that a renamed one is the
    same; components by their bytes.
    """
    ours, theirs = _tasks(a), _tasks(b)
    both = [name for name in ours if name in theirs]
    tasks = []
    for name in both:
        changed = _changed(ours[name], theirs[name])
        if changed:
            tasks.append({"name": theirs[name][0]["name"], "id": name, **changed})
    digests = [_digests(each) for each in (ours, theirs)]
    return {
        "format": 1,
        "only_a": [ours[name][0]["name"] for name in ours if name not in theirs],
        "only_b": [theirs[name][0]["name"] for name in theirs if name not in ours],
        "same": len(both) - len(tasks),
        "changed": tasks,
        "components": {
            "both": len(digests[0] & digests[1]),
            "only_a": len(digests[0] - digests[1]),
            "only_b": len(digests[1] - digests[0]),
        },
        "settings": _settings(a, b),
    }


def _tasks(system: System) -> dict[str, tuple[dict[str, Any], TaskRecord]]:
    """The document and the record of each task, by the name it was introduced with."""
    documents = {task["id"]: task for task in summarise(system)["tasks"]}
    return {record.name: (documents[record.name], record) for record in system.records()}


def _changed(
    ours: tuple[dict[str, Any], TaskRecord], theirs: tuple[dict[str, Any], TaskRecord]
) -> dict[str, Any]:
    """What differs of a task: name to both values, and the layers; empty where nothing does."""
    (a, old), (b, new) = ours, theirs
    values = {key: {"a": a[key], "b": b[key]} for key in ("name", *_COMPARED) if a[key] != b[key]}
    if _parent_task(old) != _parent_task(new):
        values["parent_task"] = {"a": a["parent_task"], "b": b["parent_task"]}
    if old.class_names != new.class_names and "classes" not in values:
        values["class_names"] = {"a": list(old.class_names), "b": list(new.class_names)}
    moved = {
        name: {"a": a["hyperparameters"].get(name), "b": b["hyperparameters"].get(name)}
        for name in sorted({*a["hyperparameters"], *b["hyperparameters"]})
        if a["hyperparameters"].get(name) != b["hyperparameters"].get(name)
    }
    layers = _layers(old.path, new.path)
    if not (values or moved or layers["other"] or layers["only_a"] or layers["only_b"]):
        return {}
    return {"values": values, "hyperparameters": moved, "layers": layers}


def _parent_task(record: TaskRecord) -> str | None:
    """By its own name, whatever it is shown as."""
    return None if record.path is None else record.path.parent_task


def _layers(old: Path | None, new: Path | None) -> dict[str, list[str]]:
    """The layers of two paths by name: of the same bytes, of other bytes, in one alone."""
    a, b = ({c.name: c.digest for c in p.components} if p else {} for p in (old, new))
    return {
        "same": [name for name in a if a[name] == b.get(name)],
        "other": [name for name in a if name in b and a[name] != b[name]],
        "only_a": [name for name in a if name not in b],
        "only_b": [name for name in b if name not in a],
    }


def _digests(tasks: Mapping[str, tuple[dict[str, Any], TaskRecord]]) -> set[str]:
    paths = [record.path for _, record in tasks.values() if record.path is not None]
    return {component.digest for path in paths for component in path.components}


def _settings(a: System, b: System) -> dict[str, list[str]] | None:
    """The lines of the resolved Gin text of the last run that only one has; None without runs."""
    texts = []
    for system in (a, b):
        if not (runs := system.progress.runs):
            return None
        file = system.gin_file(runs - 1)
        try:
            texts.append(file.read_text(encoding="utf-8").splitlines())
        except OSError as error:
            raise Mu2Error(f"{file} cannot be read: {error.strerror}.") from error
    first, second = texts
    return {
        "only_a": [line for line in first if line.strip() and line not in set(second)],
        "only_b": [line for line in second if line.strip() and line not in set(first)],
    }
