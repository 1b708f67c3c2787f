"""A forecast in words: the content of `mu2 plan`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mu2.report.words import plural

Document = Mapping[str, Any]


def span(bounds: Mapping[str, float] | None, form: str = "") -> str:
    """`least to most`, once where both read the same; a dash where there are none."""
    if bounds is None:
        return "–"
    low, high = (number(bounds[which], form) for which in ("least", "most"))
    return low if low == high else f"{low} to {high}"


def number(value: float, form: str = "") -> str:
    """Three digits, thousands parted; in another form where one is given."""
    if form:
        return format(value, form)
    if value >= 100:
        return f"{value:,.0f}"
    return "<0.01" if 0 < value < 0.01 else f"{value:.3g}"


def format_duration(hours: Mapping[str, float]) -> str:
    """Bounds of a time in seconds, minutes or hours."""
    size, unit = next(
        (size, unit)
        for size, unit in ((1.0, "h"), (1 / 60, "min"), (1 / 3600, "s"))
        if hours["most"] >= size or unit == "s"
    )
    return f"{span({which: value / size for which, value in hours.items()})} {unit}"


def format_scaled(bounds: Mapping[str, float], unit: str = "") -> str:
    """Bounds with a prefix before the unit, as in `1.2 to 3 GB`."""
    size, prefix = next(
        (size, prefix)
        for size, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
        if bounds["most"] >= size or size == 1.0
    )
    words = span({which: value / size for which, value in bounds.items()})
    return f"{words} {prefix}{unit}".rstrip()


def run_lines(document: Document) -> Iterable[str]:
    """Tasks, children, steps, operations and bytes."""
    run = document["run"]
    visits = "a visit each" if run["visits"] == run["tasks"] else f"{run['visits']:,} visits"
    halved = "as set, stopped early" if run["stopping"] else "stopped early by thrifty.gin"
    tasks, children = plural(run["tasks"], "task"), plural(run["children"], "child")
    yield f"{tasks}, {visits}, {children}; figures run from"
    yield "  layers cloned from a seed with probability µ, in the default shape, to"
    yield "  every layer trained, in the largest shape"
    steps = run["steps"]
    yield f"  steps       {steps['whole']:,.0f}; {steps['halved']:,.0f} {halved}"
    flops = run["flops"]
    yield f"  FLOPs       {span(flops['whole'], '.3g')};"
    yield f"              {span(flops['halved'], '.3g')} {halved}"
    yield f"  parameters  {format_scaled(run['parameters'], '')} in all, roots counted".replace(
        "  in", " in"
    )
    yield f"  store       {format_scaled(run['store_bytes'], 'B')} once it has ended"


def cost_lines(document: Document) -> Iterable[str]:
    """Hours, money and energy, an accelerator a line; whole runs, then halved ones."""
    currency = document["currency"]
    first = document["accelerators"][0]
    several = first["devices"] > 1
    for way, title in (("whole", "all intervals trained"), ("halved", "stopped early")):
        yield ""
        rows = [
            (
                f"{each['name']}, {100 * each['utilisation']:g}% of peak",
                format_duration(each[way]["device_hours"]),
                *((format_duration(each[way]["wall_hours"]),) if several else ()),
                span(each[way]["money"]),
                span(each[way]["kwh"]),
            )
            for each in document["accelerators"]
        ]
        wall = (f"on {first['devices']} devices",) if several else ()
        head = (f"{title} ({first['dtype']})", "device time", *wall, currency, "kWh")
        yield from _aligned([head, *rows])


def budget_lines(document: Document, budget: float) -> Iterable[str]:
    """What a sum buys, an accelerator a line."""
    yield f"{budget:,g} {document['currency']} pay, if every layer of every child is trained:"
    visits = document["run"]["visits"]
    rows: list[Sequence[str]] = []
    for each in document["accelerators"]:
        if each["bought"] is None:
            rows.append((each["name"], "no price"))
            continue
        whole, halved = each["bought"]["whole"], each["bought"]["halved"]
        rows.append((each["name"], _got(whole, visits), f"stopped early: {_got(halved, visits)}"))
    yield from _aligned(rows)


def _got(affordable: Mapping[str, Any], visits: int) -> str:
    return f"{affordable['tasks']:,} of {visits:,} visits, {affordable['children']:,} children"


def reported_lines(reported: Mapping[str, Any], currency: str) -> Iterable[str]:
    """The hours a paper took, and what lies between them and the forecast."""
    ours, used = reported["forecast_device_hours"], reported["utilisation"]
    yield (
        f"reported: {reported['core_hours']:,} core-hours of {reported['accelerator']} "
        f"({reported['evidence']}: {reported['source']})"
    )
    yield (
        f"  that is {number(reported['device_hours'])} device-hours, or "
        f"{number(reported['wall_hours'])} hours on {reported['devices']} devices: "
        f"{reported['hours_a_generation']:.2f} hours for each of {reported['generations']:,} "
        "generations"
    )
    if reported["money"] is not None:
        yield (
            f"  money     {number(reported['money'])} {currency} by the device-hour; "
            f"{number(reported['money_by_core'])} if every core is charged as a device"
        )
    assumed, busy = 100 * reported["assumed_utilisation"], reported["busy"]
    yield f"  forecast  {span(ours)} device-hours at {assumed:g}% of peak"
    yield (
        f"  the utilisation is what lies between: both agree at {100 * used['least']:.2g} to "
        f"{100 * used['most']:.2g}% of peak."
    )
    yield (
        f"  Or, at {assumed:g}%, the devices computed for {100 * busy['least']:.0f} to "
        f"{100 * busy['most']:.0f}% of the time, and compiled, read data, evaluated and waited for"
    )
    yield "  the slowest child of each generation in the rest."
    if (grown := reported["parameters"]) is not None:
        yield (
            f"  parameters: {grown['total'] / 1e6:,.0f} M ({grown['evidence']}), as if each task "
            f"had kept {100 * grown['trained_share']:.0f}% of the largest network as its own"
        )


def measured_lines(document: Document) -> Iterable[str]:
    """The forecast beside what happened, a task a line."""
    measured = document["happened"]
    rows: list[Sequence[str]] = [
        ("task", "children", "steps", "FLOPs", "seconds", "FLOP/s", "forecast: children", "FLOPs")
    ]
    for each in document["tasks"]:
        real = measured.get(each["task"])
        told = (f"{each['children']:,}", span(each["flops"], ".3g"))
        if real is None:
            rows.append((each["task"], "0", "–", "–", "–", "–", *told))
            continue
        seconds = real["seconds"]
        rows.append(
            (
                each["task"],
                f"{real['children']:,}",
                f"{real['steps']:,}",
                f"{real['flops']:.3g}",
                f"{seconds:,.1f}",
                f"{real['flops'] / seconds:.3g}" if seconds else "–",
                *told,
            )
        )
    yield "what happened, and what was forecast:"
    yield from _aligned(rows)
    flops = sum(real["flops"] for real in measured.values())
    seconds = sum(real["seconds"] for real in measured.values())
    if seconds:
        way = "halved" if document["run"]["stopping"] else "whole"
        yield ""
        yield (
            f"  {seconds:,.1f} seconds, {flops / seconds:.3g} FLOP/s: that share of each peak, and "
            "the whole run as forecast"
        )
        rows = [
            (
                each["name"],
                f"{100 * flops / seconds / each['peak']:.2g}% of peak",
                f"forecast {format_duration(each[way]['device_hours'])} "
                f"at {100 * each['utilisation']:g}%",
            )
            for each in document["accelerators"]
        ]
        yield from _aligned(rows)


def _aligned(rows: Sequence[Sequence[str]]) -> Iterable[str]:
    widths: dict[int, int] = {}
    for row in rows:
        for column, text in enumerate(row):
            widths[column] = max(widths.get(column, 0), len(text))
    for row in rows:
        yield "  " + "  ".join(f"{text:{widths[i]}}" for i, text in enumerate(row)).rstrip()
