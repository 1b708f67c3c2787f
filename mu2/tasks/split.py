"""Split expressions: TFDS's syntax and rounding, on splits of known size."""

import bisect
import dataclasses
import itertools
import re
from collections.abc import Mapping, Sequence

import numpy as np

from mu2.errors import Mu2Error, did_you_mean

_TERM = re.compile(r"(?P<split>[\w.-]+)(?:\[(?P<slice>[^\[\]]*)\])?")
_BOUND = re.compile(r"(?P<value>-?\d[\d_]*(?:\.\d+)?)\s*(?P<unit>%|shard)?")
_SYNTAX = "Written as train, train[20%:], train[100:200], train[:-500] or train[:5%]+train[10%:]."


@dataclasses.dataclass(frozen=True)
class Span:
    """Consecutive examples of one split.

    Attributes:
      split: name of the split.
      start: index of the first example.
      stop: index after the last example; above `start`.
    """

    split: str
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def parse(expression: str, sizes: Mapping[str, int], owner: str) -> tuple[Span, ...]:
    """The examples that a split expression selects, in the order it names them.

    `all` is every split in order. Percentages are rounded to the closest example, halves to even,
    as TFDS rounds. An example named by two terms comes twice. TFDS's `shard` unit is not known
    here, and a slice from a number to a percentage, which TFDS misreads, is refused.

    Args:
      expression: terms joined by +; each is a split's name with or without [FROM:TO].
      sizes: number of examples of each split, by name, in order.
      owner: who has these splits, for messages.

    Returns:
      One span for each term that selects any example.

    Raises:
      Mu2Error: the syntax is wrong, a split is unknown, a bound lies outside its split, or
        no example is selected.
    """
    if not isinstance(expression, str):
        raise Mu2Error(f"{owner}: a split must be text, not {expression!r}.", hint=_SYNTAX)
    spans: list[Span] = []
    for term in expression.split("+"):
        match = _TERM.fullmatch(term.strip())
        if match is None:
            raise Mu2Error(f"{owner}: the split {expression!r} cannot be read.", hint=_SYNTAX)
        split, slice_ = match["split"], match["slice"]
        if split == "all" and split not in sizes:
            if slice_ is not None:
                raise Mu2Error(f"{owner}: 'all' takes no slice, as in {expression!r}.")
            spans += [Span(name, 0, size) for name, size in sizes.items()]
            continue
        if split not in sizes:
            raise _unknown(split, sizes, owner)
        start, stop = 0, sizes[split]
        if slice_ is not None:
            try:
                start, stop = _bounds(slice_, sizes[split])
            except ValueError as error:
                message = f"{owner}: the split {expression!r} cannot be read: {error}."
                raise Mu2Error(message, hint=_SYNTAX) from error
        spans.append(Span(split, start, max(start, stop)))
    selected = tuple(span for span in spans if len(span))
    if not selected:
        raise Mu2Error(
            f"{owner}: the split {expression!r} selects no examples.",
            hint=f"Splits: {_list_text(sizes)}.",
        )
    return selected


def shared(left: tuple[Span, ...], right: tuple[Span, ...]) -> int:
    """How many examples two selections have in common (each pair of spans counts by itself)."""
    return sum(
        max(0, min(a.stop, b.stop) - max(a.start, b.start))
        for a in left
        for b in right
        if a.split == b.split
    )


def locate(spans: tuple[Span, ...], indices: Sequence[int]) -> list[tuple[str, int]]:
    """Where the examples of a selection stand: the split, and the index in it, of each."""
    ends = list(itertools.accumulate(map(len, spans)))
    places = []
    for index in indices:
        which = bisect.bisect_right(ends, index)
        places.append((spans[which].split, spans[which].stop - ends[which] + index))
    return places


def members(spans: tuple[Span, ...], orders: Mapping[str, np.ndarray]) -> np.ndarray:
    """The members of a selection, where each split is an array of its members in order."""
    return np.concatenate([orders[span.split][span.start : span.stop] for span in spans])


def _bounds(slice_: str, size: int) -> tuple[int, int]:
    """FROM and TO of a slice as indices, 0 to size each; ValueError says what is wrong."""
    parts = [part.strip() for part in slice_.split(":")]
    if len(parts) != 2:
        raise ValueError(f"[{slice_}] is no slice, which has one colon")
    matches = [_BOUND.fullmatch(part) for part in parts]
    for part, match in zip(parts, matches, strict=True):
        if part and match is None:
            raise ValueError(f"{part!r} is neither a whole number nor a percentage")
    found = [match for match in matches if match is not None]
    if any(match["unit"] == "shard" for match in found):
        raise ValueError("slices are by examples or by percent, not by shard")
    # Zero is zero in either unit.
    units = {match["unit"] for match in found if match["unit"] or float(match["value"])}
    if len(units) > 1:
        raise ValueError(f"[{slice_}] mixes a number of examples and a percentage")
    start, stop = (
        default if match is None else _index(match, size)
        for match, default in zip(matches, (0, size), strict=True)
    )
    return start, stop


def _index(match: re.Match[str], size: int) -> int:
    """One bound as an index from 0 to size."""
    if match["unit"] == "%":
        percent = float(match["value"])
        if abs(percent) > 100:
            raise ValueError(f"{match[0]} is outside -100% to 100%")
        # The very expression of TFDS, so that every slice has the same examples there and here.
        index = round(percent * size / 100.0)
    elif "." in match["value"]:
        raise ValueError(f"{match[0]!r} is neither a whole number nor a percentage")
    else:
        index = int(match["value"])
        if abs(index) > size:
            raise ValueError(f"{match[0]} is outside the {size} examples there are")
    return index + size if index < 0 else index


def _unknown(split: str, sizes: Mapping[str, int], owner: str) -> Mu2Error:
    near = did_you_mean(split, sizes)
    hint = f"Splits: {_list_text(sizes)}."
    if near is not None and near.startswith("Did"):
        hint = f"{near} {hint}"
    elif "train" in sizes:
        hint += " A slice of one will do: 'train[:10%]' here, and 'train[10%:]' to train on."
    return Mu2Error(f"{owner} has no split {split!r}.", hint=hint)


def _list_text(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({size} examples)" for name, size in sizes.items())
