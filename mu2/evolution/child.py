"""A child once it is trained: its cost, and its line in the child log."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mu2.evolution.engine import Evolution
from mu2.evolution.path import Path
from mu2.evolution.plan import Plan
from mu2.evolution.population import Population
from mu2.evolution.stopping import record_scores


class Outcome(Protocol):
    """What training made of a child, as far as its record asks."""

    @property
    def quality(self) -> float | None:
        """Best validation accuracy in [0, 1]; None if it diverged."""

    @property
    def qualities(self) -> Sequence[float]:
        """Validation accuracy after each interval."""

    @property
    def diverged(self) -> bool:
        """A loss was NaN or infinite."""

    @property
    def stopped(self) -> bool:
        """It did not go on before its last interval."""

    @property
    def steps(self) -> int:
        """Training steps done."""


def child_record(
    plan: Plan,
    outcome: Outcome,
    population: Population,
    best: Path | None,
    score: float | None,
    flops: float,
    probes: Mapping[str, float] | None = None,
    whole_flops: float = 0.0,
) -> dict[str, Any]:
    """The log line of one child.

    Args:
      plan: what it was made from.
      outcome: of its training.
      population: once it was kept or not.
      best: its best path.
      score: its score; None if it diverged.
      flops: floating-point operations of its training and validation, and of probes before it.
      probes: accuracy of the probes before it, by seed; none were made but for the first child.
      whole_flops: floating-point operations of its steps and validation, were all of it trained.
    """
    hyperparameters: Mapping[str, Any] = plan.hyperparameters
    return {
        "task": plan.task,
        "iteration": population.iteration,
        "generation": plan.generation,
        "child": plan.child,
        "path": plan.id,
        "parent": plan.parent.id,
        "parent_task": plan.parent.task,
        "quality": outcome.quality,
        "qualities": list(outcome.qualities),
        "score": score,
        "bar": plan.bar,
        "best": None if best is None else best.quality,
        "retained": any(path.id == plan.id for path in population.own),
        "diverged": outcome.diverged,
        "stopped": outcome.stopped,
        "actions": {component.name: component.action for component in plan.components},
        "trained_parameters": sum(c.size for c in plan.components if c.trainable),
        "parameters": sum(c.size for c in plan.components),
        "steps": outcome.steps,
        "flops": flops,
        "whole_flops": whole_flops,
        "hyperparameters": dict(sorted(hyperparameters.items())),
        **({"probes": dict(probes)} if probes else {}),
    }


def count_child(
    evolution: Evolution,
    population: Population,
    scores: Sequence[float],
    seconds: float,
    flops: float,
) -> Population:
    """The population with what a child cost, and how it stood after each interval.

    Args:
      evolution: says what counts.
      population: before.
      scores: of the child, after each of its intervals.
      seconds: wall time of its training.
      flops: floating-point operations of it.
    """
    timed = evolution.budget is not None and evolution.budget.uses_wall_time
    return dataclasses.replace(
        population,
        flops=population.flops + flops,
        seconds=population.seconds + (seconds if timed else 0.0),
        rungs=record_scores(population.rungs, scores) if evolution.stopping else (),
    )
