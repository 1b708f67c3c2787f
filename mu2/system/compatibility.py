"""Whether a search space and a task fit what a system holds already, and what it knows of them."""

import json

from mu2.errors import Mu2Error
from mu2.evolution.path import Path
from mu2.models import Model
from mu2.system.record import TaskRecord
from mu2.system.system import System
from mu2.tasks import Source, Task, check_same


def check_same_space(system: System, root: Path, model: Model) -> None:
    """Refuses a model whose layers would not fit those of the system."""
    if root.model != model.name:
        raise Mu2Error(
            f"{system.directory} belongs to another search space: "
            f"{compare_models(root.model, model.name)}.",
            hint="Choose another --system folder, or the search space it was made with "
            f"({system.directory}/runs).",
        )


def compare_models(there: str, here: str) -> str:
    """Says in what an architecture of a system differs from another one, each by its name."""
    ((kind, settings),) = json.loads(there).items()
    ((other_kind, others),) = json.loads(here).items()
    if kind != other_kind:
        return f"its layers are those of {kind}, not of {other_kind}"
    names = [name for name in {**settings, **others} if settings.get(name) != others.get(name)]
    return "; ".join(
        f"its {kind}.{name} is {settings.get(name)}, not {others.get(name)}" for name in names
    )


def check_same_task(system: System, record: TaskRecord, source: Source) -> None:
    """Refuses a task that bears the name of another one.

    Args:
      system: that knows the task.
      record: what it knows.
      source: of the stream's task of that name.
    """
    place = f"{system.directory} knows task {record.name!r}"
    check_same(record.input, record.class_names, source, place)


def find_record(system: System, task: Task) -> TaskRecord:
    """What the system knows of a stream's task; of one that it does not know, a new record.

    Raises:
      Mu2Error: the system knows the task with other classes.
    """
    source = task.source
    if system.has_task(task.name):
        record = system.task(task.name)
    else:
        iterations = system.removed_iterations(task.name)
        classes = source.class_names()
        record = TaskRecord(task.name, classes, task.private, source.input, iterations)
    check_same_task(system, record, source)
    return record
