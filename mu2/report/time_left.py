"""How long a run still takes, judged by the children it has trained so far."""

import statistics
from collections.abc import Mapping


class TimeLeft:
    """An estimate from wall time.

    The time of a generation is spread over its children, however many train at once. Each task
    counts with its median, and its first generation not at all once there are others, so that
    compiling and reading data, which happen once, do not weigh; a task not yet begun counts with
    the median of all.
    """

    def __init__(self) -> None:
        self._generations: dict[str, dict[tuple[int, int], tuple[float, int]]] = {}

    def observe(self, task: str, iteration: int, generation: int, seconds: float) -> None:
        """Notes one child.

        Args:
          task: its task.
          iteration: its task iteration.
          generation: its generation.
          seconds: wall time since the generation before ended.
        """
        seen = self._generations.setdefault(task, {})
        _, children = seen.get((iteration, generation), (0.0, 0))
        seen[iteration, generation] = seconds, children + 1

    def estimate(self, remaining: Mapping[str, int]) -> float | None:
        """Seconds that the remaining children (task name to number) take; None before the first."""
        medians = {task: statistics.median(self._rates(task)) for task in self._generations}
        if not medians:
            return None
        rates = [rate for task in self._generations for rate in self._rates(task)]
        other = statistics.median(rates)
        return sum(medians.get(task, other) * number for task, number in remaining.items())

    def _rates(self, task: str) -> list[float]:
        rates = [seconds / children for seconds, children in self._generations[task].values()]
        return rates[1:] or rates
