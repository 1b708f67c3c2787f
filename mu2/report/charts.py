"""Charts as plain data: what is drawn, in which units; the page and the printed figures draw them.

Colours are from a palette that the colour-blind can tell apart (Okabe and Ito, 2008) for a few
tasks, and along cividis (Nuñez, Anderton and Renslow, 2018) for many.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal, Self

import numpy as np

Unit = Literal["percent", "count", "number", "seconds", "flops"]
Tone = Literal["strong", "plain", "faint"]
Shape = Literal["lines", "steps", "points", "bars"]

FEW = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a5c2e")
# The same on a dark ground.
FEW_ON_DARK = ("#4fa3e0", "#f08a4b", "#2fc79a", "#e3a0c6", "#f0b63d", "#8fd0f5", "#c2a06b")
CIVIDIS = (
    *("#00224e", "#002e6a", "#1a386f", "#32436d", "#434e6c", "#535a6d", "#61656f", "#6f7073"),
    *("#7d7c78", "#8c8878", "#9b9476", "#aba072", "#bcae6c", "#cdbb63", "#dec958", "#f0d846"),
    "#fee838",
)
ROOT_GREY = "#aaaaaa"


@dataclasses.dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
      label: what it shows, with its unit where `unit` does not say it.
      unit: how its numbers are written; a percent is a share of 1.
      log: logarithmic.
      ticks: names of the values 0, 1, …, where these are no numbers.
    """

    label: str
    unit: Unit = "number"
    log: bool = False
    ticks: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Series:
    """One line, or one kind of points or bars.

    Attributes:
      name: what it is.
      x: positions; of bars, 0, 1, ….
      y: values; None leaves a gap.
      tasks: the task that each point is about, or one for all of them; empty: none.
      tone: how much it stands out.
      spread: standard deviation of each value, both ways drawn; empty: none is known.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]
    tasks: tuple[str, ...] = ()
    tone: Tone = "plain"
    spread: tuple[float | None, ...] = ()

    @classmethod
    def of_points(
        cls,
        name: str,
        points: Sequence[tuple[float, float]],
        tasks: tuple[str, ...] = (),
        tone: Tone = "plain",
    ) -> Self:
        """A series of points (x, y)."""
        return cls(name, tuple(x for x, _ in points), tuple(y for _, y in points), tasks, tone)

    @classmethod
    def of_values(
        cls, name: str, values: Sequence[float | None], task: str, tone: Tone = "plain"
    ) -> Self:
        """A series of values of one task at 1, 2, 3 and so on."""
        x = tuple(float(i + 1) for i in range(len(values)))
        return cls(name, x, tuple(values), (task,), tone)


@dataclasses.dataclass(frozen=True)
class Chart:
    """A chart with two axes.

    Attributes:
      kind: its name on the command line.
      title: what it shows, in a few words.
      caption: how it is read.
      shape: what its series are drawn as.
      x: the horizontal axis; of bars, its ticks name them.
      y: the vertical axis.
      series: what is drawn.
    """

    kind: str
    title: str
    caption: str
    shape: Shape
    x: Axis
    y: Axis
    series: tuple[Series, ...]


@dataclasses.dataclass(frozen=True)
class Matrix:
    """A heat map.

    Attributes:
      kind: its name on the command line.
      title: what it shows, in a few words.
      caption: how it is read.
      rows: names of the rows, top to bottom.
      columns: names of the columns.
      row_label: what a row is.
      column_label: what a column is.
      unit: how its values are written.
      values: float64 [rows, columns]; NaN where there is none.
    """

    kind: str
    title: str
    caption: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    row_label: str
    column_label: str
    unit: Unit
    values: np.ndarray


@dataclasses.dataclass(frozen=True)
class Panels:
    """Charts one above the other, over one horizontal axis.

    Attributes:
      kind: its name on the command line.
      title: what it shows, in a few words.
      caption: how it is read.
      charts: top to bottom; their horizontal axes are the same.
    """

    kind: str
    title: str
    caption: str
    charts: tuple[Chart, ...]


def task_colours(number: int, *, dark: bool = False) -> tuple[str, ...]:
    """A colour for each of some tasks, in their order, as `#rrggbb`."""
    few = FEW_ON_DARK if dark else FEW
    if number <= len(few):
        return few[:number]
    # The end of cividis that the ground would swallow is left out.
    low, high = (0.25, 1.0) if dark else (0.0, 0.85)
    places = np.linspace(low, high, number) * (len(CIVIDIS) - 1)
    return tuple(_between(float(place)) for place in places)


def _between(place: float) -> str:
    """The colour at a place between two stops of cividis."""
    before = min(int(place), len(CIVIDIS) - 2)
    pair = [[int(stop[i : i + 2], 16) for i in (1, 3, 5)] for stop in CIVIDIS[before : before + 2]]
    share = place - before
    mixed = [round(a + (b - a) * share) for a, b in zip(*pair, strict=True)]
    return "#" + "".join(f"{value:02x}" for value in mixed)
