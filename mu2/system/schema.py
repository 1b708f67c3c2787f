"""What the records of a system may hold, declared once and looked at wherever one is read.

A digest vouches for bytes, not for who wrote them. What is not declared here is left to whoever
makes an object of the document.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from mu2.evolution.path import Component, Path
from mu2.store.files import is_digest

# A document to what is wrong with it, in a few words; None if nothing is.
Check = Callable[[Any], str | None]


def text(most: int = 1000, empty: bool = True) -> Check:
    """A text of bounded length."""

    def check(value: Any) -> str | None:
        if not isinstance(value, str) or len(value) > most or not (value or empty):
            return f"must be a text of at most {most:,} letters"
        return None

    return check


def count(most: int = 10**15, least: int = 0) -> Check:
    """A whole number in a range."""

    def check(value: Any) -> str | None:
        if type(value) is not int or not least <= value <= most:
            return f"must be a whole number from {least:,} to {most:,}"
        return None

    return check


def number(least: float = -1e300, most: float = 1e300) -> Check:
    """A finite number in a range."""

    def check(value: Any) -> str | None:
        finite = type(value) in (int, float) and abs(value) <= 1e300 and math.isfinite(value)
        if not finite or not least <= value <= most:
            return f"must be a number from {least:g} to {most:g}"
        return None

    return check


def flag(value: Any) -> str | None:
    """True or false."""
    return None if isinstance(value, bool) else "must be true or false"


def digest(value: Any) -> str | None:
    """A sha256 in hex."""
    return None if is_digest(value) else "must be a digest"


def scalar(value: Any) -> str | None:
    """A value of a hyperparameter."""
    if isinstance(value, bool):
        return None
    return text()(value) if isinstance(value, str) else number()(value)


def architecture(value: Any) -> str | None:
    """JSON of one architecture: its name to its settings (`Model.name`)."""
    wrong = "must be a text, JSON of one name and its settings"
    if text(10_000, empty=False)(value):
        return wrong
    try:
        known = json.loads(value)
    except (ValueError, RecursionError):
        return wrong
    is_one = isinstance(known, dict) and len(known) == 1
    return None if is_one and all(isinstance(v, dict) for v in known.values()) else wrong


def optional(check: Check) -> Check:
    """What may be null."""
    return lambda value: None if value is None else check(value)


def one_of(*values: str) -> Check:
    """One of some texts."""
    return lambda value: None if value in values else f"must be one of {', '.join(values)}"


def array(check: Check, most: int = 10**6) -> Check:
    """A list of bounded length."""

    def each(value: Any) -> str | None:
        if not isinstance(value, list) or len(value) > most:
            return f"must be a list of at most {most:,}"
        found = ((i, wrong) for i, item in enumerate(value) if (wrong := check(item)))
        return next((f"[{i}] {wrong}" for i, wrong in found), None)

    return each


def mapping(check: Check, most: int = 10**6) -> Check:
    """An object with any keys."""

    def each(value: Any) -> str | None:
        if not isinstance(value, dict) or len(value) > most:
            return f"must be an object of at most {most:,} keys"
        found = ((key, wrong) for key, item in value.items() if (wrong := check(item)))
        return next((f"{key[:80]!r} {wrong}" for key, wrong in found), None)

    return each


def fields(known: Mapping[str, Check]) -> Check:
    """An object of which some keys are declared; those that are missing are told elsewhere."""

    def each(value: Any) -> str | None:
        if not isinstance(value, dict):
            return "must be an object"
        there = ((key, check(value[key])) for key, check in known.items() if key in value)
        return next((f"{key} {wrong}" for key, wrong in there if wrong), None)

    return each


def _stored(value: Any) -> str | None:
    return None if value == "" else digest(value)


COMPONENT = fields(
    {
        "name": text(200, empty=False),
        "id": text(2000, empty=False),
        "size": count(10**12),
        "signature": text(10**6),
        "digest": _stored,
        "pack": _stored,
    }
)
PATH = fields(
    {
        "id": text(1000, empty=False),
        "task": optional(text(500, empty=False)),
        "parent": optional(text()),
        "parent_task": optional(text()),
        "components": array(COMPONENT, 10_000),
        "hyperparameters": mapping(scalar, 1000),
        "num_classes": count(10**7),
        "model": architecture,
        "dtype": text(20),
        "resize": one_of("antialias", "bilinear"),
        "flops": number(0),
        "dense_flops": number(0),
        "birth": count(),
        "probabilities": mapping(number(0, 1), 1000),
        "private": flag,
        "quality": optional(number(0, 1)),
        "score": optional(number()),
        "test_accuracy": optional(number(0, 1)),
        "test_digest": optional(digest),
        "test_examples": optional(digest),
    }
)
# What is looked at of every live path, before any is made.
HEAD = fields(
    {
        "id": text(10_000),
        "model": architecture,
        **dict.fromkeys(("task", "parent"), optional(text())),
        "private": flag,
        "birth": count(),
        "components": array(
            fields({"name": text(200), "id": text(2000), "signature": text(10**6)})
        ),
    }
)
POPULATION = fields(
    {
        "task": text(500, empty=False),
        "iteration": count(),
        "private": flag,
        "num_classes": count(10**7),
        "own": array(PATH, 10_000),
        "seeds": array(text()),
        "offspring": mapping(count()),
        "children": count(),
        "generation": count(),
        "rungs": array(array(number())),
        "flops": number(0),
        "seconds": number(0),
        "dropped": array(PATH, 10_000),
        "births": count(),
    }
)
PREPARATION = fields(
    {
        "label": optional(text(10_000)),
        "text": optional(text(10_000)),
        "encoding": optional(
            fields(
                {
                    "columns": array(text(10_000)),
                    "mean": array(number()),
                    "deviation": array(optional(number(0))),
                    "gaps": array(count()),
                    "categories": mapping(array(text(10**6))),
                }
            )
        ),
        "named": flag,
        "missing": array(text()),
        "decimal": one_of(".", ","),
        "thousands": optional(text(1)),
        "delimiter": optional(text(1)),
        "quote": optional(text(1)),
    }
)
TASK = fields(
    {
        "name": text(500, empty=False),
        "class_names": array(text(10_000), 10**7),
        "private": flag,
        "input": one_of("image", "table", "text"),
        "iterations": count(),
        "path": optional(PATH),
        "population": optional(POPULATION),
        "offspring": mapping(count()),
        "preparation": optional(PREPARATION),
        "alias": optional(text(500, empty=False)),
    }
)
# Which task a name that was given later means, in pairs.
ALIASES = fields({"aliases": array(array(text(500, empty=False), 2))})
# Of a task that was removed.
REMOVED = fields({"iterations": count()})
# What a run's numbers depend on, besides its Gin text.
RUN = fields({"made_with": mapping(text(10_000))})
_PACKED = fields({"dtype": one_of("<u1", "<u2", "<u4"), "zlib": text(1 << 24)})
PREDICTIONS = fields(
    {
        "path": text(1000, empty=False),
        "labels": _PACKED,
        "classes": _PACKED,
        "probabilities": _PACKED,
    }
)
PROGRESS = fields(
    {
        "runs": count(10**6),
        "fingerprint": _stored,
        "position": count(),
        "visited": _stored,
        "complete": flag,
        "log_lines": count(),
        "log_bytes": count(),
        "log_digest": _stored,
        "packs": array(digest),
        "under_way": array(text()),
    }
)


def require(check: Check, document: Any) -> None:
    """ValueError, with what is wrong, where a document is not as it is declared."""
    if wrong := check(document):
        raise ValueError(wrong)


_LEAF = re.compile(r"[^:;]+:[\w]+\[((?:\d+(?:,\d+)*)?)\]")


def check_path(path: Path, *, task: str | None, classes: int | None) -> None:
    """Compares the parts of a path with each other, and with the record that holds it.

    Args:
      path: of a record that the declaration allows.
      task: whose record it is; None for a root.
      classes: of that task; None for a root.

    Raises:
      ValueError: sizes are not those of the shapes, the head's classes not those of the task, or
        something is there twice.
    """
    if path.task != task:
        raise ValueError(f"the path {path.id[:80]!r} is not of task {task!r}")
    if path.num_classes != (classes or 0):
        raise ValueError(f"its path has {path.num_classes} classes, and the task {classes or 0}")
    names = [component.name for component in path.components]
    if len(set(names)) < len(names):
        raise ValueError(f"its path has a component twice, of {names[:3]}")
    for component in path.components:
        if component.size != _size(component):
            raise ValueError(
                f"the size of {component.name!r}, {component.size:,}, is not that of its shapes"
            )
    head = path.component("head")
    if classes is not None and (head is None or classes not in _last_sides(head)):
        raise ValueError(f"its path has no head of {classes} classes")


def check_arrays(component: Component, arrays: Mapping[str, Any]) -> None:
    """Compares a component's leaves with its record.

    Raises:
      ValueError: a parameter is missing, or has another shape or dtype.
    """
    for leaf in component.signature.split(";") if component.signature else ():
        name, _, wanted = leaf.rpartition(":")
        there = arrays.get(f"params/{name}")
        found = "nothing" if there is None else f"{there.dtype}{list(there.shape)}".replace(" ", "")
        if found != wanted:
            raise ValueError(f"{component.name}/{name} is {found}, and its record says {wanted}")


def _shapes(component: Component) -> list[list[int]]:
    shapes = []
    for leaf in component.signature.split(";") if component.signature else ():
        found = _LEAF.fullmatch(leaf)
        if found is None:
            raise ValueError(f"the signature of {component.name!r} is none")
        shapes.append([int(side) for side in found[1].split(",") if side])
    return shapes


def _size(component: Component) -> int:
    return sum(math.prod(shape) for shape in _shapes(component))


def _last_sides(component: Component) -> set[int]:
    return {shape[-1] for shape in _shapes(component) if shape}
