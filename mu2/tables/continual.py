"""Continual learning: what a system knew of each task after every task iteration."""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mu2.system import Path

FORWARD = (
    "Forward transfer (Lopez-Paz and Ranzato, 2017) is left out: it compares accuracies on a task "
    "before it is trained, and here a task has no head, and so no accuracy, before its first child."
)


@dataclasses.dataclass(frozen=True)
class Visit:
    """A system after a task iteration.

    Attributes:
      task: whose iteration it was.
      paths: the path of each task that has one, in order of introduction.
    """

    task: str
    paths: Mapping[str, Path]


def matrix(visits: Sequence[Visit]) -> list[list[float | None]]:
    """R[i, j]: the test accuracy on task j after the i-th task iteration.

    Read from the records of that time: a path's components never change, so its one look at the
    test set holds for as long as the system keeps it.

    Args:
      visits: all of a system, in order.

    Returns:
      [visits, tasks] accuracies in [0, 1]; None where the task had no path yet.
    """
    tasks = list(visits[-1].paths) if visits else []
    return [
        [visit.paths[task].test_accuracy if task in visit.paths else None for task in tasks]
        for visit in visits
    ]


def continual(visits: Sequence[Visit], damaged_tasks: Collection[str] = ()) -> dict[str, Any]:
    """The numbers of continual learning.

    Backward transfer and forgetting are counted from the end of each task's own last iteration,
    over the tasks behind which others came; what its own later iterations changed is told apart
    (`revisits`), since there the task chose another path by its validation set.

    Args:
      visits: all task iterations of a system, in order.
      damaged_tasks: tasks whose stored components are not those that were written.

    Returns:
      A JSON document: `tasks`, `visits` (the task of each iteration), `matrix`,
      `average_accuracy` (mean of the last row), `backward_transfer` (mean of R[last, j] -
      R[own last, j]), `forgetting` (mean of the best R[i, j] since then - R[last, j]), `revisits`
      (mean of R[own last, j] - R[own first, j] where a task has several), each None where nothing
      is to be averaged; `proved`, whether the digests show that every path stayed as it was from
      its own last iteration on, and `changed`, the tasks where they do not.
    """
    rows = matrix(visits)
    tasks = list(visits[-1].paths) if visits else []
    backward, forgotten, revisits, changed = [], [], [], []
    for column, task in enumerate(tasks):
        own = [i for i, visit in enumerate(visits) if visit.task == task]
        since = [row[column] for row in rows[own[-1] :]] if own else []
        known = [value for value in since if value is not None]
        if not own or len(known) < len(since):
            changed.append(task)
            continue
        if len(known) > 1:
            backward.append(known[-1] - known[0])
            forgotten.append(max(known[:-1]) - known[-1])
        first = next((v for i in own if (v := rows[i][column]) is not None), None)
        if len(own) > 1 and first is not None:
            revisits.append(known[0] - first)
        marks = [_mark(visit.paths[task]) for visit in visits[own[-1] :]]
        if task in damaged_tasks or any(mark != marks[0] for mark in marks):
            changed.append(task)
    last = [value for value in rows[-1] if value is not None] if rows else []
    return {
        "tasks": tasks,
        "visits": [visit.task for visit in visits],
        "matrix": rows,
        "average_accuracy": _mean(last),
        "backward_transfer": _mean(backward),
        "forgetting": _mean(forgotten),
        "revisits": _mean(revisits),
        "proved": not changed,
        "changed": changed,
    }


def _mark(path: Path) -> tuple[Any, ...]:
    """All that the predictions of a path hang on, and the digest of those it gave."""
    components = tuple((c.name, c.id, c.digest, c.size, c.signature) for c in path.components)
    return (
        *(path.id, path.model, path.dtype, path.num_classes, components, path.test_digest),
        *(path.test_accuracy, tuple(sorted(path.hyperparameters.items()))),
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
