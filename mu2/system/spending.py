"""What the tasks of a system took, read off its logs."""

from collections.abc import Mapping, Sequence
from typing import Any


def spending(
    tasks: Sequence[str],
    log: Sequence[Mapping[str, Any]],
    times: Sequence[Mapping[str, Any]],
) -> dict[str, dict[str, float]]:
    """What the tasks took in a system, by task; nothing for one it has no children of.

    Args:
      tasks: their names.
      log: a line for each child of the system.
      times: its wall times, a line for each child.
    """
    found: dict[str, dict[str, float]] = {}
    for task in tasks:
        lines = [line for line in log if line["task"] == task]
        if lines:
            found[task] = {
                "children": len(lines),
                "steps": sum(line["steps"] for line in lines),
                "flops": sum(line["flops"] for line in lines),
                "seconds": sum(t["seconds"] for t in times if t["task"] == task),
            }
    return found
