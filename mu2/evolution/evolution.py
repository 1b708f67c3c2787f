"""Evolution: how many children a task iteration makes, and by which rules."""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Literal

from mu2.errors import Mu2Error, did_you_mean
from mu2.evolution.budget import Budget
from mu2.evolution.population import Population
from mu2.evolution.rules import Mutation
from mu2.evolution.scoring import Scoring
from mu2.evolution.stopping import Halving

PARENTS = ("seeds", "any", "own", "roots", "probed")


@dataclasses.dataclass(frozen=True)
class Evolution:
    """How many children, and by which rules they are made and judged (docs/method.md).

    Attributes:
      children_per_iteration: children of one task iteration; see `full_generations`.
      children_per_generation: children that share their data hyperparameters and batches and are
        planned before any of them is trained; the papers train one a device.
      full_generations: every generation has all its children, the last one too, so that a task
        iteration may have more than `children_per_iteration` (the papers); otherwise the last one
        has what is left.
      mutation: which mutations there are.
      scoring: how quality becomes score.
      parents: where a parent comes from once none of the task's own paths is accepted: the
        `seeds` in turn (µ2Net), or `any` of the seeds and own paths, all alike (muNet, µ2Net+).
        `own`: as `seeds`, but of the roots alone, so that no layer of another task is reused.
        `roots`: from the roots alone, never from an own path, as for the baselines. `probed`: as
        `seeds`, but in the first iteration of a task ordered by how a head does that is solved over
        their frozen layers, of some training examples. `own` and `probed` are not in the papers.
      probes: seeds that are probed at most, where `parents` says so: the roots, then always the one
        with the most layers that none before it has.
      seeds_first: the first children of a task iteration are made from one seed each, the newest
        first, without mutation; meanwhile no data hyperparameter moves either (muNet).
      closed_form_children: the first generation of a task that has no path yet is so many children,
        or as many as there are seeds, each of a seed of its own: the roots, then the others in
        their order; or as they are probed. Everything of the seed is shared, frozen, and nothing
        mutates; what cannot be shared is left as it begins, but for the head, which is solved by
        ridge regression. They count among the children of the iteration. Not in the papers.
      must_improve: a child is kept only if it scores above its parent of the same task, and an
        interval only if it scores above those before it; of equals the oldest is best (muNet).
        Otherwise as much is enough, and the newest is best (µ2Net).
      population: own paths that are kept at most from one generation to the next, the best by
        score, of equals the oldest; None: all.
      target_quality: validation accuracy in (0, 1]; a task iteration makes no generation after one
        that ends with a path of the task that has it. None: none is enough. Not in the papers.
      stopping: which children are stopped before their training ends; None: none.
      budget: what the run may spend; None: children_per_iteration is the only limit.
    """

    children_per_iteration: int = 32
    children_per_generation: int = 1
    mutation: Mutation = Mutation()
    scoring: Scoring = Scoring()
    parents: Literal["seeds", "any", "own", "roots", "probed"] = "seeds"
    probes: int = 16
    full_generations: bool = False
    seeds_first: bool = False
    closed_form_children: int = 0
    must_improve: bool = False
    population: int | None = None
    target_quality: float | None = None
    stopping: Halving | None = None
    budget: Budget | None = None

    def __post_init__(self) -> None:
        for name in ("children_per_iteration", "children_per_generation", "population", "probes"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise Mu2Error(f"Evolution.{name} is {value}; it must be 1 or more.")
        if self.target_quality is not None and not 0 < self.target_quality <= 1:
            raise Mu2Error(
                f"Evolution.target_quality is {self.target_quality}; it must be above 0 and at "
                "most 1."
            )
        if not 0 <= self.closed_form_children <= self.children_per_iteration:
            raise Mu2Error(
                f"Evolution.closed_form_children is {self.closed_form_children}; it must be from 0 "
                f"to {self.children_per_iteration}, Evolution.children_per_iteration."
            )
        if self.closed_form_children and self.seeds_first:
            raise Mu2Error(
                "Evolution.closed_form_children and Evolution.seeds_first both say what the first "
                "children of a task are.",
                hint="Set Evolution.closed_form_children = 0 or Evolution.seeds_first = False.",
            )
        if self.parents not in PARENTS:
            raise Mu2Error(
                f"Evolution.parents is {self.parents!r}.",
                hint=did_you_mean(str(self.parents), PARENTS),
            )

    @property
    def roots_alone(self) -> bool:
        """Whether no layer of another task is reused."""
        return self.parents in ("own", "roots")

    @property
    def children(self) -> int:
        """Children of one task iteration, where no budget ends it before."""
        if not self.full_generations:
            return self.children_per_iteration
        generations = math.ceil(self.children_per_iteration / self.children_per_generation)
        return generations * self.children_per_generation

    def count_closed_form(self, population: Population) -> int:
        """Children of the next generation whose head is solved: all of it, or none."""
        if population.own or population.generation:
            return 0
        return min(self.closed_form_children, len(population.seeds))

    def probes_seeds(self, population: Population) -> bool:
        """Whether the seeds are probed before the next generation: a new task's, if it has some."""
        begins = not population.own and not population.generation
        return self.parents == "probed" and begins and len(population.seeds) > 1

    def select_survivors(
        self, population: Population
    ) -> Callable[[int, Sequence[float | None]], tuple[bool, ...]] | None:
        """Which children of the next generation go on after an interval; None where all do."""
        if self.stopping is None:
            return None
        return functools.partial(self.stopping.select_survivors, population.rungs)

    def is_finished(self, population: Population, visits: int) -> bool:
        """Whether a task iteration makes no further generation.

        Args:
          population: its state.
          visits: task iterations of the run, which share the budget.
        """
        if population.children >= self.children_per_iteration:
            return True
        if not population.children:
            return False
        best = max((path.quality or 0.0 for path in population.own), default=0.0)
        if self.target_quality is not None and best >= self.target_quality:
            return True
        return self.budget is not None and self.budget.is_spent(population, visits)

    def keep_needed(self, population: Population, visits: int) -> Population:
        """The population after a generation, with what may yet survive or have children alone.

        Args:
          population: its state, each of whose own paths reached its bar.
          visits: see `is_finished`.
        """
        population = population.trim(self.population)
        best = population.best(self.must_improve)
        if best is None or not self.is_finished(population, visits):
            return population
        # That of the best quality too: it may be what ends the iteration.
        return population.keep({best.id, max(population.own, key=lambda p: p.quality or 0.0).id})
