"""`mu2 evaluate`: how well a task of a system does on new labelled data."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mu2.cli.command import (
    BINDINGS_HELP,
    FAULTS_HELP,
    OK,
    Command,
    add_json,
    write_json,
    write_text,
)
from mu2.errors import Mu2Error, did_you_mean

if TYPE_CHECKING:
    from mu2.report.grid import Grid
    from mu2.system.inputs import Source

# Larger confusion matrices are told by their largest mistakes.
WIDEST, MISTAKES = 12, 10
EPILOG = f"""\
DATA is
  a folder of images by class (cat/1.png), with or without a folder for each split
  a folder of text files by class (praise.txt, a text a line)
  a CSV or Parquet file with a column of labels: rows of a table, or texts
  an .npz of images or rows, with labels (x, y)
  a Gin file with a stream of tasks, of any source: the task of the same name, or the only one
Classes are told apart by name. A missing label is refused, or left out by --skip-unlabelled. Rows
are filled and scaled as the task was trained.

The calibration error is the mean distance of accuracy from confidence, over 15 bins of confidence
of equal width, weighted by examples: 0 is best.

{BINDINGS_HELP}
One JSON document with --json:
  format             1
  system, task, data, split (null: the data have none)
  examples, unlabelled (left out), accuracy, calibration_error
  classes            a list in label order: class, examples, answers, recall, precision (null where
                     there is nothing to count)
  confusion          examples by true class (row) and answer (column), in label order
or, where that fails:
{FAULTS_HELP}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The system, the task and the data."""
    parser.add_argument("system", metavar="DIR", help="the system's folder")
    parser.add_argument("data", metavar="DATA", help="labelled examples")
    parser.add_argument("--task", required=True, metavar="NAME", help="whose path answers")
    parser.add_argument(
        "--split", metavar="SPLIT", help="of the data; by default 'test', else all of them"
    )
    parser.add_argument("--label", metavar="COLUMN", help="the column of labels")
    parser.add_argument("--column", metavar="COLUMN", help="the column of texts")
    parser.add_argument(
        "--skip-unlabelled", action="store_true", help="leave out examples without a label"
    )
    parser.add_argument("--at", metavar="COMMIT", help="the system as it stood then; see mu2 log")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Prints accuracy, each class, and which classes are taken for which."""
    from mu2.report import text
    from mu2.system import System
    from mu2.system.evaluation import evaluate
    from mu2.system.inference import Inference

    data: Any = options.data
    if options.data.endswith(".gin"):
        data = _declared(options)
    elif options.bindings:
        raise Mu2Error("bindings go with a Gin file, and DATA is none.")
    evaluation = evaluate(
        Inference(System.open(options.system, options.at)),
        options.task,
        data,
        split=options.split,
        label=options.label,
        column=options.column,
        skip_unlabelled=options.skip_unlabelled,
    )
    found = evaluation.to_json()
    if options.json:
        write_json({"format": 1, "system": options.system, "data": options.data, **found})
        return OK
    read = f" (split {found['split']})" if found["split"] else ""
    write_text(
        f"{options.task} on {options.data}{read}: {found['examples']:,} examples, accuracy "
        f"{100 * found['accuracy']:.2f}%, calibration error {found['calibration_error']:.3f}"
    )
    if left := found["unlabelled"]:
        write_text(f"left out, as they have no label: {left:,}")
    write_text("")
    for grid in _grids(found):
        text.show_grid(grid, sys.stdout)
    return OK


def _declared(options: argparse.Namespace) -> "Source":
    """The source that a Gin file declares: that of the task of this name, or the only one."""
    from mu2.config import read
    from mu2.config.linter import Faults
    from mu2.config.validation import Parts
    from mu2.system.inputs import is_source

    reading = read([options.data], options.bindings)
    tasks = {task.name: task.source for task in Parts.among(reading.made).tasks}
    if options.task in tasks:
        return tasks[options.task]
    sources = [*tasks.values()] or [each for each in reading.made if is_source(each)]
    if len(sources) == 1:
        return sources[0]
    if not sources and reading.faults:
        raise Faults(reading.faults)
    raise Mu2Error(
        f"{options.data} declares {len(sources)} sources, and none in a Task of the name "
        f"{options.task!r}.",
        hint=did_you_mean(options.task, tasks) if tasks else None,
    )


def _grids(found: Mapping[str, Any]) -> Iterator["Grid"]:
    from mu2.report.grid import Grid
    from mu2.report.words import percent

    classes, confusion = found["classes"], found["confusion"]
    names = [each["class"] for each in classes]
    yield Grid(
        "Classes",
        ("class", "examples", "recall", "precision"),
        tuple(
            (
                each["class"],
                f"{each['examples']:,}",
                percent(each["recall"]),
                percent(each["precision"]),
            )
            for each in classes
        ),
    )
    if len(names) <= WIDEST:
        rows = (
            (name, *map(str, row)) for name, row in zip(names, confusion, strict=True) if any(row)
        )
        yield Grid("True class (row) and answer (column)", ("", *names), tuple(rows))
        return
    mistakes = sorted(
        (-number, i, j)
        for i, row in enumerate(confusion)
        for j, number in enumerate(row)
        if i != j and number
    )
    yield Grid(
        "Most frequent mistakes; --json has the whole matrix",
        ("true class", "answer", "examples"),
        tuple((names[i], names[j], f"{-n:,}") for n, i, j in mistakes[:MISTAKES]),
        texts=2,
    )


COMMAND = Command(
    "tell how well a task does on new labelled data",
    "DIR --task NAME DATA [--split SPLIT] [--label COLUMN] [--column COLUMN]\n"
    "           [--skip-unlabelled] [--at COMMIT] [--gin.NAME=VALUE ...] [--json]",
    arguments,
    run,
    EPILOG,
    bindings=True,
)
