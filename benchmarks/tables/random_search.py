"""Random search with successive halving, by Optuna, for the FLOPs that a system took of each task.

From the top of the checkout, with the extra 'bench':
  python -m benchmarks.tables.random_search SYSTEM [--seed N] [--json FILE]

SYSTEM is the folder of a finished run, such as a column of `mu2 table characters_small`; it is only
read. For each of its tasks, trials are trained from the root alone until they have taken what the
children of the task took in all its iterations, less than one validation interval more; the last
trial is cut short where that is spent. The best one by validation score is tested. trials.py says
what a trial is.

Prints a table. --json adds a line to FILE, as history.py does: the same rows with the budget of
each and the best trial's score and hyperparameters, the command, the commit, the machine and the
date.
"""

import argparse
import dataclasses
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.speed.history import note, write_text
from benchmarks.tables.command import check_writable, exit_code
from mu2.cli import process
from mu2.errors import Mu2Error
from mu2.report.grid import Grid

if TYPE_CHECKING:
    from mu2.experiment import Experiment
    from mu2.system import System

KIND = "random_search"
HEAD = (*("task", "random search", "system", "parameters", "trials", "pruned", "FLOPs", "seconds"),)
# Columns of numbers, in the order of HEAD.
NUMBERS = (
    *("test_accuracy", "system_test_accuracy", "parameters", "trials", "pruned", "flops"),
    "seconds",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Searches for every task of a system; returns the exit code: 2 for a fault of the user's."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("system", metavar="SYSTEM", help="folder of a finished run")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of all draws (0)")
    parser.add_argument("--json", metavar="FILE", help="add the figures to it, a line of JSON")
    options = parser.parse_args(argv)

    def search() -> None:
        check_optuna()
        if options.json:
            check_writable(Path(options.json))
        rows = searched(options.system, options.seed)
        write_text(grid(Path(options.system).name, rows).markdown())
        if options.json:
            figures = {"system": options.system, "seed": options.seed, "rows": rows}
            note(KIND, figures, Path(options.json))

    return exit_code(search)


def check_optuna() -> None:
    """Makes Optuna ready, which tells of faults alone.

    Raises:
      Mu2Error: it is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise Mu2Error("random search needs optuna.", hint="pip install 'mu2[bench]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def finished(directory: str) -> tuple["System", "Experiment"]:
    """A system, open for reading, and the experiment that made all of it.

    Raises:
      Mu2Error: there is no system, it is not finished, or runs of several settings made it.
    """
    from mu2.config import load
    from mu2.system import System

    system = System.open(directory)
    files = [system.gin_file(run) for run in range(system.progress.runs)]
    if not files:
        raise Mu2Error(f"{directory} holds no run.", hint="mu2 run FILE --system DIR makes one.")
    if not system.progress.complete:
        raise Mu2Error(
            f"the last run of {directory} is not finished, so what it takes is not known yet.",
            hint=f"mu2 run {files[-1]} --system {directory} goes on with it.",
        )
    if len({file.read_bytes() for file in files}) > 1:
        raise Mu2Error(
            f"{directory} was made by {len(files)} runs whose settings differ.",
            hint="Give a system of one run: which settings a trial should have is not known here.",
        )
    return system, load([str(files[-1])], []).experiment


def searched(directory: str, seed: int) -> list[dict[str, Any]]:
    """Searches for every task of a system, in the order of the stream.

    Returns:
      A row a task, JSON values by name: the fields of `trials.Found`, `budget` (FLOPs) and
      `system_test_accuracy`.

    Raises:
      Mu2Error: see `finished` and `trials.search`; or the log has no child of a task.
    """
    from benchmarks.tables.trials import search
    from mu2.config.start import start_workers
    from mu2.system.spending import spending

    system, experiment = finished(directory)
    tasks = experiment.stream.tasks
    taken = spending([task.name for task in tasks], list(system.log), list(system.times))
    for task in tasks:
        task.check()  # of all, before the first is trained
        if not taken.get(task.name, {}).get("flops"):
            raise Mu2Error(
                f"the log of {directory} has no child of task {task.name!r}.",
                hint="log.jsonl says what each child took; give a system that has its own.",
            )
    workers = start_workers(experiment)
    rows = []
    for number, task in enumerate(tasks, 1):
        sys.stderr.write(f"{number}/{len(tasks)}: {task.name}\n")
        budget = taken[task.name]["flops"]
        found = search(experiment, system, workers, task, budget, seed)
        accuracy = system.path(task.name).test_accuracy
        rows.append(
            {**dataclasses.asdict(found), "budget": budget, "system_test_accuracy": accuracy}
        )
    return rows


def grid(name: str, rows: Sequence[Mapping[str, Any]]) -> Grid:
    """The table: a row a task, and the mean of each column.

    Args:
      name: of the system.
      rows: as `searched` gives them, at least one.
    """
    mean = {"task": "mean", **{n: statistics.fmean(row[n] for row in rows) for n in NUMBERS}}
    return Grid(
        f"Random search with successive halving, and {name}",
        HEAD,
        tuple(_words(row) for row in [*rows, mean]),
        (
            "Test accuracies in %. Each task's trials took the FLOPs of the system's children of "
            "the same task, less than one validation interval more; parameters are the best "
            "trial's.",
        ),
    )


def _words(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A row as it is printed; a mean of counts has a decimal."""
    counts = (f"{row[n]:,}" if isinstance(row[n], int) else f"{row[n]:,.1f}" for n in NUMBERS[2:5])
    shares = (f"{100 * row[n]:.2f}" for n in NUMBERS[:2])
    return (row["task"], *shares, *counts, f"{row['flops']:.3e}", f"{row['seconds']:.1f}")


if __name__ == "__main__":
    process.prepare()
    sys.exit(main())
