"""The engine: begin a task iteration, plan generations, keep children, let the best survive."""

import dataclasses
import functools
from collections import ChainMap
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal

from mu2.errors import Mu2Error, did_you_mean
from mu2.evolution.budget import Budget
from mu2.evolution.live_paths import LivePaths
from mu2.evolution.mutation import HEAD, Mutation, Plan, data_hyperparameters, mutate
from mu2.evolution.path import Path
from mu2.evolution.population import Population
from mu2.evolution.scoring import Scoring, accounted_parameters
from mu2.evolution.selection import choose_parent
from mu2.evolution.space import SearchSpace
from mu2.evolution.stopping import Halving
from mu2.random_keys import Key

PARENTS = ("seeds", "any", "roots")


@dataclasses.dataclass(frozen=True)
class Evolution:
    """How many children, and by which rules they are made and judged.

    Attributes:
      children_per_iteration: children of one task iteration, at most.
      children_per_generation: children that share their data hyperparameters and batches and are
        planned before any of them is trained; the papers train one a device.
      mutation: which mutations there are.
      scoring: how quality becomes score.
      parents: where a parent comes from once none of the task's own paths is accepted: the
        `seeds` in turn (µ2Net), or `any` path, all alike (µ2Net+). `roots`: from the roots alone,
        as for the baselines.
      seeds_first: the first children of a task iteration are made from one seed each, without
        mutation (muNet, paper/README 2.2, rule 3).
      population: own paths that are kept at most while a task iteration lasts, the best by score;
        None: all.
      stopping: which children are stopped before their training ends; None: none.
      budget: what the run may spend; None: children_per_iteration is the only limit.
    """

    children_per_iteration: int = 32
    children_per_generation: int = 1
    mutation: Mutation = Mutation()
    scoring: Scoring = Scoring()
    parents: Literal["seeds", "any", "roots"] = "seeds"
    seeds_first: bool = False
    population: int | None = None
    stopping: Halving | None = None
    budget: Budget | None = None

    def __post_init__(self) -> None:
        for name in ("children_per_iteration", "children_per_generation", "population"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise Mu2Error(f"Evolution.{name} is {value}; it must be 1 or more.")
        if self.parents not in PARENTS:
            raise Mu2Error(
                f"Evolution.parents is {self.parents!r}.",
                hint=did_you_mean(str(self.parents), PARENTS),
            )

    def select_survivors(
        self, population: Population
    ) -> Callable[[int, Sequence[float | None]], tuple[bool, ...]] | None:
        """Which children of the next generation go on after an interval; None where all do."""
        if self.stopping is None:
            return None
        return functools.partial(self.stopping.select_survivors, population.rungs)

    def finished(self, population: Population, visits: int) -> bool:
        """Whether a task iteration makes no further generation.

        Args:
          population: its state.
          visits: task iterations of the run, which share the budget.
        """
        if population.children >= self.children_per_iteration:
            return True
        return bool(self.budget and population.children and self.budget.spent(population, visits))


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
) -> Population:
    """The population at the start of a task iteration (paper/README 3.1).

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
    """
    layers = layers_of(space)
    seeds = sorted(
        head.id
        for head in paths.heads
        if head.task != task
        and not head.private
        and (head.task is None or evolution.parents != "roots")
        and (head.model == space.model.name or layers & head.layers)
    )
    key.fold_in("seeds").numpy().shuffle(seeds)
    own = tuple(
        dataclasses.replace(
            p,
            private=p.private or private,
            score=evolution.scoring.score(
                p.quality or 0.0, accounted_parameters(p.components, paths, task), p.flops
            ),
        )
        for p in (paths[head.id] for head in paths.heads if head.task == task)
    )
    live = {p.id for p in own} | set(seeds)
    return Population(
        task=task,
        iteration=iteration,
        private=private,
        num_classes=num_classes,
        own=own,
        seeds=reachable_seeds(evolution, seeds, offspring),
        offspring={path: n for path, n in sorted(offspring.items()) if path in live},
    )


def reachable_seeds(
    evolution: Evolution, seeds: Sequence[str], offspring: Mapping[str, int]
) -> tuple[str, ...]:
    """Those of the shuffled seeds that a walk can come to in one task iteration.

    A seed that the task had no child from is accepted for certain, so a child goes past one of
    these at most. To keep the rest of a thousand would change no draw, and fill every commit.
    """
    if evolution.parents == "any" or evolution.seeds_first:
        return tuple(seeds)
    fresh = 0
    for i, seed in enumerate(seeds):
        fresh += not offspring.get(seed)
        if fresh == evolution.children_per_iteration:
            return tuple(seeds[: i + 1])
    return tuple(seeds)


def drop_missing_seeds(population: Population, paths: Mapping[str, Path]) -> Population:
    """A population that was put aside, without the seeds that other runs have replaced since.

    Args:
      population: of an iteration that goes on.
      paths: every live path by id.
    """
    seeds = tuple(seed for seed in population.seeds if seed in paths)
    live = {*paths, *(path.id for path in population.own)}
    offspring = {path: n for path, n in population.offspring.items() if path in live}
    return dataclasses.replace(population, seeds=seeds, offspring=offspring)


