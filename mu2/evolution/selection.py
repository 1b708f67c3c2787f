"""Selection: which path becomes a parent."""

from collections.abc import Mapping, Sequence

import numpy as np


def acceptance(offspring: int) -> float:
    """Probability to accept a path that the task already had so many children from."""
    return 0.5**offspring


def choose_parent(
    own: Sequence[str],
    seeds: Sequence[str],
    offspring: Mapping[str, int],
    random: np.random.Generator,
    *,
    seeds_in_turn: bool = True,
) -> tuple[str, tuple[str, ...]]:
    """Draws a parent (docs/method.md, Parents).

    The task's own paths are tried in falling score, then the seeds in their present order, each
    accepted with `acceptance`; a seed taken rotates the order past itself. If none is accepted,
    the draw is uniform over all.

    Args:
      own: ids of the task's own paths, best score first.
      seeds: ids of the seed paths in their present order.
      offspring: children this task already had from each path.
      random: consumed.
      seeds_in_turn: the seeds are tried one after the other (µ2Net); else, as in muNet and
        µ2Net+, the draw is uniform over all once none of the own paths is accepted.

    Returns:
      The parent's id, and the seeds in their new order.
    """
    for path in own:
        if random.random() < acceptance(offspring.get(path, 0)):
            return path, tuple(seeds)
    for i, path in enumerate(seeds if seeds_in_turn else ()):
        if random.random() < acceptance(offspring.get(path, 0)):
            return path, (*seeds[i + 1 :], *seeds[: i + 1])
    everyone = [*own, *seeds]
    return everyone[int(random.integers(len(everyone)))], tuple(seeds)
