"""Scores: quality with a decay for the parameters a path is accountable for."""

import dataclasses
from collections.abc import Iterable, Mapping

from mu2.errors import Mu2Error
from mu2.evolution.path import Component, Path


@dataclasses.dataclass(frozen=True)
class Scoring:
    """score = quality * scale ** (accounted parameters / num_parameters) (paper/README 3.4).

    Attributes:
      scale: the decay, in (0, 1]; 1.0 makes the score the quality.
      num_parameters: parameters that cost one factor of `scale`.
    """

    scale: float = 1.0
    num_parameters: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.scale <= 1:
            raise Mu2Error(f"Scoring.scale is {self.scale}; it must be above 0 and at most 1.")
        if self.num_parameters < 1:
            raise Mu2Error(f"Scoring.num_parameters is {self.num_parameters}; it must be positive.")

    def score(self, quality: float, accounted: float) -> float:
        """The score of a quality in [0, 1] with that many accounted parameters."""
        return quality * self.scale ** (accounted / self.num_parameters)


def lockers(paths: Iterable[Path], active: str | None) -> dict[str, frozenset[str | None]]:
    """Who locks each component, by its id: tasks, and None for a root.

    A component is locked by every task whose kept path uses it and by the root that made it. The
    active task's own locks are lifted. Locks follow from the live paths and are never stored.

    Args:
      paths: roots and kept paths.
      active: the task whose iteration is under way.
    """
    held: dict[str, set[str | None]] = {}
    for path in paths:
        if path.task is None or path.task != active:
            for component in path.components:
                held.setdefault(component.id, set()).add(path.task)
    return {component: frozenset(tasks) for component, tasks in held.items()}


def accounted_parameters(
    components: Iterable[Component], locks: Mapping[str, frozenset[str | None]], task: str
) -> float:
    """Sum over components of size / number of tasks that use it (paper/README 3.4).

    The path's own task counts; the root that made a component does not.
    """
    return sum(
        component.size / len((locks.get(component.id, frozenset()) | {task}) - {None})
        for component in components
    )
