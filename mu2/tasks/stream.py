"""A stream: tasks in order, each visited several times."""

import collections
import dataclasses

from mu2.errors import Mu2Error
from mu2.random_keys import Key
from mu2.tasks.task import Task

# Task iterations of a run at most; a run plans all of them in memory.
MOST_VISITS = 1_000_000


@dataclasses.dataclass(frozen=True)
class Stream:
    """Tasks in the order in which they are visited.

    Attributes:
      tasks: at least one; a sequence of another kind becomes a tuple.
      iterations: how often each is visited, at least once.
      shuffle: an experiment visits them in an order of its seed's, whatever order they stand in.
      memory_limit_mb: most MiB that the decoded images of one part of a task may take; of a part
        that takes more, batches are read ahead as they are needed. Results are the same, bit for
        bit, but where crops are taken: they show the same parts of the same images, and those of
        a part that is read ahead are rounded to whole grey levels.

    Raises:
      Mu2Error: there is no task, one is named twice, one is no task, or a number is below 1.
    """

    tasks: tuple[Task, ...]
    iterations: int = 2
    shuffle: bool = False
    memory_limit_mb: int = 4096

    def __post_init__(self) -> None:
        if not isinstance(self.tasks, tuple | list):
            raise Mu2Error(
                f"a stream's tasks must be a tuple, not {self.tasks!r}.",
                hint="One task alone is written (@digits/Task(),), with the comma.",
            )
        object.__setattr__(self, "tasks", tuple(self.tasks))
        if not self.tasks:
            raise Mu2Error("a stream needs at least one task.")
        for task in self.tasks:
            if not isinstance(task, Task):
                raise Mu2Error(
                    f"a stream's tasks must be tasks, and {task!r} is none.",
                    hint="In Gin, a task is written with parentheses: @digits/Task().",
                )
        counts = collections.Counter(task.name for task in self.tasks)
        twice = [name for name, count in counts.items() if count > 1]
        if twice:
            raise Mu2Error(
                f"the stream names {', '.join(map(repr, twice))} twice.",
                hint="Stream.iterations says how often each task is visited.",
            )
        if not isinstance(self.shuffle, bool):
            raise Mu2Error(f"a stream's shuffle must be True or False, not {self.shuffle!r}.")
        for field in ("iterations", "memory_limit_mb"):
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, int):
                raise Mu2Error(f"a stream's {field} must be an int, not {value!r}.")
            if value < 1:
                raise Mu2Error(f"a stream's {field} must be at least 1, not {value}.")

        if self.iterations * len(self.tasks) > MOST_VISITS:
            raise Mu2Error(
                f"a stream's iterations, {self.iterations:,}, make more than {MOST_VISITS:,} task "
                "iterations.",
                hint="Visit its tasks less often.",
            )

    def shuffled(self, key: Key) -> "Stream":
        """The stream in the key's order, the same from any order of the same tasks; consumes it."""
        tasks = sorted(self.tasks, key=lambda task: task.name)
        order = key.numpy().permutation(len(tasks))
        return dataclasses.replace(self, tasks=tuple(tasks[place] for place in order))

    def schedule(self) -> tuple[tuple[int, Task], ...]:
        """Every task iteration in order: all tasks once, then all again.

        Returns:
          (iteration, task) pairs; iterations count from 0.
        """
        return tuple((i, task) for i in range(self.iterations) for task in self.tasks)
