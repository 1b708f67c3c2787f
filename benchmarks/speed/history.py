"""The history file: what was measured, by which command, of which commit, where and when.

One JSON object a line, in history.jsonl beside this module; lines are only ever added. Figures
compare within a line: what is set side by side was measured in one run.
"""

import datetime
import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from mu2.system.environment import commit

HISTORY = Path(__file__).with_name("history.jsonl")


def note(kind: str, figures: Mapping[str, Any], file: Path | None = None) -> None:
    """Adds a line to the history.

    Args:
      kind: what was measured, the program's name.
      figures: JSON values by name; the names tell the units.
      file: the history; None for `HISTORY`.
    """
    name, dirty = commit() or (None, None)
    line = {
        "kind": kind,
        "command": shlex.join(["python", *sys.orig_argv[1:]]),
        "commit": name,
        "dirty": dirty,
        "machine": machine(),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "figures": dict(figures),
    }
    with (file or HISTORY).open("a", encoding="utf-8") as out:
        out.write(json.dumps(line) + "\n")


def read(kind: str | None = None, file: Path | None = None) -> list[dict[str, Any]]:
    """The lines of the history, oldest first; of one kind where it is given."""
    file = file or HISTORY
    if not file.exists():
        return []
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if kind in (None, line["kind"])]


def machine() -> dict[str, Any]:
    """The CPU's name, the cores this process may use, and how many wanted one a minute ago."""
    return {"cpu": _cpu(), "cores": cores(), "load": round(os.getloadavg()[0], 2)}


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def write_text(text: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table: the first column to the left, the others to the right."""
    made = Table(box=box.SIMPLE)
    for i, column in enumerate(columns):
        made.add_column(column, justify="right" if i else "left", no_wrap=True)
    for row in rows:
        made.add_row(*row)
    # Wide enough for any table of ours, also where the output is a file.
    Console(width=160, file=sys.stdout, highlight=False).print(made)


def _cpu() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
