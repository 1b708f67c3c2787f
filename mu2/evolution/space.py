"""The search space: which hyperparameters there are, where they start and how they may move."""

import dataclasses
import itertools
import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
from ml_collections import FrozenConfigDict

from mu2.errors import Mu2Error, did_you_mean

MUTATION_PROBABILITY = "mutation_probability"
IMAGE = "image"
# What augmentation does to images.
AUGMENTATION = (
    "crop",
    "area_min",
    "aspect_min",
    "flip",
    "brightness",
    "contrast",
    "saturation",
    "hue",
    "jpeg_quality",
    "rotation",
    "shear",
    "scale",
    "translation",
)
# Those that a search space may leave out: they are off.
OPTIONAL_AUGMENTATION = ("jpeg_quality", "rotation", "shear", "scale", "translation")
# What training may do beyond the papers; off as well where a search space leaves it out.
OPTIONAL_TRAINING = (
    "optimizer",
    "adamw_factor",
    "lion_factor",
    "weight_decay",
    "label_smoothing",
)
OPTIONAL = (*OPTIONAL_AUGMENTATION, *OPTIONAL_TRAINING)
# Drawn once a generation, because all its children are fed from one stream (docs/method.md).
DATA_HYPERPARAMETERS = ("image_size", *AUGMENTATION)


class Slot(Protocol):
    """One place in a network, as the architecture declares it."""

    @property
    def name(self) -> str:
        """The place, such as `encoderblock_0`."""

    @property
    def signature(self) -> str:
        """Shapes and dtypes of the parameters; equal signatures can trade parameters."""

    @property
    def size(self) -> int:
        """Number of parameters."""

    @property
    def flops(self) -> float:
        """Floating-point operations of its forward pass for one example."""

    @property
    def dense_flops(self) -> float:
        """The same where every token goes through it, read later or not."""

    @property
    def optional(self) -> bool:
        """True if it is there only after a mutation inserted it."""


class Architecture(Protocol):
    """What evolution asks of a model; it never touches an array."""

    @property
    def name(self) -> str:
        """Text that identifies it; equal texts are equal architectures."""

    @property
    def input(self) -> str:
        """The kind of examples it reads: `image`, `table`, `text`."""

    def hyperparameter_names(self) -> tuple[str, ...]:
        """The hyperparameters that shape it."""

    def slots(self, hyperparameters: Mapping[str, Any], num_classes: int) -> tuple[Slot, ...]:
        """All places in forward order, optional ones included."""

    def resamples(self, name: str) -> bool:
        """True if the component of this name can be made out of one of another shape."""

    def original(self, name: str) -> str:
        """The name under which a root keeps such a component in the size its weights came in."""


A = TypeVar("A", bound=Architecture)


class _Values(Mapping[str, Any]):
    """Named values given as keyword arguments; immutable."""

    def __init__(self, **values: Any):
        self._values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._values == self._values

    def __hash__(self) -> int:
        return hash(tuple(sorted(self._values.items())))

    def without(self, names: Collection[str]) -> Self:
        """The same values but for those of some names."""
        return type(self)(**{k: v for k, v in self._values.items() if k not in names})

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.items())})"


class Hyperparameters(_Values):
    """The default of every hyperparameter, by name."""


class Ranges(_Values):
    """Ordered values by hyperparameter; a mutation moves one step to a neighbour.

    At the ends the step is clamped, so that half of the mutations there change nothing.
    Source: docs/method.md, Hyperparameters.
    """


class Choices(_Values):
    """Unordered values by hyperparameter; a mutation draws one of the others, all alike."""


# Combinations of ends of ranges that `corners` gives at most.
CORNERS = 256


