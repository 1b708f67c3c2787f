"""Scores: quality with a decay for the parameters a path is accountable for."""

import dataclasses
from collections.abc import Iterable
from typing import Protocol

from mu2.errors import Mu2Error
from mu2.evolution.live_paths import LivePaths
from mu2.evolution.path import Component


class HasFlops(Protocol):
    """What has its forward pass counted: a path, or a planned child."""

    @property
    def flops(self) -> float:
        """Floating-point operations for one example."""

    @property
    def dense_flops(self) -> float:
        """The same where every token goes through every layer; 0 if nobody knows."""


@dataclasses.dataclass(frozen=True)
class Scoring:
    """The score: quality with a decay for size and one for compute.

    quality * scale ** (accounted parameters / num_parameters) * flops_scale ** (flops / num_flops)
    (docs/method.md, Score).

    Attributes:
      scale: the decay for size, in (0, 1]; 1.0 leaves it out.
      num_parameters: parameters that cost one factor of `scale`; None: as many as the path has, so
        that a path which shares nothing has that factor, in a space of any size.
      flops_scale: the decay for compute, in (0, 1]; 1.0 leaves it out.
      num_flops: floating-point operations, for one example, that cost one factor of `flops_scale`.
      count_root: a root is one more user of its components, so that a path which shares one with
        the root alone accounts for half of it (µ2Net+); otherwise tasks alone count (µ2Net).
      dense_flops: `flops` are those of a forward pass in which every token goes through every layer
        (µ2Net+); otherwise those that are computed: of its last block a ViT computes the class
        token alone, as nothing else is read.
    """

    scale: float = 1.0
    num_parameters: int | None = 1
    flops_scale: float = 1.0
    num_flops: float = 1.0
    count_root: bool = False
    dense_flops: bool = False

    def __post_init__(self) -> None:
        for name in ("scale", "flops_scale"):
            if not 0 < getattr(self, name) <= 1:
                raise Mu2Error(
                    f"Scoring.{name} is {getattr(self, name)}; it must be above 0 and at most 1."
                )
        for name in ("num_parameters", "num_flops"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise Mu2Error(f"Scoring.{name} is {value}; it must be positive.")

    def score(self, quality: float, accounted: float, flops: float) -> float:
        """The score of a quality in [0, 1].

        Args:
          quality: validation accuracy.
          accounted: accounted parameters, as `accounted_size` gives them.
          flops: floating-point operations of a forward pass for one example.
        """
        size = self.scale ** (accounted / (self.num_parameters or 1))
        return float(quality * size * self.flops_scale ** (flops / self.num_flops))

    def flops(self, counted: HasFlops) -> float:
        """The floating-point operations of a path or a planned child that its score is for."""
        return (counted.dense_flops if self.dense_flops else 0.0) or counted.flops

    def accounted_size(
        self, components: Iterable[Component], live_paths: LivePaths, task: str
    ) -> float:
        """The parameters that a path of a task accounts for (see `accounted_parameters`).

        Where `num_parameters` is None, their share of all that the path has.
        """
        path = tuple(components)
        accounted = accounted_parameters(path, live_paths, task, self.count_root)
        if self.num_parameters is None:
            return accounted / max(sum(component.size for component in path), 1)
        return accounted


@dataclasses.dataclass(frozen=True)
class ChildScore:
    """The score of one planned child, as numbers that can go to another process.

    Attributes:
      scoring: the rule.
      accounted: parameters that the child accounts for.
      flops: floating-point operations, for one example, that its score is for.
    """

    scoring: Scoring
    accounted: float
    flops: float

    def __call__(self, quality: float) -> float:
        """The score of a quality in [0, 1]."""
        return self.scoring.score(quality, self.accounted, self.flops)


def accounted_parameters(
    components: Iterable[Component], live_paths: LivePaths, task: str, count_root: bool = False
) -> float:
    """Sum over components of size / number of users (docs/method.md, Score).

    Users are the tasks whose live paths have it, and the path's own task.

    Args:
      components: of a path.
      live_paths: the live paths.
      task: the path's.
      count_root: a root that has it is a user too.
    """
    nobody = set() if count_root else {None}
    return sum(
        component.size / len((live_paths.users(component.id) | {task}) - nobody)
        for component in components
    )
