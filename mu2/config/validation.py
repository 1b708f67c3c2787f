"""What stops a run, found out before anything is spent: every fault of its parts at once."""

import dataclasses
import fnmatch
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ParamSpec, TypeVar

from mu2.config.linter import Faults, in_order
from mu2.config.root_coverage import lacking_roots
from mu2.config.solved_heads import unsolvable_heads
from mu2.config.trial_network import build_network
from mu2.errors import Mu2Error, check_name, did_you_mean
from mu2.evolution.evolution import Evolution
from mu2.evolution.rules import Mutation, is_layer
from mu2.evolution.space import SearchSpace, corners
from mu2.experiment import Experiment
from mu2.models import Model, Network, RemoteRoot, Root
from mu2.models.devices import devices
from mu2.tasks import Part, Task, describe, find_missing
from mu2.tasks.data import check_batch
from mu2.tasks.source import Requires
from mu2.training import Executor, Training
from mu2.training.fit import validate_layout
from mu2.training.layout import Layout

# Where what is said of an object is set: `file:line`, or None where nobody knows.
Place = Callable[[object, str], str | None]

P = ParamSpec("P")
T = TypeVar("T")
_Outcome = tuple[T | None, Mu2Error | None]


def unknown_place(made: object, text: str) -> None:
    """The place of anything in an experiment that came from no file."""


@dataclasses.dataclass(frozen=True)
class Parts:
    """What there is of an experiment; of one with faults, perhaps not all.

    Attributes:
      tasks: those that could be made.
      space: the search space.
      mutation: which mutations there are.
      training: the budget of a child.
      layout: how the devices are shared out.
      roots: where evolution begins.
      executor: where children are trained; None: on the devices of this process.
    """

    tasks: tuple[Task, ...] = ()
    space: SearchSpace[Model] | None = None
    mutation: Mutation | None = None
    training: Training | None = None
    layout: Layout | None = None
    roots: tuple[Root, ...] = ()
    executor: Executor | None = None

    @classmethod
    def among(cls, made: Sequence[Any]) -> "Parts":
        """The parts of the experiment among some objects, else those that are among them."""
        if (whole := _first(made, Experiment)) is not None:
            parts = (whole.space, whole.evolution.mutation, whole.training, whole.layout)
            return cls(whole.stream.tasks, *parts, whole.roots, whole.executor)
        evolution = _first(made, Evolution)
        return cls(
            tuple(each for each in made if isinstance(each, Task)),
            _first(made, SearchSpace),
            evolution.mutation if evolution else _first(made, Mutation),
            _first(made, Training),
            _first(made, Layout),
            tuple(each for each in made if hasattr(each, "components") and hasattr(each, "check")),
            next((each for each in made if isinstance(each, Executor)), None),
        )


def _first(made: Sequence[Any], kind: type[T]) -> T | None:
    return next((each for each in made if isinstance(each, kind)), None)


def validate(
    known: Sequence[Mu2Error],
    made: Sequence[Any],
    place: Place = unknown_place,
    sizes: dict[str, Mapping[Part, int]] | None = None,
    absent: list[Mu2Error] | None = None,
) -> None:
    """Raises all that would stop a run: faults of Gin files, of devices, of data and of models.

    Nothing is decoded, and no array is made.

    Args:
      known: the faults found so far.
      made: the experiment, or what could be made of one with faults.
      place: where what is said of an object is set.
      sizes: takes up the number of examples of each part of each task.
      absent: takes up data and weights that are not there although it is known what they hold, in
        place of refusing them.

    Raises:
      Faults: everything at once, each with its place.
    """
    parts = Parts.among(made)
    found = [*known]
    _, unable = _attempt(devices)
    if unable is not None:  # no network can be looked at
        raise Faults(in_order([*found, unable]))
    if parts.layout is not None:
        found += _layout_faults(parts.layout, parts, place)
    told = {} if sizes is None else sizes
    readable = []
    for task in parts.tasks:
        faults = [*_task_faults(task, parts.training, place, told, absent)]
        _, error = _attempt(getattr, task.source, "input")  # some sources look into their files
        if error is None:
            readable.append(task)
        elif not faults:
            faults.append(_at(place(task, "Task.source"), error))
        found += faults
    if (space := parts.space) is not None:
        whole = len(readable) == len(parts.tasks)
        parts = dataclasses.replace(parts, tasks=tuple(readable))
        found += _space_faults(space, parts, place, absent)
        found += unsolvable_heads(_first(made, Experiment), place) if whole else ()
        if parts.layout is not None:
            found += _split_faults(parts.layout, space, parts, place)
    if found:
        raise Faults(in_order(found))


