"""Roots that are paths of other systems."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from mu2.errors import Mu2Error
from mu2.evolution.path import Path
from mu2.models import Arrays, Component, Model, restore
from mu2.models.leaves import from_stored
from mu2.models.roots.root import fit_size
from mu2.random_keys import Key
from mu2.system import System


@dataclasses.dataclass(frozen=True)
class SystemRoot:
    """A root that is a task's path in another system, without head and momentum.

    The other system is only read. Adapters that the path has are in the root, as its other layers
    were trained with them. Fewer layers than the path has are its first ones; what depends
    on the image size is resampled to the space's default.

    Attributes:
      path: the other system's folder.
      task: one of its tasks.
      name: the root's name.
    """

    path: str
    task: str
    name: str = "system"

    def fits(self, model: Model) -> bool:
        """See `SelectiveRoot.fits`."""
        return self._speaks_of(model, System.open(self.path).path(self.task))

    def check(self, model: Model, hyperparameters: Mapping[str, Any]) -> None:
        """Finds out whether the path fits; reads no arrays.

        Raises:
          Mu2Error: as `components`, but for damaged arrays.
        """
        path = System.open(self.path).path(self.task)
        if self._speaks_of(model, path):
            self._slots(model, hyperparameters, path)

    def components(
        self, model: Model, hyperparameters: Mapping[str, Any], key: Key
    ) -> tuple[tuple[Component, Arrays], ...]:
        """See `Root.components`; nothing is drawn from `key`.

        Raises:
          Mu2Error: there is no such system, task or path; or its architecture has other settings,
            fewer layers, or layers of other shapes.
        """
        system = System.open(self.path)
        path = system.path(self.task)
        if not self._speaks_of(model, path):
            return ()
        made: list[tuple[Component, Arrays]] = []
        for slot in self._slots(model, hyperparameters, path):
            there = path.component(slot.name)
            if there is None:
                continue  # an adapter that it has not
            arrays = from_stored(system.arrays(there))
            if there.signature != slot.signature:
                made += fit_size(model, slot, arrays)
            else:
                made.append((slot, arrays))
        return tuple(made)

    @property
    def _place(self) -> str:
        return f"task {self.task!r} of {self.path}"

    def _speaks_of(self, model: Model, path: Path) -> bool:
        """Whether the path is of this architecture; False where it is of another kind.

        Raises:
          Mu2Error: it is of this kind, with other settings.
        """
        there = restore(path.model)
        if type(there) is not type(model):
            return False
        kind = type(model).__name__
        old, new = dataclasses.asdict(there), dataclasses.asdict(model)
        wrong = [name for name in old if old[name] != new[name]]
        if wrong:
            raise Mu2Error(
                f"{self._place} has "
                f"{', '.join(f'{kind}.{name} = {old[name]!r}' for name in wrong)}; the search "
                f"space has {', '.join(repr(new[name]) for name in wrong)}.",
                hint="; ".join(f"Set {kind}.{name} = {old[name]!r}" for name in wrong) + ".",
            )
        return True

    def _slots(
        self, model: Model, hyperparameters: Mapping[str, Any], path: Path
    ) -> list[Component]:
        """The places of the space's default network, but for the head.

        Raises:
          Mu2Error: the path cannot fill one of them, or has adapters where the space has none.
        """
        slots = [s for s in model.network(hyperparameters, num_classes=1) if s.name != "head"]
        adapters = [
            slot.name
            for slot in model.network(path.hyperparameters, num_classes=1)
            if slot.optional and path.component(slot.name) is not None
        ]
        if adapters and not any(slot.optional for slot in slots):
            raise self._unfit(
                f"has {adapters[0]}, and the search space has no adapters", model, hyperparameters
            )
        for slot in slots:
            there = path.component(slot.name)
            fits = (
                slot.optional
                if there is None
                else there.signature == slot.signature or model.resamples(slot.name)
            )
            if not fits:
                raise self._unfit(
                    f"has no {slot.name} that fits the defaults of the search space",
                    model,
                    hyperparameters,
                )
        return slots

    def _unfit(self, why: str, model: Model, hyperparameters: Mapping[str, Any]) -> Mu2Error:
        """The error of a path that does not fit, with what would make it fit."""
        there = System.open(self.path).path(self.task).hyperparameters
        shaping = [
            f"Hyperparameters.{name} = {there[name]!r}"
            for name in model.hyperparameter_names()
            if name in there and there[name] != hyperparameters.get(name)
        ]
        return Mu2Error(
            f"{self._place} {why}.",
            hint=f"Set {', '.join(shaping)}, as the path has." if shaping else None,
        )
