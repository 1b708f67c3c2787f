"""Examples: what a network reads, and the labels."""

import dataclasses
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from mu2.random_keys import Key
from mu2.tasks import order


class ExampleStream(Protocol):
    """The examples of one part, in memory (`Examples`) or read ahead (`StreamingExamples`).

    Whichever it is, the same key gives the same batches, bit for bit.
    """

    def __len__(self) -> int:
        """Number of examples."""
        ...

    def batches(self, batch_size: int, steps: int, key: Key) -> Iterator["Examples"]:
        """`steps` batches, drawn epoch after epoch without replacement (see `order.Epochs`).

        Args:
          batch_size: examples a batch; a batch may cross from one epoch into the next.
          steps: batches to draw.
          key: consumed, one name folded in an epoch.
        """
        ...

    def blocks(self, size: int, stop: int | None = None) -> Iterator["Examples"]:
        """The examples in order, `size` at a time; the last block may hold fewer.

        Args:
          size: examples a block.
          stop: examples in all; None for every one.
        """
        ...


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """Decoded examples and their labels; an `ExampleStream` that is held in memory.

    Attributes:
      inputs: images uint8 [N, H, W, C], or float32 with the same range where they were resized
        so, rows of a table float32 [N, F], or texts uint8 [N, T], bytes with zeros behind.
      labels: int32 [N].
      boxes: float32 [N, 4], the part of each image that is yet to be cut out and resized: top,
        left, height and width in pixels of `inputs`; None where they have the network's size.
    """

    inputs: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, batch_size: int, steps: int, key: Key) -> Iterator["Examples"]:
        """See `ExampleStream.batches`."""
        for chosen in order.batches(len(self), batch_size, steps, key):
            yield Examples(self.inputs[chosen], self.labels[chosen])

    def blocks(self, size: int, stop: int | None = None) -> Iterator["Examples"]:
        """See `ExampleStream.blocks`."""
        end = len(self) if stop is None else min(stop, len(self))
        for start in range(0, end, size):
            some = slice(start, min(start + size, end))
            yield Examples(self.inputs[some], self.labels[some])
