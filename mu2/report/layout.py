"""Where the layers of a system stand in its graph: a column a layer, a row a task."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from mu2.report.history import History

COLUMN = 116.0  # width of a column
LANE = 22.0  # height of one of a row's lanes
GAP = 10.0  # between rows
BAR = 84.0  # width of the largest layer
LEAST = 5.0  # width of the smallest
HEIGHT = 14.0  # of a layer


@dataclasses.dataclass(frozen=True)
class Row:
    """A row: a task, or all roots.

    Attributes:
      task: the task; None for the roots.
      y: of its upper edge.
      lanes: how many layers stand below each other in it.
    """

    task: str | None
    y: float
    lanes: int


@dataclasses.dataclass(frozen=True)
class Node:
    """A layer in the graph.

    Attributes:
      component: its id.
      x: of its middle.
      y: of its middle.
      width: proportional to its parameters, but for the smallest.
    """

    component: str
    x: float
    y: float
    width: float


@dataclasses.dataclass(frozen=True)
class Layout:
    """A graph with a place for everything that was ever kept, so that nothing moves as it grows.

    Attributes:
      columns: name of a layer to the middle of its column, left to right as data flow.
      rows: top to bottom: the roots, then the tasks in order of introduction.
      nodes: the layers of all kept paths, by id.
      width: of the graph.
      height: of the graph.
    """

    columns: Mapping[str, float]
    rows: tuple[Row, ...]
    nodes: Mapping[str, Node]
    width: float
    height: float


def layout_graph(history: History) -> Layout:
    """Lays a system out, in time linear in its paths' layers."""
    kept = kept_components(history)
    names = merge_orders(
        [history.components[c].name for c in path.components] for path in history.paths.values()
    )
    columns = {name: COLUMN * (number + 0.5) for number, name in enumerate(names)}
    largest = max((history.components[c].size for c in kept), default=1) or 1
    by_row: dict[str | None, list[str]] = {None: [], **{task.name: [] for task in history.tasks}}
    for component in kept:
        by_row.setdefault(history.components[component].task, []).append(component)
    rows, nodes, y = [], {}, 0.0
    for task, components in by_row.items():
        lanes: dict[str, int] = {}
        for component in components:
            known = history.components[component]
            lane = lanes.get(known.name, 0)
            lanes[known.name] = lane + 1
            width = max(LEAST, BAR * known.size / largest)
            nodes[component] = Node(
                component, columns[known.name], y + LANE * (lane + 0.5), round(width, 2)
            )
        deep = max(lanes.values(), default=1)
        rows.append(Row(task, y, deep))
        y += LANE * deep + GAP
    return Layout(columns, tuple(rows), nodes, COLUMN * max(1, len(names)), y)


def kept_components(history: History) -> list[str]:
    """Ids of the layers of roots and of all paths that a commit ever kept, oldest first."""
    found: dict[str, None] = {}
    for path in history.paths.values():
        found.update(dict.fromkeys(path.components))
    return list(found)


def merge_orders(orders: Iterable[Sequence[str]]) -> list[str]:
    """All names of some lists, each as near behind the one before it as its first list has it."""
    merged: list[str] = []
    for order in orders:
        here = 0
        for name in order:
            if name in merged:
                here = merged.index(name) + 1
            else:
                merged.insert(here, name)
                here += 1
    return merged
