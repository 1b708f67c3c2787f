"""The examples of tasks, each part read once for each shape, and which are held in memory."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from mu2.errors import Mu2Error
from mu2.tasks.examples import ExampleStream
from mu2.tasks.images import DEFAULT, Images, Resize
from mu2.tasks.task import Part, Task
from mu2.tasks.unread import UnreadExamples, UnreadOriginals

# Bytes of examples that wait in memory for the next visits of their tasks.
WAITING_BYTES = 256 << 20


class RunData:
    """The examples of a run: those of the task under way, and of few others.

    What was read for a task that comes again is held, the newest first, while all that waits is no
    more than 256 MiB and no more than the limit.

    Args:
      batch_size: training examples needed at least.
      memory_limit_mb: see `Stream.memory_limit_mb`.
      images: the choices of the run.
    """

    def __init__(self, batch_size: int, memory_limit_mb: int, images: Images = DEFAULT):
        self._batch_size = batch_size
        self._memory_limit_mb = memory_limit_mb
        self._images = images
        self._in_memory: dict[str, TaskData] = {}

    def visits(
        self, schedule: Sequence[tuple[int, Task]]
    ) -> Iterator[tuple[int, Task, "TaskData"]]:
        """Each visit of a schedule (see `Stream.schedule`), its task and the task's examples."""
        for position, (visit, task) in enumerate(schedule, 1):
            yield visit, task, self.of(task, {later.name for _, later in schedule[position:]})

    def of(self, task: Task, later: Collection[str]) -> "TaskData":
        """The examples of the task that now is under way.

        Args:
          task: the task.
          later: names of the tasks that are visited after it; nothing is held for others.
        """
        limit, images = self._memory_limit_mb, self._images
        data = self._in_memory.pop(task.name, None)
        waiting, left = {}, min(WAITING_BYTES, limit << 20)
        for name, other in reversed(self._in_memory.items()):
            size = other.memory_bytes
            if name in later and size is not None and size <= left:
                waiting[name], left = other, left - size
        data = data or TaskData(task, self._batch_size, limit, images)
        self._in_memory = {**dict(reversed(waiting.items())), task.name: data}
        return data


class TaskData:
    """The examples of one task.

    Args:
      task: the task.
      batch_size: training examples needed at least.
      memory_limit_mb: see `Stream.memory_limit_mb`.
      images: the choices of the run.
    """

    def __init__(self, task: Task, batch_size: int, memory_limit_mb: int, images: Images = DEFAULT):
        self._task = task
        self._batch_size = batch_size
        self._memory_limit_mb = memory_limit_mb
        self._images = images
        self._examples: dict[tuple[str, tuple[int, ...], str], UnreadExamples] = {}
        self._originals: dict[tuple[int, ...], UnreadOriginals] = {}

    @property
    def source_hyperparameters(self) -> dict[str, int]:
        """The hyperparameters that the data set by themselves."""
        return self._task.source_hyperparameters()

    @property
    def preparation(self) -> dict[str, Any] | None:
        """How examples are made of what files hold, as JSON; None where the source does not say."""
        made = self._task.preparation()
        return None if made is None else made.to_json()

    def examples(
        self, part: Part, shape: tuple[int, ...], resize: Resize | None = None
    ) -> UnreadExamples:
        """One part, in the shape of one example; read where it is used, once for each shape.

        Args:
          part: which.
          shape: of one example as the network takes it.
          resize: how images are resized; None: as the run has chosen.

        Raises:
          Mu2Error: there are fewer training examples than a batch holds.
        """
        resize = self._images.resize if resize is None else resize
        named = (part, shape, resize)
        if named not in self._examples:
            limit = self._memory_limit_mb
            examples = UnreadExamples(self._task, part, shape, self._images, resize, limit)
            if part == "train":
                check_batch(self._task.name, len(examples), self._batch_size)
            self._examples[named] = examples
        return self._examples[named]

    def originals(self, shape: tuple[int, ...]) -> UnreadOriginals:
        """The training images at their own size, of which crops are cut; read where they are used.

        Args:
          shape: of one example as the network takes it.

        Raises:
          Mu2Error: there are fewer training examples than a batch holds.
        """
        if shape not in self._originals:
            images, limit = self._images, self._memory_limit_mb
            made = UnreadOriginals(self._task, "train", shape, images, images.resize, limit)
            check_batch(self._task.name, len(made), self._batch_size)
            self._originals[shape] = made
        return self._originals[shape]

    @property
    def memory_bytes(self) -> int | None:
        """Bytes of the examples read so far; None where some are read as they are needed."""
        made = [
            unread.memory_bytes for unread in (*self._examples.values(), *self._originals.values())
        ]
        return None if None in made else sum(size for size in made if size is not None)

    def read(
        self, part: Part, shape: tuple[int, ...], resize: Resize | None = None
    ) -> ExampleStream:
        """One part, read; see `examples`.

        Raises:
          Mu2Error: as `Task.read`, or as `examples`.
        """
        return self.examples(part, shape, resize).read()


def check_batch(task: str, examples: int, batch_size: int) -> None:
    """Refuses a batch larger than the data."""
    if examples < batch_size:
        raise Mu2Error(
            f"Training.batch_size is {batch_size}, but task {task!r} has {examples} training "
            "examples.",
            hint=f"Set Training.batch_size to {examples} or less.",
        )
