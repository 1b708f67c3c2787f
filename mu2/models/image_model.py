"""Architectures for square images, and how their layers follow each other."""

import abc
from collections.abc import Mapping
from typing import Any, ClassVar

import flax.linen as nn

from mu2.models.adapter import Adapter
from mu2.models.component import Component, Model, Network


class ImageModel(Model):
    """An architecture for square images; image_size, num_layers and adapter_dim shape it."""

    hyperparameters: ClassVar[Mapping[str, type]] = {
        "image_size": int,
        "num_layers": int,
        "adapter_dim": int,
    }
    optional: ClassVar[frozenset[str]] = frozenset({"adapter_dim"})

    @property
    @abc.abstractmethod
    def channels(self) -> int:
        """Channels of the images."""

    def input_shape(self, hyperparameters: Mapping[str, Any]) -> tuple[int, ...]:
        """[S, S, C] of one image."""
        side = hyperparameters["image_size"]
        return (side, side, self.channels)


class Layers:
    """Components in forward order, each of which reads what the one before it puts out.

    Args:
      model: whose layers they are.
      hyperparameters: the resolved hyperparameters of a path.
      dtype: dtype of the arithmetic.
      fields: of every component; see `Component`.
    """

    def __init__(
        self, model: ImageModel, hyperparameters: Mapping[str, Any], dtype: str, **fields: Any
    ):
        self._input_shape = model.input_shape(hyperparameters)
        self._adapter_dim: int | None = hyperparameters.get("adapter_dim")
        self._dtype = dtype
        self._fields = fields
        self._components: list[Component] = []

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of one example behind the last."""
        return self._components[-1].output_shape if self._components else self._input_shape

    def add(self, name: str, module: nn.Module, **fields: Any) -> None:
        """Puts a layer behind the others."""
        fields = {**self._fields, **fields}
        self._components.append(Component(name, module, self.output_shape, **fields))

    def add_adapter(self, number: int) -> None:
        """Puts an optional adapter behind the others, where the hyperparameters have adapters."""
        if self._adapter_dim is not None:
            self.add(f"adapter_{number}", Adapter(self._adapter_dim, self._dtype), optional=True)

    def network(self) -> Network:
        """All of them."""
        return Network(self._components)
