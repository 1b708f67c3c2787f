"""Batches of a generation: every child sees the same examples in the same order."""

from collections.abc import Iterator

import numpy as np

from mu2.key import Key
from mu2.tasks.examples import Examples


def epochs(examples: Examples, batch_size: int, steps: int, key: Key) -> Iterator[Examples]:
    """`steps` batches, drawn epoch after epoch without replacement.

    Each epoch is a fresh permutation of all examples (the published code shuffles whole batches
    only, paper/README 3.7); a batch may cross from one epoch into the next.

    Args:
      examples: at least one.
      batch_size: examples a batch.
      steps: batches to draw.
      key: consumed, one name folded in an epoch.
    """
    order = np.empty(0, np.int64)
    epoch = 0
    for _ in range(steps):
        while len(order) < batch_size:
            fresh = key.fold_in("epoch", epoch).numpy().permutation(len(examples))
            order, epoch = np.concatenate([order, fresh]), epoch + 1
        chosen, order = order[:batch_size], order[batch_size:]
        yield Examples(examples.inputs[chosen], examples.labels[chosen])
