"""A convolutional network for small images, cut into components and quick on CPUs.

Every convolution is a matrix product or a sum of shifted copies, which keeps the function and
leaves out XLA's convolution: within the step's `lax.switch` it is not the fast one on CPUs.
Measured on two shared cores of a Zen 5, ms of one block's forward and backward pass within the
step (batch 128, 7x7 positions, width 64, inner width 128, two layers):

  3x3 dense, by lax.conv_general_dilated    854   (outside of a switch about 20)
  3x3 dense, shifts joined, one product      35
  3x3 dense, nine products, summed           46
  3x3 dense, by gather / position matrix     47 / 58
  3x3 depthwise, nine shifted sums, MLP       7.1
  no neighbours at all, MLP                   4.0   (with LayerNorm 5.8)

Hence depthwise convolutions in the blocks, and dense ones only where there are few channels.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from mu2.errors import Mu2Error
from mu2.models.component import Network, check_layers
from mu2.models.depthwise import depthwise
from mu2.models.image_model import ImageModel, Layers
from mu2.models.vit import Head

# Pixels a side of the square that becomes one position of the blocks.
PATCH = 4
# Examples that a training step takes at a time on CPUs, so that their shifted copies stay in a
# core's cache. CPU time of a step of 256 by 64, 32 and 16, to PyTorch's: 1.15, 1.09 and 1.12 (2
# shared x86-64 cores, busy, 2026-12-01).
MICRO_BATCH = 32


def patches(x_BxHxWxC: jax.Array, side: int) -> jax.Array:
    """Squares of `side` as positions, [B, H / side, W / side, side^2 C]; the rest is cut off."""
    b, h, w, c = x_BxHxWxC.shape
    m, n = h // side, w // side
    x = x_BxHxWxC[:, : m * side, : n * side].reshape(b, m, side, n, side, c)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(b, m, n, side * side * c)


def neighbours(x_BxHxWxC: jax.Array, strides: tuple[int, int] = (1, 1)) -> list[jax.Array]:
    """Nine copies, each shifted by one of the steps of a 3x3 kernel, with zeros from outside.

    With a stride, of rows or columns, each has every such row or column alone, from the first on.
    """
    _, h, w, _ = x_BxHxWxC.shape
    m, n = strides
    x = jnp.pad(x_BxHxWxC, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return [x[:, i : i + h : m, j : j + w : n] for i in range(3) for j in range(3)]


def quarters(x_BxHxWxC: jax.Array) -> list[jax.Array]:
    """The mean [B, C] of each quarter; the middle row or column of an odd side is in both."""
    h, w = x_BxHxWxC.shape[1:3]
    rows = (slice((h + 1) // 2), slice(h // 2, None))
    columns = (slice((w + 1) // 2), slice(w // 2, None))
    return [x_BxHxWxC[:, i, j].mean((1, 2)) for i in rows for j in columns]


class Stem(nn.Module):
    """Squares of 2x2 pixels, then a 3x3 convolution of them: 6x6 pixels seen at a stride of 2."""

    width: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, image_BxSxSxC: jax.Array) -> jax.Array:
        """Maps images in [-1, 1] to [B, S / 2, S / 2, width]."""
        x = jnp.concatenate(neighbours(patches(image_BxSxSxC, 2)), axis=-1)
        return dense(self.width, self.dtype, "Dense_0")(x)


class Reduction(nn.Module):
    """LayerNorm, ReLU, and squares of 2x2 positions mapped to the width of the blocks."""

    width: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x_BxHxWxC: jax.Array) -> jax.Array:
        """Maps [B, H, W, C] to [B, H / 2, W / 2, width]."""
        x = nn.relu(nn.LayerNorm(dtype=self.dtype, name="LayerNorm_0")(x_BxHxWxC))
        return dense(self.width, self.dtype, "Dense_0")(patches(x, 2))


def dense(width: int, dtype: str, name: str) -> nn.Dense:
    """A linear layer before a ReLU."""
    return nn.Dense(width, dtype=dtype, kernel_init=nn.initializers.he_normal(), name=name)


class DepthwiseConv(nn.Module):
    """A 3x3 convolution of each channel by itself, as nine shifted copies summed.

    Attributes:
      dtype: dtype of the arithmetic.
      strides: of rows and columns.
    """

    dtype: str = "float32"
    strides: tuple[int, int] = (1, 1)

    @nn.compact
    def __call__(self, x_BxHxWxC: jax.Array) -> jax.Array:
        """Maps [B, H, W, C] to [B, ceil(H / rows), ceil(W / columns), C]."""
        c = x_BxHxWxC.shape[-1]
        kernel = self.param("kernel", nn.initializers.normal(1 / 3), (9, c), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (c,), jnp.float32)
        kernel = kernel.astype(self.dtype).reshape(3, 3, c)
        return depthwise(x_BxHxWxC, kernel, bias.astype(self.dtype), self.strides, (1, 1))


class ConvBlock(nn.Module):
    """Depthwise convolution, LayerNorm, Dense, ReLU, Dense and a residual sum.

    The last kernel starts at zero: a fresh block is the identity, and a network that grows by one
    keeps its function. The form is ConvNeXt's (arXiv 2201.03545, figure 4) with a kernel of 3.
    """

    dim: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x_BxHxWxC: jax.Array) -> jax.Array:
        """Maps [B, H, W, C] to [B, H, W, C]."""
        width = x_BxHxWxC.shape[-1]
        y = DepthwiseConv(self.dtype, name="DepthwiseConv_0")(x_BxHxWxC)
        y = nn.LayerNorm(dtype=self.dtype, name="LayerNorm_0")(y)
        y = nn.relu(dense(self.dim, self.dtype, "Dense_0")(y))
        y = nn.Dense(width, dtype=self.dtype, kernel_init=nn.initializers.zeros, name="Dense_1")(y)
        return x_BxHxWxC + y


class Pooling(nn.Module):
    """LayerNorm, ReLU, the mean over each quarter of the image, and a LayerNorm of the four.

    Quarters tell a stroke above from one below, which a mean over everything cannot. They share
    the middle row and column where the sides are odd.
    """

    dtype: str = "float32"

    @nn.compact
    def __call__(self, x_BxHxWxC: jax.Array) -> jax.Array:
        """Maps [B, H, W, C] to [B, 4 C]."""
        x = nn.relu(nn.LayerNorm(dtype=self.dtype, name="LayerNorm_0")(x_BxHxWxC))
        x = jnp.concatenate(quarters(x), axis=-1)
        return nn.LayerNorm(dtype=self.dtype, name="LayerNorm_1")(x)


@dataclasses.dataclass(frozen=True)
class ConvNet(ImageModel):
    """A small residual network; its hyperparameters are image_size, num_layers and adapter_dim.

    All blocks come after the last reduction, so that they have one shape and depth moves nothing
    else. No parameter depends on the image size.

    Attributes:
      stem_width: channels at half of the image's side.
      width: channels at a quarter of it, where the blocks are.
      mlp_dim: inner channels of a block.
      channels: channels of the images (grey images are repeated).
    """

    stem_width: int = 32
    width: int = 64
    mlp_dim: int = 128
    channels: int = 3

    def __post_init__(self) -> None:
        for name in ("stem_width", "width", "mlp_dim", "channels"):
            if getattr(self, name) < 1:
                raise Mu2Error(f"ConvNet.{name} is {getattr(self, name)}; it must be 1 or more.")

    def network(
        self, hyperparameters: Mapping[str, Any], num_classes: int, dtype: str = "float32"
    ) -> Network:
        """stem, reduction, block_0 ..., norm, head, optional adapters included.

        See `Model.network`.

        Raises:
          Mu2Error: the image is smaller than one position of the blocks, or a size is negative.
        """
        image, depth = hyperparameters["image_size"], hyperparameters["num_layers"]
        if image < PATCH:
            raise Mu2Error(
                f"image_size is {image}; the ConvNet halves an image twice.",
                hint=f"Set image_size to {PATCH} or more.",
            )
        check_layers(depth)
        layers = Layers(self, hyperparameters, dtype, recompute=False, micro_batch=MICRO_BATCH)
        layers.add("stem", Stem(self.stem_width, dtype))
        layers.add("reduction", Reduction(self.width, dtype))
        for i in range(depth):
            layers.add_adapter(i)
            layers.add(f"block_{i}", ConvBlock(self.mlp_dim, dtype))
        layers.add("norm", Pooling(dtype))
        layers.add("head", Head(num_classes, dtype))
        return layers.network()
