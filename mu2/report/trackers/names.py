"""Names of folders for tasks: whatever a task is called, its folder lies where it should."""

import hashlib
import re

_PLAIN = re.compile(r"[\w][\w .+-]{0,99}")


def folder_name(task: str) -> str:
    """A name for a task's folder: the task's own where that is plain, else a like and unique one.

    Args:
      task: any text: with slashes, dots or letters that a file system does not take.
    """
    if _PLAIN.fullmatch(task) and task == task.strip(" ."):
        return task
    plain = re.sub(r"[^\w+-]+", "_", task).strip("_")[:60]
    return f"{plain or 'task'}-{hashlib.sha256(task.encode()).hexdigest()[:8]}"
