"""Settings that are sound and do nothing, or do harm: what `mu2 check` warns of."""

import fnmatch
from collections.abc import Iterator, Mapping
from typing import Any

from mu2.config.validation import Place, unknown_place
from mu2.errors import Mu2Error, nearest
from mu2.evolution.space import MUTATION_PROBABILITY, SearchSpace
from mu2.experiment import Experiment
from mu2.models import Model
from mu2.planning.preview import with_described_data
from mu2.planning.unused import unused_options

# Fewer validation examples, and one of them moves quality by more than 5%.
FEWEST_VALIDATED = 20
# Fewer training examples a class teach little.
FEWEST_A_CLASS = 2
# Each weight moves by about the rate in every step of these, whatever its gradient.
HIGHEST_RATES = {"adamw": 0.02, "lion": 0.01}


def doubtful_settings(experiment: Experiment, place: Place = unknown_place) -> tuple[Mu2Error, ...]:
    """Settings of a sound experiment that do nothing or do harm, each with a cure.

    Rules that name layers which no network of the space has; images that are no whole number of
    patches; validation and training sets too small to say something; ranges that nothing moves
    along; optional layers where there are none; workers that never have anything to do; rates of
    SGD for other optimizers; options that wait for another one.

    Args:
      experiment: sound by `mu2.config.validation.validate`.
      place: where what is said of a part of it is set.
    """
    known = with_described_data(experiment)
    kinds = {task.source.input for task in known.stream.tasks}
    models = [model for model in known.space.models if model.input in kinds]
    found = [
        *_rules(known, models, place),
        *(each for model in models for each in _patches(known, model, place)),
        *_small_sets(known, place),
        *_ranges(known, models, place),
        *_idle_workers(experiment, place),
        *_rates(known.space, place),
        *unused_options(known, models, place),
    ]
    return tuple(found)


def _rules(experiment: Experiment, models: list[Model], place: Place) -> Iterator[Mu2Error]:
    """Rules of mutation that no layer follows."""
    mutation = experiment.evolution.mutation
    slots = []
    for task in experiment.stream.tasks:
        space = experiment.space.for_input(task.source.input)
        values = {**space.defaults(), **task.source_hyperparameters()}
        slots += [*space.model.network(values, num_classes=2)]
    names = sorted({slot.name for slot in slots})
    for pattern in mutation.always_cloned:
        if names and not any(fnmatch.fnmatchcase(name, pattern) for name in names):
            # What it stands for is the norm before the head, which others name in other words.
            close = nearest(pattern, names) or next((n for n in names if "norm" in n), None)
            yield Mu2Error(
                f"Mutation.always_cloned names {pattern!r}, and no network of "
                f"{', '.join(type(model).__name__ for model in models)} has such a layer: the rule "
                "does nothing.",
                location=place(mutation, "Mutation.always_cloned"),
                hint=f"Set Mutation.always_cloned = ({close!r},)."
                if close
                else "Set Mutation.always_cloned = ().",
            )
    if mutation.adapters != "none" and names and not any(slot.optional for slot in slots):
        yield Mu2Error(
            f"Mutation.adapters is {mutation.adapters!r}, and no network of this space has "
            "adapters.",
            location=place(mutation, "Mutation.adapters"),
            hint="Give the space some (search_spaces/adapters.gin), or set it to 'none'.",
        )


def _patches(experiment: Experiment, model: Model, place: Place) -> Iterator[Mu2Error]:
    """Sizes of images of which a model leaves out what is behind its last whole patch."""
    patch = getattr(model, "patch", None)
    if not isinstance(patch, int) or "image_size" not in model.hyperparameter_names():
        return
    space = experiment.space
    values = {**space.ranges, **space.choices}.get("image_size", ())
    sizes = sorted({space.hyperparameters["image_size"], *values})
    if wrong := [size for size in sizes if size % patch]:
        kind = type(model).__name__
        lost = ", ".join(f"{size % patch} of {size}" for size in wrong)
        named = "Ranges.image_size" if values else "Hyperparameters.image_size"
        yield Mu2Error(
            f"{kind}.patch is {patch}, which does not divide image_size: the last pixels of each "
            f"row and column are never looked at ({lost}).",
            location=place(space, named) or place(model, f"{kind}.patch"),
            hint=f"Take multiples of {patch}, such as {wrong[0] - wrong[0] % patch or patch} or "
            f"{wrong[0] - wrong[0] % patch + patch}.",
        )


