"""A component: one layer of a network, the unit that tasks share."""

import abc
import dataclasses
import functools
import json
from collections.abc import Collection, Mapping
from typing import Any, ClassVar, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from mu2.errors import Mu2Error

Arrays = Mapping[str, np.ndarray]
Tree = Mapping[str, Any]
# The logical axes of an array, one a dimension; None where a dimension has no name.
Axes = tuple[str | None, ...]


@functools.cache
def _shapes(module: nn.Module, input_shape: tuple[int, ...]) -> tuple[Any, tuple[int, ...]]:
    """Parameter shapes (a tree) and the output shape for one example; allocates nothing.

    A parameter whose axes have names is in the box that Flax keeps them in.
    """
    x = jax.ShapeDtypeStruct((1, *input_shape), jnp.float32)
    y, variables = jax.eval_shape(module.init_with_output, jax.random.key(0), x)
    return variables.get("params", {}), tuple(y.shape[1:])


@functools.cache
def _leaves(module: nn.Module, input_shape: tuple[int, ...]) -> dict[str, jax.ShapeDtypeStruct]:
    """Leaf name to shape and dtype; every child that is planned asks for those of every layer."""
    return flatten(nn.unbox(_shapes(module, input_shape)[0]))


@functools.cache
def _signature(module: nn.Module, input_shape: tuple[int, ...]) -> str:
    leaves = sorted(_leaves(module, input_shape).items())
    return ";".join(f"{k}:{v.dtype}{list(v.shape)}".replace(" ", "") for k, v in leaves)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _init(module: nn.Module, input_shape: tuple[int, ...], key: jax.Array) -> Any:
    """Fresh parameters as one program a shape; without jit every initialiser compiles its own."""
    variables = module.init(key, jnp.zeros((1, *input_shape), jnp.float32))
    return nn.unbox(variables.get("params", {}))


@functools.cache
def _flops(module: nn.Module, input_shape: tuple[int, ...]) -> float:
    """Floating-point operations for one example, as XLA counts them; compiles nothing."""
    params = nn.unbox(_shapes(module, input_shape)[0])
    x = jax.ShapeDtypeStruct((1, *input_shape), jnp.float32)
    apply = jax.jit(lambda params, x: module.apply({"params": params}, x))
    cost = apply.lower(params, x).cost_analysis()
    return float(cost.get("flops", 0.0)) if isinstance(cost, Mapping) else 0.0


# Layers that a network may have: one of more cannot be planned in seconds, nor trained in years.
MOST_LAYERS = 10_000


def check_layers(layers: int) -> None:
    """Refuses a number of layers that no network has; Mu2Error."""
    if layers < 0:
        raise Mu2Error(f"num_layers is {layers}; it must be 0 or more.")
    if layers > MOST_LAYERS:
        raise Mu2Error(f"num_layers is {layers:,}; it must be {MOST_LAYERS:,} or less.")


@dataclasses.dataclass(frozen=True)
class Component:
    """One layer in its place in a network: a Linen module and the shape it is fed.

    Attributes:
      name: the place, such as `encoderblock_0`.
      module: a Flax Linen module of one array argument and one array result.
      input_shape: shape of one example at its input, without the batch axis.
      optional: present in a path only after a mutation inserted it.
      identity: names of leaves that, all zero, make the layer the identity; empty if none do.
      recompute: its backward pass does again what is no matrix product, rather than keep it; see
        `training.layer.gated`.
      micro_batch: most examples that a CPU core's cache holds what the layer makes of; None where
        larger batches are no slower. A training step so goes through fewer at a time.
      dense: the same layer where it computes what nothing reads, as a module and the shape it would
        be fed; None where it computes nothing less. It is counted and never run.
    """

    name: str
    module: nn.Module
    input_shape: tuple[int, ...]
    optional: bool = False
    identity: tuple[str, ...] = ()
    recompute: bool = True
    dense: tuple[nn.Module, tuple[int, ...]] | None = None
    micro_batch: int | None = None

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one example at the output, without the batch axis."""
        return _shapes(self.module, self.input_shape)[1]

    @property
    def shapes(self) -> dict[str, jax.ShapeDtypeStruct]:
        """Leaf name (joined by `/`) to shape and dtype of the parameters."""
        return dict(_leaves(self.module, self.input_shape))

    @property
    def axes(self) -> dict[str, Axes]:
        """Leaf name to the logical axes that the module gives the leaf.

        A module names them as Flax does, by `nn.with_logical_partitioning` round an initialiser.
        """
        boxed = flatten(_shapes(self.module, self.input_shape)[0])
        return {
            name: tuple(leaf.names) if isinstance(leaf, nn.Partitioned) else (None,) * leaf.ndim
            for name, leaf in boxed.items()
        }

    @property
    def signature(self) -> str:
        """Shapes and dtypes as one string; components of equal signature can trade parameters."""
        return _signature(self.module, self.input_shape)

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(int(np.prod(leaf.shape)) for leaf in self.shapes.values())

    @property
    def flops(self) -> float:
        """Floating-point operations of a forward pass for one example."""
        return _flops(self.module, self.input_shape)

    @property
    def dense_flops(self) -> float:
        """The same where every token goes through it, read later or not."""
        return self.flops if self.dense is None else _flops(*self.dense)

    def init(self, key: jax.Array, *, identity: bool = False) -> Arrays:
        """Fresh parameters.

        Args:
          key: consumed.
          identity: begin as the identity, where the layer can.

        Returns:
          Leaf name to float32 array.
        """
        params = flatten(_init(self.module, self.input_shape, key))
        zeros = self.identity if identity else ()
        return {
            name: np.zeros(leaf.shape, leaf.dtype) if name in zeros else np.asarray(leaf)
            for name, leaf in params.items()
        }

    def apply(self, params: Tree, x_Bx: jax.Array) -> jax.Array:
        """The layer's output for a batch; `params` is the tree that `nest` makes of the leaves."""
        return cast(jax.Array, self.module.apply({"params": params}, x_Bx))


