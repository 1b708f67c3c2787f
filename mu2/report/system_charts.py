"""The charts of a whole system."""

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from mu2.report.charts import Axis, Chart, Matrix, Series
from mu2.report.history import History, KeptPath

ROOT = "root"


def system_charts(history: History) -> Iterator[Chart | Matrix]:
    """Every chart of a whole system; those that need a path are left out where there is none."""
    if not history.kept_paths:
        return
    yield flow(history)
    yield descent(history)
    yield sharing(history)
    yield accuracy_matrix(history)
    yield from growth(history)
    yield size(history)
    yield depth(history)
    if history.children:
        yield from costs(history)
        yield spent(history)


def flow(history: History) -> Matrix:
    """Knowledge flow, in layers: how many of a task's layers another task's path uses."""
    names = [ROOT, *history.kept_paths]
    place = {name: number for number, name in enumerate(names)}
    values = np.zeros((len(names), len(names) - 1))
    for column, (task, path) in enumerate(history.kept_paths.items()):
        for component in path.components:
            owner = history.components[component].task
            if owner != task:
                # The maker may have left the system, or have no path of its own.
                row = place.get(owner or ROOT)
                if row is not None:
                    values[row, column] += 1
    return Matrix(
        kind="flow",
        title="Knowledge flow: whose layers serve whom",
        caption="Each cell counts the layers of a row's task that a column's task uses unchanged.",
        rows=tuple(names),
        columns=tuple(history.kept_paths),
        row_label="layers of",
        column_label="used by",
        unit="count",
        values=values,
    )


def descent(history: History) -> Matrix:
    """Knowledge flow, in ancestors: how often a task stands among another's ancestors.

    Of analysis.ipynb: each ancestor of a kept path counts one, the path itself included, roots not.
    """
    names = list(history.kept_paths)
    place = {name: number for number, name in enumerate(names)}
    values = np.zeros((len(names), len(names)))
    for column, path in enumerate(history.kept_paths.values()):
        for ancestor in history.lineage(path.id):
            row = place.get(task_of(history, ancestor) or "")
            if row is not None:
                values[row, column] += 1
    caption = (
        "Each cell counts the ancestors that a column's path has among a row's paths, itself "
        "included."
    )
    title = "Descent: whose paths a task's path comes from"
    return _of_tasks("descent", title, caption, ("ancestors of", "path of"), names, values)


def task_of(history: History, path: str) -> str | None:
    """The task of any path that is known; None of a root, and of a path that is not known."""
    if path in history.by_path:
        return history.by_path[path].task
    return history.paths[path].task if path in history.paths else None


def sharing(history: History) -> Matrix:
    """How many components each two kept paths have in common."""
    names = list(history.kept_paths)
    place = {name: number for number, name in enumerate(names)}
    values = np.zeros((len(names), len(names)))
    for users in history.users.values():
        rows = np.array([place[user] for user in users])
        values[np.ix_(rows, rows)] += 1
    caption = (
        "Each cell counts the layers that two tasks' paths have in common; on the diagonal stand "
        "all of a path's layers."
    )
    labels = ("path of", "and path of")
    return _of_tasks("sharing", "Shared layers", caption, labels, names, values)


def _of_tasks(
    kind: str,
    title: str,
    caption: str,
    labels: tuple[str, str],
    names: Sequence[str],
    values: np.ndarray,
) -> Matrix:
    """A count for each two tasks; `labels` are those of rows and of columns."""
    rows = tuple(names)
    return Matrix(kind, title, caption, rows, rows, *labels, "count", values)


def iterations(history: History) -> Iterator[tuple[int, str, dict[str, KeptPath], int]]:
    """The system after each task iteration: number from 1, task, kept paths, children so far."""
    paths: dict[str, KeptPath] = {}
    number = itertools.count(1)
    for commit in history.commits:
        paths.update({task: history.paths[path] for task, path in commit.paths.items()})
        if commit.task is not None:
            yield next(number), commit.task, dict(paths), commit.children


def accuracy_matrix(history: History) -> Matrix:
    """R[i, j]: test accuracy on task j after the i-th task iteration."""
    rows, labels, names = [], [], list(history.kept_paths)
    for number, task, paths, _ in iterations(history):
        labels.append(f"{number} {task}")
        rows.append([_number(paths[n].test_accuracy) if n in paths else np.nan for n in names])
    return Matrix(
        kind="matrix",
        title="Accuracy on every task over time",
        caption="Test accuracy on a column's task after a row's task iteration. A column that "
        "never falls shows that nothing was forgotten.",
        rows=tuple(labels),
        columns=tuple(names),
        row_label="after iteration",
        column_label="task",
        unit="percent",
        values=np.array(rows).reshape(len(rows), len(names)),
    )


