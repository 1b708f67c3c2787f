"""Kills runs at many moments, resumes them, and compares each with one that nothing stopped.

From the top of the checkout: python -m benchmarks.speed.kills [--kills 100] [--seed 0]
What is compared is told in tests/kills.py. Prints a table, and adds its figures to
history.jsonl.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.speed.history import note, write_text
from tests.kills import chains


def main() -> int:
    """Prints each kill as it hits, and then how many there were of each kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="kills that must hit")
    parser.add_argument("--seed", type=int, default=0, help="of every moment")
    options = parser.parse_args()

    def told(kill: Any) -> None:
        left = "  left something behind" if kill.left else ""
        write_text(f"{kill.kind:6} {kill.where:60} newest commit {kill.commit:3}{left}")

    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        kills, runs = chains(Path(folder), options.kills, options.seed, told)
    kinds = Counter(kill.kind for kill in kills)
    left = Counter(kill.kind for kill in kills if kill.left)
    write_text("\nkind    kills  left something behind")
    for kind in sorted(kinds):
        write_text(f"{kind:6}  {kinds[kind]:5}  {left[kind]:21}")
    minutes = (time.monotonic() - start) / 60
    write_text(
        f"\n{len(kills)} kills in {runs} runs, all as the uninterrupted one: {minutes:.0f} min"
    )
    figures = {
        "kills": len(kills),
        "runs": runs,
        "kinds": dict(kinds),
        "left_behind": sum(left.values()),
        "commits_hit": len({kill.commit for kill in kills}),
        "differences": 0,
        "seed": options.seed,
    }
    note("kills", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
