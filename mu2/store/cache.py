"""A cache of components by digest, as large as its limit in bytes."""

from collections import OrderedDict

from mu2.store.arrays import Arrays


class Cache:
    """Components read or written of late; the one least lately used goes first.

    A component larger than the limit is not kept.

    Args:
      limit: bytes of arrays that are kept at most.
    """

    def __init__(self, limit: int):
        self._limit = limit
        self._kept: OrderedDict[str, Arrays] = OrderedDict()
        self.bytes = 0

    def get(self, digest: str) -> Arrays | None:
        """A component's leaves, or None where they are not kept."""
        if digest in self._kept:
            self._kept.move_to_end(digest)
        return self._kept.get(digest)

    def put(self, digest: str, arrays: Arrays) -> None:
        """Keeps a component, in the place of others where there is no room."""
        if digest in self._kept:
            return
        self._kept[digest] = arrays
        self.bytes += _bytes(arrays)
        while self.bytes > self._limit:
            _, gone = self._kept.popitem(last=False)
            self.bytes -= _bytes(gone)


def _bytes(arrays: Arrays) -> int:
    return sum(leaf.nbytes for leaf in arrays.values())
