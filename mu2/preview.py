"""What a run would do, found out before anything is spent, and the beginning of a run."""

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

from mu2.evolution.space import SearchSpace
from mu2.experiment import Experiment, check_same_space, check_same_task
from mu2.generation import check_batch
from mu2.models import Model
from mu2.system import System
from mu2.training.program import bucket


def begin(
    experiment: Experiment, resolved: str, directory: str, *, accept_changes: bool = False
) -> System:
    """Opens a system for a run, after everything has been looked at that can be refused.

    Args:
      experiment: what to do.
      resolved: its complete Gin text.
      directory: the system's folder, old or new.
      accept_changes: go on with an unfinished run of other settings.

    Returns:
      The system, open for writing; use it as a context manager.

    Raises:
      Mu2Error: something does not fit; the system is as it was.
    """
    preview(experiment)
    system = System.extend(directory)
    try:
        check_system(experiment, system)
        system.begin(resolved, accept_changes)
    except BaseException:
        system.__exit__(None, None, None)
        raise
    return system


def check_system(experiment: Experiment, system: System) -> None:
    """Refuses a system of another search space, or one that knows other tasks by these names."""
    models = {type(model).__name__: model for model in experiment.space.models}
    for root in system.roots():
        if (kind := root.id.split("/")[1]) in models:
            check_same_space(system, root, models[kind])
    for task in experiment.stream.tasks:
        if task.name in system.tasks:
            check_same_task(system, system.task(task.name), task)


def preview(experiment: Experiment) -> dict[str, Any]:
    """Looks at every task, every model at the ends of its ranges, and the devices.

    Nothing is decoded, and no array is made.

    Returns:
      A JSON document: `tasks` (each with name, classes, train, validation, test), `iterations`,
      `children`, `training_steps`, `programs` (at most), `parameters` (smallest and largest
      network), `devices`.

    Raises:
      Mu2Error: data are missing or do not fit, a model cannot be built, or the layout is not
        made for the devices.
    """
    devices = sum(part.mesh.size for part in experiment.layout.slices())
    tasks: list[dict[str, Any]] = []
    steps = 0
    for task in experiment.stream.tasks:
        experiment.space.narrowed(task.source.input)
        sizes = task.check()
        check_batch(task.name, sizes["train"], experiment.training.batch_size)
        steps += experiment.training.steps(sizes["train"])
        parts = {str(part): size for part, size in sizes.items()}
        tasks.append({"name": task.name, "classes": task.source.num_classes(), **parts})
    visits = experiment.stream.iterations * experiment.evolution.children_per_iteration
    kinds = {task.source.input for task in experiment.stream.tasks}
    widths = {task.source.num_classes() for task in experiment.stream.tasks}
    found = [
        (model, hyperparameters)
        for kind in sorted(kinds)
        for model, hyperparameters in corners(experiment.space.narrowed(kind))
    ]
    sizes_of = [
        sum(c.size for c in model.network(hyperparameters, max(widths)) if not c.optional)
        for model, hyperparameters in found
    ]
    shapes = sum(shape_count(experiment.space.narrowed(kind)) for kind in kinds)
    return {
        "tasks": tasks,
        "iterations": experiment.stream.iterations,
        "children": experiment.children,
        "training_steps": visits * experiment.training.intervals * steps,
        "programs": 2 * shapes * len({bucket(width) for width in widths}),
        "parameters": {"smallest": min(sizes_of), "largest": max(sizes_of)},
        "devices": devices,
    }


def corners(space: SearchSpace[Model]) -> Iterator[tuple[Model, Mapping[str, Any]]]:
    """The space's model with the ends and the default of every range that shapes it."""
    model = space.model
    names = [name for name in model.hyperparameter_names() if name in space.hyperparameters]
    moves = {**space.ranges, **space.choices}
    ends = {
        name: {moves[name][0], moves[name][-1], space.hyperparameters[name]}
        if name in moves
        else {space.hyperparameters[name]}
        for name in names
    }
    for values in itertools.product(*(sorted(ends[name]) for name in names)):
        yield model, {**space.hyperparameters, **dict(zip(names, values, strict=True))}


def shape_count(space: SearchSpace[Model]) -> int:
    """How many networks of different shapes the space holds, optional layers aside."""
    count = 1
    for name, values in {**space.ranges, **space.choices}.items():
        count *= len(values) if name in space.model.hyperparameter_names() else 1
    return count
