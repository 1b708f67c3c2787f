"""A child once it is trained: its cost, and its line in the child log."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from mu2.evolution.budget import training_flops
from mu2.evolution.closed_form import solving_flops
from mu2.evolution.evolution import Evolution
from mu2.evolution.plan import Plan
from mu2.evolution.population import Population
from mu2.evolution.probing import Probes
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

    @property
    def seconds(self) -> float:
        """Wall time."""


@dataclasses.dataclass(frozen=True)
class TrainedChild:
    """A child once it is trained, and what it cost.

    Attributes:
      plan: what it was made from.
      outcome: of its training.
      quality_score: quality in [0, 1] to score.
      probes: made before it; of no children but the first of a task.
      trained_on: training examples seen, each time counted.
      solved_on: training examples that its head is solved on, where it is.
      validated_on: validation examples seen, each time counted.
    """

    plan: Plan
    outcome: Outcome
    quality_score: Callable[[float], float]
    probes: Probes
    trained_on: int
    solved_on: int
    validated_on: int

    @property
    def score(self) -> float | None:
        """Of its best interval; None if it diverged."""
        quality = self.outcome.quality
        return None if quality is None else self.quality_score(quality)

    @property
    def interval_scores(self) -> list[float]:
        """After each interval; none where its head is solved: there is none to compare with."""
        qualities = () if self.plan.solves_head else self.outcome.qualities
        return [self.quality_score(quality) for quality in qualities]

    @property
    def flops(self) -> float:
        """Floating-point operations of its training and validation, and of the probes."""
        examples = (self.trained_on, self.solved_on, self.validated_on)
        return child_flops(self.plan, *examples) + self.probes.flops

    @property
    def seconds(self) -> float:
        """Wall time of its training, and of the probes."""
        return self.outcome.seconds + self.probes.seconds

    def to_record(self, population: Population, must_improve: bool) -> dict[str, Any]:
        """Its line in the child log.

        Args:
          population: once it was kept or not.
          must_improve: see `Evolution.must_improve`.
        """
        plan, outcome, best = self.plan, self.outcome, population.best(must_improve)
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
            "score": self.score,
            "bar": plan.score_to_reach,
            "best": None if best is None else best.quality,
            "retained": any(path.id == plan.id for path in population.own),
            "diverged": outcome.diverged,
            "stopped": outcome.stopped,
            "actions": {component.name: component.action for component in plan.components},
            "trained_parameters": sum(c.size for c in plan.components if c.trainable),
            "parameters": sum(c.size for c in plan.components),
            "steps": outcome.steps,
            "flops": self.flops,
            "whole_flops": training_flops(plan, self.trained_on, self.validated_on, whole=True),
            "hyperparameters": dict(sorted(plan.hyperparameters.items())),
            **({"probes": dict(self.probes.accuracies)} if self.probes.accuracies else {}),
        }


def child_flops(plan: Plan, trained_on: int, solved_on: int, validated_on: int) -> float:
    """Floating-point operations that a child's training and validation took.

    Args:
      plan: the child.
      trained_on: training examples seen, each time counted; of no matter where its head is solved.
      solved_on: training examples that its head is solved on, where it is.
      validated_on: validation examples seen, each time counted.
    """
    if plan.solves_head:
        head = plan.components[-1].size
        return solving_flops(plan.flops, head, plan.num_classes, solved_on, validated_on)
    return training_flops(plan, trained_on, validated_on)


def count_child(evolution: Evolution, population: Population, child: TrainedChild) -> Population:
    """The population with what a child cost, and how it stood after each interval.

    Args:
      evolution: says what counts.
      population: before.
      child: once it is trained.
    """
    timed = evolution.budget is not None and evolution.budget.uses_wall_time
    rungs = population.rungs
    return dataclasses.replace(
        population,
        flops=population.flops + child.flops,
        seconds=population.seconds + (child.seconds if timed else 0.0),
        rungs=record_scores(rungs, child.interval_scores) if evolution.stopping else (),
    )
