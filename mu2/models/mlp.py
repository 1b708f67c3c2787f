"""The residual multilayer perceptron for the rows of a table, cut into components."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import flax.linen as nn
import jax

from mu2.errors import Mu2Error
from mu2.models.component import Component, Model, Network, check_layers
from mu2.models.vit import Head, with_axes


class Features(nn.Module):
    """One linear layer from the columns of a table to the width of the network."""

    width: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x_BxF: jax.Array) -> jax.Array:
        """Maps rows [B, F] to [B, width]."""
        return nn.Dense(self.width, dtype=self.dtype, name="Dense_0")(x_BxF)


class MlpBlock(nn.Module):
    """LayerNorm, Dense, GELU, Dense and a residual sum; the last kernel starts at zero.

    A fresh block so is the identity, and a network that grows by one keeps its function.
    """

    dim: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x_BxD: jax.Array) -> jax.Array:
        """Maps [B, D] to [B, D]."""
        width = x_BxD.shape[-1]
        y = nn.LayerNorm(dtype=self.dtype, name="LayerNorm_0")(x_BxD)

        def dense(
            features: int, name: str, kernel: nn.initializers.Initializer, *axes: str
        ) -> nn.Dense:
            return nn.Dense(
                features,
                dtype=self.dtype,
                kernel_init=with_axes(kernel, *axes),
                bias_init=with_axes(nn.initializers.zeros, axes[-1]),
                name=name,
            )

        y = nn.gelu(dense(self.dim, "Dense_0", nn.initializers.he_normal(), "embed", "mlp")(y))
        return x_BxD + dense(width, "Dense_1", nn.initializers.zeros, "mlp", "embed")(y)


class RowNorm(nn.Module):
    """The last LayerNorm."""

    dtype: str = "float32"

    @nn.compact
    def __call__(self, x_BxD: jax.Array) -> jax.Array:
        """Maps [B, D] to [B, D]."""
        return nn.LayerNorm(dtype=self.dtype, name="LayerNorm_0")(x_BxD)


@dataclasses.dataclass(frozen=True)
class MLP(Model):
    """The residual MLP; its hyperparameters are num_features and num_layers.

    num_features, the numbers that a row has become, is given by the data and has no default. The
    numbers are taken as they come: the source of a table scales them. Tables of different columns
    share every component but `embedding` and `head`.

    Attributes:
      width: width of the residual stream.
      mlp_dim: inner width of a block.
    """

    input: ClassVar[str] = "table"
    hyperparameters: ClassVar[Mapping[str, type]] = {"num_features": int, "num_layers": int}
    optional: ClassVar[frozenset[str]] = frozenset({"num_features"})

    width: int = 128
    mlp_dim: int = 256

    def __post_init__(self) -> None:
        for name in ("width", "mlp_dim"):
            if getattr(self, name) < 1:
                raise Mu2Error(f"MLP.{name} is {getattr(self, name)}; it must be 1 or more.")

    def input_shape(self, hyperparameters: Mapping[str, Any]) -> tuple[int, ...]:
        """[F] of one row.

        Raises:
          Mu2Error: nothing says how many features there are, or there are none.
        """
        features = hyperparameters.get("num_features")
        if features is None:
            raise Mu2Error(
                "num_features has no value, so that no network can be built for rows.",
                hint="The task's source gives it; set Hyperparameters.num_features only where "
                "there is no task.",
            )
        if features < 1:
            raise Mu2Error(f"num_features is {features}; a row must have 1 or more.")
        return (features,)

    def network(
        self, hyperparameters: Mapping[str, Any], num_classes: int, dtype: str = "float32"
    ) -> Network:
        """embedding, block_0 ..., norm, head; see `Model.network`.

        Raises:
          Mu2Error: num_features is missing or below 1, or num_layers is negative.
        """
        layers = hyperparameters["num_layers"]
        check_layers(layers)
        stream = (self.width,)
        return Network(
            [
                Component(
                    "embedding", Features(self.width, dtype), self.input_shape(hyperparameters)
                ),
                *(
                    Component(f"block_{i}", MlpBlock(self.mlp_dim, dtype), stream)
                    for i in range(layers)
                ),
                Component("norm", RowNorm(dtype), stream),
                Component("head", Head(num_classes, dtype), stream),
            ]
        )
