"""What a run will do with each task's data, done with one example of each part."""

import importlib.util
import math
import os
from collections.abc import Iterator

from mu2.config.validation import Place, unknown_place
from mu2.errors import Mu2Error
from mu2.evolution.space import corners
from mu2.experiment import Experiment
from mu2.tasks import Part, Task, find_missing
from mu2.tasks.first_example import read_first

# Bytes that a number of an image takes while it is resized: a grey level, and float32 thrice.
BYTES_A_NUMBER = 13

PARTS: tuple[Part, ...] = ("train", "validation", "test")


def read_first_examples(
    experiment: Experiment, place: Place = unknown_place
) -> tuple[Mu2Error, ...]:
    """Reads the first example of each part of each task whose data are there.

    Args:
      experiment: sound by `mu2.config.validation.validate`.
      place: where what is said of a task is set.

    Returns:
      What a run would fail with, each with its place: libraries that are missing, data that cannot
      be read or have no labels, and whatever else a source raises.
    """
    return tuple(
        Mu2Error(
            error.message,
            location=error.location or place(task, "Task.source"),
            hint=error.hint,
        )
        for task in experiment.stream.tasks
        for error in _faults(experiment, task, place)
    )


def _faults(experiment: Experiment, task: Task, place: Place) -> Iterator[Mu2Error]:
    if find_missing(task):
        return  # told as such
    if (too_large := _too_large_example(experiment, task, place)) is not None:
        yield too_large
        return
    space = experiment.space.for_input(task.source.input)
    told: set[str] = set()
    try:
        shape = space.model.input_shape({**space.defaults(), **task.source_hyperparameters()})
        if len(shape) > 2:
            _check_memory(experiment, task, math.prod(shape))
    except Mu2Error as error:
        yield error
        return
    for part in PARTS:
        fault = read_first(task, part, shape)
        if fault is not None and fault.message not in told:
            told.add(fault.message)
            yield fault


def memory_bytes() -> int | None:
    """Memory of this machine; None where it does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _too_large_example(experiment: Experiment, task: Task, place: Place) -> Mu2Error | None:
    """An image of a size that some child may have, and that this machine could not make."""
    space = experiment.space.for_input(task.source.input)
    memory = memory_bytes()
    for values in corners(space, task.source_hyperparameters()):
        shape = space.model.input_shape(values)
        needed = BYTES_A_NUMBER * math.prod(shape)
        if memory is None or len(shape) != 3 or needed <= memory:
            continue
        shaping = [n for n in space.model.hyperparameter_names() if isinstance(values.get(n), int)]
        name = max(shaping, key=lambda n: values[n])
        holder = "Hyperparameters" if values[name] == space.hyperparameters[name] else "Ranges"
        return Mu2Error(
            f"{holder}.{name} is as high as {values[name]:,}: one image of task {task.name!r} "
            f"would be {' x '.join(f'{side:,}' for side in shape)} numbers, which take "
            f"{needed / 2**30:,.1f} GiB to make, and this machine has {memory / 2**30:,.1f} GiB.",
            location=place(experiment.space, f"{holder}.{name}"),
            hint="Choose a smaller one.",
        )
    return None


def _check_memory(experiment: Experiment, task: Task, example_bytes: int) -> None:
    """Refuses images that do not fit into memory where the library that reads them is missing."""
    limit = experiment.stream.memory_limit_mb << 20
    largest = max(task.check().values()) * example_bytes
    if largest > limit and importlib.util.find_spec("grain") is None:
        raise Mu2Error(
            f"task {task.name!r}: its images take {largest >> 20:,} MiB, and examples that do not "
            "fit into Stream.memory_limit_mb are read by grain.",
            hint="pip install 'mu2[grain]', or raise Stream.memory_limit_mb.",
        )
