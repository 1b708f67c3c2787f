"""Prices: what operations cost in hours, money and energy on a list of accelerators."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mu2.errors import Mu2Error, did_you_mean
from mu2.system import documents

FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Accelerator:
    """One device as it is rented, and how much of it a run uses.

    Attributes:
      name: of the device.
      peak: dtype of the arithmetic to floating-point operations a second at best.
      utilisation: the share of it that training reaches, in (0, 1].
      price: of a device-hour, in the list's currency; None where it has none.
      watts: that it draws under load; None where nobody says.
      kinds: what JAX calls such devices (`device_kind`), so that a run's own are found.
      source: where the figures come from, and when.
    """

    name: str
    peak: dict[str, float]
    utilisation: float
    price: float | None
    watts: float | None
    kinds: tuple[str, ...]
    source: str

    def hours(self, flops: float, dtype: str) -> float:
        """Device-hours that operations take.

        Args:
          flops: floating-point operations.
          dtype: of the arithmetic, one of `peak`.
        """
        return flops / (self.peak[dtype] * self.utilisation) / 3600

    def utilisation_of(self, flops: float, seconds: float, dtype: str) -> float:
        """The share of its peak that operations in some time are."""
        return flops / seconds / self.peak[dtype]


@dataclasses.dataclass(frozen=True)
class Prices:
    """A price list.

    Attributes:
      currency: of all prices.
      accelerators: at least one, in the order of the list.
    """

    currency: str
    accelerators: tuple[Accelerator, ...]

    @classmethod
    def read(cls, file: Path) -> "Prices":
        """Reads a JSON file like `benchmarks/tables/prices.json`.

        Raises:
          Mu2Error: it is missing, no JSON, or says something that no price list can.
        """
        document = documents.read(file, "price list")
        place = str(file)
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise Mu2Error(
                f'it is no price list: it does not say "format": {FORMAT}.',
                location=place,
                hint="benchmarks/tables/prices.json is one; copy and edit it.",
            )
        entries = document.get("accelerators")
        if not isinstance(entries, list) or not entries:
            raise Mu2Error('it has no list "accelerators".', location=place)
        currency = document.get("currency")
        if not isinstance(currency, str) or not currency:
            raise Mu2Error('it has no "currency".', location=place)
        made = tuple(_accelerator(entry, number, place) for number, entry in enumerate(entries))
        names = [each.name for each in made]
        if twice := [name for name in names if names.count(name) > 1]:
            raise Mu2Error(f"it names {twice[0]!r} twice.", location=place)
        kinds = [kind for each in made for kind in each.kinds]
        if twice := [kind for kind in kinds if kinds.count(kind) > 1]:
            raise Mu2Error(f"it has {twice[0]!r} twice among the kinds.", location=place)
        return cls(currency, made)

    def find(self, name: str) -> Accelerator:
        """The accelerator of a name.

        Raises:
          Mu2Error: there is none.
        """
        for each in self.accelerators:
            if each.name == name:
                return each
        names = [each.name for each in self.accelerators]
        raise Mu2Error(
            f"no accelerator {name!r} in the price list.", hint=did_you_mean(name, names)
        )

    def of_kind(self, kind: str) -> Accelerator | None:
        """The accelerator that JAX calls so (`device_kind`), or None where the list has none."""
        return next((each for each in self.accelerators if kind in each.kinds), None)


_FIELDS = tuple(field.name for field in dataclasses.fields(Accelerator))


def _accelerator(entry: Any, number: int, place: str) -> Accelerator:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise Mu2Error(f"accelerator {number + 1} has no name.", location=place)
    name = entry["name"]
    for key in entry:
        if key not in _FIELDS:
            raise Mu2Error(f"{name} has {key!r}.", location=place, hint=did_you_mean(key, _FIELDS))
    for key in _FIELDS:
        if key not in entry:
            raise Mu2Error(f"{name} has no {key!r}.", location=place, hint=f'Add "{key}".')
    peak = entry["peak"]
    if not isinstance(peak, dict) or set(peak) != {"bfloat16", "float32"}:
        raise Mu2Error(f"{name}: peak gives bfloat16 and float32, each a number.", location=place)
    for dtype, value in peak.items():
        _number(value, f"{name}: peak of {dtype}", place, above=0)
    _number(entry["utilisation"], f"{name}: utilisation", place, above=0, most=1)
    for key in ("price", "watts"):
        if entry[key] is not None:
            _number(entry[key], f"{name}: {key}", place, least=0)
    if not isinstance(entry["source"], str) or not entry["source"]:
        raise Mu2Error(f"{name}: source says where the figures come from.", location=place)
    kinds = entry["kinds"]
    if not isinstance(kinds, list) or not all(isinstance(kind, str) and kind for kind in kinds):
        raise Mu2Error(
            f"{name}: kinds is a list of what JAX calls such devices; it may be empty.",
            location=place,
        )
    return Accelerator(**{**entry, "kinds": tuple(kinds)})


def _number(
    value: Any,
    what: str,
    place: str,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    most: float = math.inf,
) -> None:
    sound = isinstance(value, int | float) and not isinstance(value, bool)
    if not sound or not (above < value <= most) or value < least:
        raise Mu2Error(f"{what} is {value!r}, which is no number that it can be.", location=place)


@dataclasses.dataclass(frozen=True)
class Affordable:
    """What a sum of money buys of a run.

    Attributes:
      tasks: task iterations that are paid for whole.
      children: that are paid for whole, those of the next task iteration counted.
      share: of the whole run, at most 1.
    """

    tasks: int
    children: int
    share: float


def affordable(money: float, price: float, visits: Sequence[tuple[int, float]]) -> Affordable:
    """What a sum buys.

    Args:
      money: the sum.
      price: of an hour; above 0.
      visits: children and device-hours of each task iteration, in order.
    """
    left = money / price
    total = sum(hours for _, hours in visits)
    share = min(1.0, left / total) if total else 1.0
    tasks = children = 0
    for count, hours in visits:
        # A hair of rounding must not cost a task that the sum just pays.
        if hours > left * (1 + 1e-9):
            return Affordable(tasks, children + int(count * left / hours), share)
        left -= hours
        tasks, children = tasks + 1, children + count
    return Affordable(tasks, children, share)
