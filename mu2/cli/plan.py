"""`mu2 plan`: what a run will cost, before anything runs, and beside what happened."""

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mu2.cli.command import (
    BINDINGS_HELP,
    OK,
    Command,
    add_files,
    add_json,
    read_valid,
    write_json,
    write_lines,
)

SHIPPED = "benchmarks/tables/prices.json"

EPILOG = f"""\
{BINDINGS_HELP}
Figures lie between two bounds. "least": every child comes from a seed, clones each layer with
probability µ, and has the default shape. "most": every layer of every child is trained, and it has
the largest shape. "halved" is the same run with gin/budget/thrifty.gin, or with the stopping that
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
    reading = read_valid(options, data=False)
    from mu2.config import shipped
    from mu2.planning.plan import compare_reported, measured_cost, plan_document
    from mu2.planning.preview import preview_run, with_described_data
    from mu2.system.prices import Prices

    experiment = reading.load().experiment
    missing = preview_run(experiment, reading.place)["missing"]
    prices = Prices.read(Path(options.prices) if options.prices else shipped(SHIPPED))
    document = plan_document(
        with_described_data(experiment),
        prices,
        budget=options.budget,
        devices=options.devices,
    )
    document["missing"] = missing
    document["reported"] = compare_reported(options.files, experiment, document, prices)
    document["happened"] = measured_cost(options.system, experiment) if options.system else None
    if options.json:
        write_json(document)
        return OK
    write_lines("\n".join(_lines(document, options.budget)).split("\n"))
    return OK


def _lines(document: Mapping[str, Any], budget: float | None) -> Iterable[str]:
    """The document in words."""
    from mu2.cli.check import missing_lines
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
        yield from forecasts.measured_lines(document)
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
