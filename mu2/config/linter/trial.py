"""Makes every object of a configuration outside Gin, to hear each refusal and find its place.

Gin stops at the first constructor that refuses and names no line.
"""

import re
from collections.abc import Mapping, Set
from typing import Any

from mu2.config.linter.graph import Graph, Node, target
from mu2.config.linter.syntax import Reference
from mu2.config.linter.values import Configurable, tuples
from mu2.errors import Mu2Error

# What holds hyperparameters by name, and whether it holds many values of each.
HOLDERS = {"Hyperparameters": False, "Ranges": True, "Choices": True}
# The parameters of a search space that hold many.
HOLDING = ("ranges", "choices")
# Stands for an object that cannot be made, the reason being told elsewhere.
BROKEN = object()


class Trial:
    """Objects by configurable and scope, each made once.

    Of hyperparameters by name those with a fault are left out, so that the others are tried; the
    faults see to it that no such object is ever used.

    Attributes:
      faults: what constructors refused, each with the place of the binding concerned.
    """

    def __init__(
        self,
        graph: Graph,
        configurables: Mapping[str, Configurable],
        broken: Set[tuple[str, str, str]],
        first: str | None,
    ):
        """Begins with nothing made.

        Args:
          graph: the bindings in force.
          configurables: by name.
          broken: keys of bindings with a fault, and of parameters that are missing; what needs
            them is not made. It may grow.
          first: the place of what nothing refers to.
        """
        self.faults: list[Mu2Error] = []
        self._graph = graph
        self._configurables = configurables
        self._broken = broken
        self._first = first
        self._made: dict[Node, Any] = {}
        self._parts: dict[Node, Any] = {}  # of what was refused: the space without some ranges

    def make(self, node: Node) -> Any:
        """The object of a configurable in a scope, or BROKEN."""
        if node not in self._made:
            self._made[node] = BROKEN  # should it need itself
            self._made[node] = self._make(node)
        return self._made[node]

    def objects(self) -> list[Any]:
        """Everything that could be made, without the values of macros.

        A search space that was refused for some of its ranges is among them without those.
        """
        found = {**self._made, **self._parts}
        nodes = {node: made for node, made in found.items() if node[1] in self._configurables}
        return [made for made in nodes.values() if made is not BROKEN]

    def place(self, made: object, text: str) -> str | None:
        """Where what is said of an object is set, as far as the words tell.

        Args:
          made: an object of the configuration, or one that equals it.
          text: a message about it, or the `Selector.parameter` that is meant.
        """
        known = {**self._made, **self._parts}
        same = [node for node, each in known.items() if each is made]
        equal = (n for n, each in known.items() if type(each) is type(made) and each == made)
        node = same[0] if same else next(equal, None)
        return self._first if node is None else self._location(text, node)

    def _make(self, node: Node) -> Any:
        bound = self._graph.in_force(node)
        wrong = {key[2] for key in self._broken if key[1] in HOLDERS}
        if node[1] in HOLDERS:
            bound = {name: binding for name, binding in bound.items() if name not in wrong}
        faulty = any(binding.key in self._broken for binding in bound.values())
        if faulty and node[1] not in self._configurables:
            return BROKEN  # a macro, perhaps one that stands for others without end
        values = {name: self._value(binding.value, node[0]) for name, binding in bound.items()}
        missing = node[1] not in HOLDERS and any(key[:2] == node for key in self._broken)
        if faulty or missing or any(value is BROKEN for value in values.values()):
            return BROKEN
        if (configurable := self._configurables.get(node[1])) is None:
            return values.get("value", BROKEN)  # a macro
        try:
            return _construct(configurable, values)
        except Mu2Error as error:
            refused, part = _one_by_one(configurable, values)
            if part is not None:
                self._parts[node] = part
            for each in refused or [error]:
                if "hyperparameters" in values and wrong & set(re.findall(r"\w+", each.message)):
                    continue  # it misses what was left out
                location = each.location or self._location(each.message, node)
                self.faults.append(Mu2Error(each.message, location=location, hint=each.hint))
            return BROKEN

    def _value(self, value: Any, scope: str) -> Any:
        """A bound value with its references made; BROKEN if one cannot be."""
        if isinstance(value, Reference):
            if value.called:
                return self.make(target(value, scope))
            configurable = self._configurables.get(value.name)
            return configurable.make if configurable else BROKEN
        if isinstance(value, dict):
            items = {key: self._value(item, scope) for key, item in value.items()}
            return BROKEN if any(item is BROKEN for item in items.values()) else items
        if isinstance(value, list | tuple):
            made = [self._value(item, scope) for item in value]
            return BROKEN if any(item is BROKEN for item in made) else tuples(made)
        return value

    def _location(self, message: str, node: Node) -> str | None:
        """The binding that a constructor complains of, as far as its words tell.

        `Selector.parameter` in the message is the surest sign, then a quoted value, a value, the
        name of a parameter of the object, and the name of a parameter of something the object
        holds. Of several bindings the one set last is meant, which is the user's rather than an
        include's.
        """
        # The folders of a path are no parameters.
        plain = re.sub(r"\S*/\S*", "", re.sub(r"'[^']*'", "", message))
        own = list(self._graph.in_force(node).values())
        reached = self._graph.reach([node])
        held = own + [b for inner in reached for b in self._graph.in_force(inner).values()]
        words = set(re.findall(r"\w+", plain))
        dotted = set(re.findall(r"[A-Za-z_]\w*\.\w+", message))
        quoted = set(re.findall(r"'([^']*)'", message))
        signs = (
            [b for b in held if b.name in dotted],
            [b for b in held if isinstance(b.value, str) and b.value in quoted],
            [b for b in held if isinstance(b.value, str) and _holds(message, b.value)],
            [b for b in own if b.parameter in words],
            [b for b in held if b.parameter in words],
            own,
        )
        for found in signs:
            if found:
                return max(found, key=self._graph.bindings.index).location
        holders = self._graph.reach([("", "Experiment")])
        return holders[node].location if node in holders else self._first


def _holds(message: str, value: str) -> bool:
    """Whether a text stands in a message as a word, or as several."""
    return bool(value) and re.search(rf"(?<!\w){re.escape(value)}(?!\w)", message) is not None


def _one_by_one(
    configurable: Configurable, values: Mapping[str, Any]
) -> tuple[list[Mu2Error], Any | None]:
    """What a search space refuses of each range by itself; it would stop at the first.

    Returns:
      The faults, none where it is no range's fault, and the space without the ranges it refuses.
    """
    empty = {name: type(values[name])() for name in HOLDING if name in values}
    try:
        _construct(configurable, {**values, **empty})
    except Mu2Error:
        return [], None
    faults = []
    sound = dict(empty)
    for holder, none in empty.items():
        for name, each in values[holder].items():
            kind = type(none)
            try:
                _construct(configurable, {**values, **empty, holder: kind(**{name: each})})
                sound[holder] = kind(**sound[holder], **{name: each})
            except Mu2Error as error:
                faults.append(error)
    try:
        return faults, _construct(configurable, {**values, **sound}) if faults else None
    except Mu2Error as error:  # of ranges that do not go together
        return [*faults, error], None


def _construct(configurable: Configurable, values: Mapping[str, Any]) -> Any:
    """Calls a constructor; whatever it raises becomes a Mu2Error."""
    try:
        return configurable.make(**values)
    except Mu2Error:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise Mu2Error(f"{configurable.name} refuses its values: {reason}") from error
