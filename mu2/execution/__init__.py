"""Where children are trained: the executors that an experiment can name."""

from mu2.execution.local import LocalExecutor, LocalWorkers

__all__ = ["LocalExecutor", "LocalWorkers"]
