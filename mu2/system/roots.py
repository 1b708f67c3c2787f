"""The roots of a system: paths that no task owns, where evolution begins."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import FrozenConfigDict

from mu2.evolution.path import Component, Path
from mu2.evolution.space import SearchSpace
from mu2.models import Model, Root
from mu2.models.leaves import to_stored
from mu2.random_keys import Key
from mu2.system.changes import Changes
from mu2.system.compatibility import check_same_space
from mu2.system.writable import WritableSystem


def introduce_roots(
    system: WritableSystem,
    space: SearchSpace[Model],
    roots: Sequence[Root],
    seed: int,
    dtype: str,
) -> None:
    """Creates the roots that the system does not have yet, and commits them.

    The others take on the present defaults, so that a child of a root begins with these.

    Args:
      system: open for writing.
      space: whose models need roots.
      roots: where evolution begins.
      seed: of the run; a root's weights draw from the key (seed, *its id).
      dtype: of the arithmetic of its paths.

    Raises:
      Mu2Error: the system's roots are of another search space.
    """
    known, defaults = {root.id: root for root in system.roots()}, space.defaults()
    new = []
    for model in space.models:
        for root in roots:
            path_id = f"root/{type(model).__name__}/{root.name}"
            if path_id in known:
                check_same_space(system, known[path_id], model)
                renewed = with_defaults(known[path_id], model, defaults)
                new += [renewed] if renewed != known[path_id] else []
                continue
            key = Key.from_seed(seed).fold_in(*path_id.split("/"))
            made = root.components(model, defaults, key)
            path = Path(
                id=path_id,
                task=None,
                parent=None,
                parent_task=None,
                components=tuple(
                    Component(c.name, f"{path_id}/{c.name}", c.size, c.signature) for c, _ in made
                ),
                hyperparameters=defaults,
                num_classes=0,
                model=model.name,
                dtype=dtype,
            )
            if made:
                new.append(system.stage(path, {c.name: to_stored(leaves) for c, leaves in made}))
    if new:
        system.commit("roots", Changes(roots=new))


def with_defaults(root: Path, model: Model, defaults: Mapping[str, Any]) -> Path:
    """A root with the given defaults, but for the hyperparameters that shape its layers."""
    shaping = {
        k: root.hyperparameters[k] for k in model.hyperparameters if k in root.hyperparameters
    }
    return dataclasses.replace(root, hyperparameters=FrozenConfigDict({**defaults, **shaping}))
