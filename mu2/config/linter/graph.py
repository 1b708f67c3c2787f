"""Which configurables a set of bindings makes, in which scopes, and with which values."""

from collections.abc import Iterable, Iterator, Mapping

from mu2.config.linter.syntax import MACRO, Binding, Reference, references, text_of
from mu2.config.linter.values import Configurable, Parameter, tuples

# A configurable in the scope in which it is made.
Node = tuple[str, str]

LINE = 100
HEADER = "# One run, complete: no includes, nothing bound twice, nothing unused.\n"


class Graph:
    """Bindings as Gin would apply them.

    A configurable made in scope `a/b` takes the bindings of no scope, of `a` and of `a/b`, the
    innermost winning, and of one scope the last. A reference without a scope is evaluated in the
    scope of whoever holds it; a macro's name is the scope of its value.

    Attributes:
      bindings: in the order in which they take effect.
    """

    def __init__(self, bindings: Iterable[Binding]):
        self.bindings = tuple(bindings)
        self._by_node: dict[Node, list[Binding]] = {}
        for binding in self.bindings:
            self._by_node.setdefault((binding.scope, binding.selector), []).append(binding)

    def last(self) -> "Graph":
        """Only the bindings that no later one replaces."""
        latest = {binding.key: binding for binding in self.bindings}
        return Graph(b for b in self.bindings if latest[b.key] is b)

    def bindings_of(self, node: Node) -> Iterator[Binding]:
        """All bindings that a configurable in its scope takes, the weakest first."""
        scope, selector = node
        names = scope.split("/") if scope else []
        for outer in ("/".join(names[:depth]) for depth in range(len(names) + 1)):
            yield from self._by_node.get((outer, selector), ())

    def in_force(self, node: Node) -> dict[str, Binding]:
        """The binding of each parameter."""
        return {binding.parameter: binding for binding in self.bindings_of(node)}

    def targets(self, node: Node) -> Iterator[tuple[Node, Reference]]:
        """What the values of a configurable refer to."""
        for binding in self.bindings_of(node):
            for reference in references(binding.value):
                yield target(reference, node[0]), reference

    def reach(self, starts: Iterable[Node]) -> dict[Node, Reference]:
        """Everything the starts refer to, directly or not, each with a reference to it."""
        reached: dict[Node, Reference] = {}
        seen = set(starts)
        waiting = list(seen)
        while waiting:
            for node, reference in self.targets(waiting.pop()):
                reached.setdefault(node, reference)
                if node not in seen:
                    seen.add(node)
                    waiting.append(node)
        return reached

    def circles(self) -> Iterator[Reference]:
        """References that lead back to what holds them, one a circle."""
        done: set[Node] = set()
        for start in dict.fromkeys((b.scope, b.selector) for b in self.bindings):
            path = [] if start in done else [start]
            waiting = [self.targets(node) for node in path]
            while path:
                node, reference = next(waiting[-1], (None, None))
                if node is None or reference is None:
                    done.add(path.pop())
                    waiting.pop()
                elif node in path:
                    yield reference
                elif node not in done:
                    path.append(node)
                    waiting.append(self.targets(node))

    def used(self, nodes: Iterable[Node]) -> tuple[Binding, ...]:
        """The bindings that apply to any of the nodes."""
        scopes: dict[str, list[str]] = {}
        for scope, selector in nodes:
            scopes.setdefault(selector, []).append(scope)
        return tuple(
            binding
            for binding in self.bindings
            if any(covers(binding.scope, scope) for scope in scopes.get(binding.selector, ()))
        )


def covers(outer: str, scope: str) -> bool:
    """True if bindings of the outer scope apply in the other."""
    return not outer or scope == outer or scope.startswith(f"{outer}/")


def target(reference: Reference, scope: str) -> Node:
    """What a reference means in a value that is evaluated in a scope."""
    return reference.scope or scope, reference.name


def write(bindings: Iterable[Binding], configurables: Mapping[str, Configurable]) -> str:
    """The bindings as one Gin text that depends on what is bound, and not on the order.

    Macros come first, then each configurable's bindings together, in the order of `configurables`
    and of their parameters. Lists become tuples, except for a parameter that wants a list.
    """
    ranks = {name: rank for rank, name in enumerate([MACRO, *configurables])}

    def place(binding: Binding) -> tuple[int, str, int, str]:
        names = [*_parameters(binding, configurables), binding.parameter]
        scope, position = binding.scope, names.index(binding.parameter)
        return ranks[binding.selector], scope, position, binding.parameter

    groups: dict[Node, list[str]] = {}
    for binding in sorted(bindings, key=place):
        parameter = _parameters(binding, configurables).get(binding.parameter)
        value = tuples(binding.value, parameter.annotation if parameter else None)
        line = f"{binding} = {text_of(value)}"
        if len(line) > LINE and isinstance(value, tuple):
            line = f"{binding} = (\n{_filled(map(text_of, value))})"
        group = ("", MACRO) if binding.selector == MACRO else (binding.scope, binding.selector)
        groups.setdefault(group, []).append(line)
    return "\n".join([HEADER, *("\n".join([*lines, ""]) for lines in groups.values())])


def _parameters(
    binding: Binding, configurables: Mapping[str, Configurable]
) -> Mapping[str, Parameter]:
    configurable = configurables.get(binding.selector)
    return configurable.parameters if configurable else {}


def _filled(items: Iterable[str]) -> str:
    """Items with commas, as many on a line as fit."""
    lines = ["   "]
    for item in items:
        if len(lines[-1]) + len(item) + 2 > LINE and lines[-1].strip():
            lines.append("   ")
        lines[-1] += f" {item},"
    return "".join(f"{line}\n" for line in lines)
