"""`mu2 table`: a table of the papers, or our own: what is missing of it is run, then it is told."""

import argparse
import datetime
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mu2.cli.command import (
    BINDINGS_HELP,
    FAULTS_HELP,
    INTERRUPTED,
    OK,
    Command,
    add_json,
    quote_errors,
    write_json,
    write_text,
)
from mu2.errors import Mu2Error, did_you_mean, shown

if TYPE_CHECKING:
    from mu2.config.columns import Column
    from mu2.system.prices import Accelerator
    from mu2.tables import Entry, TableFile

FORMAT = 1
REPORTED, PRICES = "benchmarks/tables/reported.json", "benchmarks/tables/prices.json"
SEED = "Experiment.seed"

EPILOG = f"""\
A table is one that comes with mu2 (`mu2 list` names them), or a Gin file of
yours: what a run has, and its columns, each a scope of its own, in which it
sets what no other column has:
  Table.columns = (@slow/Column(), @fast/Column())
  slow/Column.name = 'a rate of 0.01'
  fast/Column.name = 'a rate of 0.1'
  fast/Hyperparameters.learning_rate = 0.1
`mu2 explain Column` and `mu2 explain Table` say what else may be set. Each
column is a run, and each seed of it a system of its own:
  DIR/COLUMN/seed-N   DIR is --system, or systems/tables/NAME
`mu2 run FILE` runs the first column alone.
Columns that are not complete are run, or go on from their last commit, one after the other, all
data having been looked for first; `mu2 plan` says what each will take. --no-run prints what is
there. What stands in DIR for a column but was run with other settings is refused.

Beside the systems are written:
  NAME.md, NAME.tex   all that is printed
  NAME.csv            a row a column and task, numbers unrounded
  NAME_matrix.csv     test accuracy on each task after each task iteration
  NAME_growth.csv     of streams of 20 tasks or more: what each added and took

{BINDINGS_HELP}  They hold in all columns, after each column's own; --seeds sets {SEED}.

One JSON document with --json:
  format    1
  table     its name
  bindings  those of the command line
  written   date (UTC), version and commit of mu2, dirty: whether its files differ from the
            commit's (both null outside a checkout)
  reports   whether anything is reported of the table
  devices   a list: kind (as JAX calls what columns ran on) and, of the estimates, name, price,
            watts and source (null where the price list has none); prices: the list; currency: of
            money
  columns   a list: name, files (the table's and the column's parts; segments before it come
            first), bindings (what is the column's own); seeds (complete), unfinished, missing
            (seeds); tasks, whole (means over tasks, sums of what was spent; null without a
            complete seed), continual and growth. Numbers over seeds are mean, spread (sample
            standard deviation, null of one seed) and values; accuracies and shares are of 1.
    tasks      a list: task, test_accuracy, added_parameters, accounted_parameters,
               activated_share, children, steps, flops, seconds, device_hours, money, kwh (null
               where the price list has none); reported, evidence, source, difference (or null)
    continual  average_accuracy, backward_transfer, forgetting, revisits, proved, changed, matrices
    growth     of 20 task iterations or more, no task twice (else null): early and late, a task of
               the first and of the last quarter (added: parameters without the head, head, active,
               flops, seconds, test_accuracy), and steps, a list a seed of every task iteration
  files     what was written
or, where that fails:
{FAULTS_HELP}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The table, its columns and seeds, and what an hour costs."""
    parser.add_argument(
        "name", metavar="NAME", help="of the table, such as characters_small, or its Gin file"
    )
    parser.add_argument("--system", metavar="DIR", help="the folder of all its systems")
    parser.add_argument(
        "--seeds", type=_seeds, metavar="N", help="seeds 0 to N-1 (otherwise Table.seeds, or 1)"
    )
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="COLUMN",
        help="this column; may be given several times (otherwise all)",
    )
    parser.add_argument("--no-run", action="store_true", help="run nothing; print what is there")
    parser.add_argument(
        "--accept-changes",
        action="store_true",
        help="go on with unfinished runs though code, libraries or hardware have changed",
    )
    parser.add_argument(
        "--device", metavar="DEVICE", help="of the price list (otherwise what a column ran on)"
    )
    parser.add_argument("--prices", metavar="FILE", help="a price list of your own")
    parser.add_argument("--columns", metavar="FILE", help=argparse.SUPPRESS)  # what it was
    add_json(parser)


