"""The engine: begin a task iteration, plan generations, keep children, let the best survive."""

import dataclasses
import functools
import math
from collections import ChainMap
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal

from mu2.errors import Mu2Error, did_you_mean
from mu2.evolution.budget import Budget
from mu2.evolution.live_paths import LivePaths, UnlockedComponents
from mu2.evolution.mutation import data_hyperparameters, mutate
from mu2.evolution.path import Path
from mu2.evolution.plan import Plan
from mu2.evolution.population import Population
from mu2.evolution.rules import Mutation
from mu2.evolution.scoring import ChildScore, Scoring
from mu2.evolution.seeds import choose_candidates, find_seeds, reachable_seeds, roots_first
from mu2.evolution.selection import choose_parent
from mu2.evolution.space import SearchSpace
from mu2.evolution.stopping import Halving
from mu2.random_keys import Key

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
        their frozen layers, on some training examples. `own` and `probed` are not in the papers.
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
    stopping: Halving | None = None
    budget: Budget | None = None

    def __post_init__(self) -> None:
        for name in ("children_per_iteration", "children_per_generation", "population", "probes"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise Mu2Error(f"Evolution.{name} is {value}; it must be 1 or more.")
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
        return bool(
            self.budget and population.children and self.budget.is_spent(population, visits)
        )


def begin(
    evolution: Evolution,
    space: SearchSpace[Any],
    paths: LivePaths,
    *,
    task: str,
    private: bool,
    num_classes: int,
    iteration: int,
    offspring: Mapping[str, int],
    key: Key,
    births: int = 0,
) -> Population:
    """The population at the start of a task iteration (docs/method.md, Task iterations).

    Seeds are the roots and the other tasks' paths that are not private and have layers to give,
    shuffled. The task's own kept path goes on, its own locks lifted and its score counted again,
    as others may by now share its components. A task that has become private takes its kept path
    with it.

    Args:
      evolution: the rules.
      space: the search space, narrowed to the task's kind of examples.
      paths: every live path.
      task: the active task.
      private: whether it is private.
      num_classes: its classes.
      iteration: number of this iteration of the task.
      offspring: children the task had from each path in earlier iterations.
      key: the task iteration's key.
      births: children that the system has made so far, for any task.
    """
    scoring = evolution.scoring
    own = tuple(
        dataclasses.replace(
            p,
            private=p.private or private,
            score=scoring.score(
                p.quality or 0.0, scoring.accounted(p.components, paths, task), scoring.flops(p)
            ),
        )
        for p in (paths[head.id] for head in paths.heads if head.task == task)
    )
    shuffled = find_seeds(paths, space, task, roots=evolution.roots_alone)
    key.fold_in("seeds").numpy().shuffle(shuffled)
    seeds: Sequence[str] = shuffled
    probed = evolution.parents == "probed" and not own
    if probed:
        seeds = choose_candidates(seeds, paths, evolution.probes)
    elif evolution.closed_form_children and not own:
        seeds = roots_first(seeds, paths, space.model.name)
    # Any of those that are probed may come to be the first.
    if not probed and evolution.parents != "any" and not evolution.seeds_first:
        seeds = reachable_seeds(seeds, offspring, evolution.children)
    return Population(
        task=task,
        iteration=iteration,
        private=private,
        num_classes=num_classes,
        own=own,
        seeds=tuple(seeds),
        offspring={path: n for path, n in sorted(offspring.items()) if path in paths},
        births=births,
    )


def plan_generation(
    evolution: Evolution,
    space: SearchSpace[Any],
    paths: LivePaths,
    population: Population,
    key: Key,
    source_hyperparameters: Mapping[str, Any] | None = None,
) -> tuple[Population, tuple[Plan, ...]]:
    """Plans the next generation: draws its data hyperparameters, then parents and mutations.

    Args:
      evolution: the rules.
      space: the search space, narrowed to the task's kind of examples.
      paths: every live path by id.
      population: the state before.
      key: the task iteration's key; generation, child and purpose are folded in.
      source_hyperparameters: those that the data set by themselves.

    Returns:
      The population with parents, seeds and children counted, and the plans.
    """
    generation, solved = population.generation, evolution.count_closed_form(population)
    unmutated = paths.newest_first(population.seeds) if evolution.seeds_first else ()
    data, probabilities = data_hyperparameters(
        evolution.mutation,
        space,
        population.best(evolution.must_improve),
        key.fold_in(generation, "data").numpy(),
        still=bool(solved) or population.children < len(unmutated),
    )
    everyone = all_paths(paths, population)
    trainable = UnlockedComponents(paths, population.task)
    count = solved or evolution.children_per_generation
    count = min(count, evolution.children - population.children)
    plans = []
    for child in range(population.children, population.children + count):
        child_key = key.fold_in(generation, child)
        still = child < len(unmutated)
        if solved:
            parent_id, seeds = population.seeds[0], population.seeds[1:] + population.seeds[:1]
        elif still:
            parent_id, seeds = unmutated[child], population.seeds
        else:
            own = population.rank() if evolution.parents != "roots" else ()
            parent_id, seeds = choose_parent(
                [path.id for path in own],
                population.seeds,
                population.offspring,
                child_key.fold_in("parent").numpy(),
                walk=evolution.parents != "any",
            )
        parent = everyone[parent_id]
        child_id = f"{population.task}/{population.iteration}/{child}"
        hyperparameters, components, learned = mutate(
            evolution.mutation,
            space,
            parent,
            ancestry(parent, everyone),
            child_id=child_id,
            task=population.task,
            num_classes=population.num_classes,
            data={**data, **(source_hyperparameters or {})},
            trainable=trainable,
            random=child_key.fold_in("mutation").numpy(),
            probabilities=probabilities,
            still=still,
            solve=bool(solved),
        )
        plans.append(
            Plan(
                id=child_id,
                task=population.task,
                parent=parent,
                hyperparameters=hyperparameters,
                components=components,
                num_classes=population.num_classes,
                model=space.model.name,
                private=population.private,
                bar=parent.score if parent.task == population.task else None,
                generation=generation,
                child=child,
                probabilities=learned,
                birth=population.births + child + 1,
            )
        )
        offspring = dict(population.offspring)
        offspring[parent_id] = offspring.get(parent_id, 0) + 1
        population = dataclasses.replace(
            population, seeds=seeds, offspring=offspring, children=child + 1
        )
    return dataclasses.replace(population, generation=generation + 1), tuple(plans)


def all_paths(paths: LivePaths, population: Population) -> Mapping[str, Path]:
    """The live paths and those of the iteration under way, dropped ones too; for reading."""
    own = {path.id: path for path in (*population.dropped, *population.own)}
    return ChainMap(own, paths)  # type: ignore[arg-type]  # a ChainMap writes to its first alone


def ancestry(path: Path, paths: Mapping[str, Path]) -> tuple[Path, ...]:
    """The live ancestors of a path, nearest first."""
    found: list[Path] = []
    while path.parent is not None and path.parent in paths:
        path = paths[path.parent]
        found.append(path)
    return tuple(found)


def child_score(plan: Plan, scoring: Scoring, paths: LivePaths) -> ChildScore:
    """What makes the qualities of a planned child its scores."""
    components = [planned.component() for planned in plan.components]
    accounted = scoring.accounted(components, paths, plan.task)
    return ChildScore(scoring, accounted, scoring.flops(plan))


def child_path(plan: Plan, quality: float, scoring: Scoring, paths: LivePaths) -> Path:
    """The path of a trained child, its new components not yet stored."""
    return Path(
        id=plan.id,
        task=plan.task,
        parent=plan.parent.id,
        parent_task=plan.parent.task,
        components=tuple(planned.component() for planned in plan.components),
        hyperparameters=plan.hyperparameters,
        num_classes=plan.num_classes,
        model=plan.model,
        private=plan.private,
        quality=quality,
        score=child_score(plan, scoring, paths)(quality),
        flops=plan.flops,
        dense_flops=plan.dense_flops,
        birth=plan.birth,
        probabilities=plan.probabilities,
    )


def retain(
    population: Population, plan: Plan, child: Path, must_improve: bool = False
) -> Population:
    """The population with the child, if it scores what its same-task parent scored, or more.

    Args:
      population: the state before.
      plan: what the child was made from.
      child: its path.
      must_improve: see `Evolution.must_improve`.
    """
    if plan.bar is not None:
        reached = child.score or 0.0
        if reached < plan.bar or (must_improve and reached == plan.bar):
            return population
    return dataclasses.replace(population, own=(*population.own, child))


def finish(population: Population, paths: LivePaths, must_improve: bool = False) -> Path | None:
    """The path that survives the task iteration: the best (see `Population.best`).

    Its parent pointer moves up to its nearest ancestor that lives on. None if the task has no
    path at all.

    Args:
      population: the state after the last generation.
      paths: every live path by id, as before the iteration.
      must_improve: see `Evolution.must_improve`.
    """
    best = population.best(must_improve)
    if best is None:
        return None
    everyone = all_paths(paths, population)
    survivors = {head.id for head in paths.heads if head.task != population.task}
    return dataclasses.replace(best, parent=surviving_ancestor(best, everyone, survivors))


def surviving_ancestor(
    path: Path, paths: Mapping[str, Path], survivors: Collection[str]
) -> str | None:
    """Id of the nearest ancestor that is among the survivors."""
    return next((p.id for p in ancestry(path, paths) if p.id in survivors), None)


def orphans(paths: LivePaths, gone: Path) -> tuple[Path, ...]:
    """The live paths whose parent is about to go, pointing to its own parent instead."""
    return tuple(
        dataclasses.replace(paths[head.id], parent=gone.parent)
        for head in paths.heads
        if head.parent == gone.id
    )