def growth(history: History) -> Iterator[Chart]:
    """Parameters of the system, and the share of them that a path uses, over task iterations."""
    sizes = {component.id: component.size for component in history.components.values()}
    roots = [path for path in history.paths.values() if path.task is None]
    used = Counter(dict.fromkeys((c for path in roots for c in path.components), 1))
    whole, now = sum(sizes[component] for component in used), dict[str, KeptPath]()
    activated: dict[str, int] = {}
    x, total, share, added = [], [], [], []
    for number, _, paths, _ in iterations(history):
        before = whole
        for name, path in paths.items():
            if now.get(name) is path:
                continue
            for component in now[name].components if name in now else ():
                used[component] -= 1
                whole -= sizes[component] if not used[component] else 0
            for component in path.components:
                whole += sizes[component] if not used[component] else 0
                used[component] += 1
            activated[name] = history.parameters(path.components)
        now = paths
        x.append(float(number))
        total.append(float(whole))
        added.append(float(whole - before))
        share.append(sum(activated.values()) / len(activated) / whole)
    tasks = tuple(task for _, task, _, _ in iterations(history))
    at = Axis("task iteration", "count")
    yield Chart(
        kind="parameters",
        title="Parameters of the system",
        caption="Parameters of the roots and of all kept paths, each layer counted once, after "
        "each task iteration.",
        shape="steps",
        x=at,
        y=Axis("parameters", "count"),
        series=(
            Series("in the system", tuple(x), tuple(total)),
            Series("added by the iteration", tuple(x), tuple(added)),
        ),
    )
    yield Chart(
        kind="share",
        title="Share of the system that one task uses",
        caption="Parameters of a path as a share of all parameters, mean over the tasks so far.",
        shape="steps",
        x=at,
        y=Axis("share of parameters", "percent"),
        series=(Series("mean over tasks", tuple(x), tuple(share), tasks),),
    )


def size(history: History) -> Chart:
    """Test accuracy against the parameters that a task added."""
    found = [
        (task, float(own_parameters(history, task)), path.test_accuracy)
        for task, path in history.kept_paths.items()
        if path.test_accuracy is not None
    ]
    return Chart(
        kind="size",
        title="Accuracy against parameters",
        caption="A point a task: what its own layers add to the system, and its test accuracy.",
        shape="points",
        x=Axis("parameters added by the task", "count", log=True),
        y=Axis("test accuracy", "percent"),
        series=(
            Series(
                "tasks",
                tuple(max(1.0, added) for _, added, _ in found),
                tuple(accuracy for *_, accuracy in found),
                tuple(task for task, *_ in found),
            ),
        ),
    )


def own_parameters(history: History, task: str) -> int:
    """Parameters of the layers of a kept path that its task made itself."""
    path = history.kept_paths[task]
    return history.parameters([c for c in path.components if history.components[c].task == task])


def depth(history: History) -> Chart:
    """How many layers the kept paths have."""
    counts = Counter(len(path.components) for path in history.kept_paths.values())
    ticks = range(min(counts), max(counts) + 1)
    return Chart(
        kind="depth",
        title="Depth",
        caption="Tasks by the number of layers of their path.",
        shape="bars",
        x=Axis("layers of the path", ticks=tuple(map(str, ticks))),
        y=Axis("tasks", "count"),
        series=(
            Series(
                "tasks", _places(ticks), tuple(float(counts.get(layers, 0)) for layers in ticks)
            ),
        ),
    )


def costs(history: History) -> Iterator[Chart]:
    """Where the time and the operations went: both by task, the most expensive first."""
    for kind, title, unit in (("time", "Time", "seconds"), ("flops", "Operations", "flops")):
        spent_by = {
            task: sum((c.seconds or 0.0) if kind == "time" else c.flops for c in children)
            for task, children in history.by_task.items()
        }
        order = sorted(spent_by, key=lambda task: (-spent_by[task], task))
        said = "wall time" if kind == "time" else "floating-point operations"
        more = " Children trained together share it equally." if kind == "time" else ""
        yield Chart(
            kind=kind,
            title=f"{title} by task",
            caption=f"The {said} that a task's children took, the most expensive task first.{more}",
            shape="bars",
            x=Axis("task", ticks=tuple(order)),
            y=Axis(said, "seconds" if unit == "seconds" else "flops"),
            series=(
                Series(said, _places(order), tuple(spent_by[task] for task in order), tuple(order)),
            ),
        )


def spent(history: History) -> Chart:
    """Mean accuracy of the tasks so far against the operations spent so far."""
    flops = np.cumsum([0.0, *(child.flops for child in history.children)])
    x, test, validation = [], [], []
    for _, _, paths, children in iterations(history):
        x.append(float(flops[min(children, len(flops) - 1)]))
        test.append(_mean([path.test_accuracy for path in paths.values()]))
        validation.append(_mean([path.quality for path in paths.values()]))
    return Chart(
        kind="spent",
        title="Accuracy against operations spent",
        caption="Mean over the tasks that have a path by then; it falls when a harder task comes.",
        shape="lines",
        x=Axis("floating-point operations so far", "flops"),
        y=Axis("mean accuracy", "percent"),
        series=(
            Series("test", tuple(x), tuple(test)),
            Series("validation", tuple(x), tuple(validation)),
        ),
    )


def _places(names: Sequence[object]) -> tuple[float, ...]:
    return tuple(float(number) for number in range(len(names)))


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
