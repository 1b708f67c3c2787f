"""Charts as figures for print, drawn by matplotlib: PDF, SVG and PNG, the same bytes each time."""

import io
import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mu2.errors import Mu2Error, did_you_mean
from mu2.report.charts import FEW, ROOT_GREY, Axis, Chart, Matrix, Panels, Series, task_colours
from mu2.report.history import History
from mu2.report.layout import HEIGHT, layout_graph
from mu2.report.words import count, duration, scaled
from mu2.system import documents

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("pdf", "png", "svg")
WIDTH = 5.5  # inches: the text width of most one-column papers
MOST_LABELS = 60  # names along an axis; more would not be legible
MOST_BARS = 40
_STYLE: Any = {
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # text stays text, as journals ask
    "svg.fonttype": "none",
    "svg.hashsalt": "mu2",
    "text.parse_math": False,  # names are text, even those with dollar signs
    "figure.dpi": 100,
    "savefig.dpi": 200,
}
_DASHES = ("-", (0, (5, 2)), (0, (1, 2)), (0, (7, 2, 1, 2)))
# Nothing that changes from one day to the next is written.
_NO_DATE: Mapping[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None},
    "svg": {"Date": None},
    "png": {"Software": None},
}


def write_plot(draw: "Callable[[], Figure]", file: Path) -> None:
    """Writes a figure, in the format of the file's ending.

    Args:
      draw: makes it, e.g. `functools.partial(draw_chart, chart, history)`.
      file: `.pdf`, `.svg` or `.png`.

    Raises:
      Mu2Error: matplotlib is not installed, the ending is another one, or the file cannot be
        written.
    """
    ending = plot_format(file)
    documents.write(file, render_plot(draw, ending))


def render_plot(draw: "Callable[[], Figure]", ending: str) -> bytes:
    """A figure's bytes in a format.

    Args:
      draw: makes it.
      ending: of `FORMATS`.

    Raises:
      Mu2Error: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise Mu2Error(
            "figures need matplotlib, which is not installed.", hint="pip install 'mu2[report]'"
        ) from error
    matplotlib.use("agg")
    buffer = io.BytesIO()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a style file of the user's would make other figures
        matplotlib.rcParams.update(_STYLE)
        figure = draw()
        figure.savefig(buffer, format=ending, bbox_inches="tight", metadata=_NO_DATE[ending])
    return buffer.getvalue()


def plot_format(file: Path) -> str:
    """The format of a file by its ending.

    Raises:
      Mu2Error: there is no such format.
    """
    ending = file.suffix.removeprefix(".").lower()
    if ending not in FORMATS:
        raise Mu2Error(
            f"{file} does not end in the name of a format of figures.",
            hint=did_you_mean(ending, FORMATS),
        )
    return ending


def draw_chart(chart: Chart | Matrix, history: History | None = None) -> "Figure":
    """A chart as a figure.

    Args:
      chart: what is drawn.
      history: the system whose tasks have colours; None: series are coloured in turn.
    """
    if isinstance(chart, Matrix):
        return _matrix(chart)
    colours = {} if history is None else _colours(history)
    if chart.shape == "bars":
        return _bars(chart, colours)
    figure, axes = _figure(WIDTH, 3.2)
    for number, series in enumerate(chart.series):
        _draw_series(axes, chart, series, number, colours)
    _scale(axes.xaxis, chart.x)
    _scale(axes.yaxis, chart.y)
    axes.set_title(chart.title, loc="left")
    if 1 < len(chart.series) <= 12 and chart.kind != "curves":
        axes.legend(loc="best", fontsize=7)
    return figure


def draw_panels(panels: Panels) -> "Figure":
    """Charts one above the other as a figure."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 0.5 + 1.3 * len(panels.charts)), layout="constrained")
    every = figure.subplots(len(panels.charts), sharex=True)
    for axes, chart in zip(every, panels.charts, strict=True):
        for number, series in enumerate(chart.series):
            _draw_series(axes, chart, series, number, {})
        _scale(axes.yaxis, chart.y)
        if chart.y.unit != "percent" and not chart.y.log:
            axes.set_ylim(bottom=0)
        if len(chart.series) > 1:
            axes.legend(loc="best", fontsize=6)
    _scale(every[-1].xaxis, panels.charts[-1].x)
    every[0].set_title(panels.title, loc="left")
    return figure


