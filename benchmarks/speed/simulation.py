"""What the driver of 256 workers does while they train: a system grows to 1,000 tasks.

From the top of the checkout:
  python -m benchmarks.speed.simulation SYSTEM [--tasks 1000] [--workers 256] [--measure 5]

Nothing is trained: the seconds of each child are drawn from those of SYSTEM, the folder of a real
run (`make quickstart` makes one), its quality and the values of its trained components from its
key. All else is `mu2 run`: it plans, reads parents, names components, writes packs, log and
commits. The system first grows by generations of two children; of the last tasks each has one
generation of as many children as there are workers. Their seconds pass on a clock of the
simulation, the driver's own are measured, as if workers waited for it. Prints, of these last tasks:
the driver's share of the time, commits a second, the share of workers' time that is idle, and where
the driver's time went. Adds the figures to history.jsonl.
"""

import argparse
import functools
import heapq
import io
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.growth import HEAD, npz
from benchmarks.speed.history import note, table
from mu2 import config, experiment
from mu2.config import start
from mu2.evolution import engine
from mu2.report.progress import LogReporter
from mu2.system import System
from mu2.system.writable import WritableSystem
from mu2.training import Arrays, Job, Network, SelectSurvivors, TrainingResult

# What the driver does, by the function that does it; names are those of the table.
PARTS: tuple[tuple[str, Any, str], ...] = (
    ("planning", engine, "plan_generation"),
    ("making jobs", experiment, "make_job"),
    ("naming and writing components", WritableSystem, "stage"),
    ("committing", WritableSystem, "commit"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Grows the system, then measures the driver of many workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("system", help="of a real run, whose children's seconds are drawn from")
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=256)
    parser.add_argument("--measure", type=int, default=5, help="of the tasks, the last ones")
    options = parser.parse_args(argv)
    seconds = [line["seconds"] for line in System.open(options.system).times]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        npz(folder)
        workers = SimulatedWorkers(seconds, options.workers)
        first = options.tasks - options.measure
        run(folder, [f"task{i}" for i in range(first)], 2, workers)
        workers.reset()
        spent: dict[str, float] = defaultdict(float)
        began = time.perf_counter()
        with timed(spent):
            tasks = [f"task{i}" for i in range(first, options.tasks)]
            run(folder, tasks, options.workers, workers)
        driver = time.perf_counter() - began - workers.own
    whole = driver + workers.clock
    commits = 2 * options.measure
    figures = {
        "tasks": options.tasks,
        "workers": options.workers,
        "median seconds of a child": float(np.median(seconds)),
        "driver's share": driver / whole,
        "planning and committing": (spent["planning"] + spent["committing"]) / whole,
        "commits a second": commits / whole,
        "commits a second of the driver's own": commits / driver,
        "idle": 1 - workers.busy / (options.workers * whole),
        "idle without the driver": 1 - workers.busy / (options.workers * workers.clock),
        "driver's ms a child": 1000 * driver / (options.measure * options.workers),
    }
    for part, each in spent.items():
        figures[f"{part}, ms a child"] = 1000 * each / (options.measure * options.workers)
    table(["", "value"], [[name, f"{value:,.3f}"] for name, value in figures.items()])
    note("simulation", figures)
    return 0


class SimulatedWorkers:
    """Workers whose children take seconds of a simulated clock alone.

    Args:
      seconds: that children took, to be drawn from.
      n: workers.

    Attributes:
      clock: seconds that generations took, each from its start until its last child is done.
      busy: seconds that workers were at work, all together.
      own: seconds that the simulation itself took, which no driver spends.
    """

    def __init__(self, seconds: Sequence[float], n: int):
        self._seconds, self._n = seconds, n
        self.reset()

    def reset(self) -> None:
        """Sets the clocks to 0."""
        self.clock = self.busy = self.own = 0.0

    def train(
        self, jobs: Sequence[Job], select_survivors: SelectSurvivors | None = None
    ) -> Iterator[TrainingResult]:
        """See `Workers.train`; no child is stopped."""
        began = time.perf_counter()
        free = [0.0] * self._n
        results = []
        for place, job in enumerate(jobs):
            draw = job.key.fold_in("simulated", place).numpy()
            took = float(draw.choice(self._seconds))
            heapq.heappush(free, heapq.heappop(free) + took)
            self.busy += took
            quality = float(draw.random())
            arrays = {name: drawn(job.arrays[name], draw) for name in job.trainable}
            results.append(TrainingResult(quality, (quality,), arrays, False, False, 1, took))
        self.clock += max(free)
        self.own += time.perf_counter() - began
        yield from results

    def logits(
        self, network: Network, arrays: Mapping[str, Arrays], inputs: np.ndarray, num_classes: int
    ) -> np.ndarray:
        """See `Workers.logits`; of nothing but zeros."""
        return np.zeros((len(inputs), num_classes), np.float32)

    def compiled(self) -> int:
        """See `Workers.compiled`."""
        return 0

    def environment(self, describe: Callable[[], dict[str, str]]) -> dict[str, str]:
        """See `Workers.environment`."""
        return describe()

    def close(self) -> None:
        """See `Workers.close`; there is nothing to end."""


def drawn(arrays: Arrays, draw: np.random.Generator) -> Arrays:
    """Leaves of the same shapes with other values."""
    return {name: draw.random(leaf.shape, np.float32) for name, leaf in arrays.items()}


def run(folder: Path, tasks: Sequence[str], children: int, workers: SimulatedWorkers) -> None:
    """Adds tasks to the system of a folder, with one generation of children each."""
    lines = [HEAD, f"Stream.tasks = ({' '.join(f'@{task}/Task(),' for task in tasks)})"]
    for task in tasks:
        lines += [f"{task}/Task.name = '{task}'", f"{task}/Task.source = @Npz()"]
    lines.append(f"Npz.path = '{folder / 'noise.npz'}'")
    file = folder / "simulation.gin"
    file.write_text("\n".join(lines) + "\n")
    bindings = [f"Evolution.children_per_{each}={children}" for each in ("iteration", "generation")]
    loaded = config.load([str(file)], bindings)
    with start.open_for_run(loaded.experiment, loaded.resolved, str(folder / "system")) as system:
        experiment.run(loaded.experiment, system, workers, LogReporter(io.StringIO()))


@contextmanager
def timed(spent: dict[str, float]) -> Iterator[None]:
    """Adds up the seconds of the driver's parts."""
    before = [(owner, name, getattr(owner, name)) for _, owner, name in PARTS]
    for (part, *_), (owner, name, function) in zip(PARTS, before, strict=True):
        setattr(owner, name, measured(function, part, spent))
    try:
        yield
    finally:
        for owner, name, function in before:
            setattr(owner, name, function)


def measured(
    function: Callable[..., Any], part: str, spent: dict[str, float]
) -> Callable[..., Any]:
    """The function, whose seconds are added to a part's."""

    @functools.wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            spent[part] += time.perf_counter() - began

    return call


if __name__ == "__main__":
    sys.exit(main())
