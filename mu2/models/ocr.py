"""LCNetV4 as PP-OCRv6 reads lines of text with it, cut into components.

Source: arXiv 2606.13108 (PP-OCRv6), the backbone of its small recognition model, in the form in
which it is run: the branches of a block's 3x3 convolution, its own input among them, and all
BatchNorms are one convolution (structural reparameterization).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, get_args

import flax.linen as nn
import jax
import jax.numpy as jnp

from mu2.errors import Mu2Error, did_you_mean
from mu2.models.component import Network
from mu2.models.convnet import DepthwiseConv, dense, neighbours, quarters
from mu2.models.image_model import ImageModel, Layers
from mu2.models.vit import Head

Ink = Literal["dark", "light", "either"]

# Channels of the stem at a half and at a quarter of the image's side.
STEM, WIDTH = 48, 96
# Pixels a side of the square that is one position after the stem.
PATCH = 4
# Examples that a training step takes at a time on CPUs, so that their shifted copies stay in a
# core's cache: `python -m benchmarks.speed.micro_batches`.
MICRO_BATCH = 8


@dataclasses.dataclass(frozen=True)
class BlockShape:
    """What tells one block from another.

    Attributes:
      width: channels of its output, and half the inner width of its MLP.
      halves: it halves the height and not the width; it has no residual sum then.
      gate: it has a squeeze-and-excitation gate.
    """

    width: int
    halves: bool = False
    gate: bool = False


# The small model: stages of 3, 7 and 3 blocks. A block that halves keeps its input's width inside.
BLOCKS = (
    *(BlockShape(96, gate=gate) for gate in (True, False, False)),
    BlockShape(192, halves=True),
    *(BlockShape(192, gate=gate) for gate in (True, False, True, False, True, False)),
    BlockShape(384, halves=True),
    *(BlockShape(384, gate=gate) for gate in (True, False)),
)


def below_right(x_BxHxWxC: jax.Array) -> list[jax.Array]:
    """Four copies, each shifted by one of the steps of a 2x2 kernel, with zeros from outside."""
    _, h, w, _ = x_BxHxWxC.shape
    x = jnp.pad(x_BxHxWxC, ((0, 0), (0, 1), (0, 1), (0, 0)))
    return [x[:, i : i + h, j : j + w] for i in range(2) for j in range(2)]


def ink_as_dark(image_BxSxSxC: jax.Array) -> jax.Array:
    """Images whose margin is darker than middle grey are inverted, each by itself.

    Args:
      image_BxSxSxC: in [-1, 1]. The margin is one pixel wide, the mean of its channels counts.
    """
    inner = jnp.zeros(image_BxSxSxC.shape[1:3], bool).at[1:-1, 1:-1].set(True)
    margin = jnp.where(inner[None, ..., None], 0, image_BxSxSxC).sum((1, 2, 3), keepdims=True)
    return jnp.where(margin < 0, -image_BxSxSxC, image_BxSxSxC)


class OCRStem(nn.Module):
    """3x3 convolution at a stride of 2, two branches joined, and another to a quarter of the side.

    Attributes:
      ink: as LCNetV4.ink.
      dtype: dtype of the arithmetic.
    """

    ink: Ink = "either"
    dtype: str = "float32"

    @nn.compact
    def __call__(self, image_BxSxSxC: jax.Array) -> jax.Array:
        """Maps images in [-1, 1] to [B, ceil(S / 4), ceil(S / 4), 96]."""

        def convolution(copies: list[jax.Array], width: int, i: int) -> jax.Array:
            return nn.relu(dense(width, self.dtype, f"Dense_{i}")(jnp.concatenate(copies, axis=-1)))

        x = {"dark": lambda x: x, "light": jnp.negative, "either": ink_as_dark}[self.ink](
            image_BxSxSxC
        )
        x = convolution(neighbours(x, (2, 2)), STEM, 0)
        y = convolution(below_right(x), STEM // 2, 1)
        y = convolution(below_right(y), STEM, 2)
        # What comes out of a ReLU is never less than the zeros from outside.
        a, b, c, d = below_right(x)
        pooled = jnp.maximum(jnp.maximum(a, b), jnp.maximum(c, d))
        x = convolution(neighbours(jnp.concatenate([pooled, y], axis=-1), (2, 2)), STEM, 3)
        return convolution([x], WIDTH, 4)


class Gate(nn.Module):
    """Squeeze and excitation: a factor in [0, 1] for each channel, from the mean of all positions.

    Source: arXiv 1709.01507; the hard sigmoid is that of PP-LCNet (arXiv 2109.15099).
    """

    dtype: str = "float32"

    @nn.compact
    def __call__(self, x_BxHxWxC: jax.Array) -> jax.Array:
        """Maps [B, H, W, C] to [B, H, W, C]."""
        width = x_BxHxWxC.shape[-1]
        y = x_BxHxWxC.mean((1, 2), keepdims=True)
        y = nn.relu(dense(width // 4, self.dtype, "Dense_0")(y))
        y = dense(width, self.dtype, "Dense_1")(y)
        return x_BxHxWxC * jnp.clip(y / 6 + 0.5, 0, 1)


class LCNetBlock(nn.Module):
    """A 3x3 convolution of each channel by itself, a gate, and an MLP with a residual sum.

    Attributes:
      shape: of the block.
      dtype: dtype of the arithmetic.
    """

    shape: BlockShape
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x_BxHxWxC: jax.Array) -> jax.Array:
        """Maps [B, H, W, C] to [B, H or ceil(H / 2), W, width]."""
        width = x_BxHxWxC.shape[-1]
        strides = (2, 1) if self.shape.halves else (1, 1)
        x = DepthwiseConv(self.dtype, strides, name="DepthwiseConv_0")(x_BxHxWxC)
        if self.shape.gate:
            x = Gate(self.dtype, name="Gate_0")(x)
        y = nn.gelu(dense(2 * width, self.dtype, "Dense_0")(x), approximate=False)
        y = dense(self.shape.width, self.dtype, "Dense_1")(y)
        return y if self.shape.halves else x + y


class GridPooling(nn.Module):
    """The mean of each quarter of the image, and a LayerNorm of the four.

    Quarters as those of the ConvNet's `Pooling`: they share the middle row and column where the
    sides are odd.
    """

    dtype: str = "float32"

    @nn.compact
    def __call__(self, x_BxHxWxC: jax.Array) -> jax.Array:
        """Maps [B, H, W, C] to [B, 4 C]."""
        x = jnp.concatenate(quarters(x_BxHxWxC), axis=-1)
        return nn.LayerNorm(dtype=self.dtype, name="LayerNorm_0")(x)


@dataclasses.dataclass(frozen=True)
class LCNetV4(ImageModel):
    """The backbone that reads text in PP-OCRv6; image_size, num_layers and adapter_dim shape it.

    It is cut after any of its 13 blocks. No parameter depends on the image size.

    Attributes:
      ink: `dark` for images of dark ink on light ground, as the weights were trained on; `light`
        inverts every image; `either` inverts those whose margin of one pixel is darker than middle
        grey, each by itself, so that sets of both kinds look alike.
      channels: channels of the images, 1 or 3 (grey images are repeated for 3).
    """

    ink: Ink = "either"
    channels: int = 3

    def __post_init__(self) -> None:
        if self.ink not in get_args(Ink):
            raise Mu2Error(
                f"LCNetV4.ink is {self.ink!r}.", hint=did_you_mean(str(self.ink), get_args(Ink))
            )
        if self.channels not in (1, 3):
            raise Mu2Error(
                f"LCNetV4.channels is {self.channels}.", hint="Set it to 1, or to 3 for colour."
            )

    def network(
        self, hyperparameters: Mapping[str, Any], num_classes: int, dtype: str = "float32"
    ) -> Network:
        """stem, block_0 ..., norm, head, optional adapters included; see `Model.network`.

        Raises:
          Mu2Error: the image is smaller than one position, or there are not so many blocks.
        """
        image, depth = hyperparameters["image_size"], hyperparameters["num_layers"]
        if image < PATCH:
            raise Mu2Error(
                f"image_size is {image}; LCNetV4 makes a position of {PATCH} x {PATCH} pixels.",
                hint=f"Set image_size to {PATCH} or more.",
            )
        if not 0 <= depth <= len(BLOCKS):
            raise Mu2Error(
                f"num_layers is {depth}; LCNetV4 is cut after 0 to {len(BLOCKS)} blocks.",
                hint=f"Set num_layers to {len(BLOCKS)} or less.",
            )
        # Little is kept for gradients (`recompute`), as most layers of a path are frozen: CPU
        # time of a step, batch 32, one core, to that of keeping all: everything trained 1.02,
        # two blocks 0.63, norm and head 0.50 (2026-11-30).
        layers = Layers(self, hyperparameters, dtype, micro_batch=MICRO_BATCH)
        layers.add("stem", OCRStem(self.ink, dtype))
        for i, shape in enumerate(BLOCKS[:depth]):
            layers.add_adapter(i)
            layers.add(f"block_{i}", LCNetBlock(shape, dtype))
        layers.add("norm", GridPooling(dtype))
        layers.add("head", Head(num_classes, dtype))
        return layers.network()
