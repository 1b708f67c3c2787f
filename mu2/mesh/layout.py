"""The mesh layout: how the devices are shared out between children and within one child."""

import dataclasses
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from mu2.errors import Mu2Error


@dataclasses.dataclass(frozen=True)
class Layout:
    """Axes of the mesh; their product is the number of devices.

    Attributes:
      population: children trained at the same time, each on its own slice of devices.
      data: devices of a slice over which a batch is split.
      model: devices of a slice over which large matrices are split; only 1 is supported so far.
    """

    population: int = 1
    data: int = 1
    model: int = 1

    def __post_init__(self) -> None:
        for name in ("population", "data", "model"):
            if getattr(self, name) < 1:
                raise Mu2Error(f"Layout.{name} is {getattr(self, name)}; it must be 1 or more.")
        if self.model != 1:
            raise Mu2Error(
                f"Layout.model is {self.model}; matrices cannot be split over devices yet.",
                hint="Set Layout.model to 1 and give the devices to Layout.data or .population.",
            )

    def slices(self) -> "tuple[Slice, ...]":
        """One slice of this process's devices for each child trained at the same time.

        Raises:
          Mu2Error: the product of the axes is not the number of devices.
        """
        devices = jax.devices()
        wanted = self.population * self.data * self.model
        if wanted != len(devices):
            raise Mu2Error(
                f"the layout (population {self.population} x data {self.data} x model "
                f"{self.model}) is made for {wanted} device(s); there are {len(devices)} "
                f"({devices[0].platform}).",
                hint="Choose a layout whose product is the number of devices, or show JAX fewer "
                "devices (JAX_PLATFORMS=cpu, CUDA_VISIBLE_DEVICES=0).",
            )
        grid = np.array(devices).reshape(self.population, self.data, self.model)
        axes = (AxisType.Auto, AxisType.Auto)
        return tuple(Slice(Mesh(part, ("data", "model"), axis_types=axes)) for part in grid)


@dataclasses.dataclass(frozen=True)
class Slice:
    """The devices of one child.

    Attributes:
      mesh: axes `data` and `model`.
    """

    mesh: Mesh

    def replicate(self, tree: Any) -> Any:
        """The tree's arrays whole on every device, in buffers of their own (safe to donate)."""
        sharding = NamedSharding(self.mesh, PartitionSpec())
        # On a CPU an aligned numpy array is taken as it is, whatever `may_alias` says.
        tree = jax.tree.map(lambda x: np.array(x) if isinstance(x, np.ndarray) else x, tree)
        return jax.device_put(tree, sharding, may_alias=False)

    def split(self, array: np.ndarray) -> jax.Array:
        """An array with its first axis split over `data`."""
        return jax.device_put(array, NamedSharding(self.mesh, PartitionSpec("data")))


def single() -> Slice:
    """The first device alone, whatever the number of devices."""
    grid = np.array(jax.devices()[:1]).reshape(1, 1)
    return Slice(Mesh(grid, ("data", "model"), axis_types=(AxisType.Auto, AxisType.Auto)))
