"""Inference over many networks that share layers: what they have in common is computed once.

The networks are laid over each other from their first component on. Where two agree, in the
component and in everything before it, they share a node; each node is computed once for a batch.
Every component is a compiled program of its own, one a module and shape, so that a thousand
networks of one search space need no more programs than a few.
"""

import dataclasses
import functools
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from typing import Any, cast

import flax.linen as nn
import jax
import numpy as np

from mu2.models.component import Arrays, Component, Network, nest

# Examples computed together; also what a batch is filled up to, where it is larger than that.
TOGETHER = 256

Shape = tuple[int, ...]


@functools.cache
def _program(module: nn.Module) -> Callable[[Any, jax.Array], jax.Array]:
    """The compiled forward pass of a module, shared by all components and forests that have it."""

    def forward(params: Any, x_Bx: jax.Array) -> jax.Array:
        return cast(jax.Array, module.apply({"params": params}, x_Bx))

    return jax.jit(forward)


class _Layer:
    """A component with its parameters, wherever in the forest it stands.

    Attributes:
      key: names the parameters.
      shapes: leaf name to shape.
      program: `(params, x) -> y`, compiled.
      params: its tree on the device, or None while it is not held there.
    """

    __slots__ = ("key", "params", "program", "shapes")

    def __init__(self, key: str, component: Component):
        self.key = key
        self.shapes = {name: like.shape for name, like in component.shapes.items()}
        self.program = _program(component.module)
        self.params: Any = None


@dataclasses.dataclass(eq=False)
class _Node:
    """A layer and everything before it.

    Attributes:
      layer: what is computed here; None at the inputs of one form.
      above: the node whose output it reads; None at the inputs.
      form: of the inputs.
      below: the nodes that read its output.
    """

    layer: _Layer | None
    above: "_Node | None"
    form: Hashable
    below: "list[_Node]" = dataclasses.field(default_factory=list)


