"""What was assumed of a task's data and may be wrong: told before a run, and never in silence."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from mu2.tasks.labels import class_guesses
from mu2.tasks.task import Task


@runtime_checkable
class HasGuesses(Protocol):
    """A source that assumes things which its data do not say."""

    def guesses(self) -> tuple[str, ...]:
        """Each in a sentence, with the option that says otherwise.

        Raises:
          Mu2Error: the data are missing or damaged.
        """
        ...


@runtime_checkable
class SkipsUnlabelled(Protocol):
    """A source that can leave out examples without a label."""

    def unlabelled(self) -> Mapping[str, int]:
        """How many it leaves out, by split; only splits with some.

        Raises:
          Mu2Error: the data are missing or damaged.
        """
        ...


def unlabelled(source: Any) -> dict[str, int]:
    """Examples that a source, or one that it is made of, leaves out, by split."""
    found: dict[str, int] = {}
    for each in _sources(source):
        for split, count in each.unlabelled().items() if isinstance(each, SkipsUnlabelled) else ():
            found[split] = found.get(split, 0) + count
    return found


def guesses(task: Task) -> tuple[str, ...]:
    """What was assumed of a task's examples and classes, each in a sentence.

    Raises:
      Mu2Error: the data are missing or damaged.
    """
    told = [*class_guesses(task.source.class_names()), *_of(task.fit_source())]
    return tuple(dict.fromkeys(told))


def _of(source: Any) -> Iterator[str]:
    """The guesses of a source, and of those that it is made of."""
    for split, count in unlabelled(source).items():
        yield f"{count:,} examples of {split!r} have no label, and are left out."
    for each in _sources(source):
        if isinstance(each, HasGuesses):
            yield from each.guesses()


def _sources(source: Any) -> Iterator[Any]:
    """A source, and those that it is made of."""
    yield source
    for field in dataclasses.fields(source) if dataclasses.is_dataclass(source) else ():
        inner = getattr(source, field.name)
        if hasattr(inner, "class_names") and not isinstance(inner, type):
            yield from _sources(inner)
