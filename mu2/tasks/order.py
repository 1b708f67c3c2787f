"""The order in which examples come: shuffled once in a split, and anew in every epoch."""

from collections.abc import Iterator

import numpy as np

from mu2.random_keys import Key


def shuffle(n: int, *names: str) -> np.ndarray:
    """A permutation of n examples that is always the same; int64 [N].

    Files are often sorted by class. Shuffled once and for all, a slice of a split ('train[:5%]')
    is a fair sample of it.

    Args:
      n: number of examples.
      names: what the permutation is for; other names, another permutation.
    """
    return Key.from_seed(0).fold_in("shuffled", *names).numpy().permutation(n)


class Epochs:
    """Which example stands where, in epoch after epoch without replacement.

    Each epoch is a fresh permutation of all examples (the published code shuffles whole batches
    only, mu2Net.ipynb). Any place can be asked for at any time.

    Args:
      n: examples of an epoch, at least one.
      key: one name is folded in an epoch; not consumed otherwise.
    """

    def __init__(self, n: int, key: Key):
        self._n = n
        self._key = key
        self._permutations: dict[int, np.ndarray] = {}

    def __getitem__(self, places: range) -> np.ndarray:
        """The examples at consecutive places, int64 [len(places)]; may span several epochs."""
        parts, place = [np.empty(0, np.int64)], places.start
        while place < places.stop:
            epoch, start = divmod(place, self._n)
            part = self._permutation(epoch)[start : start + places.stop - place]
            parts.append(part)
            place += len(part)
        return np.concatenate(parts)

    def _permutation(self, epoch: int) -> np.ndarray:
        found = self._permutations.get(epoch)
        if found is None:
            found = self._key.fold_in("epoch", epoch).numpy().permutation(self._n)
            # Threads that read ahead are at most an epoch apart, or draw one again.
            self._permutations = {
                **{e: p for e, p in self._permutations.items() if abs(e - epoch) < 2},
                epoch: found,
            }
        return found


def batches(n: int, batch_size: int, steps: int, key: Key) -> Iterator[np.ndarray]:
    """The examples of each of `steps` batches, int64 [batch_size], as `Epochs` orders them.

    A batch may cross from one epoch into the next.
    """
    epochs = Epochs(n, key)
    for step in range(steps):
        yield epochs[range(step * batch_size, (step + 1) * batch_size)]
