"""`mu2 run` with a clock on each of its parts; the other programs start it.

  python -m benchmarks.speed.watched SINCE FIGURES run FILE ... --system DIR [...]

SINCE is what time.monotonic() gave when the process was started, FIGURES the JSON file to write:
the seconds of each part, without those of the parts within it, and what was compiled. Compiling
(tracing, lowering, XLA) is a part of its own wherever it happens. Training is waited for before
validation begins, so that each is charged with its own; a run that is not watched need not wait.
"""

import functools
import importlib
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mu2.cli import process

# Functions, and the part that their time belongs to. "start" has what is before, "end" what is
# after, "between" what none of them has.
PARTS = {
    "mu2.cli.run:read_valid": "checks",
    "mu2.config.start:open_for_run": "checks",
    "mu2.experiment:introduce_roots": "roots",
    "mu2.experiment:begin_task_iteration": "decisions",
    "mu2.experiment:engine.plan_generation": "decisions",
    "mu2.experiment:TaskData.read": "data",
    "mu2.experiment:make_job": "jobs",
    "mu2.training.cohort:Cohort.train": "training",
    "mu2.training.cohort:initial": "placing",
    "mu2.training.cohort:extract_leaves": "extracting",
    "mu2.training.cohort:Cohort._validate": "validation",
    "mu2.experiment:keep_child": "components",
    "mu2.system.writable:WritableSystem.commit": "commits",
    "mu2.system.writable:WritableSystem.complete": "commits",
    "mu2.system.writable:WritableSystem.log_child": "log",
    "mu2.experiment:predict_test_set": "test sets",
    "mu2.report.text:show_system": "the table",
}
COMPILING = "compiling"
COMPILED = "/jax/core/compile/backend_compile_duration"
COMPILE_EVENTS = (
    "/jax/core/compile/jaxpr_trace_duration",
    "/jax/core/compile/jaxpr_to_mlir_module_duration",
    COMPILED,
)
HIT = "/jax/compilation_cache/cache_hits"


class Clock:
    """Which part had the time, and when something was compiled."""

    def __init__(self, since: float):
        self._changes = [(since, "start")]
        self._parts = ["between"]
        self._compiling: list[tuple[float, float]] = []
        self._counts: Counter[str] = Counter()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Charges what happens within to a part, but for the parts within it."""
        self._parts.append(name)
        self.now(name)
        try:
            yield
        finally:
            self._parts.pop()
            self.now(self._parts[-1])

    def now(self, name: str) -> None:
        """From now on another part has the time."""
        self._changes.append((time.monotonic(), name))

    def duration(self, event: str, duration_secs: float, **kwargs: str | int) -> None:
        """Hears from JAX of what has just ended."""
        self._counts[event] += 1
        if event in COMPILE_EVENTS:
            end = time.monotonic()
            self._compiling.append((end - duration_secs, end))

    def event(self, event: str, **kwargs: str | int) -> None:
        """Hears from JAX of what has just happened."""
        self._counts[event] += 1

    def figures(self) -> dict[str, Any]:
        """Seconds by part; programs compiled, and those that the persistent cache had."""
        self.now("")
        seconds: defaultdict[str, float] = defaultdict(float)
        compiling = union(self._compiling)
        for (start, part), (end, _) in zip(self._changes, self._changes[1:], strict=False):
            within = sum(max(0.0, min(end, e) - max(start, s)) for s, e in compiling)
            seconds[part] += end - start - within
            seconds[COMPILING] += within
        hits = self._counts[HIT]
        return {
            "seconds": dict(seconds),
            "compiled": self._counts[COMPILED] - hits,
            "from cache": hits,
        }


def union(intervals: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Intervals that cover the same without overlapping; tracing happens within tracing."""
    merged: list[tuple[float, float]] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def watch(clock: Clock) -> None:
    """Puts a clock on every function of `PARTS`, and listens to JAX."""
    import jax

    jax.monitoring.register_event_duration_secs_listener(clock.duration)
    jax.monitoring.register_event_listener(clock.event)
    for place, part in PARTS.items():
        module, name = place.split(":")
        owner: Any = importlib.import_module(module)
        *owners, name = name.split(".")
        for each in owners:
            owner = getattr(owner, each)
        setattr(owner, name, timed(clock, getattr(owner, name), part))


def timed(clock: Clock, function: Callable[..., Any], part: str) -> Callable[..., Any]:
    """A function whose time is charged to a part."""

    @functools.wraps(function)
    def charged(*arguments: Any, **named: Any) -> Any:
        if part == "validation":
            import jax

            jax.block_until_ready([child.state for child in arguments[1]])
        with clock.part(part):
            return function(*arguments, **named)

    return charged


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command that follows, and writes where its time went."""
    since, file, *words = sys.argv[1:] if argv is None else argv
    clock = Clock(float(since))
    process.prepare()
    clock.now("imports")
    watch(clock)
    from mu2.cli import main as mu2

    clock.now("between")
    code = mu2(words)
    Path(file).write_text(json.dumps(clock.figures()), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())
