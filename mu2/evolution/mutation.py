"""Mutation: from a parent to the plan of a child, without touching an array."""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any, Literal

import numpy as np
from ml_collections import FrozenConfigDict

from mu2.errors import Mu2Error
from mu2.evolution.path import Component, Path
from mu2.evolution.space import DATA_HYPERPARAMETERS, MUTATION_PROBABILITY, SearchSpace, Slot

HEAD = "head"


@dataclasses.dataclass(frozen=True)
class Mutation:
    """Which mutations there are.

    Attributes:
      always_cloned: components that are cloned whenever they could be shared. The head is never
        shared, whatever stands here.
      insert_adapters: optional components may be inserted.
    """

    always_cloned: tuple[str, ...] = ("encoder_norm",)
    insert_adapters: bool = False


@dataclasses.dataclass(frozen=True)
class PlannedComponent:
    """Where one component of a child comes from.

    Attributes:
      name: its place.
      id: its id in the child; the source's id where it is shared.
      action: `share` frozen, `clone` and train, `resample` from another shape and train, or
        `new`: train from a fresh start.
      source: the component shared, cloned or resampled; None for `new`.
      size: number of parameters.
      signature: their shapes and dtypes.
    """

    name: str
    id: str
    action: Literal["share", "clone", "resample", "new"]
    source: Component | None
    size: int
    signature: str

    @property
    def trainable(self) -> bool:
        """Everything but a shared component is trained."""
        return self.action != "share"

    def component(self) -> Component:
        """The component this becomes in the child's path."""
        if self.action == "share" and self.source is not None:
            return self.source
        return Component(self.name, self.id, self.size, self.signature)


@dataclasses.dataclass(frozen=True)
class Plan:
    """A child before it exists.

    Attributes:
      id: the child's path id.
      task: its task.
      parent: the path it is made from.
      hyperparameters: resolved.
      components: in forward order.
      num_classes: width of the head.
      model: text that identifies its architecture.
      private: whether its task is private.
      bar: score it must reach to be kept, which is its same-task parent's; None otherwise.
      generation: number of its generation within the task iteration.
      child: its number within the task iteration.
    """

    id: str
    task: str
    parent: Path
    hyperparameters: FrozenConfigDict
    components: tuple[PlannedComponent, ...]
    num_classes: int
    model: str
    private: bool
    bar: float | None
    generation: int
    child: int


def mutate_hyperparameters(
    space: SearchSpace[Any],
    values: Mapping[str, Any],
    names: Collection[str],
    random: np.random.Generator,
    probability: float | None = None,
) -> dict[str, Any]:
    """Moves each named hyperparameter with probability µ (paper/README 3.2, rule 1).

    µ itself comes first and its new value governs the rest; the others follow sorted.

    Args:
      space: ranges and choices.
      values: the present values.
      names: the ones that may move.
      random: consumed.
      probability: µ to use throughout; None takes the path's own.
    """
    result = dict(values)
    for name in space.mutable:
        if name not in names:
            continue
        mu = result[MUTATION_PROBABILITY] if probability is None else probability
        if random.random() < mu:
            result[name] = space.move(name, result[name], random)
    return result


def data_hyperparameters(
    space: SearchSpace[Any], best: Path | None, random: np.random.Generator
) -> dict[str, Any]:
    """The data hyperparameters of one generation (paper/README 3.2).

    The defaults, overwritten with the task's best path's, each then mutated with the configured
    default µ rather than a path's.

    Args:
      space: the search space.
      best: the task's best path so far, if any.
      random: consumed.
    """
    source = space.hyperparameters if best is None else best.hyperparameters
    names = [name for name in DATA_HYPERPARAMETERS if name in space.hyperparameters]
    values = {name: source.get(name, space.hyperparameters[name]) for name in names}
    mu = space.hyperparameters[MUTATION_PROBABILITY]
    return mutate_hyperparameters(space, values, names, random, mu)


def mutate(
    mutation: Mutation,
    space: SearchSpace[Any],
    parent: Path,
    ancestry: tuple[Path, ...],
    *,
    child_id: str,
    task: str,
    num_classes: int,
    data: Mapping[str, Any],
    trainable: Collection[str],
    random: np.random.Generator,
) -> tuple[FrozenConfigDict, tuple[PlannedComponent, ...]]:
    """A child's hyperparameters and components (paper/README 3.2).

    Args:
      mutation: which mutations there are.
      space: the search space.
      parent: the path the child is made from.
      ancestry: the parent's live ancestors, nearest first.
      child_id: the child's path id.
      task: the child's task.
      num_classes: width of its head.
      data: the generation's data hyperparameters.
      trainable: ids of the parent's components that nobody locks; they are copied, not shared.
      random: consumed.
    """
    inherited = {**space.hyperparameters, **parent.hyperparameters}
    own = [name for name in space.mutable if name not in data]
    values = mutate_hyperparameters(space, {**inherited, **data}, own, random)
    mu = values[MUTATION_PROBABILITY]
    same_task = parent.task == task
    components = []
    for slot in space.model.slots(values, num_classes):
        here = parent.component(slot.name)
        missing = slot.optional and here is None
        if missing and not (mutation.insert_adapters and random.random() < mu):
            continue
        fits = here is not None and here.signature == slot.signature
        new_id = f"{child_id}/{slot.name}"
        if slot.name == HEAD and not same_task:
            planned = _planned(slot, new_id, "new", None)
        elif here is not None and fits:
            cloned = (
                slot.name == HEAD
                or slot.name in mutation.always_cloned
                or here.id in trainable
                or random.random() < mu
            )
            if cloned:
                planned = _planned(slot, new_id, "clone", here)
            else:
                planned = _planned(slot, here.id, "share", here)
        elif (found := _ancestral(slot, ancestry)) is not None:
            planned = _planned(slot, new_id, "clone", found)
        elif here is not None and space.model.resamples(slot.name):
            planned = _planned(slot, new_id, "resample", here)
        else:
            planned = _planned(slot, new_id, "new", None)
        components.append(planned)
    if not any(component.name == HEAD for component in components):
        raise Mu2Error(f"the model declares no component named {HEAD!r}.")
    return FrozenConfigDict(values), tuple(components)


def _planned(
    slot: Slot,
    component_id: str,
    action: Literal["share", "clone", "resample", "new"],
    source: Component | None,
) -> PlannedComponent:
    return PlannedComponent(slot.name, component_id, action, source, slot.size, slot.signature)


def _ancestral(slot: Slot, ancestry: tuple[Path, ...]) -> Component | None:
    """The nearest ancestor's component of the same name and shape."""
    for path in ancestry:
        component = path.component(slot.name)
        if component is not None and component.signature == slot.signature:
            return component
    return None
