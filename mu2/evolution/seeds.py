"""Seeds: the paths of others that a task's children may be made from."""

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from mu2.evolution.live_paths import LivePaths
from mu2.evolution.path import Path
from mu2.evolution.population import Population
from mu2.evolution.rules import HEAD
from mu2.evolution.space import SearchSpace


def find_seeds(paths: LivePaths, space: SearchSpace[Any], task: str, *, roots: bool) -> list[str]:
    """Ids, sorted, of the paths that are not private and have layers to give.

    Args:
      paths: every live path.
      space: the search space, narrowed to the task's kind of examples.
      task: whose own path is none.
      roots: roots alone.
    """
    layers = layers_of(space)
    return sorted(
        head.id
        for head in paths.heads
        if head.task != task
        and not head.private
        and (head.task is None or not roots)
        and (head.model == space.model.name or layers & head.layers)
    )


def roots_first(seeds: Iterable[str], paths: LivePaths, model: str) -> list[str]:
    """Seeds in their order, but for the roots, which come before them, those of a model first.

    Args:
      seeds: ids of paths.
      paths: every live path.
      model: text that identifies an architecture.
    """
    heads = {head.id: head for head in paths.heads}
    return sorted(seeds, key=lambda i: (heads[i].task is not None, heads[i].model != model))


def choose_candidates(seeds: Sequence[str], paths: LivePaths, most: int) -> list[str]:
    """The seeds that are probed: the roots, then what differs most from those already chosen.

    Paths that share most of their layers say nearly the same of a task, so the next is always the
    one with the most components, its head aside, that no chosen one has; of equals the one whose
    components most tasks use, as others built on them before; of equals the first.

    Args:
      seeds: ids of live paths, in their order.
      paths: every live path.
      most: how many.
    """
    heads = {head.id: head for head in paths.heads}
    layers: Mapping[str, Collection[str]] = {
        seed: {c for c in heads[seed].components if not c.endswith(f"/{HEAD}")} for seed in seeds
    }
    users = {seed: sum(len(paths.users(c)) for c in own) for seed, own in layers.items()}
    chosen: list[str] = []
    known: set[str] = set()
    left = list(seeds)
    while left and len(chosen) < most:
        best = max(
            left,
            key=lambda seed: (heads[seed].task is None, len({*layers[seed]} - known), users[seed]),
        )
        left.remove(best)
        chosen.append(best)
        known |= {*layers[best]}
    return chosen


def reachable_seeds(
    seeds: Sequence[str], offspring: Mapping[str, int], children: int
) -> Sequence[str]:
    """Those of the ordered seeds that a walk can come to in one task iteration.

    A seed that the task had no child from is accepted for certain, so a child goes past one of
    these at most. To keep the rest of a thousand would change no draw, and fill every commit.

    Args:
      seeds: in the order of the walk.
      offspring: see `Population.offspring`.
      children: of the task iteration.
    """
    fresh = 0
    for i, seed in enumerate(seeds):
        fresh += not offspring.get(seed)
        if fresh == children:
            return seeds[: i + 1]
    return seeds


def drop_missing_seeds(population: Population, paths: Mapping[str, Path]) -> Population:
    """A population that was put aside, without the seeds that other runs have replaced since.

    Args:
      population: of an iteration that goes on.
      paths: every live path by id.
    """
    gone = {seed for seed in population.seeds if seed not in paths}
    seeds = tuple(seed for seed in population.seeds if seed not in gone)
    offspring = {path: n for path, n in population.offspring.items() if path not in gone}
    return dataclasses.replace(population, seeds=seeds, offspring=offspring)


def layers_of(space: SearchSpace[Any]) -> frozenset[tuple[str, str]]:
    """Name and signature of the layers that a space's default network can take from others."""
    # A head never leaves its task, and the number of features is the task's own affair.
    values = {"num_features": 1, **space.defaults()}
    slots = space.model.slots(values, 1)
    return frozenset((slot.name, slot.signature) for slot in slots if slot.name != HEAD)
