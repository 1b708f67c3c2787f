"""Options that are set, and that nothing else of an experiment lets do something."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from mu2.config.validation import Place
from mu2.errors import Mu2Error
from mu2.evolution.budget import Budget
from mu2.evolution.evolution import Evolution
from mu2.evolution.space import MUTATION_PROBABILITY
from mu2.experiment import Experiment
from mu2.models import Model
from mu2.planning.preview import count_probes


def unused_options(experiment: Experiment, models: list[Model], place: Place) -> Iterator[Mu2Error]:
    """What is set and does nothing, each with the option that it waits for.

    Not told is what a method's file sets as its rule, or a table's columns have in common, such as
    what a score's decay is counted in.

    Args:
      experiment: sound, with what is known of its data.
      models: architectures that some task needs.
      place: where what is said of a part is set.
    """
    evolution = experiment.evolution
    yield from _of_evolution(experiment, place)
    if evolution.budget is not None:
        yield from _of_budget(evolution, evolution.budget, place)
    yield from _of_mutation(experiment, models, place)
    yield from _of_hyperparameters(experiment, place)
    if experiment.stream.shuffle and len(experiment.stream.tasks) == 1:
        yield _unused(
            experiment.stream, "Stream.shuffle", "there is one task", "Leave it out.", place
        )


def _unused(holder: object, name: str, why: str, cure: str, place: Place) -> Mu2Error:
    return Mu2Error(f"{name} does nothing: {why}.", location=place(holder, name), hint=cure)


def _is_set(holder: Any, name: str) -> bool:
    """Whether a field of a dataclass is not as it is by default."""
    (field,) = (field for field in dataclasses.fields(holder) if field.name == name)
    return bool(getattr(holder, name) != field.default)


def _of_evolution(experiment: Experiment, place: Place) -> Iterator[Mu2Error]:
    evolution, intervals = experiment.evolution, experiment.training.intervals
    children, halving = evolution.children, evolution.stopping

    def unused(name: str, why: str, cure: str, holder: object = evolution) -> Mu2Error:
        return _unused(holder, name, why, cure, place)

    tasks = range(len(experiment.stream.tasks))
    if evolution.parents != "probed" and _is_set(evolution, "probes"):
        yield unused(
            "Evolution.probes",
            f"Evolution.parents is {evolution.parents!r}, and 'probed' alone probes seeds",
            "Leave it out, or set Evolution.parents = 'probed'.",
        )
    if evolution.parents == "probed" and not any(count_probes(experiment, n) for n in tasks):
        few = evolution.probes == 1
        yield unused(
            "Evolution.probes" if few else "Evolution.parents",
            "one seed is not compared with another"
            if few
            else "'probed' orders seeds, and in a new system no task has a second one",
            "Set it to 2 or more."
            if few
            else "Set it to 'seeds', unless the run goes on in a system of other tasks.",
        )
    if evolution.population is not None and evolution.population > children:
        yield unused(
            "Evolution.population",
            f"it is {evolution.population}, and a task iteration has {children} children",
            "Set it below the number of children, or to None.",
        )
    if evolution.target_quality is not None and children <= evolution.children_per_generation:
        yield unused(
            "Evolution.target_quality",
            "it is looked at between generations, and a task iteration is one",
            "Make generations smaller: Evolution.children_per_generation.",
        )
    if halving is None:
        return
    if intervals <= halving.first:
        yield unused(
            "Evolution.stopping",
            f"every child has {halving.first} interval{'s' * (halving.first > 1)} (Halving.first), "
            f"and a training has {intervals}",
            "Raise Training.intervals, or set Evolution.stopping = None.",
        )
    elif children == 1:
        yield unused(
            "Evolution.stopping",
            "a task iteration is one child, which has none to be compared with",
            "Set Evolution.stopping = None.",
        )


def _of_budget(evolution: Evolution, budget: Budget, place: Place) -> Iterator[Mu2Error]:
    limits = (budget.flops, budget.seconds, budget.money)
    if all(limit is None for limit in limits):
        yield _unused(
            budget if budget.price_per_hour is not None else evolution,
            "Budget.price_per_hour" if budget.price_per_hour is not None else "Evolution.budget",
            "no limit is set",
            "Set Budget.flops, Budget.seconds or Budget.money.",
            place,
        )
        return
    if budget.money is None and budget.price_per_hour is not None:
        yield _unused(
            budget,
            "Budget.price_per_hour",
            "Budget.money is not set",
            "Set Budget.money, or leave the price out.",
            place,
        )
    if evolution.children <= evolution.children_per_generation:
        yield _unused(
            evolution,
            "Evolution.budget",
            "it is looked at between generations, and a task iteration is one",
            "Make generations smaller: Evolution.children_per_generation.",
            place,
        )


def _of_mutation(experiment: Experiment, models: list[Model], place: Place) -> Iterator[Mu2Error]:
    mutation, space = experiment.evolution.mutation, experiment.space
    moves = {**space.ranges, **space.choices}
    if mutation.learned and MUTATION_PROBABILITY not in space.ranges:
        yield _unused(
            mutation,
            "Mutation.learned",
            f"probabilities move along Ranges.{MUTATION_PROBABILITY}, which is not set",
            f"Set Ranges.{MUTATION_PROBABILITY}, or Mutation.learned = False.",
            place,
        )
    shaping = {name for model in models for name in model.hyperparameter_names()} & {*moves}
    if mutation.identity_layers and mutation.adapters == "none" and not shaping:
        yield _unused(
            mutation,
            "Mutation.identity_layers",
            "no mutation inserts a layer into a network of this space",
            "Give the space a range of num_layers, or set it to False.",
            place,
        )


def _of_hyperparameters(experiment: Experiment, place: Place) -> Iterator[Mu2Error]:
    """Ranges of hyperparameters that others switch off for good."""
    space = experiment.space
    moves = {**space.ranges, **space.choices}

    # Who says that crop is always False means it so, whatever ranges a part brings.
    crops = True in _values(experiment, "crop") or "crop" in moves
    whole = not any(value < 1 for value in _values(experiment, "area_min"))
    why = {
        "area_min": "crop is never True" if not crops else None,
        "aspect_min": "crop is never True"
        if not crops
        else "area_min is never below 1"
        if whole
        else None,
        "crop": "area_min is never below 1, so that nothing is cut off" if whole else None,
        "nesterov": "momentum is always 0" if {*_values(experiment, "momentum")} == {0.0} else None,
        "warmup_ratio": "schedule is always 'constant', which has no warm-up"
        if {*_values(experiment, "schedule")} == {"constant"}
        else None,
    }
    for name, reason in why.items():
        if reason is None or len(moves.get(name, ())) < 2:
            continue
        holder = space.ranges if name in space.ranges else space.choices
        kind = type(holder).__name__
        yield _unused(
            holder,
            f"{kind}.{name}",
            reason,
            "Leave the range out, or let the other move as well.",
            place,
        )


def _values(experiment: Experiment, name: str) -> list[Any]:
    """All values that a hyperparameter can have."""
    space = experiment.space
    moves = {**space.ranges, **space.choices}
    return [v for v in (space.hyperparameters.get(name), *moves.get(name, ())) if v is not None]
