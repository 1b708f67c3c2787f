"""The labels of new examples, as the classes of a task that they name."""

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from mu2.errors import Mu2Error, nearest
from mu2.system.inputs import is_source
from mu2.tasks.labels import MISSING, has_label

_TOLD = 5


@dataclasses.dataclass(frozen=True, eq=False)
class TrueLabels:
    """Labels of examples.

    Attributes:
      numbers: of the task's classes, int32 [N].
      rows: which examples they are of, int [N], in order.
      left: examples that are left out as they have none.
    """

    numbers: np.ndarray
    rows: np.ndarray
    left: int


def find_labels(
    labels: Sequence[Any],
    names: Sequence[str],
    task: str,
    owner: str = "the labels",
    *,
    missing: Collection[str] = MISSING,
    skip_unlabelled: bool = False,
) -> TrueLabels:
    """Labels as numbers of a task's classes.

    What names a class is one; whole numbers of which none does are numbers of classes.

    Args:
      labels: one an example.
      names: of the task's classes, in label order.
      task: its name, for messages.
      owner: whose labels they are, for messages.
      missing: words for a label that is missing, as far as they are no classes.
      skip_unlabelled: whether examples without a label are left out; else they are refused. A
        number below 0 is no label.

    Raises:
      Mu2Error: a label is missing, or no class of the task; or there is none.
    """
    known = {name: number for number, name in enumerate(names)}
    values = [_plain(value) for value in labels]
    if not values:
        raise Mu2Error(f"{owner}: there are no examples.")
    there = np.array([str(v) in known or has_label(v, missing) for v in values], np.bool_)
    lacking = int((~there).sum())
    if lacking and not skip_unlabelled:
        first = int(np.argmin(there))
        what = "" if values[first] in (None, "") else f" ({values[first]!r})"
        raise Mu2Error(
            f"{owner}: {lacking:,} labels are missing, the first{what} in row {first + 1}.",
            hint="skip_unlabelled = True, on the command line --skip-unlabelled, leaves such "
            "examples out.",
        )
    if lacking == len(values):
        raise Mu2Error(f"{owner}: no example has a label.")
    values = [value for value, is_there in zip(values, there, strict=True) if is_there]
    rows = np.flatnonzero(there)
    if all(isinstance(value, int) for value in values) and not any(str(v) in known for v in values):
        if wrong := [value for value in values if value >= len(names)]:
            raise Mu2Error(
                f"{owner}: {wrong[0]} is no class; task {task!r} has {len(names)}, from 0 on."
            )
        return TrueLabels(np.array(values, np.int32), rows, lacking)
    words = [str(value).strip() for value in values]
    check_class_names(list(dict.fromkeys(words)), known, task, owner)
    return TrueLabels(np.array([known[word] for word in words], np.int32), rows, lacking)


def _plain(value: Any) -> Any:
    """A label as Python's own type: a whole number in a float is one; NaN is none."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float):
        if value != value:
            return None
        return int(value) if value.is_integer() else value
    return value.strip() if isinstance(value, str) else value


def check_class_names(
    found: Sequence[str], known: Collection[str], task: str, owner: str = "the data"
) -> None:
    """Refuses names that are no classes of a task.

    Args:
      found: names.
      known: those of the task's classes.
      task: its name.
      owner: whose names they are.

    Raises:
      Mu2Error: some are of no class.
    """
    if strange := [name for name in found if name not in known]:
        told = ", ".join(map(repr, strange[:_TOLD])) + " …" * (len(strange) > _TOLD)
        close = nearest(strange[0], known)
        raise Mu2Error(
            f"{owner}: {told} {'is no class' if len(strange) == 1 else 'are no classes'} of task "
            f"{task!r}.",
            hint=f"Did you mean {close!r}?"
            if close
            else f"Its {len(known)} classes: {', '.join([*known][:20])}{' …' * (len(known) > 20)}.",
        )


def skipping_source(source: Any) -> Any:
    """A source, and those that it is made of, so that each that can leaves unlabelled examples out.

    Those of others all have a label.
    """
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(source) if dataclasses.is_dataclass(source) else ():
        if is_source(inner := getattr(source, field.name)):
            changes[field.name] = skipping_source(inner)
        elif field.name == "skip_unlabelled":
            changes[field.name] = True
    return dataclasses.replace(source, **changes) if changes else source
