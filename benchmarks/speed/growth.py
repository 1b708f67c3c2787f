"""What one more task costs in a system of 10, of 100 and of 1,000 tasks.

From the top of the checkout: python -m benchmarks.speed.growth [--sizes 10 100 1000] [--repeats 5]

The tasks are images of noise: only the cost counts. Each is added as `mu2 run` adds one, with real
children and real commits; each of the repeats in a process of its own, whose programs are compiled
beforehand on a system apart, so that compiling does not hide what the system costs. Prints a
table, and adds its figures to history.jsonl.
"""

import argparse
import functools
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.history import note, table, write_text
from mu2 import config, experiment
from mu2.config import start
from mu2.report.progress import LogReporter
from mu2.system import System
from mu2.system.inference import Inference

HEAD = """
include 'search_spaces/vit_micro.gin'
include 'gin/mutation/mu2net.gin'
include 'gin/ranges/v2.gin'
include 'gin/budget/papers_large.gin'
include 'gin/optimizer/sgd_large.gin'
include 'gin/augmentation/crops.gin'
include 'gin/mesh/cpu.gin'
Ranges.num_layers = (2,)  # one depth, whose programs are compiled beforehand
Evolution.children_per_iteration = 4
Evolution.children_per_generation = 2
Training.batch_size = 64
Training.intervals = 4
Training.max_train_examples = 192
Training.max_validation_examples = 64
Experiment.stream = @Stream()
Stream.iterations = 1
"""
COSTS = ("seconds", "bytes written", "peak MB", "peak MB above start", "open+predict s")
LIMITS = {"seconds": 1.5, "bytes written": 1.2, "peak MB": 1.2, "open+predict s": 1.5}


def main(argv: Sequence[str] | None = None) -> int:
    """Grows a system to each size, and adds tasks to it there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--repeats", type=int, default=5, help="tasks added at each size")
    parser.add_argument("--add", nargs=3, metavar=("FOLDER", "SYSTEM", "TASK"), help="for itself")
    options = parser.parse_args(argv)
    if options.add:
        write_text(json.dumps(added(Path(options.add[0]), *options.add[1:])))
        return 0
    with tempfile.TemporaryDirectory() as name:
        figures = grown(Path(name), options.sizes, options.repeats)
    small, *others = options.sizes
    rows = [[f"{cost}", *(f"{figures[n][cost]:,.3f}" for n in options.sizes)] for cost in COSTS]
    for row, cost in zip(rows, COSTS, strict=True):
        row += [f"{figures[n][cost] / figures[small][cost]:.2f}" for n in others]
        row.append(f"< {LIMITS[cost]}" if cost in LIMITS else "")
    ratios = [f"{n}:{small}" for n in others]
    table(["one more task at", *map(str, options.sizes), *ratios, "wanted"], rows)
    note("growth", {str(n): figures[n] for n in options.sizes})
    return 0


def grown(folder: Path, sizes: Sequence[int], repeats: int) -> dict[int, dict[str, float]]:
    """Grows a system in a folder; returns size to the median of each cost of one more task."""
    npz(folder)
    figures, tasks = {}, 0
    for size in sizes:
        run(folder, folder / "system", [f"task{i}" for i in range(tasks, size)])
        costs = []
        for repeat in range(repeats):
            words = [sys.executable, "-m", "benchmarks.speed.growth", "--add", str(folder)]
            words += [str(folder / "system"), f"more{size}_{repeat}"]
            out = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout
            costs.append(json.loads(out.splitlines()[-1]))
        tasks = size
        figures[size] = {cost: statistics.median(each[cost] for each in costs) for cost in COSTS}
    return figures


def npz(folder: Path, train: int = 256) -> None:
    """Writes noise.npz: as many images of noise to train on, and 64 to test."""
    draw = np.random.default_rng(0)
    np.savez(
        folder / "noise.npz",
        x_train=draw.integers(0, 256, (train, 16, 16), np.uint8),
        y_train=np.arange(train) % 4,
        x_test=draw.integers(0, 256, (64, 16, 16), np.uint8),
        y_test=np.arange(64) % 4,
    )


def added(folder: Path, system: str, task: str) -> dict[str, float]:
    """What it costs to add a task, once the programs are compiled."""
    scratch = folder / f"scratch_{task}"
    for name in ("warm0", "warm1"):
        run(folder, scratch, [name])
        predict(scratch, name)
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here on
    start, written = time.monotonic(), bytes_written()
    run(folder, Path(system), [task])
    seconds, bytes_ = time.monotonic() - start, bytes_written() - written
    start = time.monotonic()
    predict(Path(system), task)
    return {
        "seconds": seconds,
        "bytes written": bytes_,
        "peak MB": memory("VmHWM"),
        "peak MB above start": memory("VmHWM") - before,
        "open+predict s": time.monotonic() - start,
    }


@functools.cache
def workers(executor: Any, layout: Any, training: Any) -> Any:
    """Workers that an executor starts, once a process, whose runs so share compiled programs."""
    return executor.start(layout, training)


def run(folder: Path, directory: Path, tasks: Sequence[str]) -> None:
    """Adds tasks to a system, as `mu2 run` does; writes and reads the Gin file of that run."""
    with gin_file(folder, tasks) as file:
        loaded = config.load([str(file)], [])
        with start.open_for_run(loaded.experiment, loaded.resolved, str(directory)) as system:
            made: Any = loaded.experiment
            experiment.run(
                made,
                system,
                workers(made.executor, made.layout, made.training),
                LogReporter(io.StringIO()),
            )


@contextmanager
def gin_file(folder: Path, tasks: Sequence[str]) -> Iterator[Path]:
    """A Gin file of a stream of tasks of noise."""
    lines = [HEAD, "Experiment.executor = @LocalExecutor()"]
    lines += [f"Stream.tasks = ({' '.join(f'@{task}/Task(),' for task in tasks)})"]
    for task in tasks:
        lines += [f"{task}/Task.name = '{task}'", f"{task}/Task.source = @Npz()"]
    lines.append(f"Npz.path = '{folder / 'noise.npz'}'")
    file = folder / f"{os.getpid()}.gin"
    file.write_text("\n".join(lines) + "\n")
    yield file
    file.unlink()


def predict(directory: Path, task: str) -> None:
    """Opens a system and asks it about one image."""
    Inference(System.open(directory)).predict(task, np.zeros((1, 16, 16, 1), np.uint8))


def memory(field: str) -> float:
    """MiB of this process: `VmRSS` now, or `VmHWM` at its peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"this system tells no {field}")


def bytes_written() -> int:
    """Bytes that this process has handed to the kernel so far, for files of any kind."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("wchar:")).split()[1])


if __name__ == "__main__":
    sys.exit(main())
