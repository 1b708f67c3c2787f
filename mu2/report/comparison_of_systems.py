"""Several systems side by side: the same tasks, and what differs in how they were run."""

import dataclasses
from collections.abc import Sequence

from mu2.report.charts import Axis, Chart, Series
from mu2.report.history import History


@dataclasses.dataclass(frozen=True)
class SystemComparison:
    """Several systems side by side.

    Attributes:
      names: of the systems, in the given order.
      tasks: each task of any of them, with its test accuracy in each; None where it has none.
      settings: each Gin binding that is not the same in all, with its text in each.
      charts: of all systems together.
    """

    names: tuple[str, ...]
    tasks: tuple[tuple[str, tuple[float | None, ...]], ...]
    settings: tuple[tuple[str, tuple[str | None, ...]], ...]
    charts: tuple[Chart, ...]


def compare_systems(histories: Sequence[History]) -> SystemComparison:
    """Compares two systems or more."""
    names = tuple(history.name for history in histories)
    tasks = dict.fromkeys(task.name for history in histories for task in history.tasks)
    accuracies = tuple((task, tuple(_accuracy(h, task) for h in histories)) for task in tasks)
    bindings = sorted({name for history in histories for name in history.settings})
    settings = ((name, tuple(h.settings.get(name) for h in histories)) for name in bindings)
    return SystemComparison(
        names=names,
        tasks=accuracies,
        settings=tuple((name, values) for name, values in settings if len(set(values)) > 1),
        charts=(by_task(names, accuracies), against_parameters(histories)),
    )


def by_task(
    names: Sequence[str], accuracies: Sequence[tuple[str, tuple[float | None, ...]]]
) -> Chart:
    """Test accuracy of each task in each system."""
    places = tuple(float(number) for number in range(len(accuracies)))
    return Chart(
        kind="comparison",
        title="The same tasks in each system",
        caption="Test accuracy, a line a system.",
        shape="lines",
        x=Axis("task", ticks=tuple(task for task, _ in accuracies)),
        y=Axis("test accuracy", "percent"),
        series=tuple(
            Series(name, places, tuple(values[number] for _, values in accuracies))
            for number, name in enumerate(names)
        ),
    )


def against_parameters(histories: Sequence[History]) -> Chart:
    """Mean test accuracy against parameters a task, a point a system."""
    series = []
    for history in histories:
        tests = [
            p.test_accuracy for p in history.kept_paths.values() if p.test_accuracy is not None
        ]
        if tests:
            whole = history.parameters(list(history.users)) / len(history.kept_paths)
            series.append(Series(history.name, (float(whole),), (sum(tests) / len(tests),)))
    return Chart(
        kind="efficiency",
        title="Mean accuracy against parameters a task",
        caption="A point a system: parameters of all its paths, each layer counted once, divided "
        "by its tasks; and its mean test accuracy.",
        shape="points",
        x=Axis("parameters a task", "count"),
        y=Axis("mean test accuracy", "percent"),
        series=tuple(series),
    )


def _accuracy(history: History, task: str) -> float | None:
    path = history.kept_paths.get(task)
    return None if path is None else path.test_accuracy
