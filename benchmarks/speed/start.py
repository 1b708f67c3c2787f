"""How soon mu2 answers: its commands, and the first training step of the quickstart.

From the top of the checkout: python -m benchmarks.speed.start [--rounds 5]

Every start is a process of its own; they take turns with Python alone and with `import jax`.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.speed.history import note, table
from benchmarks.speed.sidebyside import in_turn, medians, python
from mu2.cli.process import prepare

FILE = "gin/quickstart.gin"
HELP, CHECK, SHOW, FIRST = "mu2 --help", "mu2 check", "mu2 show", "first training step"
WANTED = {HELP: 0.5}
# A system that `mu2 show` has something to show of.
SMALL = (
    "Stream.tasks=(@digits/Task(),)",
    "Stream.iterations=1",
    "Evolution.children_per_iteration=2",
    "Training.max_train_examples=64",
    "Training.max_validation_examples=64",
    "Training.intervals=1",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Starts each in turn, and prints the medians."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["--first"]:
        return first(float(words[1]), words[2:])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        seconds = measured(Path(folder), options.rounds)
    alone = seconds["python"]
    rows = [
        [name, f"{each / alone:.1f}", f"{each:.2f}", f"< {WANTED[name]}" if name in WANTED else ""]
        for name, each in seconds.items()
    ]
    table(["start of", "times python's", "s", "wanted"], rows)
    note("start", seconds)
    return 0


def measured(folder: Path, rounds: int) -> dict[str, float]:
    """Median seconds of each."""
    system = folder / "system"
    flags = [f"--gin.{binding}" for binding in SMALL]
    python("-m", "mu2", "run", FILE, "--system", system, *flags)
    ways = {
        "python": partial(python, "-c", "pass"),
        "import jax": partial(python, "-c", "import jax"),
        HELP: partial(python, "-m", "mu2", "--help"),
        CHECK: partial(python, "-m", "mu2", "check", FILE),
        SHOW: partial(python, "-m", "mu2", "show", system),
    }
    starts = iter(range(rounds))

    def quickstart() -> float:
        words: list[Any] = ["-m", "benchmarks.speed.start", "--first", time.monotonic(), "run"]
        return python(*words, FILE, "--system", folder / f"{next(starts)}")

    return medians(in_turn({**ways, FIRST: quickstart}, rounds))


def first(since: float, words: Sequence[str]) -> int:
    """Runs `mu2` up to the end of the first training step of the first child, and ends there."""
    prepare()  # before jax is imported, as the command does

    import jax

    from mu2.cli import main as mu2
    from mu2.training.cohort import Child

    step = Child.step

    def stopping(child: Child, *arguments: Any) -> None:
        step(child, *arguments)
        jax.block_until_ready(child.state)
        raise Done(time.monotonic() - since)

    Child.step = stopping  # type: ignore[assignment, method-assign]
    try:
        mu2(words)
    except Done:
        return 0
    raise RuntimeError("no child was trained")


class Done(BaseException):
    """The first step has been done."""


if __name__ == "__main__":
    sys.exit(main())