def _draw_series(
    axes: "Axes", chart: Chart, series: Series, number: int, colours: Mapping[str, str]
) -> None:
    one = series.tasks[0] if len(series.tasks) == 1 else None
    colour = colours.get(one or "", FEW[number % len(FEW)])
    if series.tone == "faint":
        colour = "#b9c0ca"
    y = [np.nan if value is None else value for value in series.y]
    order = {"faint": 1, "plain": 2, "strong": 3}[series.tone]
    if chart.shape == "points":
        shades: Any = colour
        if len(series.tasks) > 1:
            shades = [colours.get(task, ROOT_GREY) for task in series.tasks]
        size = 30 if series.tone == "strong" else 14
        if any(series.spread):
            spread = [value or 0.0 for value in series.spread]
            axes.errorbar(series.x, y, spread, fmt="none", ecolor=colour, capsize=2, linewidth=0.8)
        axes.scatter(series.x, y, c=shades, s=size, zorder=order, label=series.name)
        for at, value, task in zip(series.x, y, series.tasks if _few(series) else (), strict=False):
            axes.annotate(task, (at, value), (4, 3), textcoords="offset points", fontsize=7)
        return
    plain = series.tone == "plain" and len(chart.series) <= 12 and chart.kind != "curves"
    axes.plot(
        series.x,
        y,
        color=colour,
        linewidth={"faint": 0.6, "plain": 1.2, "strong": 1.8}[series.tone],
        linestyle=_DASHES[number % len(_DASHES)] if plain else "-",
        drawstyle="steps-post" if chart.shape == "steps" else "default",
        marker="o" if len(series.x) <= 60 else None,
        markersize=2.5,
        zorder=order,
        label=series.name,
    )


def _few(series: Series) -> bool:
    """Whether each point has a task, and there is room for the names."""
    return 1 < len(series.tasks) <= 12


def _bars(chart: Chart, colours: Mapping[str, str]) -> "Figure":
    series = chart.series[0]
    number = min(MOST_BARS, len(series.y))
    wide = number <= 12
    figure, axes = _figure(WIDTH, 3.0 if wide else 0.6 + 0.16 * number)
    values = [0.0 if value is None else value for value in series.y[:number]]
    shades = [colours.get(task, FEW[0]) for task in series.tasks[:number]] or FEW[0]
    names = [chart.x.ticks[place] for place in range(number)]
    (axes.bar if wide else axes.barh)(range(number), values, color=shades)
    named, measured = (axes.xaxis, axes.yaxis) if wide else (axes.yaxis, axes.xaxis)
    named.set_ticks(range(number), names)
    named.grid(False)
    named.set_label_text(chart.x.label)
    _scale(measured, chart.y)
    if not wide:
        axes.invert_yaxis()
    left = len(series.y) - number
    axes.set_title(chart.title + (f" (without {left} smaller)" if left else ""), loc="left")
    return figure


def _matrix(chart: Matrix) -> "Figure":
    rows, columns = chart.values.shape
    figure, axes = _figure(WIDTH, max(1.8, min(6.0, 0.9 + 0.7 * WIDTH * rows / max(columns, 8))))
    shown = np.where(chart.values == 0, np.nan, chart.values) if chart.unit == "count" else None
    scale: Any = "linear"
    if chart.kind == "confusion":  # the rare is what one looks for
        from matplotlib.colors import PowerNorm

        scale, shown = PowerNorm(0.5), np.where(chart.values == 0, np.nan, chart.values)
    image = axes.imshow(
        chart.values if shown is None else shown,
        cmap="cividis",
        aspect="auto",
        norm=scale,
        vmin=None if chart.kind == "confusion" else _lowest(chart),
    )
    for axis, names, label in (
        (axes.xaxis, chart.columns, chart.column_label),
        (axes.yaxis, chart.rows, chart.row_label),
    ):
        axis.set_label_text(label)
        axis.set_ticks(*((range(len(names)), names) if len(names) <= MOST_LABELS else ([], [])))
    axes.tick_params(axis="x", rotation=60 if columns > 6 else 0)
    axes.grid(False)
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.ax.yaxis.set_major_formatter(_formatter(Axis("", chart.unit)))
    if chart.values.size <= 225:
        _write_values(axes, chart)
    axes.set_title(chart.title, loc="left")
    return figure


def _lowest(chart: Matrix) -> float | None:
    return 0.0 if chart.unit == "count" else None


def _write_values(axes: "Axes", chart: Matrix) -> None:
    known = chart.values[np.isfinite(chart.values)]
    low = 0.0 if chart.unit == "count" else float(known.min(initial=1.0))
    span = (float(known.max(initial=0.0)) - low) or 1.0
    for (row, column), value in np.ndenumerate(chart.values):
        if np.isfinite(value) and not (chart.unit == "count" and value == 0):
            text = f"{100 * value:.1f}" if chart.unit == "percent" else f"{value:g}"
            shade = "black" if (value - low) / span > 0.55 else "white"
            axes.text(column, row, text, ha="center", va="center", color=shade, fontsize=6)


