"""`mu2 plan`: what a run will cost, before anything runs, and beside what happened."""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mu2.commands.command import (
    BINDINGS_HELP,
    OK,
    Command,
    add_files,
    add_json,
    read_sound,
    say,
    say_json,
)
from mu2.errors import Mu2Error

if TYPE_CHECKING:
    from mu2.evolution.stopping import Halving
    from mu2.experiment import Experiment
    from mu2.forecast import TaskForecast
    from mu2.report.cost import Accelerator, Prices

FORMAT = 1
SHIPPED, REPORTED = "benchmarks/tables/prices.json", "benchmarks/tables/reported.json"
CORE_HOURS = "TPU core-hours"

EPILOG = f"""\
{BINDINGS_HELP}
Figures lie between two bounds. "least": every child comes from a seed, clones each layer with
probability µ, and has the default shape. "most": every layer of every child is trained, and it has
the largest shape. "halved" is the same run with gin/mutation/thrifty.gin, or with the stopping that
the files themselves set. Compiling, reading data, augmentation and the test set are not counted. A
run whose children become smaller than the default shape takes less than "least".

Neither data nor weights have to be there.

Money, hours and energy are those of a price list, {SHIPPED},
or of a copy of it that you have edited: --prices FILE.

One JSON document with --json:
  format        1
  run           tasks, visits, children, stopping (whether the files set any), steps, flops,
                parameters (roots counted), root_parameters, store_bytes; flops, parameters and
                bytes with least and most; steps and flops also as halved
  tasks         a list: task, visits, children, steps, flops (least and most), parameters
  accelerators  a list: name, dtype, peak (FLOP/s), utilisation (assumed), devices; for whole and
                for halved: device_hours, wall_hours, money, kwh (least and most; null where the
                list has none); with --budget: bought, what the sum pays if all goes by "most":
                tasks (visits), children, share
  currency      of money
  missing       data and weights to get before the run
  reported      where a paper's hours are known of the table: what they imply (null otherwise)
  happened      with --system: by task, children, steps, flops, seconds; null otherwise
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The files of the run, the price list, and a system that the run has made."""
    add_files(parser)
    parser.add_argument(
        "--prices", metavar="FILE", help="a price list of your own; otherwise the shipped one"
    )
    parser.add_argument("--budget", type=_money, metavar="SUM", help="say what this sum buys")
    parser.add_argument(
        "--devices", type=_devices, metavar="N", help="share the children out over N devices"
    )
    parser.add_argument("--system", metavar="DIR", help="compare with what happened there")
    add_json(parser)


