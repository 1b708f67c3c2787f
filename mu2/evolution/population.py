"""The population: the state of one task iteration, nothing but records."""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from mu2.evolution.path import Path


@dataclasses.dataclass(frozen=True)
class Population:
    """The state of one task iteration between two generations.

    Attributes:
      task: the active task.
      iteration: number of the task's iteration in the system.
      private: whether the task is private.
      num_classes: its classes.
      own: the task's own paths, in order of birth.
      dropped: own paths of this iteration that a cap took out of `own` and that a path of `own`
        descends from; no child is made from them, but components are looked for in them.
      seeds: ids of the seed paths in their present order.
      offspring: path id to the number of children this task had from it.
      children: children made in this iteration.
      generation: generations done in this iteration.
      rungs: for each validation interval, the scores of the children that had it; kept where
        children are stopped early.
      flops: floating-point operations that its children took.
      seconds: wall time of its children; 0 where the budget does not ask.
      births: children that the system had made before this iteration.
    """

    task: str
    iteration: int
    private: bool
    num_classes: int
    own: tuple[Path, ...]
    seeds: tuple[str, ...]
    offspring: Mapping[str, int]
    children: int = 0
    generation: int = 0
    rungs: tuple[tuple[float, ...], ...] = ()
    flops: float = 0.0
    seconds: float = 0.0
    dropped: tuple[Path, ...] = ()
    births: int = 0

    def rank(self) -> tuple[Path, ...]:
        """Own paths by falling score; of equal scores the oldest first."""
        return tuple(sorted(self.own, key=_falling))

    def best(self, must_improve: bool = False) -> Path | None:
        """The best own path, if any: of equals the newest, the oldest where it `must_improve`."""
        return min(self.own if must_improve else self.own[::-1], key=_falling, default=None)

    def add(self, path: Path) -> "Population":
        """The population with one more own path."""
        return dataclasses.replace(self, own=(*self.own, path))

    def trim(self, limit: int | None) -> "Population":
        """The population with the best own paths alone, of equals the oldest.

        Args:
          limit: how many stay; None: all.
        """
        if limit is None or len(self.own) <= limit:
            return self
        return self.keep({path.id for path in self.rank()[:limit]})

    def keep(self, stay: Collection[str]) -> "Population":
        """The population with the own paths of some ids alone; see `dropped` for the others."""
        gone = {path.id: path for path in (*self.dropped, *self.own) if path.id not in stay}
        needed: set[str] = set()
        for path in self.own:
            above = path if path.id in stay else None
            while above is not None and (above := gone.get(above.parent or "")) is not None:
                needed.add(above.id)
        return dataclasses.replace(
            self,
            own=tuple(path for path in self.own if path.id not in gone),
            dropped=tuple(path for path in gone.values() if path.id in needed),
        )

    def to_json(self) -> dict[str, Any]:
        """A JSON document, the same for equal populations."""
        return {
            "task": self.task,
            "iteration": self.iteration,
            "private": self.private,
            "num_classes": self.num_classes,
            "own": [path.to_json() for path in self.own],
            "seeds": list(self.seeds),
            "offspring": dict(sorted(self.offspring.items())),
            "children": self.children,
            "generation": self.generation,
            "rungs": [list(rung) for rung in self.rungs],
            "flops": self.flops,
            "seconds": self.seconds,
            "dropped": [path.to_json() for path in self.dropped],
            "births": self.births,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Population":
        """The population of a document that `to_json` made."""
        return cls(
            **{
                **document,
                "own": tuple(Path.from_json(path) for path in document["own"]),
                # Older versions had no cap that kept ancestors.
                "dropped": tuple(Path.from_json(path) for path in document.get("dropped", ())),
                "seeds": tuple(document["seeds"]),
                "offspring": dict(document["offspring"]),
                "rungs": tuple(tuple(rung) for rung in document["rungs"]),
            }
        )


def _falling(path: Path) -> float:
    return -(path.score or 0.0)