class Forest:
    """Networks that share layers, computed together.

    A network gives the same bits alone and among any others. Compared with one compiled program
    for the whole network they may differ in the last bits, as XLA fuses across layers there.

    Args:
      read: the leaves of a key, by the names that the component's `shapes` has.
      prepare: makes the first component's float32 input from a batch of examples as they are
        stored; compiled, and so are all that it is given to share.
      held_bytes: parameters that stay on the device between calls; the rest is read anew.

    Attributes:
      nodes: layers that are computed where all networks are asked for.
    """

    def __init__(
        self,
        read: Callable[[str], Arrays],
        prepare: Callable[[Any], jax.Array],
        held_bytes: int,
    ):
        self._read = read
        self._prepare = prepare
        self._room = held_bytes
        self._layers: dict[tuple[str, nn.Module], _Layer] = {}
        self._inputs: dict[Hashable, _Node] = {}
        self._nodes: dict[tuple[int, int], _Node] = {}
        self._ends: dict[str, _Node] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._ends

    @property
    def nodes(self) -> int:
        """See the class."""
        return len(self._nodes)

    def add(self, name: str, network: Network, keys: Sequence[str], form: Hashable = None) -> None:
        """Adds a network; reads nothing yet.

        Args:
          name: by which it is asked for.
          network: its head may be wider than the parameters that are read for it, which are filled
            up with zeros.
          keys: what names the parameters of each component, in order. Equal keys of equal modules
            are one and the same layer.
          form: of its inputs; None: the shape of one example. Networks of one form are given the
            same inputs.

        Raises:
          ValueError: there are not as many keys as components.
        """
        form = network[0].input_shape if form is None else form
        node = self._inputs.setdefault(form, _Node(None, None, form))
        for component, key in zip(network, keys, strict=True):
            # Hashing a module is slow; after this line a layer is known by its identity.
            named = (key, component.module)
            if (layer := self._layers.get(named)) is None:
                layer = self._layers[named] = _Layer(key, component)
            place = (id(node), id(layer))
            if place not in self._nodes:
                self._nodes[place] = _Node(layer, node, form)
                node.below.append(self._nodes[place])
            node = self._nodes[place]
        self._ends[name] = node

    def __call__(
        self,
        inputs: Mapping[Any, np.ndarray],
        names: Collection[str],
        *,
        headless: bool = False,
    ) -> dict[str, np.ndarray]:
        """The outputs of some networks for the same examples.

        Args:
          inputs: the examples [N, *shape], for the form of the inputs of each network that is
            asked for; N is the same for all.
          names: the networks, one or more.
          headless: without the last component of each.

        Returns:
          Name to float32 [N, ...]: what the last component makes of it.

        Raises:
          KeyError: a network is unknown, or the examples of a form are missing.
          ValueError: the inputs are not as many for each form, or no network is named.
        """
        wanted: dict[_Node, list[str]] = {}
        for name in names:
            end = self._ends[name]
            wanted.setdefault(end.above or end if headless else end, []).append(name)
        starts, needed = _needed(wanted)
        examples = {start: inputs[start.form] for start in starts}
        sizes = {len(some) for some in examples.values()}
        if len(sizes) != 1:
            raise ValueError(f"the inputs hold {sorted(sizes)} examples; they must be as many")
        (n,) = sizes
        batch = 1 << (min(max(n, 1), TOGETHER) - 1).bit_length()
        parts: dict[str, list[np.ndarray]] = {name: [] for each in wanted.values() for name in each}
        for begin in range(0, max(n, 1), batch):
            outputs: dict[str, jax.Array] = {}
            for start, some in examples.items():
                x_Bx = self._prepare(_filled(some[begin : begin + batch], batch))
                for node, y_Bx in self._outputs(start, x_Bx, needed):
                    outputs.update(dict.fromkeys(wanted.get(node, ()), y_Bx))
            end_ = min(n - begin, batch)
            for name, y_Bx in jax.device_get(outputs).items():
                parts[name].append(np.asarray(y_Bx[:end_], np.float32))
        return {name: np.concatenate(each) for name, each in parts.items()}

    def _outputs(
        self, start: _Node, x_Bx: jax.Array, needed: Collection[_Node]
    ) -> Iterator[tuple[_Node, jax.Array]]:
        """Each needed node from a start on, and its output; depth first, so that few are kept."""
        yield start, x_Bx
        waiting = [(node, x_Bx) for node in reversed(start.below) if node in needed]
        while waiting:
            node, x_Bx = waiting.pop()
            layer = node.layer
            if layer is None:  # only starts have none
                continue
            params = self._params(layer) if layer.params is None else layer.params
            y_Bx = layer.program(params, x_Bx)
            yield node, y_Bx
            waiting += [(below, y_Bx) for below in reversed(node.below) if below in needed]

    def _params(self, layer: _Layer) -> Any:
        """A layer's parameters on the device; they stay there while there is room for them."""
        leaves = self._read(layer.key)
        tree = {name: _padded(leaves[name], shape) for name, shape in layer.shapes.items()}
        params = jax.device_put(nest(tree))
        size = sum(leaf.nbytes for leaf in tree.values())
        if size <= self._room:
            self._room -= size
            layer.params = params
        return params


def _needed(wanted: Collection[_Node]) -> tuple[list[_Node], set[_Node]]:
    """The inputs that some nodes go back to, in order, and all nodes on the way."""
    starts: dict[_Node, None] = {}
    needed: set[_Node] = set()
    for node in wanted:
        while node not in needed:
            needed.add(node)
            if node.above is None:
                starts[node] = None
                break
            node = node.above
    return list(starts), needed


def _filled(some_Nx: np.ndarray, batch: int) -> np.ndarray:
    """Examples with zeros behind them up to a whole batch."""
    if len(some_Nx) == batch:
        return some_Nx
    fill_batch = np.zeros((batch, *some_Nx.shape[1:]), some_Nx.dtype)
    fill_batch[: len(some_Nx)] = some_Nx
    return fill_batch


def _padded(leaf: np.ndarray, shape: Shape) -> np.ndarray:
    """A leaf with zeros behind it up to `shape`."""
    if leaf.shape == shape:
        return leaf
    return np.pad(leaf, [(0, n - m) for m, n in zip(leaf.shape, shape, strict=True)])
