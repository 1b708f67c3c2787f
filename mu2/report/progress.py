"""Reporters: what a run tells, live on a terminal or line by line elsewhere."""

import os
from typing import Any, Protocol, Self, TextIO

from mu2.errors import shown
from mu2.experiment import Experiment, Reporter
from mu2.report import words
from mu2.report.lines import done_line, started_line, task_line
from mu2.report.status import Status
from mu2.system import System, TaskRecord


class RunReporter(Reporter, Protocol):
    """A reporter that is a context manager, so that it tidies the terminal up."""

    def __enter__(self) -> Self:
        """Begins to show."""

    def __exit__(self, *error: object) -> None:
        """Ends, however the run ended."""


class LogReporter:
    """One plain line for every child and every task iteration, where there is no terminal.

    Args:
      stream: where to; flushed after every line.
      status: counts.
    """

    def __init__(self, stream: TextIO, status: Status | None = None):
        self._stream = stream
        self._status = status or Status()

    def run_started(self, experiment: Experiment, system: System) -> None:
        """See `Reporter`."""
        self._status.run_started(experiment, system)
        self._say(started_line(self._status))

    def task_started(self, task: str, iteration: int) -> None:
        """See `Reporter`."""
        self._status.task_started(task)

    def child_done(self, record: dict[str, Any]) -> None:
        """See `Reporter`."""
        s = self._status
        s.child_done(record)
        self._say(
            f"{record['task']} {s.iteration}/{s.iterations}  generation {record['generation'] + 1}"
            f"  child {s.child}/{s.children}  quality {words.percent(record['quality'])}"
            f" {words.outcome(record)}  best {words.percent(s.best)}"
            f"  from {record['parent_task'] or record['parent']}"
            f"  {words.duration(record['seconds'])}  time left {words.clock(s.time_left())}"
        )

    def task_done(self, record: TaskRecord) -> None:
        """See `Reporter`."""
        self._say(task_line(record, self._status))
        self._status.task_done()

    def run_done(self, compiled: int) -> None:
        """See `Reporter`."""
        if self._status.began:
            self._say(done_line(self._status, compiled))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.flush()

    def _say(self, line: str) -> None:
        self._stream.write(shown(line) + "\n")
        self._stream.flush()


def choose_reporter(stream: TextIO) -> RunReporter:
    """A live view where the stream is a terminal that can move its cursor, else lines."""
    if stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb"):
        from mu2.report.live import LiveReporter

        return LiveReporter(stream)
    return LogReporter(stream)
