"""Macros: what they stand for, and those that stand for more than any run has."""

from collections.abc import Collection, Iterator
from typing import Any

from mu2.config.linter.graph import Graph
from mu2.config.linter.syntax import MACRO, Binding, Reference, references

# Values that a macro may stand for, and macros one in the other.
MOST_VALUES, DEEPEST = 100_000, 100


def expand_macros(
    value: Any,
    graph: Graph,
    broken: Collection[tuple[str, str, str]],
    seen: frozenset[str] = frozenset(),
) -> Any:
    """A value with what its macros stand for, however deep, as far as it can be told.

    Args:
      value: of a binding.
      graph: the bindings in force.
      broken: keys of bindings with a fault, which stay as they are.
      seen: macros that are being expanded.
    """
    if isinstance(value, Reference):
        if value.name != MACRO or value.scope in seen:
            return value
        bound = graph.in_force((value.scope, MACRO)).get("value")
        if bound is None or bound.key in broken:
            return value
        return expand_macros(bound.value, graph, broken, seen | {value.scope})
    if isinstance(value, list | tuple):
        return type(value)(expand_macros(item, graph, broken, seen) for item in value)
    if isinstance(value, dict):
        return {key: expand_macros(item, graph, broken, seen) for key, item in value.items()}
    return value


def large_macros(graph: Graph) -> Iterator[Binding]:
    """Macros that stand for more than `MOST_VALUES`, or for macros more than `DEEPEST` deep."""
    macros = {b.scope: b for b in graph.bindings if b.selector == MACRO}
    known: dict[str, tuple[int, int]] = {}  # values, and macros one in the other
    for name in macros:
        waiting = [] if name in known else [name]
        open_ = {*waiting}
        while waiting:
            now = waiting[-1]
            inner = [r.scope for r in references(macros[now].value) if r.scope in macros]
            left = next((n for n in inner if n not in known and n not in open_), None)
            if left is not None:
                waiting.append(left)
                open_.add(left)
                continue
            each = [known.get(n, (1, 0)) for n in inner]
            size = 1 + sum(values for values, _ in each)
            depth = 1 + max((deep for _, deep in each), default=0)
            if size > MOST_VALUES or depth > DEEPEST:
                yield macros[now]
                size, depth = 1, 0
            known[now] = size, depth
            open_.discard(waiting.pop())
