"""Where children are trained: the executors that an experiment can name."""

from mu2.execution.local import LocalExecutor, LocalWorkers
from mu2.execution.processes import ProcessExecutor
from mu2.execution.ray import RayExecutor

__all__ = ["LocalExecutor", "LocalWorkers", "ProcessExecutor", "RayExecutor"]
