"""A child before it exists: where each of its components comes from."""

import dataclasses
from collections.abc import Mapping
from typing import Literal

from ml_collections import FrozenConfigDict

from mu2.evolution.path import Component, Path

Action = Literal["share", "clone", "resample", "new", "solve"]


@dataclasses.dataclass(frozen=True)
class PlannedComponent:
    """Where one component of a child comes from.

    Attributes:
      name: its place.
      id: its id in the child; the source's id where it is shared.
      action: `share` frozen, `clone` and train, `resample` from another shape and train, `new`:
        train from a fresh start, or `solve`: the head's parameters are found in closed form.
      source: the component shared, cloned or resampled; None for `new` and `solve`.
      size: number of parameters.
      signature: their shapes and dtypes.
      flops: of its forward pass for one example.
      dense_flops: the same where every token goes through it.
      frozen: it is not trained, though it is the child's own: a resampled one, or any below a head
        that is solved.
    """

    name: str
    id: str
    action: Action
    source: Component | None
    size: int
    signature: str
    flops: float = 0.0
    dense_flops: float = 0.0
    frozen: bool = False

    @property
    def trainable(self) -> bool:
        """Whether it is trained, or solved."""
        return self.action != "share" and not self.frozen

    @property
    def stored_id(self) -> str | None:
        """Id of the component whose leaves it begins with, as they are; None: with others."""
        return self.source.id if self.source and self.action != "resample" else None

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
      score_to_reach: score with which it is kept, that of a parent of the same task; otherwise
        None.
      generation: number of its generation within the task iteration.
      child: its number within the task iteration.
      probabilities: of actions, where they are learned.
      birth: see `Path.birth`.
    """

    id: str
    task: str
    parent: Path
    hyperparameters: FrozenConfigDict
    components: tuple[PlannedComponent, ...]
    num_classes: int
    model: str
    private: bool
    score_to_reach: float | None
    generation: int
    child: int
    probabilities: Mapping[str, float] = dataclasses.field(default_factory=dict)
    birth: int = 0

    @property
    def flops(self) -> float:
        """Of a forward pass for one example."""
        return sum(component.flops for component in self.components)

    @property
    def solves_head(self) -> bool:
        """Whether its head is solved, and nothing trained."""
        return any(component.action == "solve" for component in self.components)

    @property
    def dense_flops(self) -> float:
        """Of one in which every token goes through every layer."""
        return sum(component.dense_flops for component in self.components)
