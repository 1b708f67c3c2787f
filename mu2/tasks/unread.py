"""Examples that are not read yet: which they are, so that they are read where they are needed."""

import abc
import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

from mu2.random_keys import Key
from mu2.tasks.examples import Examples, ExampleStream
from mu2.tasks.images import Images, Resize
from mu2.tasks.originals import InMemoryOriginals, Originals
from mu2.tasks.task import Part, Task
from mu2.tasks.view import Views


@dataclasses.dataclass(frozen=True, eq=False)
class Unread(abc.ABC):
    """A part of a task in the form that a network reads; what is pickled of it says which.

    Attributes:
      task: whose.
      part: 'train', 'validation' or 'test'.
      shape: of one example as the network takes it.
      images: the choices of the run.
      resize: how images are resized.
      memory_limit_mb: see `Stream.memory_limit_mb`.
    """

    task: Task
    part: Part
    shape: tuple[int, ...]
    images: Images
    resize: Resize
    memory_limit_mb: int

    @property
    def name(self) -> tuple[Any, ...]:
        """Equal for the same examples, within one run."""
        return (type(self).__name__, self.task.name, self.part, self.shape, self.resize)

    def __len__(self) -> int:
        """Number of examples; nothing is decoded to tell."""
        return self._size

    @abc.abstractmethod
    def read(self) -> ExampleStream | Originals:
        """The examples, read at the first call.

        Raises:
          Mu2Error: as `Task.read`.
        """

    @property
    def memory_bytes(self) -> int | None:
        """Bytes of what was read and is in memory as a whole; None if it is not held so."""
        read = vars(self).get("_read")
        if read is None or isinstance(read, Examples):
            return 0 if read is None else read.inputs.nbytes
        return read.images.nbytes if isinstance(read, InMemoryOriginals) else None

    @functools.cached_property
    def _size(self) -> int:
        return self.task.size(self.part)

    def __getstate__(self) -> dict[str, Any]:
        """Its fields, without anything that was read."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        source = _without_caches(self.task.source)
        return {**fields, "task": dataclasses.replace(self.task, source=source)}


class UnreadExamples(Unread):
    """An `ExampleStream` that is read at its first use."""

    def read(self) -> ExampleStream:
        """See `Unread.read`."""
        return self._read

    def batches(self, batch_size: int, steps: int, key: Key) -> Iterator[Examples]:
        """See `ExampleStream.batches`."""
        return self._read.batches(batch_size, steps, key)

    def blocks(self, size: int, stop: int | None = None) -> Iterator[Examples]:
        """See `ExampleStream.blocks`."""
        return self._read.blocks(size, stop)

    @functools.cached_property
    def _read(self) -> ExampleStream:
        return self.task.stream(self.part, self.shape, self.memory_limit_mb, self.resize)


class UnreadOriginals(Unread, Originals):
    """`Originals` that are read at their first use."""

    def read(self) -> Originals:
        """See `Unread.read`."""
        return self._read

    def batches(self, batch_size: int, steps: int, key: Key, views: Views) -> Iterator[Examples]:
        """See `Originals.batches`."""
        return self._read.batches(batch_size, steps, key, views)

    @functools.cached_property
    def _read(self) -> Originals:
        return self.task.originals(self.part, self.shape, self.images, self.memory_limit_mb)


def _without_caches(source: Any) -> Any:
    """An equal source, and equal ones within it, that hold nothing of what they have read."""
    if not dataclasses.is_dataclass(source) or isinstance(source, type):
        return source
    inner = {
        field.name: _without_caches(value)
        for field in dataclasses.fields(source)
        if field.init and hasattr(value := getattr(source, field.name), "class_names")
    }
    return dataclasses.replace(source, **inner)
