"""Feeds a tracker from a system's committed log, once or for as long as its run lasts."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mu2.report.follow import Follower
from mu2.report.history import History, LoggedChild
from mu2.report.reading import read_history
from mu2.report.trackers.tracker import Tracker

PERIOD = 1.0  # seconds between two looks at the system, at least
SHARE = 20  # as many times longer than a look took


def feed(history: History, tracker: Tracker) -> int:
    """Gives a tracker the children that it does not have yet.

    Args:
      history: the system.
      tracker: open.

    Returns:
      The number of children that were given.
    """
    count = 0
    for task in history.tasks:
        children = history.by_task[task.name]
        best: float | None = None
        flops = 0.0
        taken = tracker.taken(task.name)
        for step, child in enumerate(children):
            flops += child.flops
            if child.retained and child.quality is not None:
                best = max(best or 0.0, child.quality)
            if step >= taken:
                tracker.take(task.name, step, _values(child, best, flops))
                count += 1
        if len(children) > taken:
            tracker.describe(task.name, _facts(history, task.name))
    tracker.flush()
    return count


def follow(directory: Path, trackers: Sequence[Tracker], over: Callable[[], bool]) -> int:
    """Feeds trackers with every new commit of a system.

    Args:
      directory: the system's folder; it need not be there yet.
      trackers: open.
      over: whether to stop once the newest commit has been given; asked before each look.

    Returns:
      The number of children that were given, to each of them counted.
    """
    follower = Follower(directory, lambda history: b"")
    count, last = 0, None
    while True:
        done = over()
        version, pause = follower.version(), PERIOD
        if version != last and version not in (None, "none"):
            began = time.monotonic()
            history = read_history(directory)
            count += sum(feed(history, tracker) for tracker in trackers)
            last = version
            # A long log takes long to read; the run beside it shall not feel that.
            pause = max(PERIOD, SHARE * (time.monotonic() - began))
        if done:
            return count
        until = time.monotonic() + pause
        while time.monotonic() < until and not over():
            time.sleep(0.2)


def _values(child: LoggedChild, best: float | None, flops: float) -> Mapping[str, float]:
    """The numbers of a child, under the names that a tracker shows."""
    numbers: dict[str, float | None] = {
        "quality": child.quality,
        "score": child.score,
        "best quality": best,
        "kept": float(child.retained),
        "iteration": float(child.iteration),
        "trained parameters": float(child.trained_parameters),
        "parameters": float(child.parameters),
        "flops": child.flops,
        "flops so far": flops,
        "seconds": child.seconds,
    }
    for name, value in child.hyperparameters.items():
        if isinstance(value, int | float):
            numbers[f"hyperparameters/{name}"] = float(value)
    return {name: value for name, value in numbers.items() if value is not None}


def _facts(history: History, task: str) -> dict[str, Any]:
    known = next(each for each in history.tasks if each.name == task)
    path = history.kept_paths.get(task)
    return {
        "system": history.name,
        "task": task,
        "classes": len(known.class_names),
        "private": known.private,
        "iterations": known.iterations,
        "path": known.path,
        "test_accuracy": None if path is None else path.test_accuracy,
        "validation_accuracy": None if path is None else path.quality,
        "hyperparameters": {} if path is None else dict(path.hyperparameters),
    }
