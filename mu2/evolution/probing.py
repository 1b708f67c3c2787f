"""Probes: heads solved over the frozen layers of seeds, before a task has its first child.

Not in the µNet papers; that candidates are probed before anything is trained is of PICLE (Valkov et
al., ICLR 2024) and MNTDP (Veniat et al., ICLR 2021).
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mu2.evolution.engine import plan_generation
from mu2.evolution.evolution import Evolution
from mu2.evolution.live_paths import LivePaths
from mu2.evolution.plan import Plan
from mu2.evolution.population import Population
from mu2.evolution.seeds import reachable_seeds
from mu2.evolution.space import SearchSpace
from mu2.random_keys import Key

# Training examples that a probe is solved on, and others that it is judged by: so many, or so many
# of each class where that is more.
SOLVED_ON, JUDGED_BY = 1500, 500
SOLVED_ON_OF_CLASS, JUDGED_BY_OF_CLASS = 6, 2


class Outcome(Protocol):
    """What became of a probe."""

    @property
    def quality(self) -> float | None:
        """Accuracy in [0, 1] on the examples that it is judged by; None if it diverged."""

    @property
    def seconds(self) -> float:
        """Wall time."""


@dataclasses.dataclass(frozen=True)
class Probes:
    """What probes of a task's seeds said, and what they took.

    Attributes:
      population: its seeds by falling accuracy, of equals in the order that they had; as it was
        where nothing was probed.
      accuracies: in [0, 1], by the id of the seed.
      flops: floating-point operations of all.
      seconds: wall time of all.
    """

    population: Population
    accuracies: Mapping[str, float] = dataclasses.field(default_factory=dict)
    flops: float = 0.0
    seconds: float = 0.0


def probe_examples(available: int, num_classes: int) -> tuple[int, int]:
    """Training examples that a probe is solved on, and those that it is judged by."""
    judged = min(max(JUDGED_BY, JUDGED_BY_OF_CLASS * num_classes), available // 4)
    solved_on = max(SOLVED_ON, SOLVED_ON_OF_CLASS * num_classes)
    return min(solved_on, available - judged), judged


def plan_probes(
    evolution: Evolution,
    space: SearchSpace[Any],
    paths: LivePaths,
    population: Population,
    key: Key,
    source_hyperparameters: Mapping[str, Any] | None = None,
) -> tuple[Plan, ...]:
    """A child of each seed whose head is solved; nothing where the seeds are not to be probed.

    Args:
      evolution: the rules.
      space: the search space, narrowed to the task's kind of examples.
      paths: every live path by id.
      population: at the start of the task's iteration.
      key: of the probes; used as `plan_generation` uses that of an iteration.
      source_hyperparameters: those that the data set by themselves.
    """
    if not evolution.probes_seeds(population):
        return ()
    number = len(population.seeds)
    each = dataclasses.replace(
        evolution,
        children_per_iteration=number,
        closed_form_children=number,
        full_generations=False,
        seeds_first=False,
    )
    return plan_generation(each, space, paths, population, key, source_hyperparameters)[1]


def order_seeds(
    evolution: Evolution,
    population: Population,
    plans: Sequence[Plan],
    outcomes: Sequence[Outcome],
    flops: float,
) -> Probes:
    """What the probes come to.

    Args:
      evolution: the rules.
      population: before.
      plans: of the probes.
      outcomes: of the probes.
      flops: of all of them.
    """
    if not plans:
        return Probes(population)
    accuracies = {
        plan.parent.id: outcome.quality or 0.0
        for plan, outcome in zip(plans, outcomes, strict=True)
    }
    seeds: Sequence[str] = sorted(population.seeds, key=lambda seed: -accuracies[seed])
    if not evolution.seeds_first:
        seeds = reachable_seeds(seeds, population.offspring, evolution.children)
    return Probes(
        dataclasses.replace(population, seeds=tuple(seeds)),
        accuracies,
        flops,
        sum(outcome.seconds for outcome in outcomes),
    )
