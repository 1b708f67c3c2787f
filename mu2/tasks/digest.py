"""Examples that take note of themselves: one digest for all that was read."""

import hashlib
from collections.abc import Iterator

import numpy as np

from mu2.random_keys import Key
from mu2.tasks.examples import Examples, ExampleStream


class DigestStream:
    """An `ExampleStream` with a digest of what its `blocks` gave, whatever their size.

    Args:
      stream: has the examples.
    """

    def __init__(self, stream: ExampleStream):
        self._stream = stream
        self._inputs = hashlib.sha256()
        self._labels = hashlib.sha256()

    def __len__(self) -> int:
        return len(self._stream)

    def batches(self, batch_size: int, steps: int, key: Key) -> Iterator[Examples]:
        """See `ExampleStream.batches`; not part of the digest."""
        return self._stream.batches(batch_size, steps, key)

    def blocks(self, size: int, stop: int | None = None) -> Iterator[Examples]:
        """See `ExampleStream.blocks`."""
        for block in self._stream.blocks(size, stop):
            self._inputs.update(np.ascontiguousarray(block.inputs).tobytes())
            self._labels.update(np.ascontiguousarray(block.labels, np.int32).tobytes())
            yield block

    @property
    def digest(self) -> str:
        """sha256 (hex) of inputs and labels so far: equal digests are the same examples."""
        return hashlib.sha256(self._inputs.digest() + self._labels.digest()).hexdigest()
