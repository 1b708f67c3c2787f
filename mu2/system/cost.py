"""What a task's path costs where it answers: its size, its operations, and how long it takes."""

import dataclasses
import statistics
import time

import numpy as np

from mu2.system.inference import Inference, network_of

# Each batch is timed so often, after one call that compiles; the median counts.
REPEATS = 10
BATCHES = (1, 32)


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a path costs.

    Attributes:
      parameters: numbers in its layers, those that it shares included.
      bytes: of them in float32, as an export holds them.
      flops: floating-point operations of a forward pass for one example.
      seconds: wall time of a forward pass on the devices of this process, by number of examples,
        their preparation aside.
    """

    parameters: int
    bytes: int
    flops: float
    seconds: dict[int, float]


def measure_cost(inference: Inference, task: str) -> Cost:
    """Counts a path's parameters, and times it.

    Args:
      inference: of a system.
      task: one of its tasks.

    Raises:
      Mu2Error: no such task or path, or a component is damaged.
    """
    path = inference.path(task)
    parameters = sum(component.size for component in path.components)
    flops = sum(component.flops for component in network_of(path))
    form = inference.form(task)
    shape, dtype = form.shape, form.dtype(inference.system.task(task).input)
    seconds = {}
    for batch in BATCHES:
        inputs = np.zeros((batch, *shape), dtype)
        inference.predict(task, inputs)
        seconds[batch] = statistics.median(_time(inference, task, inputs) for _ in range(REPEATS))
    return Cost(parameters, 4 * parameters, flops, seconds)


def _time(inference: Inference, task: str, inputs: np.ndarray) -> float:
    begun = time.perf_counter()
    inference.predict(task, inputs)  # on return its numbers are here
    return time.perf_counter() - begun
