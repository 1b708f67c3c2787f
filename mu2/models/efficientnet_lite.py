"""EfficientNet-Lite0, cut into components and quick on CPUs.

Source: Tan and Le, arXiv 1905.11946, table 1, in the form for mobile devices (EfficientNet-Lite:
no squeeze and excitation, ReLU6 in place of swish, stem and features not scaled), as it is run:
every BatchNorm is part of the convolution before it. As in the ConvNet, convolutions are matrix
products and sums of shifted copies.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp

from mu2.errors import Mu2Error
from mu2.models.component import Network
from mu2.models.convnet import dense
from mu2.models.depthwise import depthwise, same_margins, shifted
from mu2.models.image_model import ImageModel, Layers
from mu2.models.vit import Head

# Channels of the stem, and of the layer behind the last block.
STEM, FEATURES = 32, 1280
# The smallest image: every step of the stem's kernel sees some of it.
SMALLEST = 4
# Examples that a training step takes at a time on CPUs, so that their shifted copies stay in a
# core's cache: `python -m benchmarks.speed.micro_batches`.
MICRO_BATCH = 4
# The root's images were (pixel - 127) / 128; mu2's are pixel / 127.5 - 1.
SLOPE, SHIFT = 127.5 / 128, 0.5 / 128


@dataclasses.dataclass(frozen=True)
class BlockShape:
    """What tells one block from another.

    Attributes:
      width: channels of its output.
      side: of the kernel of each channel, 3 or 5.
      stride: of rows and columns alike.
      expansion: channels inside for each channel of its input.
    """

    width: int
    side: int = 3
    stride: int = 1
    expansion: int = 6


def _stage(repeats: int, side: int, stride: int, width: int) -> tuple[BlockShape, ...]:
    """Blocks of one width, of which the first has the stride."""
    return (BlockShape(width, side, stride), *(BlockShape(width, side),) * (repeats - 1))


BLOCKS = (
    BlockShape(16, expansion=1),
    *_stage(2, 3, 2, 24),
    *_stage(2, 5, 2, 40),
    *_stage(3, 3, 2, 80),
    *_stage(3, 5, 1, 112),
    *_stage(4, 5, 2, 192),
    BlockShape(320),
)
# Every block, and the features behind the last.
LAYERS = len(BLOCKS) + 1


def relu6(x: jax.Array) -> jax.Array:
    """Numbers cut off at 0 and at 6."""
    return jnp.clip(x, 0, 6)


def _before(x_BxHxWxC: jax.Array, side: int, stride: int) -> tuple[int, int]:
    """Zeros above and left of an array that a kernel goes over."""
    h, w = (same_margins(length, side, stride)[0] for length in x_BxHxWxC.shape[1:3])
    return h, w


class LiteStem(nn.Module):
    """3x3 convolution at a stride of 2, of images on the scale that the weights were trained on."""

    dtype: str = "float32"

    @nn.compact
    def __call__(self, image_BxSxSxC: jax.Array) -> jax.Array:
        """Maps images in [-1, 1] to [B, ceil(S / 2), ceil(S / 2), 32]."""
        before = _before(image_BxSxSxC, 3, 2)
        copies = shifted(image_BxSxSxC * SLOPE + SHIFT, 3, (2, 2), before).values()
        return relu6(dense(STEM, self.dtype, "Dense_0")(jnp.concatenate(list(copies), axis=-1)))


class SameDepthwiseConv(nn.Module):
    """A convolution of each channel by itself, padded as TensorFlow pads, as a sum of copies.

    Attributes:
      side: of the kernel.
      stride: of rows and columns.
      dtype: dtype of the arithmetic.
    """

    side: int
    stride: int = 1
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x_BxHxWxC: jax.Array) -> jax.Array:
        """Maps [B, H, W, C] to [B, ceil(H / stride), ceil(W / stride), C]."""
        c, taps = x_BxHxWxC.shape[-1], self.side**2
        kernel = self.param("kernel", nn.initializers.normal(1 / self.side), (taps, c), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (c,), jnp.float32)
        kernel = kernel.astype(self.dtype).reshape(self.side, self.side, c)
        before = _before(x_BxHxWxC, self.side, self.stride)
        strides = (self.stride, self.stride)
        return depthwise(x_BxHxWxC, kernel, bias.astype(self.dtype), strides, before)


class LiteBlock(nn.Module):
    """An inverted bottleneck: more channels, a convolution of each by itself, fewer channels.

    With a residual sum where the shapes allow one (MobileNetV2, arXiv 1801.04381).

    Attributes:
      shape: of the block.
      dtype: dtype of the arithmetic.
    """

    shape: BlockShape
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x_BxHxWxC: jax.Array) -> jax.Array:
        """Maps [B, H, W, C] to [B, ceil(H / stride), ceil(W / stride), width]."""
        shape, width = self.shape, x_BxHxWxC.shape[-1]
        x = x_BxHxWxC
        if shape.expansion > 1:
            x = relu6(dense(shape.expansion * width, self.dtype, "Dense_0")(x))
        convolution = SameDepthwiseConv(
            shape.side, shape.stride, self.dtype, name="SameDepthwiseConv_0"
        )
        x = dense(shape.width, self.dtype, "Dense_1")(relu6(convolution(x)))
        return x_BxHxWxC + x if shape.stride == 1 and shape.width == width else x


class Features(nn.Module):
    """The 1x1 convolution behind the last block."""

    dtype: str = "float32"

    @nn.compact
    def __call__(self, x_BxHxWxC: jax.Array) -> jax.Array:
        """Maps [B, H, W, C] to [B, H, W, 1280]."""
        return relu6(dense(FEATURES, self.dtype, "Dense_0")(x_BxHxWxC))


class MeanPooling(nn.Module):
    """The mean of all positions, and a LayerNorm."""

    dtype: str = "float32"

    @nn.compact
    def __call__(self, x_BxHxWxC: jax.Array) -> jax.Array:
        """Maps [B, H, W, C] to [B, C]."""
        return nn.LayerNorm(dtype=self.dtype, name="LayerNorm_0")(x_BxHxWxC.mean((1, 2)))


@dataclasses.dataclass(frozen=True)
class EfficientNetLite0(ImageModel):
    """EfficientNet-Lite0; image_size, num_layers and adapter_dim shape it.

    Its layers are 16 blocks and the features behind them; it is cut after any. No parameter depends
    on the image size. Images have three channels.
    """

    channels: ClassVar[int] = 3

    def network(
        self, hyperparameters: Mapping[str, Any], num_classes: int, dtype: str = "float32"
    ) -> Network:
        """stem, block_0 ... block_15, features_16, norm, head, optional adapters included.

        See `Model.network`.

        Raises:
          Mu2Error: the image is too small, or there are not so many layers.
        """
        image, depth = hyperparameters["image_size"], hyperparameters["num_layers"]
        if image < SMALLEST:
            raise Mu2Error(
                f"image_size is {image}, too small for EfficientNetLite0.",
                hint=f"Set image_size to {SMALLEST} or more.",
            )
        if not 0 <= depth <= LAYERS:
            raise Mu2Error(
                f"num_layers is {depth}; EfficientNetLite0 is cut after 0 to {LAYERS} layers.",
                hint=f"Set num_layers to {LAYERS} or less.",
            )
        layers = Layers(self, hyperparameters, dtype, micro_batch=MICRO_BATCH)
        layers.add("stem", LiteStem(dtype))
        for i in range(depth):
            layers.add_adapter(i)
            if i < len(BLOCKS):
                layers.add(f"block_{i}", LiteBlock(BLOCKS[i], dtype))
            else:
                layers.add(f"features_{i}", Features(dtype))
        layers.add("norm", MeanPooling(dtype))
        layers.add("head", Head(num_classes, dtype))
        return layers.network()
