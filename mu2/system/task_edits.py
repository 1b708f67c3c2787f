"""Changes of a system's tasks outside of runs, each a commit that can be gone back from."""

import dataclasses
import json
from pathlib import Path as FilePath

from mu2.errors import Mu2Error
from mu2.evolution.path import Component, Path
from mu2.system.changes import Changes
from mu2.system.compatibility import compare_models
from mu2.system.lineage import relink_children
from mu2.system.record import TaskRecord
from mu2.system.system import System
from mu2.system.writable import WritableSystem
from mu2.tasks.task import check_name


def rename_task(directory: str | FilePath, task: str, name: str) -> None:
    """Shows a task by another name; its own stays its id, and runs and questions know both.

    Args:
      directory: the system's folder.
      task: the task, by either of its names.
      name: the new one; its own takes an earlier renaming back.

    Raises:
      Mu2Error: no such task, the name will not do or is taken, or another process is writing.
    """
    check_name(name)
    with _edited(directory) as system:
        record = system.task(task)
        if system.has_task(name) and system.task(name).name != record.name:
            raise Mu2Error(f"{directory} has a task {name!r} already.")
        if record.title == name:
            raise Mu2Error(f"task {task!r} is shown as {name!r} already.")
        alias = None if name == record.name else name
        renamed = dataclasses.replace(record, alias=alias)
        system.commit(f"task rename {record.title} to {name}", Changes(tasks=[renamed]))


def remove_task(directory: str | FilePath, task: str) -> None:
    """Takes a task out of a system; what other tasks share with it stays.

    A later task of the same name begins anew, its iterations counted on.

    Args:
      directory: the system's folder.
      task: the task.

    Raises:
      Mu2Error: no such task, an iteration of it is under way, or another process is writing.
    """
    with _edited(directory) as system:
        record = system.task(task)
        _refuse_under_way(system, record)
        changes = Changes(tasks=relink_children(system, record), removed=record)
        system.commit(f"task remove {record.title}", changes)


def set_private(directory: str | FilePath, task: str, private: bool) -> None:
    """Makes a task material for other tasks, or not, from the next run on.

    What others have taken from it already they keep.

    Args:
      directory: the system's folder.
      task: the task.
      private: its path is no seed for other tasks.

    Raises:
      Mu2Error: no such task, it is so already, or another process is writing.
    """
    word = "private" if private else "public"
    with _edited(directory) as system:
        record = system.task(task)
        _refuse_under_way(system, record)
        if record.private == private and (record.path is None or record.path.private == private):
            raise Mu2Error(f"task {task!r} is {word} already.")
        path = record.path
        path = None if path is None else dataclasses.replace(path, private=private)
        changed = dataclasses.replace(record, private=private, path=path)
        system.commit(f"task {word} {record.title}", Changes(tasks=[changed]))


def copy_task(
    directory: str | FilePath, task: str, target: str | FilePath, name: str | None = None
) -> None:
    """Copies a task with its components to another system, which may be new.

    Components that the target holds already, bit for bit in the same place of a network, are
    shared with it; the others become the copied task's own. What its path made of the test examples
    comes along, so that the copy can be verified; the lineage stays behind.

    Args:
      directory: the system's folder.
      task: one of its tasks that has a path.
      target: the other system's folder.
      name: the task's name there; None: the one that it is shown by.

    Raises:
      Mu2Error: no such task or path; a component is damaged; the target has a task of the name, or
        layers of the same architecture with other settings; or another process writes to it.
    """
    source = System.open(directory)
    record, path = source.task(task), source.path(task)
    name = record.title if name is None else name
    check_name(name)
    if FilePath(target).resolve() == FilePath(directory).resolve():
        raise Mu2Error(f"{target} is the system that the task is in.")
    arrays = {component.name: source.arrays(component) for component in path.components}
    with _edited(target, create=True) as system:
        if system.has_task(name):
            raise Mu2Error(f"{target} has a task {name!r} already.", hint="Name it with --as NAME.")
        _check_architecture(system, path)
        iteration = system.removed_iterations(name)
        made = dataclasses.replace(
            path,
            id=f"{name}/{iteration}/0",
            task=name,
            parent=None,
            parent_task=None,
            components=_placed(system, path, f"{name}/{iteration}/0"),
        )
        fresh = {c.name: arrays[c.name] for c in made.components if not c.digest}
        made = system.stage(made, fresh)
        copied = TaskRecord(
            name,
            record.class_names,
            record.private,
            record.input,
            iterations=iteration + 1,
            path=made,
            preparation=record.preparation,
        )
        known, sample = source.predictions(record.name), source.sample(record.name)
        predictions, samples = {}, {}
        if known is not None:
            predictions[name] = dataclasses.replace(known, path=made.id)
        if sample is not None and sample.path == path.id:
            samples[name] = dataclasses.replace(sample, path=made.id)
        changes = Changes(tasks=[copied], predictions=predictions, samples=samples)
        system.commit(f"task copy {name}", changes)


def _edited(directory: str | FilePath, create: bool = False) -> WritableSystem:
    """The system, open for a change; a context manager."""
    if not create:
        System.open(directory)  # or it says that there is none
    system = WritableSystem.extend(directory)
    try:
        system.begin_edit()
    except BaseException:
        system.__exit__(None, None, None)
        raise
    return system


def _refuse_under_way(system: System, record: TaskRecord) -> None:
    if record.population is not None:
        raise Mu2Error(
            f"an iteration of task {record.title!r} is under way in {system.directory}.",
            hint="Finish the run first: the same `mu2 run` command goes on with it.",
        )


def _check_architecture(system: System, path: Path) -> None:
    """Refuses a path of an architecture that the system knows with other settings."""
    kind = [*json.loads(path.model)]
    for root in system.roots():
        if [*json.loads(root.model)] == kind and root.model != path.model:
            raise Mu2Error(
                f"{system.directory} belongs to another search space: "
                f"{compare_models(root.model, path.model)}.",
                hint="Copy it to a system of the same search space, or to a new one.",
            )


def _placed(system: System, path: Path, path_id: str) -> tuple[Component, ...]:
    """The path's components as they are called in the system; those without digest are new."""
    known = {
        (component.name, component.digest): component
        for live in (*system.roots(), *(r.path for r in system.records() if r.path is not None))
        for component in live.components
    }
    return tuple(
        known.get(
            (component.name, component.digest),
            dataclasses.replace(component, id=f"{path_id}/{component.name}", digest="", pack=""),
        )
        for component in path.components
    )
