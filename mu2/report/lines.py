"""The lines that every reporter tells of a run and of its task iterations."""

import collections

from mu2.report import words
from mu2.report.status import Status
from mu2.system import TaskRecord


def started_line(status: Status) -> str:
    """What a run says first."""
    whole = (
        f"{words.plural(len(set(status.visits)), 'task')}, "
        f"{words.plural(len(status.visits), 'task iteration')}, "
        f"{words.plural(status.total, 'child')}"
    )
    if status.workers > 1:
        whole += f", {status.workers} workers"
    if status.visit == len(status.visits):
        return f"{status.directory}: this run is complete; nothing is left."
    if status.visit:
        return (
            f"{status.directory}: goes on after {status.visit} of "
            f"{words.plural(len(status.visits), 'task iteration')} ({whole})."
        )
    return f"{status.directory}: {whole}."


def task_line(record: TaskRecord, status: Status) -> str:
    """What is said of a task iteration that is over and not yet counted as done."""
    said = f"{record.name} {status.iteration}/{status.iterations}"
    if record.path is None:
        return f"{said}  no path"
    return (
        f"{said}  test {words.percent(record.path.test_accuracy)}"
        f"  validation {words.percent(record.path.quality)}  layers {_makers(record)}"
    )


def _makers(record: TaskRecord) -> str:
    """Whose layers a task's path is made of, as `3 its own, 2 of root, 1 of latin`."""
    components = record.path.components if record.path is not None else ()
    makers = collections.Counter(component.owner for component in components)
    own = makers.pop(record.name, 0)
    others = (f"{number} of {maker or 'root'}" for maker, number in makers.items())
    return ", ".join([*([f"{own} its own"] if own else []), *others])


def done_line(status: Status, compiled: int) -> str:
    """What a run says last."""
    return (
        f"{status.directory}: done in {words.duration(status.elapsed())}, "
        f"{words.plural(compiled, 'program')} compiled."
    )
