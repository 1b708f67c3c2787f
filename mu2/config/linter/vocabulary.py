"""What Gin files may name."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from mu2.config.linter.values import Configurable


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Names and types.

    Attributes:
      configurables: by name.
      hyperparameters: those that every space has, with their types.
      model_hyperparameters: types of those that an architecture may declare.
      optional: hyperparameters that need no default.
    """

    configurables: Mapping[str, Configurable]
    hyperparameters: Mapping[str, Any]
    model_hyperparameters: Mapping[str, Any]
    optional: frozenset[str]
