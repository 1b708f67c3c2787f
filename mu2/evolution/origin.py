"""Where a child's components come from: the parent, its ancestors, another size, or nothing."""

import dataclasses
from collections.abc import Callable, Collection, Container, Sequence
from typing import Any

from mu2.evolution.path import Component, Path
from mu2.evolution.plan import Action, PlannedComponent
from mu2.evolution.rules import HEAD, Mutation
from mu2.evolution.space import SearchSpace, Slot


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where the components of one child come from.

    Attributes:
      mutation: which mutations there are.
      above: names of the components above the frozen bottom.
      space: the search space.
      lineage: the parent and its ancestors, nearest first.
      task: the child's.
      trainable: ids of components that nobody locks.
      unmutated: see `mutate`.
      solve: see `mutate`.
      draw_action: whether an action happens, by its name; draws.
    """

    mutation: Mutation
    above: Collection[str]
    space: SearchSpace[Any]
    lineage: Sequence[Path]
    task: str
    trainable: Container[str]
    unmutated: bool
    solve: bool
    draw_action: Callable[[str], bool]

    def stays(self, slot: Slot, here: Component | None) -> bool:
        """Whether an optional component, which the parent may have, is in the child."""
        rule = self.mutation.adapters
        if rule == "every":
            return True
        if here is None:
            return rule != "none" and self.draw_action(f"add:{slot.name}")
        return not (rule == "insert_and_remove" and self.draw_action(f"remove:{slot.name}"))

    def plan_component(self, slot: Slot, child_id: str) -> PlannedComponent:
        """What is done for one place of the child, and with which component."""
        solved = self.solve and slot.name == HEAD
        action: Action = "solve" if solved else "new"
        frozen = self.solve and not solved
        if solved:
            source = None
        elif (source := self._found(slot)) is not None:
            action = "clone" if self._clones(slot, source) else "share"
        elif (source := self._of_another_size(slot)) is not None:
            action = "resample"
            frozen |= not (self.mutation.train_resampled or self.draw_action(f"clone:{slot.name}"))
        shared = source is not None and action == "share"
        frozen &= not shared
        return PlannedComponent(
            name=slot.name,
            id=source.id if source is not None and shared else f"{child_id}/{slot.name}",
            action=action,
            source=source,
            size=slot.size,
            signature=slot.signature,
            flops=slot.flops,
            dense_flops=slot.dense_flops,
            frozen=frozen,
        )

    def _found(self, slot: Slot) -> Component | None:
        """The nearest component of the same name and shape; a head only if it is the task's own."""
        nearest = 1 if self.mutation.inherit_from == "parent" else None
        for path in self.lineage[:nearest]:
            component = path.component(slot.name)
            if component is None or component.signature != slot.signature:
                continue
            if slot.name != HEAD or path.task == self.task:
                return component
        return None

    def _clones(self, slot: Slot, found: Component) -> bool:
        """Whether a component that was found is cloned; draws only where nothing decides it."""
        return not self.solve and (
            slot.name == HEAD
            or found.id in self.trainable
            or (self.mutation.clone_roots and found.owner is None)
            or (self.mutation.clones(slot.name, self.above) and not self.unmutated)
            or self.draw_action(f"clone:{slot.name}")
        )

    def _of_another_size(self, slot: Slot) -> Component | None:
        """What a component of no ancestor's size is resampled from, if that is possible at all.

        The nearest root's, in the size its weights were published in where it has that.
        """
        if not self.space.model.resamples(slot.name):
            return None
        if self.mutation.inherit_from == "parent":
            return self.lineage[0].component(slot.name)
        roots = [path for path in self.lineage if path.task is None]
        names = (self.space.model.original(slot.name), slot.name)
        found = (path.component(name) for path in (*roots, *self.lineage) for name in names)
        return next((component for component in found if component is not None), None)