def _seeds(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seeds")
    return int(text)


def run(options: argparse.Namespace) -> int:
    """Runs what is missing, prints the table, and writes it."""
    from mu2.config import shipped
    from mu2.config.linter import Faults
    from mu2.system.environment import commit
    from mu2.system.prices import Prices
    from mu2.tables import entries, open_table

    if lost := quote_errors(options.bindings):
        raise Faults(lost)
    if any(binding.partition("=")[0].strip() == SEED for binding in options.bindings):
        raise Mu2Error(f"mu2 table sets {SEED} itself.", hint="Say how many: --seeds N.")
    if options.columns:
        raise Mu2Error(
            "--columns is no option any more; a table is a Gin file, which names its columns.",
            hint="Write the Gin file, and say mu2 table FILE.gin; mu2 table --help has an example.",
        )
    found = open_table(options.name)
    columns = found.table.select(options.column)
    prices = Prices.read(Path(options.prices) if options.prices else shipped(PRICES))
    chosen = prices.find(options.device) if options.device else None
    folder = Path(options.system or f"systems/tables/{found.home}")
    _refuse_system(folder)
    seeds = range(options.seeds or found.table.seeds)
    every = entries(found, columns, folder, seeds, options.bindings)
    states = [entry.state() for entry in every]
    left = [entry for entry, state in zip(every, states, strict=True) if state != "complete"]
    for entry in every if not options.no_run else ():
        if entry not in left:
            entry.tidy()
    if left and not options.no_run:
        _look_for_data(left, some=len(left) < len(every))
        if not _run(left, options.accept_changes):
            sys.stderr.write(
                "mu2: interrupted. The same command goes on; --no-run shows what there is.\n"
            )
            return INTERRUPTED
    document = tell(found, columns, every, lambda kind: chosen or prices.of_kind(kind))
    name, dirty = commit() or (None, None)
    document |= {
        "written": {
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "version": version("mu2"),
            "commit": name,
            "dirty": dirty,
        },
        "bindings": options.bindings,
        "prices": options.prices or PRICES,
        "currency": prices.currency,
    }
    finished = any(column["seeds"] for column in document["columns"])
    document["files"] = _write(document, folder) if finished else []
    if options.json:
        write_json(document)
    else:
        _show(document)
    return OK


def tell(
    table_file: "TableFile",
    columns: Sequence["Column"],
    entries: Sequence["Entry"],
    priced: Callable[[str], "Accelerator | None"],
) -> dict[str, Any]:
    """The document, of the entries that are complete, without what the command line adds.

    Args:
      table_file: the table.
      columns: of it.
      entries: of these columns.
      priced: a kind of device to the accelerator whose price and power hours are multiplied with.

    Raises:
      Mu2Error: a system cannot be read.
    """
    from mu2.config import shipped
    from mu2.system import documents
    from mu2.tables import results
    from mu2.tables.reported import accuracies

    said = documents.read(shipped(REPORTED), "list of reported values")
    name = table_file.table.reported
    if name is not None and name not in said["tables"]:
        raise Mu2Error(
            f"{REPORTED} has no table {name!r}.",
            location=table_file.reading.locations.get("reported"),
            hint=did_you_mean(name, said["tables"]),
        )
    reported = accuracies(said, name) if name is not None else {}
    own = {each.column: each.lines for each in table_file.reading.columns}
    told, kinds = [], []
    for column in columns:
        seeds: dict[str, list[int]] = {"complete": [], "unfinished": [], "missing": []}
        found = []
        tasks: tuple[str, ...] = ()
        for entry in (each for each in entries if each.column == column):
            state, tasks = entry.state(), entry.tasks
            seeds[state].append(entry.seed)
            found += [entry.result()] if state == "complete" else []
        kinds += [result.kind for result in found]
        compared = reported if column.compared else {}
        told.append(
            {
                "name": column.name,
                "files": [*table_file.before, table_file.file, *column.parts],
                "bindings": list(own[column]),
                "seeds": seeds["complete"],
                "unfinished": seeds["unfinished"],
                "missing": seeds["missing"],
                **results.column(found, tasks, compared, priced),
            }
        )
    return {
        "format": FORMAT,
        "table": table_file.name,
        "reports": name is not None,
        "devices": [_device(kind, priced(kind)) for kind in dict.fromkeys(kinds)],
        "columns": told,
    }


def _device(kind: str, accelerator: "Accelerator | None") -> dict[str, Any]:
    """A kind of device that columns ran on, and what the price list says of it."""
    fields = ("name", "price", "watts", "source")
    return {"kind": kind, **{field: getattr(accelerator, field, None) for field in fields}}


def _refuse_system(folder: Path) -> None:
    """Refuses a folder that is a system itself: a table's folder holds many."""
    from mu2.system import System

    if System.exists(folder):
        raise Mu2Error(
            f"{folder} is a system, and a table has one for each column and seed.",
            hint="Choose a folder above it, or a new one.",
        )


def _look_for_data(left: Sequence["Entry"], some: bool) -> None:
    """Refuses what cannot be run, all at once; says how to see what is complete, if some is."""
    from mu2.config.linter import Faults
    from mu2.tables import check

    try:
        check(left)
    except Faults as faults:
        if not some:
            raise
        there = Mu2Error("the other columns are complete.", hint="--no-run prints them.")
        raise Faults([*faults.faults, there]) from faults


def _run(left: Sequence["Entry"], accept_changes: bool) -> bool:
    """Runs one after the other; False where the user interrupts."""
    from mu2.report.progress import choose_reporter

    try:
        for number, entry in enumerate(left, 1):
            sys.stderr.write(
                f"{number}/{len(left)}: column {entry.column.name!r}, seed {entry.seed} "
                f"({shown(str(entry.directory))})\n"
            )
            with choose_reporter(sys.stderr) as reporter:
                entry.finish(reporter, accept_changes)
    except KeyboardInterrupt:
        return False
    return True


def _write(document: dict[str, Any], folder: Path) -> list[str]:
    """Writes the table beside its systems, each file whole or not at all; their names."""
    from mu2.system import documents
    from mu2.tables import comparison

    name = document["table"]
    texts = {
        f"{name}.md": comparison.markdown(document),
        f"{name}.csv": comparison.results_csv(document),
        f"{name}.tex": comparison.latex(document),
        f"{name}_matrix.csv": comparison.matrices_csv(document),
    }
    if any(column["growth"] is not None for column in document["columns"]):
        texts[f"{name}_growth.csv"] = comparison.growth_csv(document)
    contents = {file: text.encode() for file, text in texts.items()}
    contents |= {f"{name}.{ending}": content for ending, content in _plots(document).items()}
    for file, content in contents.items():
        documents.write(folder / file, content)
    return [str(folder / file) for file in contents]


def _plots(document: dict[str, Any]) -> dict[str, bytes]:
    """The table as a figure, by format: accuracy against parameters a task, mean and spread."""
    import functools
    from importlib.util import find_spec

    from mu2.report.plots import draw_chart, render_plot
    from mu2.report.table_chart import table_chart

    chart = table_chart(document)
    if chart is None:
        return {}
    if find_spec("matplotlib") is None:
        sys.stderr.write("mu2: no figure without matplotlib: pip install 'mu2[report]'.\n")
        return {}
    draw = functools.partial(draw_chart, chart)
    return {ending: render_plot(draw, ending) for ending in ("pdf", "png")}


def _show(document: dict[str, Any]) -> None:
    """Prints every grid, and what was written."""
    from mu2.report import text
    from mu2.tables import comparison

    for grid in comparison.grids(document):
        text.show_grid(grid, sys.stdout)
    for file in document["files"]:
        write_text(file)


COMMAND = Command(
    "run what is missing of a table, and print and write it",
    "NAME|FILE.gin [--system DIR] [--seeds N] [--no-run] [--gin.NAME=VALUE ...] [--json]",
    arguments,
    run,
    EPILOG,
    bindings=True,
)
