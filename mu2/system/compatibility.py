"""Whether a search space and a task fit what a system holds already."""

from mu2.errors import Mu2Error
from mu2.evolution.path import Path
from mu2.models import Model
from mu2.system.record import TaskRecord
from mu2.system.system import System


def check_same_space(system: System, root: Path, model: Model) -> None:
    """Refuses a model whose layers would not fit those of the system."""
    if root.model != model.name:
        raise Mu2Error(
            f"{system.directory} belongs to another search space: its layers are those of "
            f"{root.model}, this experiment's are those of {model.name}.",
            hint="Choose another --system folder, or the search space it was made with "
            f"({system.directory}/runs).",
        )


def check_same_task(
    system: System, record: TaskRecord, class_names: tuple[str, ...], kind: str
) -> None:
    """Refuses a task that bears the name of another one.

    Args:
      system: that knows the task.
      record: what it knows.
      class_names: of the stream's task.
      kind: of its examples.
    """
    if (record.class_names, record.input) != (class_names, kind):
        raise Mu2Error(
            f"{system.directory} knows task {record.name!r} with {len(record.class_names)} classes "
            f"of {record.input} examples, and they are not the {len(class_names)} of "
            f"{kind} examples of this stream.",
            hint="Give the new task a name of its own.",
        )
