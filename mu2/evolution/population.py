"""The population: the state of one task iteration, nothing but records."""

import dataclasses
from collections.abc import Mapping
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
      seeds: ids of the seed paths in their present order.
      offspring: path id to the number of children this task had from it.
      children: children made in this iteration.
      generation: generations done in this iteration.
      rungs: for each validation interval, the scores of the children that had it; kept where
        children are stopped early.
      flops: floating-point operations that its children took.
      seconds: wall time of its children; 0 where the budget does not ask.
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

    def ranked(self) -> tuple[Path, ...]:
        """Own paths by falling score; of equal scores the newest first."""
        newest_first = self.own[::-1]
        return tuple(sorted(newest_first, key=lambda path: -(path.score or 0.0)))

    @property
    def best(self) -> Path | None:
        """The best own path, if any."""
        ranked = self.ranked()
        return ranked[0] if ranked else None

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
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Population":
        """The population of a document that `to_json` made."""
        return cls(
            **{
                **document,
                "own": tuple(Path.from_json(path) for path in document["own"]),
                "seeds": tuple(document["seeds"]),
                "offspring": dict(document["offspring"]),
                "rungs": tuple(tuple(rung) for rung in document["rungs"]),
            }
        )
