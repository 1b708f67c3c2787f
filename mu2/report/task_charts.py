"""The charts of one task; the page draws the same from its own data (children.js)."""

from collections.abc import Iterator

import numpy as np

from mu2.report.charts import Axis, Chart, Matrix, Series, Tone
from mu2.report.history import History, LoggedChild
from mu2.report.system_charts import task_of


def task_charts(history: History, task: str) -> Iterator[Chart | Matrix]:
    """Every chart of one task for which the system has the data.

    Args:
      history: the system.
      task: one of its tasks.
    """
    if history.by_task.get(task):
        yield curves(history, task)
        yield scores(history, task)
    if task in history.kept_paths:
        if history.kept_paths[task].id in history.by_path:
            yield learning(history, task)
            yield ancestors(history, task)
        predictions = confusion(history, task)
        if predictions is not None:
            yield classes(predictions, task)
            yield predictions


def _tone(child: LoggedChild, line: set[str]) -> Tone:
    if child.path in line:
        return "strong"
    return "plain" if child.retained else "faint"


def _line(history: History, task: str) -> set[str]:
    return (
        set(history.lineage(history.kept_paths[task].id)) if task in history.kept_paths else set()
    )


def curves(history: History, task: str) -> Chart:
    """The learning curves of all children of a task."""
    line = _line(history, task)
    return Chart(
        kind="curves",
        title=f"Learning curves of the children of {task}",
        caption="Validation accuracy after each interval. Bold: the lineage of the path that the "
        "task keeps; coloured: kept for a while; grey: dropped.",
        shape="lines",
        x=Axis("validation interval", "count"),
        y=Axis("validation accuracy", "percent"),
        series=tuple(
            Series.of_values(child.path, child.qualities, task, _tone(child, line))
            for child in history.by_task[task]
        ),
    )


def scores(history: History, task: str) -> Chart:
    """The score of each child of a task, in the order of training."""
    line, groups = _line(history, task), dict[Tone, list[tuple[float, float]]]()
    for number, child in enumerate(history.by_task[task], 1):
        if child.score is not None:
            groups.setdefault(_tone(child, line), []).append((float(number), child.score))
    names: dict[Tone, str] = {
        "faint": "dropped",
        "plain": "kept for a while",
        "strong": "in the lineage of the path it keeps",
    }
    return Chart(
        kind="scores",
        title=f"Score of the children of {task}",
        caption="A point a child, in the order of training.",
        shape="points",
        x=Axis("child of this task", "count"),
        y=Axis("score", "percent"),
        series=tuple(
            Series.of_points(name, groups[tone], (task,), tone)
            for tone, name in names.items()
            if tone in groups
        ),
    )


def learning(history: History, task: str) -> Chart:
    """The curves of a path's ancestors of its own task, one after the other, each up to its best.

    Of analysis.ipynb.
    """
    chain: list[LoggedChild] = []
    for step in history.lineage(history.kept_paths[task].id):
        child = history.by_path.get(step)
        if child is None or child.task != task:
            break
        chain.insert(0, child)
    values: list[float] = []
    best: list[tuple[float, float]] = []
    for child in chain:
        if child.qualities:
            last = max(range(len(child.qualities)), key=lambda i: (child.qualities[i], i))
            values += child.qualities[: last + 1]
            best.append((float(len(values)), child.qualities[last]))
    series = [
        Series.of_values("validation", values, task, "strong"),
        Series.of_points("the interval that was taken", best),
    ]
    if (test := history.kept_paths[task].test_accuracy) is not None:
        series.append(Series("test, once", (len(values) + 1.0,), (test,)))
    return Chart(
        kind="learning",
        title=f"Learning along the lineage of {task}",
        caption="Validation accuracy of the task's ancestors one after the other, each up to the "
        "interval that was taken.",
        shape="lines",
        x=Axis("validations", "count"),
        y=Axis("accuracy", "percent"),
        series=tuple(series),
    )


def ancestors(history: History, task: str) -> Chart:
    """The score of each ancestor of a task's path, of whatever task, against its number."""
    place = {child.path: float(number) for number, child in enumerate(history.children, 1)}
    line = [
        step for step in reversed(history.lineage(history.kept_paths[task].id)) if step in place
    ]
    return Chart(
        kind="lineage",
        title=f"Ancestors of the path of {task}",
        caption="The score of each ancestor against its number among all children of the system; "
        "the last is the path that the task keeps.",
        shape="lines",
        x=Axis("child of the system", "count"),
        y=Axis("score", "percent"),
        series=(
            Series(
                "lineage",
                tuple(place[step] for step in line),
                tuple(history.by_path[step].score for step in line),
                tuple(task_of(history, step) or "root" for step in line),
                "strong",
            ),
        ),
    )


def confusion(history: History, task: str) -> Matrix | None:
    """What a task's test examples were taken for; None where the system has no predictions."""
    known = next(each for each in history.tasks if each.name == task)
    if known.predictions is None:
        return None
    labels, predicted, _ = known.predictions
    number = len(known.class_names)
    counts = np.zeros((number, number))
    np.add.at(counts, (np.asarray(labels, int), np.asarray(predicted, int)), 1)
    totals = counts.sum(axis=1, keepdims=True)
    return Matrix(
        kind="confusion",
        title=f"Confusion of {task}",
        caption="Share of a row's test examples that are taken for a column.",
        rows=known.class_names,
        columns=known.class_names,
        row_label="true class",
        column_label="taken for",
        unit="percent",
        values=np.where(totals > 0, counts / np.maximum(totals, 1), np.nan),
    )


def classes(confused: Matrix, task: str) -> Chart:
    """Accuracy of each class, from the diagonal of the confusion."""
    right = [float(value) for value in np.diag(confused.values)]
    return Chart(
        kind="classes",
        title=f"Accuracy per class of {task}",
        caption="Share of a class's test examples that are classified right.",
        shape="bars",
        x=Axis("class", ticks=confused.rows),
        y=Axis("test accuracy", "percent"),
        series=(
            Series(
                "accuracy",
                tuple(float(place) for place in range(len(right))),
                tuple(None if np.isnan(value) else value for value in right),
                tuple(task for _ in right),
            ),
        ),
    )


def course(history: History, name: str) -> Chart:
    """The course of one hyperparameter along the lineages of all kept paths.

    Args:
      history: the system.
      name: of a hyperparameter that some child has.
    """
    values = {
        task: [
            history.by_path[step].hyperparameters.get(name)
            for step in reversed(history.lineage(path.id))
            if step in history.by_path
        ]
        for task, path in history.kept_paths.items()
    }
    every = [value for line in values.values() for value in line if value is not None]
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in every)
    ticks = () if numeric else tuple(sorted({str(value) for value in every}))
    wide = numeric and every and min(every) > 0 and max(every) > 20 * min(every)

    def height(value: object) -> float | None:
        if value is None:
            return None
        return float(value) if numeric else float(ticks.index(str(value)))  # type: ignore[arg-type]

    return Chart(
        kind="course",
        title=f"Course of {name}",
        caption="Along the lineage of each task's path, from the root's first descendant on.",
        shape="steps",
        x=Axis("ancestors since the root", "count"),
        y=Axis(name, log=bool(wide), ticks=ticks),
        series=tuple(
            Series.of_values(task, [height(value) for value in line], task)
            for task, line in values.items()
        ),
    )
