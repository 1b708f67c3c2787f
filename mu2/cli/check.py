"""`mu2 check`: every fault of an experiment at once, or what it would do."""

import argparse
import dataclasses
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mu2.cli.command import (
    BINDINGS_HELP,
    OK,
    Command,
    add_files,
    add_json,
    read_valid,
    write_json,
    write_lines,
    write_text,
)
from mu2.errors import Mu2Error

if TYPE_CHECKING:
    from mu2.config.reading import TableReading

EPILOG = f"""\
{BINDINGS_HELP}
Of a table every column is checked; what a run would take is told of the first.
--system says what a run would do with a system: go on, visit its tasks again, or nothing.
The first example of each part of each task is read as a run reads it.
--data reads every task's examples, and tells what is in them and what looks wrong.
Data sets of the papers and public weights may be missing; the check then goes by what is known of
them, and says how to get each. `mu2 run` needs them.

One JSON document with --json:
  ok        whether there are no faults; a run can begin where preview.missing is empty as well
  faults    a list: message, location (file:line or null), hint (or null)
  warnings  where ok and there are some: a list as faults, of parameters that two included parts
            set, so that the order of the includes decides, and of settings that do nothing or harm
  preview   where ok: what the run would do: tasks, iterations, children, training_steps,
            programs, parameters, forward_flops, run_flops, device_bytes, disk_bytes, devices,
            missing (data and weights to get first: message, location, hint),
            guesses (what was assumed of data and weights: message, location)
  system    where ok, with --system: state (new, goes on, complete, again, other settings), visits
            (the task of each task iteration that would be done), known (tasks with the iterations
            they had), gone and new (settings that differ from those of its last run)
  data      where ok, with --data: a report for each task
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The files of a run."""
    add_files(parser)
    parser.add_argument("--data", action="store_true", help="look at every task's examples as well")
    parser.add_argument("--system", metavar="DIR", help="what a run would do with it, old or new")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Tells all faults, or else what a run would take."""
    reading = read_valid(options, data=options.data, warn=False)
    columns = _check_columns(options)
    from mu2.config.linter import Faults
    from mu2.planning.doubtful import doubtful_settings
    from mu2.planning.dry_run import read_first_examples
    from mu2.planning.preview import preview_run

    loaded = reading.load()
    experiment = loaded.experiment
    would = preview_run(experiment, reading.place)
    if unread := read_first_examples(experiment, reading.place):
        raise Faults(unread)
    warnings = [
        *(columns.warnings if columns else reading.warnings),
        *doubtful_settings(experiment, reading.place),
    ]
    start = None
    if options.system is not None:
        from mu2.config.start import start_of

        start = start_of(experiment, loaded.resolved, options.system)
    data = {}
    if options.data:
        from mu2.planning.preview import inspect_data

        data = inspect_data(experiment)
    if options.json:
        told = [{"message": w.message, "location": w.location, "hint": w.hint} for w in warnings]
        document = {"ok": True, "faults": [], "preview": would}
        document |= {"warnings": told} if told else {}
        document |= {"system": dataclasses.asdict(start)} if start else {}
        write_json({**document, "data": data} if options.data else document)
        return OK
    write_text("ok; a run would take")
    write_lines(_lines(would))
    if start is not None:
        write_lines(["", *start.lines(options.system)])
    if would["guesses"]:
        write_lines(_guess_lines(would["guesses"]))
    if would["missing"]:
        write_lines(missing_lines(would["missing"]))
    if warnings:
        write_lines(_warning_lines(warnings))
    for name, report in data.items():
        write_lines(["", f"{name}:", *_report_lines(report)])
    return OK


def _check_columns(options: argparse.Namespace) -> "TableReading | None":
    """The table, if it is one; refused where a column has faults, of which the first was looked at.

    Raises:
      Faults: of all columns.
    """
    from mu2.config.reading import read_table

    table = read_table(options.files[0], options.bindings) if len(options.files) == 1 else None
    if table is None:
        return None
    from mu2.config.linter import Faults, in_order
    from mu2.config.validation import validate

    found: list[Mu2Error] = []
    for each in table.columns[1:]:
        try:
            validate(
                each.run.faults, each.run.made, each.run.place, absent=None if options.data else []
            )
        except Faults as faults:
            found += faults.faults
    if found:
        raise Faults(in_order(found))
    return table


def _warning_lines(warnings: Sequence[Mu2Error]) -> Iterable[str]:
    """What may not be meant, each with its place and a cure."""
    yield ""
    for warning in warnings:
        yield from f"warning: {warning}".split("\n")


def _lines(would: Mapping[str, Any]) -> Iterable[str]:
    """A preview in words."""
    tasks = would["tasks"]
    width = max(len(task["name"]) for task in tasks)
    for number, task in enumerate(tasks):
        sizes = ", ".join(f"{task[part]:,} {part}" for part in ("train", "validation", "test"))
        classes = f"{task['classes']:,} classes"
        yield _line("" if number else "tasks", f"{task['name']:{width}}  {classes}; {sizes}")
        if task.get("rule"):
            yield _line("", f"{'':{width}}  {task['rule']}")
    visits = f"{would['iterations']} visit{'s' * (would['iterations'] != 1)} a task"
    yield _line("children", f"{would['children']:,} at most, {visits}")
    yield _line("steps", f"{would['training_steps']:,} at most")
    yield _line("programs", f"{would['programs']:,} at most")
    yield _line("parameters", _between(would["parameters"], "{:,.0f}") + " in a network")
    forward, total = would["forward_flops"], would["run_flops"]
    yield _line("FLOPs", _between(forward, "{:.3g}") + " for one example, forward;")
    yield _line("", _between(total, "{:.3g}") + " in all, a training step counted as 3 passes")
    yield _line(
        "memory",
        f"{_bytes(would['device_bytes'])} a device at most: parameters, gradients, momentum "
        "and a batch,",
    )
    yield _line("", "but no activations")
    disk = would["disk_bytes"]
    yield _line(
        "disk",
        f"{_bytes(disk['runs'])} at most while it runs, {_bytes(disk['ended'])} at its end",
    )
    yield _line("devices", f"{would['devices']:,}")


def _guess_lines(guesses: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """What was assumed, each once."""
    yield ""
    yield "assumed, as nothing says otherwise:"
    for guess in guesses:
        said = guess["message"] + (f" ({guess['location']})" if guess["location"] else "")
        yield from textwrap.wrap(said, 98, initial_indent="  ", subsequent_indent="    ")


def missing_lines(missing: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    """What has to be got before a run, each once."""
    yield ""
    yield "not here, and needed for a run; the figures above go by what is known of them, and"
    yield "`mu2 data FILE --prepare` gets what can be got without you:"
    places: dict[tuple[str, str], list[str]] = {}
    for each in missing:
        place = places.setdefault((each["message"], each["hint"] or ""), [])
        place += [each["location"]] if each["location"] else []
    for (message, hint), where in places.items():
        yield f"  {message}" + (f" ({where[0]})" if where else "")
        yield from f"    {hint}".replace("\n", "\n  ").split("\n")


def _line(key: str, text: str) -> str:
    return f"  {key:10}  {text}"


def _between(ends: Mapping[str, float], form: str) -> str:
    low, high = (form.format(ends[which]) for which in ("smallest", "largest"))
    return low if low == high else f"{low} to {high}"


def _bytes(number: float) -> str:
    """A number of bytes as `999 B`, `1.5 MB` or `12 GB`."""
    units = ["B", "kB", "MB", "GB", "TB"]
    while number >= 999.5 and len(units) > 1:
        number, units = number / 1000, units[1:]
    return f"{number:.3g} {units[0]}" if number < 999.5 else f"{number:,.0f} {units[0]}"


def _report_lines(report: Mapping[str, Any]) -> Iterable[str]:
    """What was found in a task's examples, its warnings last."""
    from mu2.report.text import preview_lines

    rest = {key: value for key, value in report.items() if key != "warnings"}
    yield from preview_lines(rest)
    for warning in report.get("warnings", ()):
        yield f"  warning: {warning}"


COMMAND = Command(
    "find every fault of an experiment at once, or say what it would do",
    "FILE ... [--gin.NAME=VALUE ...] [--system DIR] [--data] [--json]",
    arguments,
    run,
    EPILOG,
    many="files",
    bindings=True,
)
