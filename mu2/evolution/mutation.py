"""Mutation: from a parent to the plan of a child, without touching an array."""

import dataclasses
import fnmatch
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from ml_collections import FrozenConfigDict

from mu2.errors import Mu2Error, did_you_mean
from mu2.evolution.path import Component, Path
from mu2.evolution.space import DATA_HYPERPARAMETERS, MUTATION_PROBABILITY, SearchSpace, Slot

HEAD = "head"
Action = Literal["share", "clone", "resample", "new"]


ADAPTERS = ("none", "insert", "insert_and_remove", "every")


def is_layer(name: str) -> bool:
    """Whether a component is a layer, one of many alike: its name ends in its number."""
    return re.search(r"_\d+$", name) is not None


@dataclasses.dataclass(frozen=True)
class Mutation:
    """Which mutations there are.

    Attributes:
      always_cloned: components that are cloned whenever they could be shared; `*` stands for any
        letters. The head is never shared, whatever stands here.
      clone_roots: components of a root are cloned whenever they could be shared: for random roots,
        whose layers are worth little while they are frozen. Not in the papers.
      adapters: what happens to optional components: `none` are there, mutations `insert` them or
        `insert_and_remove` them, or `every` one is there from the start.
      frozen_bottom: a baseline's rule: so many layers, counted from the bottom, stay as they are,
        and so does all below them (embedding, position); what is above, the encoder norm among
        it, is cloned whenever it could be shared. `all`: every layer stays, so that norm and head
        alone are trained. Layers are the components with a number, such as `encoderblock_0`.
        None: no such rule (paper/README 2.5).
      learned: every action has a probability of its own, which begins at µ, moves along µ's range
        with probability µ, and is inherited (paper/README 4.1, rule 2). µ itself then stays.
      identity_layers: a new layer that can be the identity begins as one, so that inserting it
        leaves the function as it was (arXiv 2308.06103); otherwise it begins at random.
      inherit_momentum: a cloned component keeps the momentum it had.
      data_from_first: data hyperparameters move only once the task has a path of its own.
    """

    always_cloned: tuple[str, ...] = ("encoder_norm",)
    clone_roots: bool = False
    adapters: Literal["none", "insert", "insert_and_remove", "every"] = "none"
    frozen_bottom: int | Literal["all"] | None = None
    learned: bool = False
    identity_layers: bool = False
    inherit_momentum: bool = True
    data_from_first: bool = False

    def __post_init__(self) -> None:
        if self.adapters not in ADAPTERS:
            raise Mu2Error(
                f"Mutation.adapters is {self.adapters!r}.",
                hint=did_you_mean(str(self.adapters), ADAPTERS),
            )
        if isinstance(self.frozen_bottom, str) and self.frozen_bottom != "all":
            raise Mu2Error(
                f"Mutation.frozen_bottom is {self.frozen_bottom!r}.",
                hint="Set it to a number of layers, or to 'all'.",
            )
        if isinstance(self.frozen_bottom, int) and self.frozen_bottom < 0:
            raise Mu2Error(
                f"Mutation.frozen_bottom is {self.frozen_bottom}; it must be 0 or more.",
                hint="0 freezes what is below the first layer, and no layer.",
            )

    def clones(self, name: str, root: bool = False, above: Collection[str] = ()) -> bool:
        """Whether a component is cloned whenever it could be shared.

        Args:
          name: of the component.
          root: it is a root's.
          above: what is above the frozen bottom, of `above_bottom`.
        """
        return (
            (self.clone_roots and root)
            or name in above
            or any(fnmatch.fnmatchcase(name, pattern) for pattern in self.always_cloned)
        )

    def above_bottom(self, slots: Sequence[Slot]) -> frozenset[str]:
        """The names of a network's components above the frozen bottom; none without that rule.

        Args:
          slots: of the network, in forward order; optional ones count as no layers.
        """
        if self.frozen_bottom is None:
            return frozenset()
        names = [slot.name for slot in slots]
        layers = [n for n, slot in enumerate(slots) if is_layer(slot.name) and not slot.optional]
        if not layers:  # the norm, which comes before the head
            return frozenset(names[-2:])
        frozen = layers if self.frozen_bottom == "all" else layers[: self.frozen_bottom]
        first = frozen[-1] + 1 if frozen else layers[0]
        return frozenset(
            n for n, s in zip(names[first:], slots[first:], strict=True) if not s.optional
        )


