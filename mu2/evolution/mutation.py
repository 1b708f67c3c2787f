"""Mutation: from a parent to the hyperparameters and components of a child."""

from collections.abc import Container, Mapping
from typing import Any

import numpy as np
from ml_collections import FrozenConfigDict

from mu2.errors import Mu2Error
from mu2.evolution.origin import Origin
from mu2.evolution.path import Path
from mu2.evolution.plan import PlannedComponent
from mu2.evolution.rules import HEAD, Dice, Mutation
from mu2.evolution.space import DATA_HYPERPARAMETERS, MUTATION_PROBABILITY, SearchSpace


def data_hyperparameters(
    mutation: Mutation,
    space: SearchSpace[Any],
    best: Path | None,
    random: np.random.Generator,
    unmutated: bool = False,
) -> tuple[dict[str, Any], dict[str, float]]:
    """What all children of one generation have in common (docs/method.md, Generations).

    The defaults, overwritten with the task's best path's, each then mutated with the configured
    default µ rather than a path's.

    Args:
      mutation: which mutations there are.
      space: the search space.
      best: the task's best path so far, if any.
      random: consumed.
      unmutated: nothing mutates.

    Returns:
      The data hyperparameters, and the probabilities of their actions where these are learned:
      the best path's, moved on.
    """
    source = space.hyperparameters if best is None else best.hyperparameters
    names = [name for name in DATA_HYPERPARAMETERS if name in space.hyperparameters]
    values = {name: source.get(name, space.hyperparameters[name]) for name in names}
    actions = {f"hp:{name}" for name in names}
    known = {} if best is None else best.probabilities
    dice = Dice(mutation, space, {k: v for k, v in known.items() if k in actions}, random)
    if not (unmutated or (best is None and mutation.data_from_first)):
        values = dice.move(values, names, space.hyperparameters[MUTATION_PROBABILITY])
    return values, dice.probabilities


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
    trainable: Container[str],
    random: np.random.Generator,
    probabilities: Mapping[str, float] | None = None,
    unmutated: bool = False,
    solve: bool = False,
) -> tuple[FrozenConfigDict, tuple[PlannedComponent, ...], Mapping[str, float]]:
    """A child's hyperparameters and components (docs/method.md, Components).

    Args:
      mutation: which mutations there are.
      space: the search space.
      parent: the path the child is made from.
      ancestry: the parent's live ancestors, nearest first.
      child_id: the child's path id.
      task: the child's task.
      num_classes: width of its head.
      data: the generation's data hyperparameters, and those that the data set by themselves.
      trainable: ids of components that nobody locks; they are copied, not shared.
      random: consumed.
      probabilities: the generation's, of the actions on data hyperparameters.
      unmutated: nothing mutates, and nothing is cloned but what nobody locks, or `clone_roots`
        says.
      solve: nothing mutates or is cloned at all, and the head is solved.

    Returns:
      Hyperparameters, components in forward order, and the probabilities of actions.
    """
    unmutated = unmutated or solve
    dice = Dice(mutation, space, {**parent.probabilities, **(probabilities or {})}, random)
    inherited = {name: parent.hyperparameters.get(name, v) for name, v in space.defaults().items()}
    own = [] if unmutated else [name for name in space.mutable if name not in data]
    values = dice.move({**inherited, **data}, own)
    mu = values[MUTATION_PROBABILITY]
    slots = space.model.slots(values, num_classes)
    origin = Origin(
        mutation=mutation,
        above=mutation.above_bottom(slots),
        space=space,
        # A task that has become private lends nothing any more.
        lineage=[p for p in (parent, *ancestry) if p.task == task or not p.private],
        task=task,
        trainable=trainable,
        unmutated=unmutated,
        solve=solve,
        draw_action=lambda action: not unmutated and dice(action, mu),
    )
    components = [
        origin.plan_component(slot, child_id)
        for slot in slots
        if not slot.optional or origin.stays(slot, parent.component(slot.name))
    ]
    if not any(component.name == HEAD for component in components):
        raise Mu2Error(f"the model declares no component named {HEAD!r}.")
    return FrozenConfigDict(values), tuple(components), dice.probabilities
