"""The JSON document that a page of one system is drawn from."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from mu2.report.charts import CIVIDIS, Chart, Matrix, task_colours
from mu2.report.history import History, HistoryTask, KeptPath, LoggedChild
from mu2.report.html.pack import (
    Packed,
    pack_choices,
    pack_floats,
    pack_integers,
    pack_lists,
    pack_matrix,
    pack_shares,
)
from mu2.report.layout import layout_graph
from mu2.report.system_charts import own_parameters, system_charts

_NO_PARENT = -1


def system_document(history: History) -> dict[str, Any]:
    """One system; what the page's scripts call `system`. The same for equal histories."""
    tasks = {task.name: number for number, task in enumerate(history.tasks)}
    number, whole = len(tasks), _whole(history)
    graph, place = _graph(history)
    return {
        "name": history.name,
        "complete": history.complete,
        "underWay": [list(each) for each in history.under_way],
        "colours": {"light": task_colours(number), "dark": task_colours(number, dark=True)},
        "cividis": list(CIVIDIS),
        "tasks": [_task(history, task, whole) for task in history.tasks],
        **graph,
        "paths": [_path(path, history, place) for path in history.paths.values()],
        "commits": _commits(history, tasks),
        "children": _children(history, tasks),
        "charts": [chart_document(chart) for chart in system_charts(history)],
        "totals": _totals(history, whole),
        "settings": dict(history.settings),
    }


def chart_document(chart: Chart | Matrix) -> dict[str, Any]:
    """A chart, as the page's scripts draw it."""
    if isinstance(chart, Matrix):
        fields = {f.name: getattr(chart, f.name) for f in dataclasses.fields(chart)}
        return {**fields, "shape": "matrix", "values": pack_matrix(chart.values)}
    return {**dataclasses.asdict(chart), "series": [_series(each) for each in chart.series]}


def _series(series: Any) -> dict[str, Any]:
    return {
        "name": series.name,
        "x": [_short(value) for value in series.x],
        "y": [None if value is None else _short(value) for value in series.y],
        "tasks": list(series.tasks),
        "tone": series.tone,
    }


def _short(value: float) -> float | int:
    """A number in as few letters as seven digits take."""
    rounded = float(f"{value:.7g}")
    return int(rounded) if rounded.is_integer() else rounded


def _whole(history: History) -> int:
    """Parameters of all live paths, each component counted once."""
    return history.parameters(history.live)


def _task(history: History, task: HistoryTask, whole: int) -> dict[str, Any]:
    document: dict[str, Any] = {
        "name": task.name,
        "classes": list(task.class_names),
        "private": task.private,
        "input": task.input,
        "iterations": task.iterations,
        "path": task.path,
        "predictions": _predictions(task),
    }
    if task.path is None:
        return document
    path = history.paths[task.path]
    used = history.parameters(path.components)
    reused = [c for c in path.components if history.components[c].task != task.name]
    origin = next(
        (here for here in history.lineage(task.path) if _owner(history, here) != task.name), None
    )
    return {
        **document,
        "added": own_parameters(history, task.name),
        "parameters": used,
        "accounted": sum(
            history.components[c].size / len(history.users[c]) for c in path.components
        ),
        "share": used / whole if whole else None,
        "reused": len(reused),
        "from": sorted({history.components[c].task or "root" for c in reused}),
        "origin": None if origin is None else _owner(history, origin) or "root",
    }


def _owner(history: History, path: str) -> str | None:
    if path in history.by_path:
        return history.by_path[path].task
    return history.paths[path].task if path in history.paths else None


def _predictions(task: HistoryTask) -> Packed | None:
    if task.predictions is None:
        return None
    labels, classes, probabilities = task.predictions
    return {
        "labels": pack_integers(labels),
        "classes": pack_integers(classes),
        "probabilities": pack_shares(probabilities),
    }


def _graph(history: History) -> tuple[dict[str, Any], dict[str, int]]:
    """The components and where they stand; those that only others descend from come last."""
    layout = layout_graph(history)
    order = [*layout.nodes, *(c for c in history.components if c not in layout.nodes)]
    place = {component: number for number, component in enumerate(order)}
    sources = (history.components[c].source for c in order)
    document = {
        "components": {
            "ids": order,
            "owners": pack_choices(history.components[c].task for c in order),
            "sizes": pack_integers(history.components[c].size for c in order),
            "sources": pack_integers(
                _NO_PARENT if source is None else place.get(source, _NO_PARENT)
                for source in sources
            ),
        },
        "layout": {
            "width": layout.width,
            "height": layout.height,
            "columns": [[name, x] for name, x in layout.columns.items()],
            "rows": [[row.task, row.y, row.lanes] for row in layout.rows],
            "x": pack_floats(node.x for node in layout.nodes.values()),
            "y": pack_floats(node.y for node in layout.nodes.values()),
            "widths": pack_floats(node.width for node in layout.nodes.values()),
        },
    }
    return document, place


