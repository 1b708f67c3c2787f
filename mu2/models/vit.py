"""The Vision Transformer, cut into components named and shaped like the public ViT weights."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mu2.errors import Mu2Error, did_you_mean
from mu2.models.component import Arrays, Component, Network, check_layers
from mu2.models.image_model import ImageModel, Layers

GELUS = ("tanh", "exact")


def with_axes(initializer: nn.initializers.Initializer, *axes: str | None) -> Any:
    """The initialiser of a parameter whose dimensions have these logical axes.

    `embed` is the width of a token, `heads` and `kv` are the heads and the width of one, `mlp` is
    the inner width of an MLP, `classes` those of a head. `mesh.Layout.rules` says which are split.
    """
    return nn.with_logical_partitioning(initializer, axes)


class Embedding(nn.Module):
    """Patch embedding: the public weights' convolution, computed as one matrix product.

    Stride equals kernel, so patches do not overlap and a reshape replaces the convolution, which
    XLA runs slowly on CPUs.
    """

    patch: int
    width: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, image_BxSxSxC: jax.Array) -> jax.Array:
        """Maps images in [-1, 1] to tokens [B, (S / patch)^2, width]."""
        b, s, _, c = image_BxSxSxC.shape
        p, n = self.patch, s // self.patch
        kernel = self.param(
            "kernel", nn.initializers.lecun_normal(), (p, p, c, self.width), jnp.float32
        )
        bias = self.param("bias", nn.initializers.zeros, (self.width,), jnp.float32)
        x = image_BxSxSxC[:, : n * p, : n * p].astype(self.dtype)
        x = x.reshape(b, n, p, n, p, c).transpose(0, 1, 3, 2, 4, 5).reshape(b, n * n, p * p * c)
        return x @ kernel.reshape(p * p * c, self.width).astype(self.dtype) + bias.astype(
            self.dtype
        )


class ClassToken(nn.Module):
    """Puts the learned class token before the patch tokens."""

    dtype: str = "float32"

    @nn.compact
    def __call__(self, x_BxTxD: jax.Array) -> jax.Array:
        """Maps [B, T, D] to [B, T + 1, D]."""
        b, _, d = x_BxTxD.shape
        token = self.param("cls", nn.initializers.zeros, (1, 1, d), jnp.float32)
        return jnp.concatenate([jnp.tile(token.astype(self.dtype), (b, 1, 1)), x_BxTxD], axis=1)


class PositionEmbedding(nn.Module):
    """Adds a learned vector to every token."""

    dtype: str = "float32"

    @nn.compact
    def __call__(self, x_BxTxD: jax.Array) -> jax.Array:
        """Maps [B, T, D] to [B, T, D]."""
        _, t, d = x_BxTxD.shape
        embedding = self.param(
            "pos_embedding", nn.initializers.normal(0.02), (1, t, d), jnp.float32
        )
        return x_BxTxD + embedding.astype(self.dtype)


class Mlp(nn.Module):
    """The two dense layers of an encoder block, GELU between them."""

    dim: int
    dtype: str = "float32"
    gelu: str = "tanh"

    @nn.compact
    def __call__(self, x_BxTxD: jax.Array) -> jax.Array:
        """Maps [B, T, D] to [B, T, D]."""

        def dense(features: int, name: str, *axes: str) -> nn.Dense:
            return nn.Dense(
                features,
                dtype=self.dtype,
                kernel_init=with_axes(nn.initializers.xavier_uniform(), *axes),
                bias_init=with_axes(nn.initializers.normal(1e-6), axes[-1]),
                name=name,
            )

        y = dense(self.dim, "Dense_0", "embed", "mlp")(x_BxTxD)
        y = nn.gelu(y, approximate=self.gelu == "tanh")
        return dense(x_BxTxD.shape[-1], "Dense_1", "mlp", "embed")(y)


class EncoderBlock(nn.Module):
    """A pre-norm Transformer block without dropout.

    Attributes:
      heads: attention heads.
      mlp_dim: inner width of the MLP.
      dtype: dtype of the arithmetic.
      gelu: `tanh` or `exact`.
      epsilon: added to the variance in every LayerNorm.
      last: it puts out the class token alone, as of a network's last block nothing else is read:
        the others serve as keys and values only. Its parameters are those of any block.
    """

    heads: int
    mlp_dim: int
    dtype: str = "float32"
    gelu: str = "tanh"
    epsilon: float = 1e-6
    last: bool = False

    @nn.compact
    def __call__(self, x_BxTxD: jax.Array) -> jax.Array:
        """Maps [B, T, D] to [B, T, D], or to [B, 1, D] if it is the last."""
        y = nn.LayerNorm(self.epsilon, dtype=self.dtype, name="LayerNorm_0")(x_BxTxD)
        read = y
        if self.last:
            x_BxTxD, read = x_BxTxD[:, :1], y[:, :1]
        kernel, bias = nn.initializers.xavier_uniform(), nn.initializers.zeros
        y = nn.MultiHeadDotProductAttention(
            num_heads=self.heads,
            dtype=self.dtype,
            kernel_init=with_axes(kernel, "embed", "heads", "kv"),
            bias_init=with_axes(bias, "heads", "kv"),
            out_kernel_init=with_axes(kernel, "heads", "kv", "embed"),
            out_bias_init=with_axes(bias, "embed"),
            deterministic=True,
            name="MultiHeadDotProductAttention_1",
        )(read, y)
        x_BxTxD = x_BxTxD + y
        y = nn.LayerNorm(self.epsilon, dtype=self.dtype, name="LayerNorm_2")(x_BxTxD)
        return x_BxTxD + Mlp(self.mlp_dim, self.dtype, self.gelu, name="MlpBlock_3")(y)


class EncoderNorm(nn.Module):
    """The last LayerNorm; keeps the class token alone, as nothing else is read after it."""

    dtype: str = "float32"
    epsilon: float = 1e-6

    @nn.compact
    def __call__(self, x_BxTxD: jax.Array) -> jax.Array:
        """Maps [B, T, D] to [B, D]."""
        d = x_BxTxD.shape[-1]
        scale = self.param("scale", nn.initializers.ones, (d,), jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (d,), jnp.float32)
        x = x_BxTxD[:, 0].astype(jnp.float32)
        x = (x - x.mean(-1, keepdims=True)) * jax.lax.rsqrt(x.var(-1, keepdims=True) + self.epsilon)
        return (x * scale[None] + bias[None]).astype(self.dtype)


class Head(nn.Module):
    """The linear classifier; starts at zero, its logits are float32."""

    num_classes: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, x_BxD: jax.Array) -> jax.Array:
        """Maps [B, D] to logits [B, num_classes]."""
        d = x_BxD.shape[-1]
        zeros, shape = nn.initializers.zeros, (d, self.num_classes)
        kernel = self.param("kernel", with_axes(zeros, "embed", "classes"), shape, jnp.float32)
        bias = self.param("bias", with_axes(zeros, "classes"), shape[1:], jnp.float32)
        return (x_BxD @ kernel.astype(self.dtype)).astype(jnp.float32) + bias[None]


# The last matrices of both residual branches: where they are zero, a block is the identity.
RESIDUAL_OUTPUTS = tuple(
    f"{layer}/{leaf}"
    for layer in ("MultiHeadDotProductAttention_1/out", "MlpBlock_3/Dense_1")
    for leaf in ("kernel", "bias")
)


@dataclasses.dataclass(frozen=True)
class ViT(ImageModel):
    """The Vision Transformer; its hyperparameters are image_size, num_layers and adapter_dim.

    Attributes:
      patch: side of a patch, in pixels.
      width: width of a token (192 in Ti, 384 in S, 768 in B, 1024 in L).
      heads: attention heads; divides width.
      mlp_dim: inner width of the MLP.
      channels: channels of the images (grey images are repeated).
      gelu: `tanh` approximates it, as the public JAX weights were trained; `exact`, as PyTorch's.
      epsilon: added to the variance in every LayerNorm.
    """

    patch: int = 16
    width: int = 192
    heads: int = 3
    mlp_dim: int = 768
    channels: int = 3
    gelu: Literal["tanh", "exact"] = "tanh"
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        kind = type(self).__name__
        for name in ("patch", "width", "heads", "mlp_dim", "channels"):
            if getattr(self, name) < 1:
                raise Mu2Error(f"{kind}.{name} is {getattr(self, name)}; it must be 1 or more.")
        if self.width % self.heads:
            raise Mu2Error(
                f"{kind}.width is {self.width} and {kind}.heads is {self.heads}; "
                "the heads must divide the width.",
                hint=f"Set {kind}.heads to a divisor of {self.width}.",
            )
        if self.gelu not in GELUS:
            raise Mu2Error(
                f"{kind}.gelu is {self.gelu!r}.", hint=did_you_mean(str(self.gelu), GELUS)
            )
        if not self.epsilon > 0:
            raise Mu2Error(f"{kind}.epsilon is {self.epsilon}; it must be above 0.")

    def network(
        self, hyperparameters: Mapping[str, Any], num_classes: int, dtype: str = "float32"
    ) -> Network:
        """All components in forward order, optional adapters included; see `Model.network`.

        Raises:
          Mu2Error: the image is smaller than a patch, or a size is negative.
        """
        image, depth = hyperparameters["image_size"], hyperparameters["num_layers"]
        if image < self.patch:
            raise Mu2Error(
                f"image_size is {image}, smaller than one patch of {self.patch} pixels.",
                hint=f"Set image_size to {self.patch} or more, or "
                f"{type(self).__name__}.patch to {image} or less.",
            )
        check_layers(depth)
        layers = Layers(self, hyperparameters, dtype)
        layers.add("embedding", Embedding(self.patch, self.width, dtype))
        layers.add("cls", ClassToken(dtype))
        layers.add("posembed_input", PositionEmbedding(dtype))
        tokens = layers.output_shape
        for i in range(depth):
            layers.add_adapter(i)
            block = EncoderBlock(self.heads, self.mlp_dim, dtype, self.gelu, self.epsilon)
            if i < depth - 1:
                layers.add(f"encoderblock_{i}", block, identity=RESIDUAL_OUTPUTS)
                continue
            last, dense = block.clone(last=True), (block, tokens)
            layers.add(f"encoderblock_{i}", last, identity=RESIDUAL_OUTPUTS, dense=dense)
        norm = nn.LayerNorm(self.epsilon, dtype=dtype)
        layers.add("encoder_norm", EncoderNorm(dtype, self.epsilon), dense=(norm, tokens))
        layers.add("head", Head(num_classes, dtype))
        return layers.network()

    def resamples(self, name: str) -> bool:
        """Only the position embedding depends on the image size."""
        return name == "posembed_input"

    def resample(self, name: str, arrays: Arrays, like: Component) -> Arrays:
        """The position embedding of another image size, its grid interpolated linearly.

        The class token's row is kept. The corners of the grids lie on each other, and nothing is
        smoothed where it shrinks. Source: docs/method.md, Components.
        """
        (leaf,) = like.shapes
        old, length = np.asarray(arrays[leaf]), like.shapes[leaf].shape[1]
        old_side, side = round((old.shape[1] - 1) ** 0.5), round((length - 1) ** 0.5)
        grid = old[0, 1:].reshape(old_side, old_side, -1)
        weights = interpolation(old_side, side)
        resized = np.einsum("ik,jl,klD->ijD", weights, weights, grid, optimize=True)
        rows = resized.astype(old.dtype).reshape(1, side * side, -1)
        return {leaf: np.concatenate([old[:, :1], rows], axis=1)}


def interpolation(old: int, new: int) -> np.ndarray:
    """float64 [new, old]: linear interpolation of `old` points at `new` ones from end to end.

    One new point is the first old one.
    """
    at = np.linspace(0, old - 1, new)
    return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(old)))