def nest(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """The Linen parameter tree of flat leaves."""
    return traverse_util.unflatten_dict(dict(arrays), sep="/")


def flatten(tree: Tree) -> dict[str, Any]:
    """The flat leaves of a Linen parameter tree."""
    return traverse_util.flatten_dict(tree, sep="/")


class Network(tuple[Component, ...]):
    """The components of one network in forward order; hashable, so that it can key a program."""

    __slots__ = ()

    def select(self, names: Collection[str]) -> "Network":
        """Only the components of these names: a network without the adapters it does not have."""
        return Network(component for component in self if component.name in names)

    def widen_head(self, num_classes: int) -> "Network":
        """The same network with a head of another width; a head's module names its num_classes."""
        *body, head = self
        module = head.module.clone(num_classes=num_classes)
        return Network([*body, dataclasses.replace(head, module=module)])

    def apply(self, params: Mapping[str, Tree], x_Bx: jax.Array) -> jax.Array:
        """Folds a batch through all components; `params` maps component name to its tree."""
        for component in self:
            x_Bx = component.apply(params[component.name], x_Bx)
        return x_Bx


@dataclasses.dataclass(frozen=True)
class Model(abc.ABC):
    """An architecture: how hyperparameters become a network. A search space names some.

    A subclass is a frozen dataclass whose fields are numbers, texts and truth values; they are
    written into every path, so that a system can be read without the Gin files that made it.
    """

    # The kind of examples it reads: `image`, `table` or `text`.
    input: ClassVar[str] = "image"
    # The hyperparameters that shape it, with their types, and those that need no default.
    hyperparameters: ClassVar[Mapping[str, type]] = {}
    optional: ClassVar[frozenset[str]] = frozenset()

    @property
    def name(self) -> str:
        """JSON text of the class and its fields; equal texts are equal architectures."""
        return json.dumps({type(self).__name__: dataclasses.asdict(self)}, sort_keys=True)

    def hyperparameter_names(self) -> tuple[str, ...]:
        """The hyperparameters that shape this architecture."""
        return tuple(self.hyperparameters)

    @abc.abstractmethod
    def input_shape(self, hyperparameters: Mapping[str, Any]) -> tuple[int, ...]:
        """Shape of one example: [S, S, C] of an image, [T] bytes of a text, [F] of a table."""

    @abc.abstractmethod
    def network(
        self, hyperparameters: Mapping[str, Any], num_classes: int, dtype: str = "float32"
    ) -> Network:
        """All components in forward order, optional ones included.

        The last is the `head`; its module has a field `num_classes`.

        Args:
          hyperparameters: the resolved hyperparameters of a path.
          num_classes: width of the head.
          dtype: dtype of the arithmetic; parameters stay float32.

        Raises:
          Mu2Error: no network can be built from these values.
        """

    def slots(self, hyperparameters: Mapping[str, Any], num_classes: int) -> tuple[Component, ...]:
        """The same components as `evolution` wants them: name, signature, size, optional."""
        return tuple(self.network(hyperparameters, num_classes))

    def resamples(self, name: str) -> bool:
        """True if component `name` can be made out of one of another shape; here never."""
        return False

    def original(self, name: str) -> str:
        """The name under which a root keeps component `name` in the size its weights came in.

        Where that is another size than the space's default, a component of the default size has
        lost what the original still knows. No network has a component of this name.
        """
        return f"{name}_original"

    def resample(self, name: str, arrays: Arrays, like: Component) -> Arrays:
        """The parameters of component `name`, of another shape, made to fit `like`."""
        raise ValueError(f"{type(self).__name__} resamples no {name}")
