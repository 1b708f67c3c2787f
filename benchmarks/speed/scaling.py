"""Children a second with 1, 2, 4 and 8 workers, what a child costs beside its training, and bytes.

From the top of the checkout:
  python -m benchmarks.speed.scaling [--workers 1 2 4 8] [--children 8] [--rounds 3]
    [--executor processes]

A generation of ConvNets (28 pixels, two blocks, all layers trained, batches of 64 of scikit-learn's
digits) is trained by each number of workers in turn, each on one thread, after one generation that
compiles. Of four stored components each child begins with all four; they travel once. Per number
of workers: children a second, and those of one worker that this is worth; the seconds of a worker's
time a child that are not its training, idle ones of an uneven end included; bytes to and from the
workers a child, of the generations after the first. More workers than cores only show what
sharing cores costs. Prints a table and adds it to history.jsonl.
"""

import argparse
import dataclasses
import sys
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

from benchmarks.speed.history import note, table
from mu2 import config
from mu2.cli.process import keep_compiled_programs
from mu2.models import ConvNet
from mu2.random_keys import Key
from mu2.system.environment import run_environment
from mu2.tasks import Digits, Task
from mu2.tasks.data import TaskData
from mu2.training import Job, Layout, Training
from tests import jobs

TRAINING = Training(batch_size=64, intervals=1, max_train_examples=1258)
SHAPE = (28, 28, 1)
HYPERPARAMETERS = {**jobs.PLAIN, "image_size": 28, "num_layers": 2}


def main(argv: Sequence[str] | None = None) -> int:
    """Measures every number of workers in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--children", type=int, default=8, help="of a generation")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--executor", default="processes", help="a file of gin/executor/")
    options = parser.parse_args(argv)
    keep_compiled_programs()
    generation = children(options.children)
    measured: dict[int, list[dict[str, float]]] = {n: [] for n in options.workers}
    fleets = {n: started(options.executor, n) for n in options.workers}
    try:
        for fleet in fleets.values():
            list(fleet.train(generation))
        for _ in range(options.rounds):
            for n, fleet in fleets.items():
                measured[n].append(measure(fleet, generation, n))
    finally:
        for fleet in fleets.values():
            fleet.close()
    figures = {
        n: {name: median(each[name] for each in found) for name in found[0]}
        for n, found in measured.items()
    }
    one = figures[options.workers[0]]["children a second"]
    for each in figures.values():
        each["worth"] = each["children a second"] / one
    names = list(figures[options.workers[0]])
    rows = [
        [
            str(n),
            *(
                f"{each[name]:,.2f}" if each[name] < 1000 else f"{each[name]:,.0f}"
                for name in names
            ),
        ]
        for n, each in figures.items()
    ]
    table(["workers", *names], rows)
    note(
        "scaling", {"executor": options.executor, "children": options.children, **by_text(figures)}
    )
    return 0


def by_text(figures: dict[int, Any]) -> dict[str, Any]:
    """The same with the numbers of workers as text."""
    return {f"{n} workers": each for n, each in figures.items()}


def children(n: int) -> list[Job]:
    """Children that begin with the same stored components and have data in common."""
    data = TaskData(Task("digits", Digits()), TRAINING.batch_size, 1024)
    train, validation = (data.examples(part, SHAPE) for part in ("train", "validation"))
    network = ConvNet(channels=1).network(HYPERPARAMETERS, 10)
    job = jobs.job(network, HYPERPARAMETERS, train, validation, 10, Key.from_seed(0))
    names = [component.name for component in network]
    stored = {name: f"stored {name}" for name in names[:4]}
    return [dataclasses.replace(job, stored=stored)] * n


def started(executor: str, workers: int) -> Any:
    """The fleet of an executor."""
    kind = {"processes": "ProcessExecutor", "ray": "RayExecutor"}[executor]
    files = ["gin/quickstart.gin", f"gin/executor/{executor}.gin"]
    made = config.load(files, [f"{kind}.workers={workers}"]).experiment.executor
    if made is None:
        raise RuntimeError(f"{files[1]} names no executor")
    fleet = made.start(Layout(), TRAINING)
    fleet.environment(run_environment)
    return fleet


def measure(fleet: Any, generation: Sequence[Job], workers: int) -> dict[str, float]:
    """Trains a generation."""
    sent, received = moved(fleet)
    start = time.perf_counter()
    results = list(fleet.train(generation))
    seconds = time.perf_counter() - start
    n, busy = len(generation), sum(result.seconds for result in results)
    now_sent, now_received = moved(fleet)
    return {
        "children a second": n / seconds,
        "s a child beside training": (seconds * min(workers, n) - busy) / n,
        "kB sent a child": (now_sent - sent) / n / 1000,
        "kB received a child": (now_received - received) / n / 1000,
    }


def moved(fleet: Any) -> tuple[int, int]:
    """Bytes that went to all workers and came back; nothing where the transport does not count."""
    links = fleet._links
    return (
        sum(getattr(link, "sent", 0) for link in links),
        sum(getattr(link, "received", 0) for link in links),
    )


if __name__ == "__main__":
    sys.exit(main())
