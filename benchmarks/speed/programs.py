"""What a run compiles, and where its wall time goes: cold, and with JAX's persistent cache filled.

From the top of the checkout, with TFDS_DATA_DIR set:
  python -m benchmarks.speed.programs [--children 4] [FILE] [--gin.NAME=VALUE ...]

FILE and --children are those of efficiency.py. Two runs, one after the other, with an empty folder
as JAX's compilation cache. Programs are all that XLA compiles in the process: training steps,
forward passes, and what makes fresh parameters. The parts are told in watched.py.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.speed.efficiency import FILE
from benchmarks.speed.history import note, table
from benchmarks.speed.sidebyside import python
from benchmarks.speed.watched import COMPILING
from mu2.cli.main import split_bindings
from mu2.system.child_log import ChildLog


def main(argv: Sequence[str] | None = None) -> int:
    """Runs twice, and prints the parts of both."""
    words, bindings = split_bindings(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", default=FILE)
    parser.add_argument("--children", type=int, default=4, help="of a task iteration")
    options = parser.parse_args(words)
    bindings.append(f"Evolution.children_per_iteration={options.children}")
    with tempfile.TemporaryDirectory() as folder:
        figures = {
            name: watched(Path(folder), name, options.file, bindings) for name in ("cold", "cached")
        }
    cold, cached = figures.values()
    rows = [
        [title, *(f"{each[key]:.{digits}f}" for each in (cold, cached))]
        for title, key, digits in (
            ("share of wall time compiling", "compiling / wall", 3),
            ("programs compiled per 100 children", "compiled per 100", 1),
            ("programs compiled", "compiled", 0),
            ("programs from the cache", "from cache", 0),
            ("children", "children", 0),
            ("wall s", "wall s", 1),
        )
    ]
    parts = sorted(cold["seconds"], key=lambda part: -cold["seconds"][part])
    rows += [
        [f"  {part} s", *(f"{each['seconds'].get(part, 0):.2f}" for each in (cold, cached))]
        for part in parts
    ]
    table(["", "cold", "with the cache"], rows)
    note("programs", figures)
    return 0


def watched(folder: Path, name: str, file: str, bindings: Sequence[str]) -> dict[str, Any]:
    """One run with a clock on its parts."""
    system, out = folder / name, folder / f"{name}.json"
    words = ["-m", "benchmarks.speed.watched", time.monotonic(), out, "run", file]
    words += ["--system", system, *(f"--gin.{binding}" for binding in bindings)]
    wall = python(
        *words,
        JAX_COMPILATION_CACHE_DIR=str(folder / "cache"),
        JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS="0",
        JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES="-1",
    )
    figures = json.loads(out.read_text())
    children = len(ChildLog(system / "log.jsonl"))
    figures["seconds"]["exit"] = wall - sum(figures["seconds"].values())
    return {
        **figures,
        "children": children,
        "compiled per 100": 100 * figures["compiled"] / children,
        "compiling / wall": figures["seconds"][COMPILING] / wall,
        "wall s": wall,
    }


if __name__ == "__main__":
    sys.exit(main())
