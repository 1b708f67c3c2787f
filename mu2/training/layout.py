"""The mesh layout: how the devices are shared out between children and within one child."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal

import jax
import numpy as np
from flax.linen.spmd import logical_to_mesh_axes
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from mu2.errors import Mu2Error, did_you_mean
from mu2.models.component import Axes, Component
from mu2.models.devices import devices

AXES = ("population", "data", "model")
# The axes of one slice, over which arrays are split.
WITHIN = AXES[1:]
BATCH: Axes = ("batch",)
PLATFORMS = ("cpu", "gpu", "tpu")
RULES = (("batch", "data"), ("heads", "model"), ("mlp", "model"))


@dataclasses.dataclass(frozen=True)
class Layout:
    """Axes of the mesh; their product is the number of devices.

    A child does not depend on `population`: with `data` and `model` at 1 every bit is that of one
    device. Splitting changes the order of sums. After a few steps the float32 parameters are then
    those of one device to 1e-5 relative plus 1e-6 absolute (tests/execution/test_eight_devices.py);
    as with any other rounding the difference grows from there, to 1% of the largest value of a leaf
    after 64 steps from nothing at rate 0.1 (measured, quickstart shrunken, eight CPU devices), and
    what evolution decides by a hair may fall otherwise.

    Attributes:
      population: children trained at the same time, each on its own slice of devices.
      data: devices of a slice over which a batch is split.
      model: devices of a slice over which large matrices are split.
      rules: pairs of a logical axis and the axis of a slice that it is split over, `data` or
        `model`, as in Flax: the first pair that fits wins, and what no pair names stays whole. The
        logical axis `batch` is the first of a batch; the modules of a model name the others:
        `embed`, `heads`, `kv`, `mlp` and `classes` in the models that come with mu2.
      platform: `cpu`, `gpu` or `tpu`, the kind of devices it is made for; None for any.
    """

    population: int = 1
    data: int = 1
    model: int = 1
    rules: tuple[tuple[str, str], ...] = RULES
    platform: Literal["cpu", "gpu", "tpu"] | None = None

    def __post_init__(self) -> None:
        for name in AXES:
            if getattr(self, name) < 1:
                raise Mu2Error(f"Layout.{name} is {getattr(self, name)}; it must be 1 or more.")
        if self.platform not in (None, *PLATFORMS):
            raise Mu2Error(
                f"Layout.platform is {self.platform!r}.",
                hint=did_you_mean(str(self.platform), PLATFORMS),
            )
        for logical, axis in self.rules:
            if axis not in WITHIN:
                raise Mu2Error(
                    f"Layout.rules splits {logical!r} over {axis!r}; a slice has the axes 'data' "
                    "and 'model'.",
                    hint=did_you_mean(axis, WITHIN),
                )

    def slices(self) -> "tuple[Slice, ...]":
        """One slice of this process's devices for each child trained at the same time.

        Raises:
          Mu2Error: the devices are of another platform, the product of the axes is not their
            number, or some of them belong to other processes.
        """
        found = devices()
        if self.platform not in (None, found[0].platform):
            raise Mu2Error(
                f"the layout is made for a {self.platform}, as Layout.platform says; JAX sees "
                f"{len(found)} device(s), {found[0].platform}.",
                hint=f"Install JAX for {self.platform.upper()}s, or choose another layout from "
                "gin/mesh/; with Layout.platform = None any devices will do.",
            )
        shape = tuple(getattr(self, name) for name in AXES)
        if math.prod(shape) != len(found):
            raise Mu2Error(
                f"the layout (population {self.population} x data {self.data} x model "
                f"{self.model}) is made for {math.prod(shape)} device(s); there are {len(found)} "
                f"({found[0].platform}).",
                hint="Choose a layout whose product is the number of devices, or show JAX fewer "
                "devices (JAX_PLATFORMS=cpu, CUDA_VISIBLE_DEVICES=0).",
            )
        if jax.process_count() > 1:
            raise Mu2Error(
                f"the {len(found)} devices of the layout belong to {jax.process_count()} "
                "processes; a run trains on the devices of one.",
                hint="Run one process for each host, with a layout of its own devices.",
            )
        grid = jax.make_mesh(shape, AXES, (AxisType.Auto,) * len(AXES), devices=found).devices
        return tuple(Slice(_mesh(part), self.rules) for part in grid)

    @property
    def size(self) -> int:
        """Devices that it is made for."""
        return self.population * self.data * self.model

    def is_like_one_device(self) -> bool:
        """True if one device of those there are gives the bits that this layout gives."""
        here = devices()[0].platform
        return self.data == self.model == 1 and self.platform in (None, here)

    def over(self, axes: Axes) -> tuple[str | None, ...]:
        """The axis of a slice, if one, that each dimension of such an array is split over.

        Raises:
          Mu2Error: two dimensions have the same name.
        """
        return tuple(_spec(axes, self.rules))

    def device_parameters(self, component: Component) -> int:
        """Parameters of a component that one device holds."""
        axes = component.axes
        return sum(
            math.prod(
                -(-size // n) for size, n in zip(like.shape, self.pieces(axes[leaf]), strict=True)
            )
            for leaf, like in component.shapes.items()
        )

    def pieces(self, axes: Axes) -> tuple[int, ...]:
        """Into how many pieces each dimension of such an array is cut; raises as `over` does."""
        return tuple(1 if axis is None else int(getattr(self, axis)) for axis in self.over(axes))


@dataclasses.dataclass(frozen=True)
class Slice:
    """The devices of one child.

    Attributes:
      mesh: axes `data` and `model`.
      rules: those of the layout.
    """

    mesh: Mesh
    rules: tuple[tuple[str, str], ...] = RULES

    def sharding(self, axes: Axes) -> NamedSharding:
        """How an array lies whose first dimensions have these logical axes."""
        return NamedSharding(self.mesh, _spec(axes, self.rules))

    def place(self, tree: Any, shardings: Any) -> Any:
        """The tree's arrays as a tree of shardings says, in buffers of their own (safe to donate).

        Raises:
          ValueError: a dimension cannot be cut into equal pieces; `validate_layout` tells before.
        """
        # On a CPU an aligned numpy array is taken as it is, whatever `may_alias` says.
        tree = jax.tree.map(lambda x: np.array(x) if isinstance(x, np.ndarray) else x, tree)
        return jax.device_put(tree, shardings, may_alias=False)

    def split(self, array: np.ndarray) -> jax.Array:
        """A batch, its first axis split as the rules say of `batch`."""
        return jax.device_put(array, self.sharding(BATCH))


def visible_devices() -> tuple[str, int]:
    """The platform of this process's devices, and their number."""
    found = devices()
    return found[0].platform, len(found)


def single() -> Slice:
    """The first device alone, whatever the number of devices."""
    return Slice(_mesh(np.array(devices()[:1]).reshape(1, 1)))


def _mesh(devices: np.ndarray) -> Mesh:
    """The mesh of a slice's devices, an array [data, model]."""
    return Mesh(devices, WITHIN, axis_types=(AxisType.Auto,) * len(WITHIN))


def _spec(axes: Axes, rules: Sequence[tuple[str, str]]) -> PartitionSpec:
    """The axes of a slice that some logical axes are split over."""
    try:
        return logical_to_mesh_axes(axes, rules) or PartitionSpec()
    except ValueError as error:
        raise Mu2Error(f"the logical axes {axes} cannot be split: {error}") from error
