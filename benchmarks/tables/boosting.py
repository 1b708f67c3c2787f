"""Gradient boosting of scikit-learn on the tables of a stream, read and divided as mu2 does it.

From the top of the checkout, with the extra 'demo':
  python -m benchmarks.tables.boosting FILE.gin [--json FILE]

FILE.gin is a run, a table or a stream of tables, such as gin/stream/tables_40.gin. What a model is
given are the numbers that a network is given. For each table HistGradientBoostingClassifier is
trained on train twice, with at most 8 and at most 31 leaves a tree, a hundred rounds each and the
rest as scikit-learn has it; the validation rows say which of the two, and after how many rounds, is
tested once. Nothing is drawn: two runs give the same.

Prints a table. --json adds a line to FILE, as history.py does: the rows, the command, the commit,
the machine and the date.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.speed.history import note, write_text
from benchmarks.tables.command import check_writable, exit_code
from mu2.cli import process
from mu2.errors import Mu2Error
from mu2.report.grid import Grid

if TYPE_CHECKING:
    from mu2.tasks import Task

KIND = "boosting"
LEAVES, ROUNDS = (8, 31), 100
HEAD = ("task", "test", "validation", "leaves", "rounds", "seconds")


def main(argv: Sequence[str] | None = None) -> int:
    """Boosts every table of a stream; returns the exit code: 2 for a fault of the user's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", metavar="FILE.gin", help="a run, a table or a stream")
    parser.add_argument("--json", metavar="FILE", help="add the figures to it, a line of JSON")
    options = parser.parse_args(argv)

    def boost() -> None:
        if options.json:
            check_writable(Path(options.json))
        rows = boosted(tasks_of(options.file))
        write_text(grid(rows).markdown())
        if options.json:
            note(KIND, {"file": options.file, "rows": rows}, Path(options.json))

    return exit_code(boost)


def tasks_of(file: str) -> "tuple[Task, ...]":
    """The tasks of a Gin file's stream, none of which is anything but a table.

    Raises:
      Mu2Error: it cannot be read, or has a task of images or texts.
    """
    from mu2.config import read
    from mu2.config.linter import Faults
    from mu2.config.validation import Parts

    reading = read([file], [])
    tasks = Parts.among(reading.made).tasks
    if not tasks:
        raise Faults(reading.faults) if reading.faults else Mu2Error(f"{file} has no tasks.")
    for task in tasks:
        if task.source.input != "table":
            raise Mu2Error(f"task {task.name!r} reads {task.source.input}s, and trees read tables.")
    return tasks


def boosted(tasks: "Sequence[Task]") -> list[dict[str, Any]]:
    """Trains and tests for every task; a row a task, in their order.

    Raises:
      Mu2Error: scikit-learn is not installed, or data are missing.
    """
    for task in tasks:
        task.check()  # of all, before the first is trained
    rows = []
    for number, task in enumerate(tasks, 1):
        sys.stderr.write(f"{number}/{len(tasks)}: {task.name}\n")
        rows.append(_boosted(task))
    return rows


def _boosted(task: "Task") -> dict[str, Any]:
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
    except ImportError as error:
        raise Mu2Error("boosting needs scikit-learn.", hint="pip install 'mu2[demo]'") from error
    began = time.monotonic()
    shape = (task.source_hyperparameters()["num_features"],)
    train, validation, test = (task.read(p, shape) for p in ("train", "validation", "test"))
    best: dict[str, Any] = {"validation_accuracy": -1.0}
    for leaves in LEAVES:
        model = HistGradientBoostingClassifier(
            max_leaf_nodes=leaves, max_iter=ROUNDS, early_stopping=False, random_state=0
        ).fit(train.inputs, train.labels)
        of_validation = model.staged_predict(validation.inputs)
        of_test = model.staged_predict(test.inputs)
        for rounds, (guessed, tested) in enumerate(zip(of_validation, of_test, strict=True), 1):
            accuracy = float(np.mean(guessed == validation.labels))
            if accuracy > best["validation_accuracy"]:
                best = {
                    "validation_accuracy": accuracy,
                    "test_accuracy": float(np.mean(tested == test.labels)),
                    "leaves": leaves,
                    "rounds": rounds,
                }
    return {"task": task.name, **best, "seconds": time.monotonic() - began}


def grid(rows: Sequence[Mapping[str, Any]]) -> Grid:
    """The table: a row a task, and the means.

    Args:
      rows: as `boosted` gives them, at least one.
    """
    numbers = ("test_accuracy", "validation_accuracy", "leaves", "rounds", "seconds")
    mean = {"task": "mean", **{n: statistics.fmean(row[n] for row in rows) for n in numbers}}
    return Grid(
        "Gradient boosting",
        HEAD,
        tuple(_words(row) for row in [*rows, mean]),
        ("Accuracies in %.",),
    )


def _words(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A row as it is printed."""
    shares = (f"{100 * row[name]:.2f}" for name in ("test_accuracy", "validation_accuracy"))
    counts = (f"{row[name]:.0f}" for name in ("leaves", "rounds"))
    return (row["task"], *shares, *counts, f"{row['seconds']:.1f}")


if __name__ == "__main__":
    process.prepare()
    sys.exit(main())
