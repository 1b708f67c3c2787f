"""Many writers of one system at once: commits a second, and that none is lost or half there.

From the top of the checkout: python -m benchmarks.speed.writers [--writers 8] [--seconds 60]
    [--tasks 8]

Each writer is a process that runs the agents of its tasks in turn, with children that are drawn,
not trained (tests/writers.py), so that the store is all that is measured. What is checked at the
end is told there. Prints a table, and adds its figures to history.jsonl.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.speed.history import note, write_text
from tests import writers


def main() -> int:
    """Prints how many commits there were, and how long one took a writer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writers", type=int, default=8, help="processes at once")
    parser.add_argument("--seconds", type=float, default=60, help="that each goes on")
    parser.add_argument("--tasks", type=int, default=8, help="of the system")
    options = parser.parse_args()
    tasks = [f"t{number}" for number in range(options.tasks)]
    told: dict[str, list[int]] = {task: [] for task in tasks}
    milliseconds: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "system"
        writers.create(directory)
        shares = [tasks[number :: options.writers] for number in range(options.writers)]
        started = [writers.start(directory, options.seconds, *share) for share in shares]
        for process in started:
            out, err = process.communicate()
            if process.returncode:
                sys.stderr.write(err)
                return 1
            for line in out.splitlines():
                cycle, took, task = line.split()
                told[task].append(int(cycle))
                milliseconds.append(float(took))
        start = time.monotonic()
        commits = writers.check(directory, told) - 1
        checked = time.monotonic() - start
    figures = {
        "writers": options.writers,
        "tasks": options.tasks,
        "seconds": options.seconds,
        "commits": commits,
        "commits_a_second": round(commits / options.seconds, 1),
        "median_milliseconds": round(statistics.median(milliseconds), 1),
        "longest_milliseconds": round(max(milliseconds), 1),
        "lost": 0,
        "check_seconds": round(checked, 1),
    }
    write_text("\n".join(f"{name:22}{value}" for name, value in figures.items()))
    note("writers", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
