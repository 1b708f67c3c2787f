"""Orbax: the only file that knows it, and that imports it with the first array written or read.

Its names still move, and whatever fails beneath it is raised as something else each time.
"""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from mu2.store.arrays import Arrays, Shapes
from mu2.store.files import reason

ITEM_BYTES = 32 * 4096


def save(path: Path, components: Mapping[str, Arrays]) -> None:
    """Writes an Orbax checkpoint with one item a component; the caller flushes its files.

    Raises:
      OSError: it could not be written.
    """
    items = {d: dict(arrays) for d, arrays in components.items()}
    _saving(lambda ocp: ocp.save_checkpointables(path.absolute(), items))


def load(path: Path, leaves: Mapping[str, Shapes]) -> dict[str, dict[str, np.ndarray]]:
    """Reads some items of an Orbax checkpoint; raises whatever Orbax raises."""
    from orbax.checkpoint import v1 as ocp

    abstract = {
        d: {name: np.empty(shape, _dtype(dtype)) for name, (dtype, shape) in item.items()}
        for d, item in leaves.items()
    }
    loaded = ocp.load_checkpointables(path.absolute(), abstract)
    return {d: {name: np.asarray(loaded[d][name]) for name in leaves[d]} for d in leaves}


def save_tree(path: Path, tree: Mapping[str, Any]) -> None:
    """Writes a checkpoint of one tree that Orbax reads by itself: `v1.load(path)`.

    The caller flushes its files.

    Args:
      path: a new folder, in one that is there.
      tree: nested mappings of arrays, none of them empty.

    Raises:
      OSError: it could not be written; what there is of it is to be removed.
    """
    path = path.absolute()
    make_room(path.with_name(f"{path.name}.room"), _size(tree))
    _saving(lambda ocp: ocp.save(path, tree))


def make_room(path: Path, size: int, items: int = 1) -> None:
    """Fails as the disk will, before Orbax's threads meet it and each print their own traceback.

    Args:
      path: of a file that is made and removed.
      size: bytes of the arrays.
      items: of the checkpoint; each is some twenty files, of a block of the disk at least.

    Raises:
      OSError: the disk, the quota or the limit of the process does not allow so many bytes.
    """
    with path.open("wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size + size // 8 + (items + 1) * ITEM_BYTES)
    path.unlink()


def _saving(save: Callable[[Any], None]) -> None:
    """Calls a function with Orbax; raises an OSError where it cannot write."""
    from orbax.checkpoint import v1 as ocp

    context = ocp.Context()
    context.memory.deepcopy_host_arrays = False  # nobody changes them while this waits
    try:
        with context, _unflushed():
            save(ocp)
    except OSError:
        raise
    except Exception as error:  # tensorstore reports a full disk as a ValueError, among others
        raise OSError(0, reason(error)) from error


@contextlib.contextmanager
def _unflushed() -> Iterator[None]:
    """Keeps tensorstore from flushing what is flushed once more before it gets its name.

    That takes longer than all else, and fails on file systems whose folders it cannot flush. It
    knows an option, and Orbax none that hands it on; so the settings that Orbax gives it are others
    for this time.
    """
    from orbax.checkpoint._src.serialization import tensorstore_utils as orbax

    settings = (orbax._BASE_TS_CONTEXT, orbax._DEFAULT_OCDBT_TS_CONTEXT)
    for each in settings:
        each["file_io_sync"] = False
    try:
        yield
    finally:
        for each in settings:
            del each["file_io_sync"]


def _size(tree: Any) -> int:
    return sum(map(_size, tree.values())) if isinstance(tree, Mapping) else int(tree.nbytes)


def _dtype(name: str) -> np.dtype[Any]:
    return np.dtype(getattr(ml_dtypes, name, name))
