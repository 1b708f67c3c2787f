"""One example read as a run reads it, and whatever stops that."""

from mu2.errors import Mu2Error
from mu2.tasks.labels import label_hint
from mu2.tasks.reader import Readable
from mu2.tasks.task import Part, Task


def read_first(task: Task, part: Part, shape: tuple[int, ...]) -> Mu2Error | None:
    """Reads the first example of a part; None where that works.

    Args:
      task: its data are there.
      part: 'train', 'validation' or 'test'.
      shape: of one example, as in `Task.read`.

    Returns:
      What stands in the way; of a source that others have written, whatever it raises.
    """
    expression = getattr(task.splits(), part)
    try:
        source = task.fit_source()
        if not isinstance(source, Readable):
            task.read(part, shape)
            return None
        examples = source.reader(expression).read([0], shape[0])
        classes = task.source.num_classes()
        if not 0 <= examples.labels[0] < classes:
            return Mu2Error(
                f"task {task.name!r}: the first example of {part} ({expression}) has label "
                f"{examples.labels[0]}, and labels run from 0 to {classes - 1}.",
                hint=label_hint(task.source),
            )
    except Mu2Error as error:
        return error
    except MemoryError as error:
        return Mu2Error(
            f"task {task.name!r}: there is not memory enough for the first example of {part} "
            f"({expression}), of {' x '.join(f'{side:,}' for side in shape)} numbers"
            f"{': ' * bool(str(error))}{error}.",
            hint="Smaller examples need less: the hyperparameters that give them their shape.",
        )
    except Exception as error:  # noqa: BLE001 - sources call libraries that raise what they please
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        return Mu2Error(
            f"task {task.name!r}: the first example of {part} ({expression}) cannot be read: "
            f"{type(error).__name__}: {line}"
        )
    return None
