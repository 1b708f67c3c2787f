"""The lines that every reporter tells of a run and of its task iterations."""

from typing import Protocol

from mu2.report import words
from mu2.report.standing import Standing


class Survivor(Protocol):
    """The path that a task iteration leaves, as far as a reporter knows it."""

    @property
    def quality(self) -> float | None:
        """Validation accuracy, 0 to 1."""

    @property
    def test_accuracy(self) -> float | None:
        """Test accuracy, 0 to 1."""

    @property
    def parent_task(self) -> str | None:
        """Task of the direct parent at birth; None for a root."""


class TaskRecord(Protocol):
    """A system's record of a task, as far as a reporter knows it."""

    @property
    def name(self) -> str:
        """The task's name."""

    @property
    def path(self) -> Survivor | None:
        """The surviving path."""


def started_line(standing: Standing) -> str:
    """What a run says first."""
    whole = (
        f"{words.plural(len(set(standing.visits)), 'task')}, "
        f"{words.plural(len(standing.visits), 'task iteration')}, "
        f"{words.plural(standing.total, 'child')}"
    )
    if standing.visit == len(standing.visits):
        return f"{standing.directory}: this run is complete; nothing is left."
    if standing.visit:
        return (
            f"{standing.directory}: goes on after {standing.visit} of "
            f"{words.plural(len(standing.visits), 'task iteration')} ({whole})."
        )
    return f"{standing.directory}: {whole}."


def task_line(record: TaskRecord, standing: Standing) -> str:
    """What is said of a task iteration that is over and not yet counted as done."""
    said = f"{record.name} {standing.iteration}/{standing.iterations}"
    if record.path is None:
        return f"{said}  no path"
    return (
        f"{said}  test {words.percent(record.path.test_accuracy)}"
        f"  validation {words.percent(record.path.quality)}"
        f"  parent {record.path.parent_task or 'root'}"
    )


def done_line(standing: Standing, compiled: int) -> str:
    """What a run says last."""
    return (
        f"{standing.directory}: done in {words.duration(standing.elapsed())}, "
        f"{words.plural(compiled, 'program')} compiled."
    )