def draw_graph(history: History) -> "Figure":
    """The system graph as a figure: a column a layer, a row a task (see `layout_graph`)."""
    from matplotlib.patches import FancyBboxPatch, PathPatch
    from matplotlib.path import Path as Curve

    layout, colours = layout_graph(history), _colours(history)
    users = history.users
    height = max(1.6, min(11.0, layout.height / 52))
    figure, axes = _figure(max(WIDTH, layout.width / 125), height)
    axes.axis("off")
    axes.set_xlim(-130, layout.width + 60)
    axes.set_ylim(layout.height, -46)
    small = 7 if len(history.tasks) <= 40 else 4
    for name, x in layout.columns.items():
        axes.text(x - 6, -8, name, rotation=28, ha="left", va="bottom", fontsize=6.5)
    for row in layout.rows:
        middle = row.y + 11 * row.lanes
        label = "roots" if row.task is None else row.task
        if (
            row.task is not None
            and row.task in history.kept_paths
            and history.kept_paths[row.task].private
        ):
            label += " (private)"
        shade = colours.get(row.task or "", ROOT_GREY)
        axes.text(-12, middle, label, ha="right", va="center", fontsize=small, color="black")
        axes.plot([-6], [middle], "o", color=shade, markersize=3)
    for node in layout.nodes.values():
        owner = history.components[node.component].task
        if node.component not in users and owner is not None:
            continue
        axes.add_patch(
            FancyBboxPatch(
                (node.x - node.width / 2, node.y - HEIGHT / 2),
                node.width,
                HEIGHT,
                boxstyle="round,pad=0,rounding_size=3",
                facecolor=colours.get(owner or "", ROOT_GREY),
                edgecolor="white",
                linewidth=0.6,
                alpha=0.9 if node.component in users else 0.35,
                zorder=2,
            )
        )
    largest = max((history.components[c].size for c in layout.nodes), default=0)
    said = f"the widest bar: {count(largest)} parameters"
    axes.text(
        layout.width, layout.height, said, ha="right", va="bottom", fontsize=6, color="#555555"
    )
    for task, path in history.kept_paths.items():
        points = []  # where the path enters and leaves each layer
        for component in path.components:
            node, tasks = layout.nodes[component], users[component]
            y = node.y + HEIGHT * ((tasks.index(task) + 0.5) / len(tasks) - 0.5)
            points += [(node.x - node.width / 2, y), (node.x + node.width / 2, y)]
        if not points:
            continue
        vertices, codes = [points[0]], [Curve.MOVETO]
        for (ax, ay), (bx, by) in itertools.pairwise(points):
            middle = (ax + bx) / 2
            vertices += [(middle, ay), (middle, by), (bx, by)]
            codes += [Curve.CURVE4] * 3
        wide = 1.3 if len(history.kept_paths) <= 40 else 0.4
        curve = PathPatch(
            Curve(vertices, codes), fill=False, edgecolor=colours[task], linewidth=wide, zorder=3
        )
        axes.add_patch(curve)
        quality = path.test_accuracy if path.test_accuracy is not None else path.quality
        if quality is not None:
            x, y = points[-1]
            text = f"{100 * quality:.1f}%"
            axes.text(x + 8, y, text, ha="left", va="center", fontsize=small, zorder=4)
    return figure


def _figure(width: float, height: float) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _colours(history: History) -> dict[str, str]:
    names = [task.name for task in history.tasks]
    return dict(zip(names, task_colours(len(names)), strict=True))


def _scale(axis: Any, settings: Axis) -> None:
    """Labels an axis, and writes its numbers in its unit."""
    axis.set_label_text(settings.label)
    if settings.log:
        axis.axes.set(**{f"{axis.axis_name}scale": "log"})
        low, high = axis.get_view_interval()
        from matplotlib.ticker import MaxNLocator, NullFormatter, NullLocator

        axis.set_minor_formatter(NullFormatter())
        if high < 10 * low:  # too few powers of ten to read it by
            axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
            axis.set_minor_locator(NullLocator())
    if settings.unit == "count" and not settings.log:
        axis.get_major_locator().set_params(integer=True)
    if settings.ticks:
        axis.set_ticks(range(len(settings.ticks)), settings.ticks)
    elif settings.unit != "number":
        axis.set_major_formatter(_formatter(settings))


def _formatter(settings: Axis) -> Any:
    from matplotlib.ticker import FuncFormatter

    def words(value: float, _: int | None) -> str:
        if settings.unit == "percent":
            return f"{round(1000 * value) / 10:g}%"
        if settings.unit == "seconds":
            return duration(value)
        if settings.unit == "flops":
            return scaled(value)
        return count(value) if value == round(value) else f"{value:g}"

    return FuncFormatter(words)