def layers_of(space: SearchSpace[Any]) -> frozenset[tuple[str, str]]:
    """Name and signature of the layers that a space's default network can take from others."""
    # A head never leaves its task, and the number of features is the task's own affair.
    values = {"num_features": 1, **space.defaults()}
    slots = space.model.slots(values, 1)
    return frozenset((slot.name, slot.signature) for slot in slots if slot.name != HEAD)


def plan_generation(
    evolution: Evolution,
    space: SearchSpace[Any],
    paths: LivePaths,
    population: Population,
    key: Key,
    given: Mapping[str, Any] | None = None,
) -> tuple[Population, tuple[Plan, ...]]:
    """Plans the next generation: draws its data hyperparameters, then parents and mutations.

    Args:
      evolution: the rules.
      space: the search space, narrowed to the task's kind of examples.
      paths: every live path by id.
      population: the state before.
      key: the task iteration's key; generation, child and purpose are folded in.
      given: hyperparameters that the data set by themselves.

    Returns:
      The population with parents, seeds and children counted, and the plans.
    """
    generation = population.generation
    draw = key.fold_in(generation, "data").numpy()
    data = data_hyperparameters(evolution.mutation, space, population.best, draw)
    everyone = all_paths(paths, population)
    count = min(
        evolution.children_per_generation,
        evolution.children_per_iteration - population.children,
    )
    plans = []
    for child in range(population.children, population.children + count):
        child_key = key.fold_in(generation, child)
        still = evolution.seeds_first and child < len(population.seeds)
        if still:
            parent_id, seeds = sorted(population.seeds)[child], population.seeds
        else:
            own = population.ranked() if evolution.parents != "roots" else ()
            parent_id, seeds = choose_parent(
                [path.id for path in own],
                population.seeds,
                population.offspring,
                child_key.fold_in("parent").numpy(),
                walk=evolution.parents != "any",
            )
        parent = everyone[parent_id]
        child_id = f"{population.task}/{population.iteration}/{child}"
        same_task = parent.task == population.task
        others = {c.id: paths.users(c.id) - {population.task} for c in parent.components}
        free = [component for component, users in others.items() if same_task and not users]
        hyperparameters, components, probabilities = mutate(
            evolution.mutation,
            space,
            parent,
            ancestry(parent, everyone),
            child_id=child_id,
            task=population.task,
            num_classes=population.num_classes,
            data={**data, **(given or {})},
            trainable=free,
            random=child_key.fold_in("mutation").numpy(),
            still=still,
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
                bar=parent.score if same_task else None,
                generation=generation,
                child=child,
                probabilities=probabilities,
            )
        )
        offspring = dict(population.offspring)
        offspring[parent_id] = offspring.get(parent_id, 0) + 1
        population = dataclasses.replace(
            population, seeds=seeds, offspring=offspring, children=child + 1
        )
    return dataclasses.replace(population, generation=generation + 1), tuple(plans)


def all_paths(paths: LivePaths, population: Population) -> Mapping[str, Path]:
    """The live paths and those of the iteration under way, by id; for reading."""
    own = {path.id: path for path in population.own}
    return ChainMap(own, paths)  # type: ignore[arg-type]  # a ChainMap writes to its first alone


def ancestry(path: Path, paths: Mapping[str, Path]) -> tuple[Path, ...]:
    """The live ancestors of a path, nearest first."""
    found: list[Path] = []
    while path.parent is not None and path.parent in paths:
        path = paths[path.parent]
        found.append(path)
    return tuple(found)


def accounted(plan: Plan, paths: LivePaths) -> float:
    """Accounted parameters of a planned child, known before it is trained."""
    components = [planned.component() for planned in plan.components]
    return accounted_parameters(components, paths, plan.task)


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
        score=scoring.score(quality, accounted(plan, paths), plan.flops),
        flops=plan.flops,
        probabilities=plan.probabilities,
    )


def retain(population: Population, plan: Plan, child: Path, limit: int | None = None) -> Population:
    """The population with the child, if it scores at least what its same-task parent scored.

    Args:
      population: the state before.
      plan: what the child was made from.
      child: its path.
      limit: `Evolution.population`; the lowest scores beyond it go, of equals the oldest.
    """
    if plan.bar is not None and (child.score or 0.0) < plan.bar:
        return population
    grown = dataclasses.replace(population, own=(*population.own, child))
    if limit is None or len(grown.own) <= limit:
        return grown
    stay = {path.id for path in grown.ranked()[:limit]}
    return dataclasses.replace(grown, own=tuple(p for p in grown.own if p.id in stay))


def finish(population: Population, paths: LivePaths) -> Path | None:
    """The path that survives the task iteration: the best, of equals the newest.

    Its parent pointer moves up to its nearest ancestor that lives on. None if the task has no
    path at all.

    Args:
      population: the state after the last generation.
      paths: every live path by id, as before the iteration.
    """
    best = population.best
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