@dataclasses.dataclass(frozen=True)
class SearchSpace(Generic[A]):
    """Architectures with their hyperparameters' defaults and how these may move.

    A hyperparameter in neither `ranges` nor `choices` is fixed at its default.

    Attributes:
      models: the architectures, one for each kind of examples.
      hyperparameters: the defaults.
      ranges: ordered values.
      choices: unordered values.
    """

    models: tuple[A, ...]
    hyperparameters: Hyperparameters
    ranges: Ranges = Ranges()
    choices: Choices = Choices()

    def __post_init__(self) -> None:
        inputs = [model.input for model in self.models]
        if not inputs:
            raise Mu2Error("SearchSpace.models is empty.", hint="Write (@ViT(),), for example.")
        if twice := [kind for kind in inputs if inputs.count(kind) > 1]:
            raise Mu2Error(
                f"SearchSpace.models has more than one model that reads {twice[0]} examples.",
                hint="Keep one model for each kind of examples.",
            )
        for kind in (self.ranges, self.choices):
            label = type(kind).__name__
            for name, values in kind.items():
                _check_values(label, name, values)
                if name not in self.hyperparameters:
                    known = name in OPTIONAL  # and so not misspelt
                    close = None if known else did_you_mean(name, self.hyperparameters)
                    raise Mu2Error(
                        f"{label}.{name} has values but Hyperparameters.{name} has no default.",
                        hint=f"Set Hyperparameters.{name} to one of {values}. "
                        f"{close or ''}".rstrip(),
                    )
                default = self.hyperparameters[name]
                if default not in values:
                    raise Mu2Error(
                        f"Hyperparameters.{name} is {default!r}, which is not in {label}.{name} "
                        f"= {values}.",
                        hint=f"Set Hyperparameters.{name} to one of the values, or add "
                        f"{default!r} to {label}.{name}.",
                    )
        if both := sorted(set(self.ranges) & set(self.choices)):
            raise Mu2Error(f"{both[0]} is both in Ranges and in Choices.", hint="Keep one of them.")
        _check_ordered(self.ranges)
        # A default stands in its range or choices, so those hold every value µ can take.
        moves = {**self.ranges, **self.choices}
        if MUTATION_PROBABILITY not in self.hyperparameters:
            raise Mu2Error(
                f"Hyperparameters.{MUTATION_PROBABILITY} has no default.",
                hint="Set it to a probability, such as 0.1 or 0.2.",
            )
        default = self.hyperparameters[MUTATION_PROBABILITY]
        for value in moves.get(MUTATION_PROBABILITY, (default,)):
            if not (_is_number(value) and 0 <= value <= 1):
                raise Mu2Error(
                    f"{MUTATION_PROBABILITY} {value!r} is no probability.",
                    hint="Give numbers from 0 to 1.",
                )

    @property
    def model(self) -> A:
        """The first architecture; the only one of a space that `for_input` returned."""
        return self.models[0]

    def for_input(self, kind: str) -> Self:
        """The space of the tasks whose examples are of one kind.

        It has one architecture, and no hyperparameter that only another one knows, nor the
        augmentation of images where there are none.

        Raises:
          Mu2Error: no architecture reads such examples.
        """
        inputs = [model.input for model in self.models]
        if kind not in inputs:
            raise Mu2Error(
                f"no model of this search space reads {kind} examples.",
                hint=f"SearchSpace.models has models for: {', '.join(inputs)}. Add one for {kind}.",
            )
        model = self.models[inputs.index(kind)]
        foreign = {name for other in self.models for name in other.hyperparameter_names()}
        foreign -= set(model.hyperparameter_names())
        foreign |= set() if kind == IMAGE else set(AUGMENTATION)
        return dataclasses.replace(
            self,
            models=(model,),
            hyperparameters=self.hyperparameters.without(foreign),
            ranges=self.ranges.without(foreign),
            choices=self.choices.without(foreign),
        )

    def defaults(self) -> FrozenConfigDict:
        """The hyperparameters evolution begins with."""
        return FrozenConfigDict(dict(self.hyperparameters))

    @property
    def mutable(self) -> tuple[str, ...]:
        """Names that a mutation may change: µ first, then sorted."""
        names = {*self.ranges, *self.choices}
        return tuple(sorted(names, key=lambda name: (name != MUTATION_PROBABILITY, name)))

    def values(self, name: str) -> tuple[Any, ...]:
        """All that a hyperparameter may be, the default first; none if the space has it not."""
        if name not in self.hyperparameters:
            return ()
        moves = {**self.ranges, **self.choices}
        return tuple(dict.fromkeys((self.hyperparameters[name], *moves.get(name, ()))))

    def move(self, name: str, value: Any, random: np.random.Generator) -> Any:
        """One mutation step of a hyperparameter from a value; consumes one draw of `random`.

        A value that is not listed (the Gin file has changed since it was drawn) moves to the
        nearest of its range, one that is no number to the default; among choices, to any.
        """
        if name in self.choices:
            others = [v for v in self.choices[name] if v != value]
            return others[int(random.integers(len(others)))] if others else value
        values = self.ranges[name]
        step = 1 if random.random() < 0.5 else -1
        if value in values:
            return values[min(max(values.index(value) + step, 0), len(values) - 1)]
        numbers = [v for v in values if _is_number(v)]
        if _is_number(value) and numbers:
            return min(numbers, key=lambda v: abs(v - value))
        return self.hyperparameters[name]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_values(label: str, name: str, values: Any) -> None:
    if not isinstance(values, tuple):
        raise Mu2Error(
            f"{label}.{name} is {values!r}, not a list of values.",
            hint=f"Write {label}.{name} = ({values!r},)",
        )
    if not values:
        raise Mu2Error(
            f"{label}.{name} is empty.",
            hint="List its values, or remove the line to keep the default fixed.",
        )
    if any(isinstance(v, list | dict | set) for v in values):
        raise Mu2Error(f"{label}.{name} = {values} holds a list among its values.")
    if len(set(values)) != len(values):
        raise Mu2Error(f"{label}.{name} = {values} names a value twice.")


def _check_ordered(ranges: Ranges) -> None:
    """Numbers in a range must rise or fall throughout; a neighbour would else be no neighbour."""
    for name, values in ranges.items():
        if not all(_is_number(v) for v in values):
            continue
        if list(values) not in (sorted(values), sorted(values, reverse=True)):
            raise Mu2Error(
                f"Ranges.{name} = {values} is out of order.",
                hint=f"Sort it, or write Choices.{name} if the order means nothing.",
            )


def corners(
    space: SearchSpace[Any], source_hyperparameters: Mapping[str, Any] | None = None
) -> Iterator[Mapping[str, Any]]:
    """Hyperparameters at the ends of every range that shapes the space's model, the default too.

    Where there are more than 256 combinations: the defaults, all first ends and all last ends.

    Args:
      space: a space of one model.
      source_hyperparameters: those that the data set.
    """
    base = {**space.hyperparameters, **(source_hyperparameters or {})}
    moves = {**space.ranges, **space.choices}
    ends = {
        name: tuple(dict.fromkeys((moves[name][0], moves[name][-1], base[name])))
        for name in space.model.hyperparameter_names()
        if name in moves and name in base and name not in (source_hyperparameters or {})
    }
    if math.prod(map(len, ends.values())) > CORNERS:
        for end in (-1, 0, 1):
            yield {**base, **{name: each[min(end, len(each) - 1)] for name, each in ends.items()}}
        return
    for values in itertools.product(*ends.values()):
        yield {**base, **dict(zip(ends, values, strict=True))}