def _layout_faults(layout: Layout, parts: Parts, place: Place) -> Iterator[Mu2Error]:
    executor, training = parts.executor, parts.training
    _, error = _attempt(layout.slices) if executor is None else _attempt(executor.validate, layout)
    if error is not None:
        blamed = executor if type(executor).__name__ in error.message else layout
        yield _at(place(blamed, error.message), error)
    (axis,), (pieces,) = layout.over(("batch",)), layout.pieces(("batch",))
    if training is not None and training.batch_size % pieces:
        yield Mu2Error(
            f"Training.batch_size is {training.batch_size}, which cannot be split over "
            f"Layout.{axis} = {pieces} devices.",
            location=place(training, "Training.batch_size"),
            hint=f"Set Training.batch_size to a multiple of {pieces}.",
        )


def _split_faults(
    layout: Layout, space: SearchSpace[Model], parts: Parts, place: Place
) -> Iterator[Mu2Error]:
    """What of a layout fits no network, of those that can be built."""
    kinds = {task.source.input for task in parts.tasks}
    dtype = parts.training.dtype if parts.training else "float32"

    def networks() -> Iterator[tuple[str, Network]]:
        for model in space.models:
            for_input = space.for_input(model.input)
            if model.input not in kinds:
                continue
            for source_values in _source_hyperparameters(parts.tasks, model.input):
                defaults = {**for_input.hyperparameters, **source_values}
                for moved in _moved(for_input, source_values)[1]:
                    network, _ = _attempt(build_network, model, {**defaults, **moved}, dtype)
                    if network:
                        yield type(model).__name__, network

    for error in validate_layout(layout, networks()):
        yield _at(place(layout, error.message), error)


def _task_faults(
    task: Task,
    training: Training | None,
    place: Place,
    sizes: dict[str, Mapping[Part, int]],
    absent: list[Mu2Error] | None,
) -> Iterator[Mu2Error]:
    known = task
    if absent is not None:
        absent += [_at(place(task, "Task.source"), lacking) for lacking in find_missing(task)]
        stands_for, error = _attempt(describe, task)
        if stands_for is None:
            yield _at(place(task, "Task.source"), error or Mu2Error("it cannot be described."))
            return
        known = stands_for
    size, error = _attempt(known.check)
    if error is not None:
        # The name stands in every message, and is hardly ever what is wrong.
        words = error.message.replace(f"task {task.name!r}", "")
        yield _at(place(task, words), error)
    if size is None:
        return
    sizes[task.name] = size
    if isinstance(known.source, Requires):
        _, error = _attempt(known.source.check_libraries)
        if error is not None:
            yield _at(place(task, "Task.source"), error)
    if known is task:
        _, error = _attempt(_check_class_names, task)
        if error is not None:
            yield _at(place(task, "Task.source"), error)
    if training is not None:
        _, error = _attempt(check_batch, task.name, size["train"], training.batch_size)
        if error is not None:
            yield _at(place(training, "Training.batch_size"), error)


def _check_class_names(task: Task) -> None:
    """Refuses names of classes that could not be shown as they are."""
    for number, name in enumerate(task.source.class_names()):
        check_name(name, f"class {number} of task {task.name!r}")


def _space_faults(
    space: SearchSpace[Model], parts: Parts, place: Place, absent: list[Mu2Error] | None
) -> Iterator[Mu2Error]:
    kinds = {task.source.input for task in parts.tasks}
    for task in parts.tasks:
        _, error = _attempt(space.for_input, task.source.input)
        if error is not None:
            reads = f"task {task.name!r} has {task.source.input} examples, and {error.message}"
            yield _at(place(task, "Task.source"), Mu2Error(reads, hint=error.hint))
    names: set[str] = set()
    told: set[str] = set()
    for model in space.models:
        if kinds and model.input not in kinds:
            continue  # no task needs it
        for_input = space.for_input(model.input)
        sound = True
        for source_values in _source_hyperparameters(parts.tasks, model.input):
            for blamed, error in _networks(for_input, source_values, parts.training, names):
                sound = sound and blamed is not None
                if error.message not in told:
                    told.add(error.message)
                    of_model = error.message.startswith(f"{type(model).__name__}.")
                    at = place(model, error.message) if of_model and blamed is None else None
                    yield _at(at or place(space, blamed or error.message), error)
        if sound:
            yield from _root_faults(parts.roots, model, space, place, absent)
    for made, text, error in lacking_roots(parts.roots, space, kinds):
        yield _at(place(made, text), error)
    if names and parts.mutation is not None:
        yield from _unknown_clones(parts.mutation, names, place)
        yield from _more_frozen_than_there_are(parts.mutation, names, place)


def _root_faults(
    roots: Sequence[Root],
    model: Model,
    space: SearchSpace[Model],
    place: Place,
    absent: list[Mu2Error] | None,
) -> Iterator[Mu2Error]:
    """What the roots that can tell beforehand refuse: files that are not there or do not fit."""
    for root in roots:
        lacking, error = (
            _attempt(root.find_missing, model) if isinstance(root, RemoteRoot) else ((), None)
        )
        if error is None and lacking and absent is not None:
            absent += [_at(place(root, each.message), each) for each in lacking]
            continue
        if error is None and lacking:
            error = lacking[0]
        if error is not None:
            yield _at(place(root, error.message), error)
            continue
        _, error = _attempt(root.check, model, space.defaults())
        if error is not None:
            yield _at(place(root, error.message), error)


