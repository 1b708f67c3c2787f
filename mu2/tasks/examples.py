"""Examples: what a network reads, and the labels."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """Decoded examples and their labels.

    Attributes:
      inputs: images uint8 [N, H, W, C], rows of a table float32 [N, F], or texts uint8 [N, T],
        bytes with zeros behind.
      labels: int32 [N].
    """

    inputs: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)
