"""A bare loop over the same children, measured against `mu2 run` from its start to its exit.

From the top of the checkout, with TFDS_DATA_DIR set:
  python -m benchmarks.speed.efficiency [--children 4] [--rounds 2] [FILE] [--gin.NAME=VALUE ...]

FILE is benchmarks/tables/cmaterdb_ti0.gin unless one is given; --children is its number of
children for a task iteration, of which it has six (32 make the whole run). The bare loop is told in
bare.py; its list of children is read from the log of the run. Both run in processes of their own
and take turns: `mu2` with an empty cache of compiled programs, the loop, and `mu2 cached` with the
cache that the first run filled. `plain` is the loop's time for steps and validation alone, every
layer computed whole as a plain Flax ViT is; `same` the same of the layers as mu2 computes them, the
last block for the class token alone; `with compiling` has the plain loop's compiling too. None has
the loop's start, nor the reading of the data.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.speed.history import note, table
from benchmarks.speed.sidebyside import in_turn, medians, python
from mu2.cli.main import split_bindings
from mu2.cli.process import CACHED_SECONDS
from mu2.system.child_log import ChildLog

FILE = "benchmarks/tables/cmaterdb_ti0.gin"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs both in turn, and prints the ratios."""
    words, bindings = split_bindings(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", default=FILE)
    parser.add_argument("--children", type=int, default=4, help="of a task iteration")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args(words)
    bindings.append(f"Evolution.children_per_iteration={options.children}")
    with tempfile.TemporaryDirectory() as folder:
        figures = measured(Path(folder), options.file, bindings, options.rounds)
    seconds = ("mu2 s", "mu2 cached s", "plain s", "same s", "compiling s")
    ratios = tuple(name for name in figures if "/" in name)
    row = [f"{figures[name]:.2f}" for name in ratios] + [f"{figures[name]:.1f}" for name in seconds]
    table(["children", *ratios, *seconds], [[f"{figures['children']:.0f}", *row]])
    note("efficiency", figures)
    return 0


def measured(folder: Path, file: str, bindings: Sequence[str], rounds: int) -> dict[str, float]:
    """Medians of both, and their ratios."""
    flags = [f"--gin.{binding}" for binding in bindings]
    systems = iter(range(2 * rounds))
    told: dict[str, list[float]] = {"plain": [], "same": [], "compiling": []}

    def mu2(cache: Path) -> float:
        system = folder / f"{next(systems)}"
        words = ["-m", "mu2", "run", file, "--system", system, *flags]
        return python(*words, **kept_in(cache))

    def cold() -> float:
        return mu2(folder / f"cold{len(list(folder.glob('cold*')))}")

    def cached() -> float:
        return mu2(folder / "cold0")

    def bare() -> None:
        out, log = folder / "bare.json", folder / "0" / "log.jsonl"
        cache = kept_in(folder / "bare")
        python("-m", "benchmarks.speed.bare", out, log, file, *flags, **cache)
        loops = json.loads(out.read_text())
        told["plain"].append(loops["whole"]["training"])
        told["same"].append(loops["same"]["training"])
        told["compiling"].append(loops["whole"]["compiling"])

    whole = medians(in_turn({"cold": cold, "bare": bare, "cached": cached}, rounds))
    # Rounds after the first find their programs in a cache, to save the time of this benchmark.
    loop = {**medians(told), "compiling": told["compiling"][0]}
    return {
        "children": len(ChildLog(folder / "0" / "log.jsonl")),
        "plain / mu2": loop["plain"] / whole["cold"],
        "same / mu2": loop["same"] / whole["cold"],
        "plain / mu2 cached": loop["plain"] / whole["cached"],
        "same / mu2 cached": loop["same"] / whole["cached"],
        "with compiling / mu2": (loop["plain"] + loop["compiling"]) / whole["cold"],
        "mu2 s": whole["cold"],
        "mu2 cached s": whole["cached"],
        "plain s": loop["plain"],
        "same s": loop["same"],
        "compiling s": loop["compiling"],
    }


def kept_in(cache: Path) -> dict[str, str]:
    """The environment in which compiled programs are kept in a folder, as mu2 keeps them."""
    return {
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": str(CACHED_SECONDS),
    }


if __name__ == "__main__":
    sys.exit(main())