def _path(path: KeptPath, history: History, place: dict[str, int]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "id": path.id,
        "task": path.task,
        "parent": path.parent,
        "components": [place[component] for component in path.components],
        "test": path.test_accuracy,
        "quality": path.quality,
        "score": path.score,
        "flops": path.flops,
    }
    if path.id not in history.by_path:  # otherwise they stand with the child
        document["hyperparameters"] = dict(path.hyperparameters)
    return document


def _commits(history: History, tasks: dict[str, int]) -> list[dict[str, Any]]:
    """The commits that changed a path: what the graph's slider goes through.

    Tasks that were removed since have no row, so that what changed theirs alone is left out.
    """
    place = {path: number for number, path in enumerate(history.paths)}
    shown = [
        (
            commit,
            [[tasks[task], place[path]] for task, path in commit.paths.items() if task in tasks],
        )
        for commit in history.commits
    ]
    return [
        {
            "number": commit.number,
            "message": commit.message,
            "task": None if commit.task is None else tasks.get(commit.task),
            "children": commit.children,
            "paths": paths,
        }
        for commit, paths in shown
        if paths
    ]


def _children(history: History, tasks: dict[str, int]) -> dict[str, Any]:
    """The children, a column each: the page may hold a hundred thousand."""
    children = history.children
    unknown = dict.fromkeys(c.task for c in children if c.task not in tasks)
    others = {task: len(tasks) + number for number, task in enumerate(unknown)}
    place = {child.path: number for number, child in enumerate(children)}
    parents = [place.get(child.parent, _NO_PARENT) for child in children]
    names = dict.fromkeys(name for child in children for name in child.hyperparameters)
    slots = dict.fromkeys(name for child in children for name in child.actions)
    return {
        "count": len(children),
        "others": list(unknown),
        "task": pack_integers({**tasks, **others}[child.task] for child in children),
        "iteration": pack_integers(child.iteration for child in children),
        "generation": pack_integers(child.generation for child in children),
        "number": pack_integers(child.number for child in children),
        "parent": pack_integers(parents),
        # A parent that is no child of the log: a root, or a path that was brought from elsewhere.
        "outside": pack_choices(
            child.parent if parent == _NO_PARENT else None
            for child, parent in zip(children, parents, strict=True)
        ),
        "quality": pack_floats(child.quality for child in children),
        "qualities": pack_lists([child.qualities for child in children]),
        "score": pack_floats(child.score for child in children),
        "bar": pack_floats(child.score_to_reach for child in children),
        "flags": pack_integers(_flags(child) for child in children),
        "trained": pack_integers(child.trained_parameters for child in children),
        "parameters": pack_integers(child.parameters for child in children),
        "steps": pack_integers(child.steps for child in children),
        "flops": pack_floats(child.flops for child in children),
        "seconds": pack_floats(child.seconds for child in children),
        "slots": list(slots),
        "actions": pack_choices(_spell_actions(child, list(slots)) for child in children),
        "hyperparameters": {
            name: pack_choices(child.hyperparameters.get(name) for child in children)
            for name in names
        },
    }


def _flags(child: LoggedChild) -> int:
    return child.retained + 2 * child.diverged + 4 * child.stopped


def _spell_actions(child: LoggedChild, slots: Sequence[str]) -> str:
    """A letter a layer: s(hare), c(lone), r(esample), n(ew), f (`solve`: in closed form), or -."""
    letters = {"solve": "f"}
    actions = (child.actions.get(name, "-") for name in slots)
    return "".join(letters.get(action, action[0]) for action in actions)


def _totals(history: History, whole: int) -> dict[str, Any]:
    kept = history.kept_paths.values()
    tests = [path.test_accuracy for path in kept if path.test_accuracy is not None]
    seconds = [child.seconds for child in history.children if child.seconds is not None]
    return {
        "tasks": len(history.tasks),
        "paths": len(history.kept_paths),
        "test": sum(tests) / len(tests) if tests else None,
        "parameters": whole,
        "accounted": history.parameters(list(history.users)),
        "children": len(history.children),
        "seconds": sum(seconds) if seconds else None,
        "flops": sum(child.flops for child in history.children),
    }