class Dice:
    """Decides whether an action happens; the draws of one child.

    Attributes:
      probabilities: of the actions that have one of their own; it grows where they are learned.
    """

    def __init__(
        self,
        mutation: Mutation,
        space: SearchSpace[Any],
        probabilities: Mapping[str, float],
        random: np.random.Generator,
    ):
        """Begins with a parent's probabilities; consumes `random` draw by draw."""
        self.probabilities = dict(probabilities)
        self.random = random
        self._learned = mutation.learned
        self._space = space

    def __call__(self, action: str, mu: float) -> bool:
        """Whether an action (`hp:NAME`, `clone:NAME`, `add:NAME`, `remove:NAME`) happens."""
        if not self._learned:
            return bool(self.random.random() < mu)
        own = self.probabilities.get(action, mu)
        if self.random.random() < mu and MUTATION_PROBABILITY in self._space.ranges:
            own = self._space.move(MUTATION_PROBABILITY, own, self.random)
        self.probabilities[action] = own
        return bool(self.random.random() < own)

    def move(
        self, values: Mapping[str, Any], names: Collection[str], mu: float | None = None
    ) -> dict[str, Any]:
        """Moves each named hyperparameter where its action happens (paper/README 3.2, rule 1).

        µ itself comes first and its new value governs the rest; the others follow sorted.

        Args:
          values: the present values.
          names: the ones that may move; the others stay.
          mu: µ to use throughout; None takes the one among the values.
        """
        result = dict(values)
        for name in self._space.mutable:
            if name not in names or (self._learned and name == MUTATION_PROBABILITY):
                continue
            if self(f"hp:{name}", result[MUTATION_PROBABILITY] if mu is None else mu):
                result[name] = self._space.move(name, result[name], self.random)
        return result


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
      flops: of its forward pass for one example.
    """

    name: str
    id: str
    action: Action
    source: Component | None
    size: int
    signature: str
    flops: float = 0.0

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
      probabilities: of actions, where they are learned.
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
    probabilities: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @property
    def flops(self) -> float:
        """Of a forward pass for one example."""
        return sum(component.flops for component in self.components)


def data_hyperparameters(
    mutation: Mutation, space: SearchSpace[Any], best: Path | None, random: np.random.Generator
) -> dict[str, Any]:
    """The data hyperparameters of one generation (paper/README 3.2).

    The defaults, overwritten with the task's best path's, each then mutated with the configured
    default µ rather than a path's.

    Args:
      mutation: which mutations there are.
      space: the search space.
      best: the task's best path so far, if any.
      random: consumed.
    """
    source = space.hyperparameters if best is None else best.hyperparameters
    names = [name for name in DATA_HYPERPARAMETERS if name in space.hyperparameters]
    values = {name: source.get(name, space.hyperparameters[name]) for name in names}
    if best is None and mutation.data_from_first:
        return values
    dice = Dice(mutation, space, {} if best is None else best.probabilities, random)
    return dice.move(values, names, space.hyperparameters[MUTATION_PROBABILITY])


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
    still: bool = False,
) -> tuple[FrozenConfigDict, tuple[PlannedComponent, ...], Mapping[str, float]]:
    """A child's hyperparameters and components (paper/README 3.2).

    Args:
      mutation: which mutations there are.
      space: the search space.
      parent: the path the child is made from.
      ancestry: the parent's live ancestors, nearest first.
      child_id: the child's path id.
      task: the child's task.
      num_classes: width of its head.
      data: the generation's data hyperparameters, and those that the data set by themselves.
      trainable: ids of the parent's components that nobody locks; they are copied, not shared.
      random: consumed.
      still: nothing mutates but what has to.

    Returns:
      Hyperparameters, components in forward order, and the probabilities of actions.
    """
    dice = Dice(mutation, space, parent.probabilities, random)
    inherited = {name: parent.hyperparameters.get(name, v) for name, v in space.defaults().items()}
    own = [] if still else [name for name in space.mutable if name not in data]
    values = dice.move({**inherited, **data}, own)
    mu = values[MUTATION_PROBABILITY]

    def happens(action: str) -> bool:
        return not still and dice(action, mu)

    components = []
    slots = space.model.slots(values, num_classes)
    above = mutation.above_bottom(slots)
    for slot in slots:
        here = parent.component(slot.name)
        if slot.optional and not _stays(slot, here, mutation, happens):
            continue
        action, source = _origin(
            slot, here, mutation, above, space, parent, task, ancestry, trainable, happens
        )
        component_id = here.id if here and action == "share" else f"{child_id}/{slot.name}"
        components.append(_planned(slot, component_id, action, source))
    if not any(component.name == HEAD for component in components):
        raise Mu2Error(f"the model declares no component named {HEAD!r}.")
    return FrozenConfigDict(values), tuple(components), dice.probabilities


def _stays(
    slot: Slot, here: Component | None, mutation: Mutation, happens: Callable[[str], bool]
) -> bool:
    """Whether an optional component is in the child."""
    if mutation.adapters == "every":
        return True
    if here is None:
        return mutation.adapters != "none" and happens(f"add:{slot.name}")
    return not (mutation.adapters == "insert_and_remove" and happens(f"remove:{slot.name}"))


def _origin(
    slot: Slot,
    here: Component | None,
    mutation: Mutation,
    above: Collection[str],
    space: SearchSpace[Any],
    parent: Path,
    task: str,
    ancestry: tuple[Path, ...],
    trainable: Collection[str],
    happens: Callable[[str], bool],
) -> tuple[Action, Component | None]:
    """What is done for one place of the child, and with which component."""
    if slot.name == HEAD and parent.task != task:
        return "new", None
    if here is not None and here.signature == slot.signature:
        forced = slot.name == HEAD or mutation.clones(slot.name, parent.task is None, above)
        forced = forced or here.id in trainable
        cloned = forced or happens(f"clone:{slot.name}")
        return ("clone" if cloned else "share"), here
    if (found := _ancestral(slot, ancestry)) is not None:
        return "clone", found
    if here is not None and space.model.resamples(slot.name):
        return "resample", here
    return "new", None


def _planned(
    slot: Slot,
    component_id: str,
    action: Action,
    source: Component | None,
) -> PlannedComponent:
    return PlannedComponent(
        slot.name, component_id, action, source, slot.size, slot.signature, slot.flops
    )


def _ancestral(slot: Slot, ancestry: tuple[Path, ...]) -> Component | None:
    """The nearest ancestor's component of the same name and shape."""
    for path in ancestry:
        component = path.component(slot.name)
        if component is not None and component.signature == slot.signature:
            return component
    return None
