"""The engine: begin a task iteration, plan generations, keep children, let the best survive."""

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from mu2.errors import Mu2Error
from mu2.evolution.mutation import Mutation, Plan, data_hyperparameters, mutate
from mu2.evolution.path import Path
from mu2.evolution.population import Population
from mu2.evolution.scoring import Scoring, accounted_parameters, lockers
from mu2.evolution.selection import choose_parent
from mu2.evolution.space import SearchSpace
from mu2.key import Key


@dataclasses.dataclass(frozen=True)
class Evolution:
    """How many children, and by which rules they are made and judged.

    Attributes:
      children_per_iteration: children of one task iteration.
      children_per_generation: children that share their data hyperparameters and batches and are
        planned before any of them is trained; the papers train one a device.
      mutation: which mutations there are.
      scoring: how quality becomes score.
    """

    children_per_iteration: int = 32
    children_per_generation: int = 1
    mutation: Mutation = Mutation()
    scoring: Scoring = Scoring()

    def __post_init__(self) -> None:
        for name in ("children_per_iteration", "children_per_generation"):
            if getattr(self, name) < 1:
                raise Mu2Error(f"Evolution.{name} is {getattr(self, name)}; it must be 1 or more.")


def begin(
    evolution: Evolution,
    paths: Mapping[str, Path],
    *,
    task: str,
    private: bool,
    num_classes: int,
    iteration: int,
    offspring: Mapping[str, int],
    key: Key,
) -> Population:
    """The population at the start of a task iteration (paper/README 3.1).

    Seeds are the roots and the other tasks' paths that are not private, shuffled. The task's own
    kept path goes on, its own locks lifted and its score counted again, as others may by now
    share its components. A task that has become private takes its kept path with it.

    Args:
      evolution: the rules.
      paths: every live path by id.
      task: the active task.
      private: whether it is private.
      num_classes: its classes.
      iteration: number of this iteration of the task.
      offspring: children the task had from each path in earlier iterations.
      key: the task iteration's key.
    """
    seeds = sorted(p.id for p in paths.values() if p.task != task and not p.private)
    key.fold_in("seeds").numpy().shuffle(seeds)
    locks = lockers(paths.values(), task)
    own = tuple(
        dataclasses.replace(
            p,
            private=p.private or private,
            score=evolution.scoring.score(
                p.quality or 0.0, accounted_parameters(p.components, locks, task)
            ),
        )
        for p in paths.values()
        if p.task == task
    )
    live = {p.id for p in own} | set(seeds)
    return Population(
        task=task,
        iteration=iteration,
        private=private,
        num_classes=num_classes,
        own=own,
        seeds=tuple(seeds),
        offspring={path: n for path, n in sorted(offspring.items()) if path in live},
    )


def plan_generation(
    evolution: Evolution,
    space: SearchSpace[Any],
    paths: Mapping[str, Path],
    population: Population,
    key: Key,
) -> tuple[Population, tuple[Plan, ...]]:
    """Plans the next generation: draws its data hyperparameters, then parents and mutations.

    Args:
      evolution: the rules.
      space: the search space.
      paths: every live path by id.
      population: the state before.
      key: the task iteration's key; generation, child and purpose are folded in.

    Returns:
      The population with parents, seeds and children counted, and the plans.
    """
    generation = population.generation
    data = data_hyperparameters(space, population.best, key.fold_in(generation, "data").numpy())
    everyone = {**paths, **{path.id: path for path in population.own}}
    locks = lockers(paths.values(), population.task)
    count = min(
        evolution.children_per_generation,
        evolution.children_per_iteration - population.children,
    )
    plans = []
    for child in range(population.children, population.children + count):
        child_key = key.fold_in(generation, child)
        parent_id, seeds = choose_parent(
            [path.id for path in population.ranked()],
            population.seeds,
            population.offspring,
            child_key.fold_in("parent").numpy(),
        )
        parent = everyone[parent_id]
        child_id = f"{population.task}/{population.iteration}/{child}"
        same_task = parent.task == population.task
        free = [c.id for c in parent.components if same_task and not locks.get(c.id)]
        hyperparameters, components = mutate(
            evolution.mutation,
            space,
            parent,
            ancestry(parent, everyone),
            child_id=child_id,
            task=population.task,
            num_classes=population.num_classes,
            data=data,
            trainable=free,
            random=child_key.fold_in("mutation").numpy(),
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
            )
        )
        offspring = dict(population.offspring)
        offspring[parent_id] = offspring.get(parent_id, 0) + 1
        population = dataclasses.replace(
            population, seeds=seeds, offspring=offspring, children=child + 1
        )
    return dataclasses.replace(population, generation=generation + 1), tuple(plans)


def ancestry(path: Path, paths: Mapping[str, Path]) -> tuple[Path, ...]:
    """The live ancestors of a path, nearest first."""
    found: list[Path] = []
    while path.parent is not None and path.parent in paths:
        path = paths[path.parent]
        found.append(path)
    return tuple(found)


def accounted(plan: Plan, paths: Mapping[str, Path]) -> float:
    """Accounted parameters of a planned child, known before it is trained."""
    components = [planned.component() for planned in plan.components]
    return accounted_parameters(components, lockers(paths.values(), plan.task), plan.task)


def child_path(plan: Plan, quality: float, scoring: Scoring, paths: Mapping[str, Path]) -> Path:
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
        score=scoring.score(quality, accounted(plan, paths)),
    )


def retain(population: Population, plan: Plan, child: Path) -> Population:
    """The population with the child, if it scores at least what its same-task parent scored."""
    if plan.bar is not None and (child.score or 0.0) < plan.bar:
        return population
    return dataclasses.replace(population, own=(*population.own, child))


def finish(population: Population, paths: Mapping[str, Path]) -> Path | None:
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
    everyone = {**paths, **{path.id: path for path in population.own}}
    survivors = {path.id for path in paths.values() if path.task != population.task}
    return dataclasses.replace(best, parent=surviving_ancestor(best, everyone, survivors))


def surviving_ancestor(
    path: Path, paths: Mapping[str, Path], survivors: Collection[str]
) -> str | None:
    """Id of the nearest ancestor that is among the survivors."""
    return next((p.id for p in ancestry(path, paths) if p.id in survivors), None)


def orphans(paths: Mapping[str, Path], gone: Path) -> tuple[Path, ...]:
    """The live paths whose parent is about to go, pointing to its own parent instead."""
    return tuple(
        dataclasses.replace(path, parent=gone.parent)
        for path in paths.values()
        if path.parent == gone.id
    )
