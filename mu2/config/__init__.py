"""Gin files in, one frozen `Experiment` out: read, check, write back, and start its run.

`validation`, `writing` and `start` know the experiment's parts and load jax; what stands here reads
Gin alone.
"""

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

__all__ = [
    "ENTRY_POINTS",
    "Faults",
    "LoadedExperiment",
    "Reading",
    "load",
    "read",
    "search_paths",
    "shipped",
    "vocabulary",
]
