"""Labels as data sets store them: texts or whole numbers, and the classes that they stand for."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np

from mu2.errors import Mu2Error, same_letters

# What is written in the place of a value that is missing, by pandas, R, Excel and databases. 'None'
# is not among them: it may well be a kind of something.
MISSING = (
    *("", "?", "NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "NaN", "nan", "-NaN", "-nan"),
    *("null", "NULL"),
)
# Classes called so, in whatever case, may be labels that are missing.
_DOUBTFUL = frozenset(
    {
        *map(str.casefold, MISSING),
        *("none", "nil", "nat", "n.a.", "-", "--", "---", ".", "..", "(blank)", "blank", "(empty)"),
        *("empty", "missing", "unknown", "unlabelled", "unlabeled", "no label", "not available"),
        *("#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!", "#error!"),
        *("-9", "-99", "-999", "-9999", "-99999"),
    }
)
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?")
# Of a long list, as many are told.
_TOLD = 5
# Numbers that go no further are the numbers of classes, some of which may have no example.
_DENSE = 1000


def has_label(value: Any, missing: Collection[str] = MISSING) -> bool:
    """Whether a label is there: neither a gap, nor a word for one, nor a number below 0."""
    if isinstance(value, str):
        return value.strip() not in ("", *missing)
    return value is not None and value >= 0


def label_hint(source: Any) -> str:
    """What to do about labels of a source that are no classes."""
    if not hasattr(source, "skip_unlabelled"):
        return "A negative label usually marks a split without labels; take another split."
    return (
        "A negative label usually marks an example without one: "
        f"{type(source).__name__}.skip_unlabelled = True leaves such out."
    )


def labelled(values: Iterable[Any]) -> np.ndarray:
    """Which labels are there, bool [N] (see `has_label`)."""
    return np.array([has_label(value) for value in values], np.bool_)


def is_sparse(highest: int, count: int) -> bool:
    """Whether whole numbers up to `highest` are names of classes rather than their numbers.

    They are where they go on far beyond the number of labels: nothing is sized by a value.

    Args:
      highest: the highest label.
      count: number of labels.
    """
    return highest >= max(_DENSE, 10 * count)


def classes(values: np.ndarray, count: int, owner: str, cure: str) -> tuple[str, ...]:
    """The classes that labels stand for, in their order.

    Texts are classes by name. Whole numbers are the classes 0 to the highest, or, where that is
    sparse, those that occur.

    Args:
      values: labels, of integers or texts; each that occurs at least once.
      count: number of labels.
      owner: whose they are, for messages.
      cure: what makes a class of a text that marks a missing label.

    Raises:
      Mu2Error: a text marks a missing label.
    """
    found = np.unique(values)
    if found.dtype.kind == "U":
        names = tuple(map(str, found))
        if lacking := [name for name in names if name.strip() in MISSING]:
            raise Mu2Error(
                f"{owner}: labels are missing ({', '.join(map(repr, lacking))}).",
                hint=f"Leave these examples out. {cure}",
            )
        return names
    highest = int(found[-1]) if found.size else -1
    if is_sparse(highest, count):
        return tuple(str(value) for value in found.tolist() if value >= 0)
    return tuple(map(str, range(highest + 1)))


def to_labels(values: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Whole numbers as labels, int32 [N]; -1 where one is below 0, or is none of sparse classes.

    Args:
      values: [N], as `classes` took them, or of another split.
      names: what `classes` made of them.
    """
    limit = np.iinfo(np.int32).max
    if names and names[-1] != str(len(names) - 1):
        place = {int(name): label for label, name in enumerate(names)}
        return np.array([place.get(value, -1) for value in values.tolist()], np.int32)
    return np.where((values < 0) | (values > limit), -1, values).astype(np.int32)


def class_guesses(names: tuple[str, ...]) -> list[str]:
    """What may be wrong with the names of classes, each in a sentence."""
    told = [
        f"the class {name!r} may stand for examples without a label."
        for name in names
        if name.strip().casefold() in _DOUBTFUL
    ]
    like: dict[str, str] = {}
    for name in names:
        plain = _number(" ".join(unicodedata.normalize("NFC", name).casefold().split()))
        if (other := like.setdefault(plain, name)) != name:
            told.append(f"the classes {other!a} and {name!a} look like one.")
    return told


def _number(name: str) -> str:
    """A name, or where it is a number that number in one writing: '1' of '01' and '1.0'."""
    if not _NUMBER.fullmatch(name):
        return name
    value = float(name)
    return str(int(value)) if value.is_integer() else str(value)


def sparse_guesses(names: tuple[str, ...]) -> tuple[str, ...]:
    """What to say of classes that `classes` made of sparse whole numbers."""
    if not names or not names[-1].isdecimal() or names[-1] == str(len(names) - 1):
        return ()
    if not all(name.isdecimal() for name in names):
        return ()
    return (
        f"labels go up to {names[-1]}: each of the {len(names):,} numbers that occur is a class.",
    )


def describe_difference(old: Sequence[str], new: Sequence[str]) -> str:
    """Which names differ of two lists of classes, in words.

    Args:
      old: in label order.
      new: others; not the same.
    """
    gone = [name for name in old if name not in set(new)]
    come = [name for name in new if name not in set(old)]
    told = [
        f"{what} {', '.join(map(repr, names[:_TOLD]))}{' …' * (len(names) > _TOLD)}"
        for what, names in (("without", gone), ("with", come))
        if names
    ]
    if not told:
        first = next(i for i, pair in enumerate(zip(old, new, strict=True)) if len({*pair}) > 1)
        told = [f"in another order: class {first} was {old[first]!r} and is {new[first]!r}"]
    count = f"{len(old)} classes, now {len(new)}, " if len(old) != len(new) else ""
    hint = next((same_letters(name, come) for name in gone if same_letters(name, come)), None)
    return f"{count}{' and '.join(told)}" + (f" ({hint})" if hint else "")
