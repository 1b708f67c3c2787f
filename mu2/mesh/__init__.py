"""Devices: the layout of the mesh and the executors that train children on it."""

from mu2.mesh.executor import Executor, LocalExecutor
from mu2.mesh.fit import held, refusals
from mu2.mesh.layout import Layout, Slice, single

__all__ = ["Executor", "Layout", "LocalExecutor", "Slice", "held", "refusals", "single"]
