"""The complete Gin text of an experiment that was made in Python rather than read from files."""

import collections
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from mu2 import config
from mu2.config.linter import text_of
from mu2.errors import Mu2Error
from mu2.experiment import Experiment

_HINT = "Write it as Gin files and give their names instead."


def resolved(experiment: Experiment) -> str:
    """One Gin text that gives the same experiment; that is tried before it is returned.

    Raises:
      Mu2Error: no Gin text gives this experiment, since a part of it is of a class that Gin does
        not know, or not made of what Gin can say.
    """
    bindings = list(_Writer(experiment).bindings())
    try:
        loaded = config.load([], bindings)
    except Mu2Error as error:
        raise Mu2Error(
            f"this experiment cannot be written down for its system: {error.message}", hint=_HINT
        ) from error
    if loaded.experiment != experiment:
        raise Mu2Error(
            "this experiment cannot be written down for its system: read back, it is another one.",
            hint=_HINT,
        )
    return loaded.resolved


class _Writer:
    """Writes objects as bindings; of a class that is made more than once each has its scope."""

    def __init__(self, experiment: Experiment):
        self._experiment = experiment
        self._names = {each.make: name for name, each in config.vocabulary().configurables.items()}
        self._count = collections.Counter(type(each) for each in _made(experiment, self._names))
        self._scopes: collections.Counter[str] = collections.Counter()
        self._pending: list[tuple[str, Any]] = []

    def bindings(self) -> Iterator[str]:
        self._reference(self._experiment)
        while self._pending:
            selector, made = self._pending.pop(0)
            for name, value in _values(made).items():
                yield f"{selector}.{name}={self._text(value)}"

    def _reference(self, made: Any) -> str:
        name = self._names[type(made)]
        selector = name
        if self._count[type(made)] > 1:
            self._scopes[name] += 1
            selector = f"{name.lower()}{self._scopes[name]}/{name}"
        self._pending.append((selector, made))
        return f"@{selector}()"

    def _text(self, value: Any) -> str:
        if type(value) in self._names:
            return self._reference(value)
        if isinstance(value, tuple | list):
            return f"({''.join(f'{self._text(each)}, ' for each in value)})"
        if isinstance(value, Mapping):
            pairs = (f"{text_of(key)}: {self._text(each)}" for key, each in value.items())
            return f"{{{', '.join(pairs)}}}"
        if value is None or isinstance(value, bool | int | float | str):
            return text_of(value)
        raise Mu2Error(
            f"Gin files cannot say {value!r}, of the class {type(value).__name__}.", hint=_HINT
        )


def _values(made: Any) -> dict[str, Any]:
    """What an object was made of, by parameter."""
    if isinstance(made, Mapping):
        return dict(made)
    return {f.name: getattr(made, f.name) for f in dataclasses.fields(made) if f.init}


def _made(value: Any, names: Mapping[Any, str]) -> Iterator[Any]:
    """The objects that Gin makes, from one of them on."""
    if type(value) in names:
        yield value
        value = list(_values(value).values())
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, tuple | list):
        for each in value:
            yield from _made(each, names)
