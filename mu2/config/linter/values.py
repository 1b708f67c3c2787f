"""What a configurable takes: its parameters with their types, and whether a Gin value fits one."""

import ast
import collections.abc
import dataclasses
import inspect
import math
import types
import typing
from collections.abc import Callable, Collection, Mapping
from typing import Any

from mu2.config.linter.syntax import Reference, text_of
from mu2.errors import did_you_mean

SCALAR = int | float | bool | str | None
WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "a string",
    type(None): "None",
    SCALAR: "a number, a string, True, False or None",
}


@dataclasses.dataclass(frozen=True)
class Interval:
    """The numbers that a parameter may have; stands in `Annotated[float, Within(0, 1)]`.

    Attributes:
      low: the smallest.
      high: the largest, or None.
      above: `low` itself is not among them.
      below: `high` itself is not among them.
    """

    low: float
    high: float | None = None
    above: bool = False
    below: bool = False

    def holds(self, value: float) -> bool:
        """Whether a number is among them."""
        if self.high is not None and (value > self.high or (self.below and value == self.high)):
            return False
        return value > self.low or (not self.above and value == self.low)

    def __str__(self) -> str:
        if self.high is None:
            return (
                f"a number above {self.low:g}" if self.above else f"a number from {self.low:g} on"
            )
        if not (self.above or self.below):
            return f"a number from {self.low:g} to {self.high:g}"
        low = f"above {self.low:g}" if self.above else f"of {self.low:g} or more"
        return f"a number {low} and {'below' if self.below else 'at most'} {self.high:g}"


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A parameter of a constructor; `annotation` is Any where it has none."""

    name: str
    annotation: Any
    required: bool


@dataclasses.dataclass(frozen=True)
class Configurable:
    """A constructor that Gin files may name.

    Attributes:
      name: its name in Gin.
      make: a class or a function.
      parameters: by name.
      open: it takes any other name as well (`**values`).
      result: the class of what it makes.
    """

    name: str
    make: Callable[..., Any]
    parameters: Mapping[str, Parameter]
    open: bool
    result: Any

    @classmethod
    def of(cls, name: str, make: Callable[..., Any]) -> "Configurable":
        """Reads the signature of a class or an annotated function."""
        hints = typing.get_type_hints(make.__init__ if isinstance(make, type) else make)  # type: ignore[misc]
        parameters = {}
        takes_any = False
        for parameter in inspect.signature(make).parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                takes_any = True
                continue
            parameters[parameter.name] = Parameter(
                parameter.name,
                hints.get(parameter.name, Any),
                parameter.default is parameter.empty,
            )
        result = make if isinstance(make, type) else hints.get("return", Any)
        return cls(name, make, parameters, takes_any, result)


@dataclasses.dataclass(frozen=True)
class Mismatch:
    """A value that does not fit, possibly inside another.

    Attributes:
      value: the one that does not fit.
      expected: what would, in words.
      hint: how to mend it.
    """

    value: Any
    expected: str
    hint: str | None


def mismatch(
    value: Any, annotation: Any, configurables: Mapping[str, Configurable]
) -> Mismatch | None:
    """The first part of a value that does not fit an annotation; None where all of it does.

    References to unknown configurables and macros pass: they are told elsewhere.
    """
    if isinstance(value, Reference) and value.name not in configurables:
        return None
    if isinstance(annotation, typing.TypeVar):
        annotation = annotation.__bound__ or Any
    if isinstance(value, float) and not math.isfinite(value):
        return Mismatch(value, "a finite number", None)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        if (found := mismatch(value, arguments[0], configurables)) is not None:
            return found
        limits = [limit for limit in arguments[1:] if isinstance(limit, Interval)]
        if isinstance(value, int | float) and not all(limit.holds(value) for limit in limits):
            return Mismatch(value, " and ".join(map(str, limits)), None)
        return None
    if annotation is Any or (not isinstance(annotation, type) and origin is None):
        return None
    if origin is typing.Literal:
        if value in arguments and type(value) in {type(a) for a in arguments}:
            return None
        known = [a for a in arguments if isinstance(a, str)]
        hint = did_you_mean(value, known) if isinstance(value, str) else None
        return Mismatch(value, words_of(annotation), hint)
    if origin in (typing.Union, types.UnionType):
        each = [mismatch(value, argument, configurables) for argument in arguments]
        if None in each:
            return None
        hints = [m.hint for m in each if m and m.hint]
        return Mismatch(value, words_of(annotation), hints[0] if hints else None)
    if origin in (tuple, list):
        return _sequence_mismatch(value, annotation, configurables)
    if origin is not None:
        # Of `SearchSpace[Model]` or `Mapping[str, int]` the class alone is looked at.
        plain = isinstance(origin, type) and origin not in (type, collections.abc.Callable)
        return _plain_mismatch(value, origin, configurables) if plain else None
    return _plain_mismatch(value, annotation, configurables)


def tuples(value: Any, annotation: Any = Any) -> Any:
    """The value with every list as a tuple, so that frozen objects are made of frozen ones.

    Only a parameter that is annotated as a list keeps its list.
    """
    if isinstance(value, dict):
        return {key: tuples(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [tuples(item) for item in value]
        return items if list in (annotation, typing.get_origin(annotation)) else tuple(items)
    return value


def makers(annotation: Any, configurables: Mapping[str, Configurable]) -> list[str]:
    """Names of the configurables whose result fits an annotation."""
    if annotation in WORDS or not isinstance(annotation, type):
        return []
    return [c.name for c in configurables.values() if _makes(c.result, annotation)]


def _sequence_mismatch(
    value: Any, annotation: Any, configurables: Mapping[str, Configurable]
) -> Mismatch | None:
    arguments = [a for a in typing.get_args(annotation) if a is not ...]
    if not isinstance(value, list | tuple):
        fits = len(arguments) == 1 and mismatch(value, arguments[0], configurables) is None
        hint = f"Write ({text_of(value)},), with the comma." if fits else None
        return Mismatch(value, words_of(annotation), hint)
    if len(arguments) > 1 and len(arguments) != len(value):
        return Mismatch(value, words_of(annotation), None)
    of_each = arguments * len(value) if len(arguments) == 1 else arguments
    for item, argument in zip(value, of_each, strict=len(arguments) > 0):
        if (found := mismatch(item, argument, configurables)) is not None:
            return found
    return None


def _plain_mismatch(
    value: Any, wanted: type, configurables: Mapping[str, Configurable]
) -> Mismatch | None:
    words = words_of(wanted)
    if isinstance(value, Reference):
        referred = configurables[value.name]
        if not value.called:
            hint = f"Write {value}(), with brackets, for what {value.name} makes."
            return Mismatch(value, words, hint) if wanted is not object else None
        if referred.result is Any or _makes(referred.result, wanted):
            return None
        return Mismatch(value, words, _one_of(makers(wanted, configurables)))
    if wanted is float and type(value) in (int, float):
        return None
    if wanted in WORDS:
        if type(value) is wanted:
            return None
        return Mismatch(value, words, _literal_hint(value, wanted))
    # No literal is what a protocol asks for, which may not even be asked.
    protocol = getattr(wanted, "_is_protocol", False)
    if not protocol and isinstance(value, wanted) and wanted is not object:
        return None
    return Mismatch(value, words, _one_of(makers(wanted, configurables)))


def _literal_hint(value: Any, wanted: type) -> str | None:
    if wanted is str and isinstance(value, int | float):
        return f"Write '{value}', in quotes."
    if wanted is bool:
        right = {0: "False", 1: "True", "false": "False", "true": "True"}
        key = value.casefold() if isinstance(value, str) else value
        known = right.get(key) if isinstance(key, str | int | float) else None
        return f"Write {known}." if known else None
    if isinstance(value, str):
        try:
            number = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
        fits = type(number) is wanted or (wanted is float and type(number) is int)
        return f"Write {number}, without quotes." if fits else None
    if wanted is int and isinstance(value, float) and value.is_integer():
        return f"Write {int(value)}."
    return None


def _makes(result: Any, wanted: type) -> bool:
    """Whether an object of one class can stand where another is wanted; protocols by members."""
    if not isinstance(result, type):
        return False
    if getattr(wanted, "_is_protocol", False):
        members = {
            name
            for base in wanted.__mro__
            if getattr(base, "_is_protocol", False)
            for name in (*vars(base), *getattr(base, "__annotations__", ()))
            if not name.startswith("_")
        }
        offered = {*dir(result), *(f.name for f in _fields(result))}
        return members <= offered
    return issubclass(result, wanted)


def _fields(made: type) -> tuple[Any, ...]:
    return dataclasses.fields(made) if dataclasses.is_dataclass(made) else ()


def words_of(annotation: Any) -> str:
    """An annotation as a person would say it."""
    if annotation in WORDS:
        return WORDS[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        limits = [str(limit) for limit in arguments[1:] if isinstance(limit, Interval)]
        return " and ".join(limits) or words_of(arguments[0])
    if origin is typing.Literal:
        return f"one of {', '.join(map(repr, arguments))}"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(words_of(argument) for argument in arguments)
    if origin in (tuple, list):
        inner = [words_of(argument) for argument in arguments if argument is not ...]
        return (
            f"a tuple, each item {inner[0]}"
            if len(inner) == 1
            else f"a tuple of {', '.join(inner)}"
        )
    name = getattr(annotation, "__name__", str(annotation))
    return f"{'an' if name[0] in 'AEIOU' else 'a'} {name}"


def _one_of(names: Collection[str]) -> str | None:
    if not names:
        return None
    *others, last = (f"@{name}()" for name in names)
    return f"Write {', '.join(others)} or {last}." if others else f"Write {last}."
