"""The engine: begin a task iteration, plan generations, keep children, let the best survive."""

import dataclasses
from collections import ChainMap
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from mu2.evolution.evolution import Evolution
from mu2.evolution.live_paths import LivePaths, UnlockedComponents
from mu2.evolution.mutation import data_hyperparameters, mutate
from mu2.evolution.path import Path
from mu2.evolution.plan import Plan
from mu2.evolution.population import Population
from mu2.evolution.scoring import ChildScore, Scoring
from mu2.evolution.seeds import choose_candidates, find_seeds, reachable_seeds, roots_first
from mu2.evolution.selection import choose_parent
from mu2.evolution.space import SearchSpace
from mu2.random_keys import Key


def start_population(
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
                p.quality or 0.0,
                scoring.accounted_size(p.components, paths, task),
                scoring.flops(p),
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
    first = paths.newest_first(population.seeds) if evolution.seeds_first else ()
    data, probabilities = data_hyperparameters(
        evolution.mutation,
        space,
        population.best(evolution.must_improve),
        key.fold_in(generation, "data").numpy(),
        unmutated=bool(solved) or population.children < len(first),
    )
    everyone = all_paths(paths, population)
    trainable = UnlockedComponents(paths, population.task)
    count = solved or evolution.children_per_generation
    count = min(count, evolution.children - population.children)
    plans = []
    for child in range(population.children, population.children + count):
        child_key = key.fold_in(generation, child)
        unmutated = child < len(first)
        if solved:
            parent_id, seeds = population.seeds[0], population.seeds[1:] + population.seeds[:1]
        elif unmutated:
            parent_id, seeds = first[child], population.seeds
        else:
            own = population.rank() if evolution.parents != "roots" else ()
            parent_id, seeds = choose_parent(
                [path.id for path in own],
                population.seeds,
                population.offspring,
                child_key.fold_in("parent").numpy(),
                seeds_in_turn=evolution.parents != "any",
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
            unmutated=unmutated,
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
                score_to_reach=parent.score if parent.task == population.task else None,
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
    accounted = scoring.accounted_size(components, paths, plan.task)
    return ChildScore(scoring, accounted, scoring.flops(plan))


def child_path(plan: Plan, quality: float, score: Callable[[float], float]) -> Path:
    """The path of a trained child, its new components not yet stored.

    Args:
      plan: what it was made from.
      quality: its best validation accuracy in [0, 1].
      score: of a quality (see `child_score`).
    """
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
        score=score(quality),
        flops=plan.flops,
        dense_flops=plan.dense_flops,
        birth=plan.birth,
        probabilities=plan.probabilities,
    )


def reaches_bar(plan: Plan, child: Path, must_improve: bool = False) -> bool:
    """Whether a child scores what its same-task parent scored, or more, and so is kept.

    Args:
      plan: what the child was made from.
      child: its path.
      must_improve: it has to score more (see `Evolution.must_improve`).
    """
    bar, score = plan.score_to_reach, child.score or 0.0
    return bar is None or score > bar or (score == bar and not must_improve)


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
