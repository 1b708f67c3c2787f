"""The leaves of a component: numpy arrays by name, whose bytes name it."""

import hashlib
from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np

from mu2.store.files import encode, sha256

Arrays = Mapping[str, np.ndarray]
Shapes = dict[str, tuple[str, list[int]]]  # leaf name to (dtype, shape)

# dtype to bytes of a number: every kind that `check_leaves` lets through.
_NUMPY = [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)]
_NUMPY += ["bool", "float16", "float32", "float64", "complex64", "complex128"]
_OTHERS = [name for name in dir(ml_dtypes) if name.startswith(("bfloat", "float", "int", "uint"))]
ITEM_BYTES = {name: np.dtype(getattr(ml_dtypes, name, name)).itemsize for name in _NUMPY + _OTHERS}


def digest(arrays: Arrays) -> str:
    """sha256 (hex) of a component: its leaves in order of their names, with dtype and shape.

    Values count as little-endian bytes in C order, so the digest is the same on every machine.
    """
    state = hashlib.sha256()
    plain = {name: as_little_endian(array) for name, array in sorted(arrays.items())}
    state.update(encode(shapes(plain)))
    for array in plain.values():
        state.update(array.tobytes())
    return state.hexdigest()


def as_little_endian(array: Any) -> np.ndarray:
    """The same values as a little-endian array in C order."""
    array = np.asarray(array, order="C")
    return array.astype(array.dtype.newbyteorder("<")) if array.dtype.byteorder == ">" else array


def shapes(arrays: Arrays) -> Shapes:
    """Dtype and shape of each leaf, in order of their names."""
    return {name: (a.dtype.name, list(a.shape)) for name, a in sorted(arrays.items())}


def check_leaves(component: str, arrays: Arrays) -> None:
    """ValueError where a component has no leaf, or one that is no number or has no elements."""
    if not arrays:
        raise ValueError(f"component {component!r} has no leaves")
    for name, array in arrays.items():
        # Python objects and texts would need pickle, and Orbax refuses arrays without elements.
        number = array.dtype.kind in "biufc" or hasattr(ml_dtypes, array.dtype.name)
        if not number or array.size == 0:
            raise ValueError(
                f"leaf {name!r} of component {component!r} cannot be stored: {array.dtype} "
                f"{array.shape}"
            )


def pack_name(components: Mapping[str, Arrays]) -> str:
    """The name of the pack that holds some components, by digest."""
    return sha256(encode({d: shapes(arrays) for d, arrays in components.items()}))


def count_bytes(components: Mapping[str, Arrays]) -> int:
    """Bytes of the leaves of some components, by digest."""
    return sum(leaf.nbytes for arrays in components.values() for leaf in arrays.values())
