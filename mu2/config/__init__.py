"""Gin files in, one frozen `Experiment` out: read, check, write back, and start its run.

`validation`, `writing` and `start` know the experiment's parts and load jax; what stands here reads
Gin alone.
"""

import importlib
from typing import TYPE_CHECKING, Any

from mu2.config.linter import Faults
from mu2.config.reading import (
    ENTRY_POINTS,
    LoadedExperiment,
    Reading,
    load,
    read,
    search_paths,
    shipped,
    vocabulary,
)

if TYPE_CHECKING:
    from mu2.experiment import Experiment, Reporter

__all__ = [
    "ENTRY_POINTS",
    "Experiment",
    "Faults",
    "LoadedExperiment",
    "Reading",
    "Reporter",
    "load",
    "read",
    "search_paths",
    "shipped",
    "vocabulary",
]


def __getattr__(name: str) -> Any:
    if name in ("Experiment", "Reporter"):  # they load jax
        return getattr(importlib.import_module("mu2.experiment"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
