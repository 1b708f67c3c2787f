"""What was assumed of a task's data and may be wrong: told before a run, and never in silence."""

import dataclasses
from collections.abc import Iterator
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


def guesses(task: Task) -> tuple[str, ...]:
    """What was assumed of a task's examples and classes, each in a sentence.

    Raises:
      Mu2Error: the data are missing or damaged.
    """
    told = [*class_guesses(task.source.class_names()), *_of(task.fit_source())]
    return tuple(dict.fromkeys(told))


def _of(source: Any) -> Iterator[str]:
    """The guesses of a source, and of those that it is made of."""
    if isinstance(source, HasGuesses):
        yield from source.guesses()
    for field in dataclasses.fields(source) if dataclasses.is_dataclass(source) else ():
        inner = getattr(source, field.name)
        if hasattr(inner, "class_names") and not isinstance(inner, type):
            yield from _of(inner)
