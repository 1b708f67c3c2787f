"""The quick benchmarks one after the other, under 10 minutes on two cores.

From the top of the checkout: python -m benchmarks.speed

Each is a process of its own, prints a table and adds to history.jsonl. What needs TFDS_DATA_DIR is
said to be left out where that is not set. The whole of efficiency (--children 32), growth to 1,000
tasks and the kills take longer: run these by themselves.
"""

import os
import subprocess
import sys
import time

from benchmarks.speed.history import write_text
from benchmarks.speed.sidebyside import ROOT

QUICK = (
    ("start", "--rounds", "2"),
    ("roofline", "--rounds", "3"),
    ("input",),
    ("images",),
    ("inference",),
    ("memory",),
    ("sharing", "--steps", "2", "--rounds", "3"),
    ("growth", "--sizes", "10", "20", "--repeats", "2"),
    ("programs", "--children", "2"),
    ("efficiency", "--children", "2", "--rounds", "1"),
)
NEED_DATA = ("input", "programs", "efficiency")


def main() -> int:
    """Runs them; returns 1 where one failed."""
    failed, begun = [], time.monotonic()
    for name, *words in QUICK:
        if name in NEED_DATA and "TFDS_DATA_DIR" not in os.environ:
            write_text(f"\n{name}: left out, as TFDS_DATA_DIR is not set")
            continue
        start = time.monotonic()
        write_text(f"\n{name} {' '.join(words)}")
        done = subprocess.run([sys.executable, "-m", f"benchmarks.speed.{name}", *words], cwd=ROOT)
        if done.returncode:
            failed.append(name)
        write_text(f"{name}: {time.monotonic() - start:.0f} s")
    write_text(f"\nall: {(time.monotonic() - begun) / 60:.1f} min")
    if failed:
        write_text(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
