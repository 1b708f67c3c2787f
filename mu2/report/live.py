"""The live view: what a terminal shows while a run goes on."""

from typing import Any, Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from mu2.errors import shown
from mu2.experiment import Experiment
from mu2.report import words
from mu2.report.lines import done_line, started_line, task_line
from mu2.report.status import Status
from mu2.system import System, TaskRecord


class LiveReporter:
    """A line for every finished task iteration, and below them three lines that move.

    Args:
      stream: a terminal.
      status: counts.
    """

    def __init__(self, stream: TextIO, status: Status | None = None):
        self._console = Console(file=stream, highlight=False)
        self._status = status or Status()
        self._last: dict[str, Any] | None = None
        self._qualities: list[float | None] = []
        self._live = Live(
            get_renderable=self._view,
            console=self._console,
            refresh_per_second=4,
            transient=True,
        )

    def run_started(self, experiment: Experiment, system: System) -> None:
        """See `Reporter`."""
        self._status.run_started(experiment, system)
        self._say(started_line(self._status))

    def task_started(self, task: str, iteration: int) -> None:
        """See `Reporter`."""
        self._status.task_started(task)
        self._last = None
        self._qualities = []

    def child_done(self, record: dict[str, Any]) -> None:
        """See `Reporter`."""
        self._status.child_done(record)
        self._last = record
        self._qualities.append(record["quality"])

    def task_done(self, record: TaskRecord) -> None:
        """See `Reporter`."""
        self._say(task_line(record, self._status))
        self._status.task_done()
        self._last = None

    def run_done(self, compiled: int) -> None:
        """See `Reporter`."""
        if self._status.began:
            self._say(done_line(self._status, compiled))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def _say(self, line: str) -> None:
        self._console.print(Text(shown(line)), soft_wrap=True)

    def _view(self) -> RenderableType:
        s = self._status
        if not s.visits or s.visit == len(s.visits):
            return Text("")
        grid = Table.grid(padding=(0, 2, 0, 0))
        grid.add_column(max_width=24, no_wrap=True, overflow="ellipsis")
        grid.add_column(width=16)
        grid.add_column(no_wrap=True, overflow="ellipsis")
        grid.add_row(
            Text("run"),
            _bar(s.done, s.total),
            Text(
                f"{s.done}/{words.plural(s.total, 'child')}, {words.clock(s.elapsed())} gone, "
                f"{words.clock(s.time_left())} left"
            ),
        )
        grid.add_row(
            Text(shown(s.visits[s.visit]), style="bold"),
            _bar(s.child, s.children),
            Text(
                f"{s.child}/{s.children}, iteration {s.iteration}/{s.iterations}, "
                f"best {words.percent(s.best)} {words.sparkline(self._qualities)}"
            ),
        )
        return Group(grid, self._last_child())

    def _last_child(self) -> Text:
        if self._last is None:
            return Text("the first child is being trained", style="dim")
        r = self._last
        return Text(
            shown(
                f"generation {r['generation'] + 1}, child {r['child'] + 1} from "
                f"{r['parent_task'] or r['parent']}: {words.percent(r['quality'])}, "
                f"{words.outcome(r)}, {words.duration(r['seconds'])}"
            ),
            style="dim",
            no_wrap=True,
            overflow="ellipsis",
        )


def _bar(done: int, total: int) -> ProgressBar:
    return ProgressBar(total=total, completed=done, width=16)
