"""Roots: the paths that no task owns, where evolution begins."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from mu2.key import Key
from mu2.models.component import Arrays, Component, Model


@dataclasses.dataclass(frozen=True)
class RandomRoot:
    """A root of random weights with the search space's default hyperparameters.

    Attributes:
      name: the root's name; its path is `root/<name>`.
    """

    name: str = "random"

    def components(
        self, model: Model, hyperparameters: Mapping[str, Any], key: Key
    ) -> tuple[tuple[Component, Arrays], ...]:
        """The root's components and their parameters, without head and optional components.

        Args:
          model: the architecture.
          hyperparameters: the search space's defaults.
          key: consumed; every component draws from its own name, so that equal shapes under
            different names start differently.
        """
        return tuple(
            (component, component.init(key.fold_in("init", component.name).jax()))
            for component in model.network(hyperparameters, num_classes=1)
            if not component.optional and component.name != "head"
        )