def _unknown_clones(mutation: Mutation, names: set[str], place: Place) -> Iterator[Mu2Error]:
    if mutation.always_cloned == Mutation().always_cloned:
        return  # the papers' rule, which says nothing where there is no such layer
    for pattern in mutation.always_cloned:
        if not any(fnmatch.fnmatchcase(name, pattern) for name in names):
            yield Mu2Error(
                f"Mutation.always_cloned names {pattern!r}, and no network of this space has it.",
                location=place(mutation, "Mutation.always_cloned"),
                hint=did_you_mean(pattern, names),
            )


def _more_frozen_than_there_are(
    mutation: Mutation, names: set[str], place: Place
) -> Iterator[Mu2Error]:
    numbers = [int(name.rpartition("_")[2]) for name in names if is_layer(name)]
    layers, frozen = max(numbers, default=-1) + 1, mutation.frozen_bottom
    if isinstance(frozen, int) and frozen > layers:
        yield Mu2Error(
            f"Mutation.frozen_bottom is {frozen}, and no network of this space has more than "
            f"{layers} layers.",
            location=place(mutation, "Mutation.frozen_bottom"),
            hint=f"Set it to {layers} or less, or to 'all'.",
        )


def _source_hyperparameters(tasks: Iterable[Task], kind: str) -> list[dict[str, int]]:
    """What the data of one kind set by themselves, each once; nothing where data are missing."""
    found: list[dict[str, int]] = []
    for task in tasks:
        if task.source.input != kind:
            continue
        source_values, _ = _attempt(task.source_hyperparameters)
        if source_values is not None and source_values not in found:
            found.append(source_values)
    return found or [{}]


def _networks(
    space: SearchSpace[Model],
    source_values: Mapping[str, Any],
    training: Training | None,
    names: set[str],
) -> Iterator[tuple[str | None, Mu2Error]]:
    """Builds the network of every value of every range that shapes one, and of all ends at once.

    Args:
      space: a space of one model.
      source_values: hyperparameters that the data set.
      training: says the dtype.
      names: takes up the names of all components.

    Yields:
      The `Ranges.NAME` or `Choices.NAME` to blame, if it is known, and what was refused.
    """
    dtype = training.dtype if training else "float32"
    defaults = {**space.hyperparameters, **source_values}
    shaping = set(space.model.hyperparameter_names())
    if not shaping <= {*defaults, *space.model.optional}:
        return  # told elsewhere: there is no default
    moves, every = _moved(space, source_values)
    refused: list[tuple[str, Any]] = []
    for moved in every:
        if any(item in refused for item in moved.items()):
            continue  # told of that value by itself
        built, error = _attempt(build_network, space.model, {**defaults, **moved}, dtype)
        names.update(component.name for component in built or ())
        if error is None:
            continue
        yield next((moves[name] for name in moved), None), error
        if not moved:
            return  # without one sound network the rest would say the same over again
        if len(moved) == 1:
            refused += moved.items()


def _moved(
    space: SearchSpace[Model], source_values: Mapping[str, Any]
) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """The values to try of hyperparameters that shape a network: none, each alone, all ends.

    Returns:
      The `Ranges.NAME` or `Choices.NAME` of each hyperparameter, and values that are no defaults.
    """
    defaults = {**space.hyperparameters, **source_values}
    shaping = space.model.hyperparameter_names()
    moves = {
        name: f"{type(holder).__name__}.{name}"
        for holder in (space.ranges, space.choices)
        for name in holder
        if name in shaping and name not in source_values
    }
    values = {**space.ranges, **space.choices}
    alone = [{name: value} for name in moves for value in values[name]]
    ends = [
        {name: value for name, value in corner.items() if value != defaults[name]}
        for corner in corners(space, source_values)
    ]
    return moves, [{}, *alone, *(corner for corner in ends if len(corner) > 1)]


def _attempt(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> _Outcome[T]:
    """What an act gives and None, or None and what it is refused with."""
    try:
        return act(*args, **kwargs), None
    except Mu2Error as error:
        return None, error
    except (ArithmeticError, LookupError, MemoryError, TypeError, ValueError) as error:
        # A number that no library takes, or a source of others that fails: told at its place.
        said = (str(error).strip() or "it fails").splitlines()[0]
        return None, Mu2Error(f"these values will not do: {type(error).__name__}: {said}.")


def _at(location: str | None, error: Mu2Error) -> Mu2Error:
    """The error with a place."""
    return Mu2Error(error.message, location=error.location or location, hint=error.hint)