def _money(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no sum above 0")
    return value


def _devices(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of devices")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Prints the forecast."""
    reading = read_sound(options, data=False)
    from mu2.config import shipped
    from mu2.preview import foreseen, preview
    from mu2.report.cost import Prices

    experiment = reading.load().experiment
    missing = preview(experiment, reading.place)["missing"]
    prices = Prices.read(Path(options.prices) if options.prices else shipped(SHIPPED))
    document = plan(
        foreseen(experiment),
        prices,
        budget=options.budget,
        devices=options.devices,
    )
    document["missing"] = missing
    document["reported"] = _reported(options.files, experiment, document, prices)
    document["happened"] = _happened(options.system, experiment) if options.system else None
    if options.json:
        say_json(document)
        return OK
    say("\n".join(_lines(document, options.budget)))
    return OK


def plan(
    experiment: "Experiment",
    prices: "Prices",
    *,
    budget: float | None = None,
    devices: int | None = None,
) -> dict[str, Any]:
    """The document without what is beside the run: its missing data, and what was reported.

    Args:
      experiment: sound; its data may be described only.
      prices: of the accelerators.
      budget: a sum, or None.
      devices: that children are shared out over; None: those of the layout.

    Raises:
      Mu2Error: data are missing of which nobody knows what they hold.
    """
    from mu2.evolution.stopping import Halving
    from mu2.forecast import Bounds, forecast, root_parameters, store_bytes

    tasks = forecast(experiment)
    own = experiment.evolution.stopping
    ways = {"whole": None, "halved": own or Halving()}
    flops = {way: sum((t.total(s) for t in tasks), Bounds()) for way, s in ways.items()}
    parameters = sum((t.parameters for t in tasks), Bounds())
    roots = root_parameters(experiment, experiment.stream.tasks)
    layout = experiment.layout
    devices = devices or layout.population * layout.data * layout.model
    dtype = experiment.training.dtype
    return {
        "format": FORMAT,
        "run": {
            "tasks": len(tasks),
            "visits": experiment.stream.iterations * len(tasks),
            "children": sum(t.children for t in tasks),
            "stopping": own is not None,
            "steps": {way: sum(t.total_steps(s) for t in tasks) for way, s in ways.items()},
            "flops": {way: total.document() for way, total in flops.items()},
            "parameters": (parameters + Bounds(roots, roots)).document(),
            "root_parameters": roots,
            "store_bytes": store_bytes(parameters, roots).document(),
        },
        "tasks": [
            {
                "task": t.task,
                "visits": t.visits,
                "children": t.children,
                "steps": t.total_steps(own),
                "flops": t.total(own).document(),
                "parameters": t.parameters.document(),
            }
            for t in tasks
        ],
        "accelerators": [
            {
                "name": each.name,
                "dtype": dtype,
                "peak": each.peak[dtype],
                "utilisation": each.utilisation,
                "devices": devices,
                **{way: _cost(each, total, dtype, devices) for way, total in flops.items()},
                "bought": _bought(each, tasks, ways, dtype, budget),
            }
            for each in prices.accelerators
        ],
        "currency": prices.currency,
    }


def _cost(accelerator: "Accelerator", flops: Any, dtype: str, devices: int) -> dict[str, Any]:
    """Hours, money and energy of operations."""
    hours = {k: accelerator.hours(v, dtype) for k, v in flops.document().items()}
    price, watts = accelerator.price, accelerator.watts
    return {
        "device_hours": hours,
        "wall_hours": {k: v / devices for k, v in hours.items()},
        "money": None if price is None else {k: v * price for k, v in hours.items()},
        "kwh": None if watts is None else {k: v * watts / 1000 for k, v in hours.items()},
    }


def _bought(
    accelerator: "Accelerator",
    tasks: Sequence["TaskForecast"],
    ways: Mapping[str, "Halving | None"],
    dtype: str,
    budget: float | None,
) -> dict[str, Any] | None:
    """What a sum pays, if all goes by `most`."""
    from mu2.report.cost import bought

    if budget is None or not accelerator.price:
        return None
    found = {}
    for way, stopping in ways.items():
        visits = [
            (t.children // t.visits, accelerator.hours(t.total(stopping).most / t.visits, dtype))
            for _ in range(tasks[0].visits)
            for t in tasks
        ]
        got = bought(budget, accelerator.price, visits)
        found[way] = {"tasks": got.tasks, "children": got.children, "share": got.share}
    return found


def _reported(
    files: Sequence[str], experiment: "Experiment", document: Mapping[str, Any], prices: "Prices"
) -> dict[str, Any] | None:
    """The hours that a paper's table took, and which assumption leads from the forecast to them."""
    from mu2.config import shipped
    from mu2.report import documents

    tables = documents.read(shipped(REPORTED), "list of reported values")["tables"]
    for stem in (Path(file).stem for file in files):
        table = tables.get(stem, {})
        hardware = table.get("hardware")
        values = [v for v in table.get("values", ()) if v["metric"] == CORE_HOURS and v["value"]]
        if hardware and values:
            implied = _implied(values[0], hardware, experiment, document, prices)
            return implied | {"parameters": _grown(table["values"], document)}
    return None


def _grown(
    values: Sequence[Mapping[str, Any]], document: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The reported size of a system, and the share of their layers that its tasks trained."""
    scale = {"M": 1e6, "parameters": 1.0}
    for each in values:
        if each["metric"] == "total parameters" and each["value"] and each["unit"] in scale:
            total = each["value"] * scale[each["unit"]]
            roots = document["run"]["root_parameters"]
            most = document["run"]["parameters"]["most"]
            return {
                "total": total,
                "evidence": each["evidence"],
                "trained_share": (total - roots) / (most - roots),
            }
    return None


def _implied(
    value: Mapping[str, Any],
    hardware: Mapping[str, Any],
    experiment: "Experiment",
    document: Mapping[str, Any],
    prices: "Prices",
) -> dict[str, Any]:
    """Device-hours, money and utilisation that reported core-hours imply."""
    import math

    device = prices.named(hardware["accelerator"])
    hours = value["value"] / hardware["cores"]
    children = experiment.evolution.children_per_iteration
    generations = document["run"]["visits"] * math.ceil(children / hardware["devices"])
    flops, dtype = document["run"]["flops"]["whole"], hardware["dtype"]
    ours = {k: device.hours(v, dtype) for k, v in flops.items()}
    return {
        "core_hours": value["value"],
        "evidence": value["evidence"],
        "source": value["source"],
        "accelerator": device.name,
        "devices": hardware["devices"],
        "device_hours": hours,
        "wall_hours": hours / hardware["devices"],
        "generations": generations,
        "hours_a_generation": hours / hardware["devices"] / generations,
        "money": None if device.price is None else hours * device.price,
        "money_by_core": None if device.price is None else value["value"] * device.price,
        "forecast_device_hours": ours,
        "assumed_utilisation": device.utilisation,
        "utilisation": {k: device.utilisation_of(v, hours * 3600, dtype) for k, v in flops.items()},
        "busy": {k: v / hours for k, v in ours.items()},
    }


def _happened(directory: str, experiment: "Experiment") -> dict[str, dict[str, float]]:
    """What the experiment's tasks took in a system.

    Raises:
      Mu2Error: there is no system, or it has none of these tasks.
    """
    from mu2.forecast import happened
    from mu2.system import System

    system = System.open(directory)
    names = [task.name for task in experiment.stream.tasks]
    found = happened(names, list(system.log), list(system.times))
    if not found:
        raise Mu2Error(
            f"{directory} has trained no child of these tasks.",
            hint=f"It has {', '.join(system.tasks) or 'no tasks'}.",
        )
    return found


def _lines(document: Mapping[str, Any], budget: float | None) -> Iterable[str]:
    """The document in words."""
    from mu2.commands.check import missing_lines
    from mu2.report import forecasts

    yield from forecasts.run_lines(document)
    yield from forecasts.cost_lines(document)
    if budget is not None:
        yield ""
        yield from forecasts.budget_lines(document, budget)
    if document["reported"] is not None:
        yield ""
        yield from forecasts.reported_lines(document["reported"], document["currency"])
    if document["happened"] is not None:
        yield ""
        yield from forecasts.happened_lines(document)
    if document["missing"]:
        yield from missing_lines(document["missing"])


COMMAND = Command(
    "say what a run will cost before it runs, or beside what it cost",
    "FILE ... [--gin.NAME=VALUE ...] [--budget SUM] [--system DIR] [--json]",
    arguments,
    run,
    EPILOG,
    many="files",
    bindings=True,
)
