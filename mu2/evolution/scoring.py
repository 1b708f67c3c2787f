"""Scores: quality with a decay for the parameters a path is accountable for."""

import dataclasses
from collections.abc import Iterable

from mu2.errors import Mu2Error
from mu2.evolution.live_paths import LivePaths
from mu2.evolution.path import Component


@dataclasses.dataclass(frozen=True)
class Scoring:
    """The score: quality with a decay for size and one for compute.

    quality * scale ** (accounted parameters / num_parameters) * flops_scale ** (flops / num_flops)
    (paper/README 3.4 and 4.1).

    Attributes:
      scale: the decay for size, in (0, 1]; 1.0 leaves it out.
      num_parameters: parameters that cost one factor of `scale`.
      flops_scale: the decay for compute, in (0, 1]; 1.0 leaves it out.
      num_flops: floating-point operations, for one example, that cost one factor of `flops_scale`.
    """

    scale: float = 1.0
    num_parameters: int = 1
    flops_scale: float = 1.0
    num_flops: float = 1.0

    def __post_init__(self) -> None:
        for name in ("scale", "flops_scale"):
            if not 0 < getattr(self, name) <= 1:
                raise Mu2Error(
                    f"Scoring.{name} is {getattr(self, name)}; it must be above 0 and at most 1."
                )
        for name in ("num_parameters", "num_flops"):
            if getattr(self, name) < 1:
                raise Mu2Error(f"Scoring.{name} is {getattr(self, name)}; it must be positive.")

    def score(self, quality: float, accounted: float, flops: float) -> float:
        """The score of a quality in [0, 1].

        Args:
          quality: validation accuracy.
          accounted: accounted parameters.
          flops: floating-point operations of a forward pass for one example.
        """
        size = self.scale ** (accounted / self.num_parameters)
        return float(quality * size * self.flops_scale ** (flops / self.num_flops))


def accounted_parameters(components: Iterable[Component], living: LivePaths, task: str) -> float:
    """Sum over components of size / number of tasks that use it (paper/README 3.4).

    The path's own task counts; the root that made a component does not.
    """
    return sum(
        component.size / len((living.users(component.id) | {task}) - {None})
        for component in components
    )