def _small_sets(experiment: Experiment, place: Place) -> Iterator[Mu2Error]:
    """Sets that are too small to choose by, or to learn from."""
    for task in experiment.stream.tasks:
        sizes, classes = task.check(), task.source.num_classes()
        validated = experiment.training.validation_examples(sizes["validation"])
        if validated < FEWEST_VALIDATED:
            limited = validated < sizes["validation"]
            yield Mu2Error(
                f"task {task.name!r}: quality is measured on {validated} validation examples, of "
                f"which each is worth {100 / validated:.0f}%: children are chosen by chance.",
                location=place(experiment.training, "Training.max_validation_examples")
                if limited
                else place(task, "Task.validation"),
                hint="Raise Training.max_validation_examples."
                if limited
                else "Give it more, as with Task.validation = 'train[:20%]' and "
                "Task.train = 'train[20%:]'.",
            )
        if sizes["train"] < FEWEST_A_CLASS * classes:
            yield Mu2Error(
                f"task {task.name!r} has {sizes['train']:,} training examples of {classes:,} "
                f"classes: fewer than {FEWEST_A_CLASS} a class.",
                location=place(task, "Task.train"),
                hint="See whether the labels are classes, and not names or measurements of each "
                "example; or leave rare classes out.",
            )


def _ranges(experiment: Experiment, models: list[Model], place: Place) -> Iterator[Mu2Error]:
    """Ranges that nothing moves along, and generations that are never full."""
    space, evolution = experiment.space, experiment.evolution
    moves: Mapping[str, Any] = {**space.ranges, **space.choices}
    # What shapes a network is the space's, whichever method goes with it.
    shaping = {name for model in models for name in model.hyperparameter_names()}
    used = sorted(n for n, values in moves.items() if len(values) > 1 and n not in shaping)
    if not space.hyperparameters[MUTATION_PROBABILITY] and MUTATION_PROBABILITY not in moves:
        if used:
            holder = space.ranges if used[0] in space.ranges else space.choices
            kind = type(holder).__name__
            yield Mu2Error(
                f"Hyperparameters.{MUTATION_PROBABILITY} is 0 and has no range, so that nothing "
                f"ever moves along {', '.join(used[:5])}{' …' * (len(used) > 5)}.",
                location=place(holder, f"{kind}.{used[0]}"),
                hint="A baseline trains at the defaults: leave the ranges out, or raise the "
                "probability.",
            )
        return
    if evolution.children_per_generation > evolution.children_per_iteration:
        yield Mu2Error(
            f"Evolution.children_per_generation is {evolution.children_per_generation}, and a task "
            f"iteration has {evolution.children_per_iteration} children: all are planned before "
            "any is trained, so that none is made from another.",
            location=place(evolution, "Evolution.children_per_generation"),
            hint="Make generations smaller than task iterations.",
        )


def _idle_workers(experiment: Experiment, place: Place) -> Iterator[Mu2Error]:
    """Workers that no generation has a child for."""
    executor, evolution = experiment.executor, experiment.evolution
    if executor is None or executor.workers <= evolution.children_per_generation:
        return
    kind, n = type(executor).__name__, evolution.children_per_generation
    yield Mu2Error(
        f"{kind}.workers is {executor.workers}, and a generation has {n} "
        f"child{'ren' * (n > 1)}: the others stand idle.",
        location=place(executor, f"{kind}.workers"),
        hint="Set Evolution.children_per_generation to the number of workers, or a multiple of it.",
    )


def _rates(space: SearchSpace[Model], place: Place) -> Iterator[Mu2Error]:
    """Optimizers that begin with a learning rate of SGD's size."""
    for name, highest in HIGHEST_RATES.items():
        values = space.hyperparameters
        rate = values["learning_rate"] * values.get(f"{name}_factor", 1.0)
        if name in space.values("optimizer") and rate > highest:
            yield Mu2Error(
                f"a child whose optimizer is {name!r} begins with steps of {rate:g}, the learning "
                f"rate times {name}_factor: every weight moves by about as much in each step.",
                location=place(values, f"Hyperparameters.{name}_factor")
                or place(values, "Hyperparameters.learning_rate"),
                hint=f"Set Hyperparameters.{name}_factor = {0.01 if name == 'adamw' else 0.003}, "
                "or lower the learning rate where no child has SGD.",
            )
