"""Examples that are read as they are needed, ahead of the step that trains on them."""

import dataclasses
import math
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from mu2.errors import Mu2Error
from mu2.random_keys import Key
from mu2.tasks.examples import Examples
from mu2.tasks.order import Epochs

MIB = 1 << 20


@dataclasses.dataclass(frozen=True, eq=False)
class StreamingExamples:
    """An `ExampleStream` that holds no more than the batches that are read ahead.

    grain reads ahead in threads; the order is that of `Examples`, whatever their number.

    Attributes:
      read: indices to decoded examples of one size; may be called from several threads at once.
      n: number of examples.
      example_bytes: of one example, decoded.
      memory: bytes that the batches read ahead may take in all; one is always read.
    """

    read: Callable[[Sequence[int]], Examples]
    n: int
    example_bytes: int
    memory: int

    def __len__(self) -> int:
        return self.n

    def batches(self, batch_size: int, steps: int, key: Key) -> Iterator[Examples]:
        """See `ExampleStream.batches`.

        Raises:
          Mu2Error: grain is missing, or the data are damaged.
        """
        epochs = Epochs(self.n, key)

        def batch(step: int) -> Examples:
            return self.read(_ints(epochs[range(step * batch_size, (step + 1) * batch_size)]))

        yield from read_ahead(batch, steps, batch_size * self.example_bytes, self.memory)

    def blocks(self, size: int, stop: int | None = None) -> Iterator[Examples]:
        """See `ExampleStream.blocks`.

        Raises:
          Mu2Error: grain is missing, or the data are damaged.
        """
        end = self.n if stop is None else min(stop, self.n)

        def block(step: int) -> Examples:
            return self.read(range(step * size, min((step + 1) * size, end)))

        blocks = math.ceil(end / size)
        yield from read_ahead(block, blocks, size * self.example_bytes, self.memory)


def read_ahead(
    make: Callable[[int], Examples], n: int, bytes_: int, memory: int
) -> Iterator[Examples]:
    """What is made of 0 to n-1, in order, made ahead in grain's threads.

    Args:
      make: called from several threads at once.
      n: how often.
      bytes_: of one.
      memory: bytes that those made ahead may take; one is always made.

    Raises:
      Mu2Error: grain is missing, or what `make` raises.
    """
    try:
        import grain
    except ImportError as error:
        raise Mu2Error(
            "examples that do not fit into memory are read by grain.",
            hint="pip install 'mu2[grain]', or raise Stream.memory_limit_mb.",
        ) from error
    fit = memory // max(1, bytes_)
    ahead = max(1, min(fit, 2 * (os.cpu_count() or 1), n))
    options = grain.ReadOptions(num_threads=ahead, prefetch_buffer_size=ahead)
    made: Any = grain.MapDataset.source(_Made(make, n)).to_iter_dataset(options)
    iterator = iter(made)
    try:
        yield from iterator
    finally:
        iterator.close()


@dataclasses.dataclass(frozen=True, eq=False)
class _Made:
    """A source of grain, whose record at an index is what a function makes of it."""

    make: Callable[[int], Examples]
    n: int

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> Examples:
        return self.make(int(index))


def _ints(indices: np.ndarray) -> list[int]:
    return [int(index) for index in indices]
