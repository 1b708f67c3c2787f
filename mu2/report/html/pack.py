"""Columns of numbers as short text: the page decodes them into typed arrays when it needs them."""

import base64
import json
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np

Packed = dict[str, Any]


def pack_integers(values: Iterable[int]) -> Packed:
    """Integers in the narrowest type that holds them all, as base64.

    Returns:
      `type` (`u8`, `u16`, `u32`, `i32` or `f64`) and `data`, little-endian.
    """
    array = np.array(list(values), np.int64)
    low, high = (int(array.min()), int(array.max())) if len(array) else (0, 0)
    for name, dtype in (("u8", "<u1"), ("u16", "<u2"), ("u32", "<u4"), ("i32", "<i4")):
        limits = np.iinfo(dtype)
        if limits.min <= low and high <= limits.max:
            return _packed(name, array.astype(dtype))
    return _packed("f64", array.astype("<f8"))


def pack_floats(values: Iterable[float | None]) -> Packed:
    """Numbers as float32, NaN where there is none; see `pack_integers`."""
    return _packed("f32", np.array([np.nan if v is None else v for v in values], "<f4"))


def pack_shares(values: Iterable[float | None]) -> Packed:
    """Numbers in [0, 1] in steps of 1/65534, and 65535 where there is none."""
    array = np.array([np.nan if v is None else v for v in values], np.float64)
    steps = np.where(np.isnan(array), 65535, np.round(np.clip(array, 0, 1) * 65534))
    return _packed("share", steps.astype("<u2"))


def pack_choices(values: Iterable[Any]) -> Packed:
    """Values of which few are different: `values`, in order of appearance, and an index for each.

    Args:
      values: what JSON can hold; equal JSON texts are one value.
    """
    # 1, 1.0 and True are equal in Python, and different to a reader.
    place: dict[tuple[type, Hashable], int] = {}
    found: list[Any] = []
    indices = []
    for value in values:
        key = value if isinstance(value, Hashable) else json.dumps(value, sort_keys=True)
        index = place.setdefault((type(value), key), len(place))
        if index == len(found):
            found.append(value)
        indices.append(index)
    return {**pack_integers(indices), "values": found}


def pack_matrix(matrix: np.ndarray) -> Packed:
    """A matrix, column by column, as runs of equal values or, where these are short, as it is.

    Args:
      matrix: float [rows, columns]; NaN where there is no value.

    Returns:
      `rows`, `columns`, `values`, and `lengths` of the runs, None where there are none.
    """
    flat = np.asarray(matrix, np.float64).T.reshape(-1)
    same = (flat[1:] == flat[:-1]) | (np.isnan(flat[1:]) & np.isnan(flat[:-1]))
    starts = np.concatenate([[0], np.flatnonzero(~same) + 1]) if len(flat) else np.array([], int)
    runs = len(starts) < len(flat) / 3
    lengths = np.diff(np.concatenate([starts, [len(flat)]]))
    values = flat[starts] if runs else flat
    whole = bool(np.all(np.isfinite(values)) and np.all(values == np.round(values)))
    return {
        "rows": int(matrix.shape[0]),
        "columns": int(matrix.shape[1]),
        "lengths": pack_integers(lengths.tolist()) if runs else None,
        "values": pack_integers(map(int, values)) if whole else pack_floats(values.tolist()),
    }


def pack_lists(lists: Sequence[Sequence[float]]) -> Packed:
    """Lists of numbers, one after the other, and the length of each."""
    return {
        "lengths": pack_integers(len(each) for each in lists),
        "values": pack_floats(value for each in lists for value in each),
    }


def _packed(name: str, array: np.ndarray) -> Packed:
    return {"type": name, "data": base64.b64encode(array.tobytes()).decode("ascii")}
