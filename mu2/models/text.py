"""A Transformer over the bytes of a text, whose blocks are those of the Vision Transformer.

Components take one array and give one, so padding travels in the array itself: the vector of a
position behind the text is exactly zero, in every component, and such a position is never attended
to. The class token, at position 0, is always there. A real position is never all zero but by an
accident of every one of its numbers.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mu2.errors import Mu2Error
from mu2.models.component import Arrays, Component, Model, Network, check_layers
from mu2.models.vit import ClassToken, EncoderBlock, EncoderNorm, Head, PositionEmbedding

BYTES = 256


def real(x_BxTxD: jax.Array) -> jax.Array:
    """Bool [B, T]: the class token and the bytes of the text, not the padding behind."""
    return jnp.any(x_BxTxD != 0, axis=-1).at[:, 0].set(True)


class ByteEmbedding(nn.Module):
    """A learned vector for each of the 256 bytes; zero, the padding, becomes the zero vector."""

    width: int
    dtype: str = "float32"

    @nn.compact
    def __call__(self, text_BxT: jax.Array) -> jax.Array:
        """Maps bytes [B, T], as any dtype that holds 0 to 255, to vectors [B, T, width]."""
        table = self.param(
            "embedding", nn.initializers.normal(1.0), (BYTES, self.width), jnp.float32
        )
        text_BxT = text_BxT.astype(jnp.int32)
        x_BxTxD = jnp.take(table.astype(self.dtype), text_BxT, axis=0)
        return jnp.where(text_BxT[..., None] > 0, x_BxTxD, 0)


class TextPositions(PositionEmbedding):
    """ViT's position embedding, added to the class token and to real bytes only."""

    def __call__(self, x_BxTxD: jax.Array) -> jax.Array:
        """Maps [B, T, D] to [B, T, D]; padding stays zero."""
        return jnp.where(real(x_BxTxD)[..., None], super().__call__(x_BxTxD), 0)


class TextBlock(EncoderBlock):
    """ViT's encoder block, parameters and all, in which nothing attends to padding."""

    def __call__(self, x_BxTxD: jax.Array) -> jax.Array:
        """Maps [B, T, D] to [B, T, D], or to [B, 1, D] if it is the last; padding stays zero."""
        real_BxT = real(x_BxTxD)

        def attend_to_text(
            call: Callable[..., Any],
            args: tuple[Any, ...],
            kwargs: dict[str, Any],
            context: nn.module.InterceptorContext,
        ) -> Any:
            attention = isinstance(context.module, nn.MultiHeadDotProductAttention)
            if attention and context.method_name == "__call__":
                kwargs = {**kwargs, "mask": real_BxT[:, None, None]}
            return call(*args, **kwargs)

        with nn.intercept_methods(attend_to_text):
            y = super().__call__(x_BxTxD)
        return y if self.last else jnp.where(real_BxT[..., None], y, 0)


@dataclasses.dataclass(frozen=True)
class ByteTransformer(Model):
    """A Transformer over bytes; its hyperparameters are text_length and num_layers.

    A text is cut or filled up with zeros to text_length bytes; how much zero follows a text does
    not change its logits. With the width, heads and mlp_dim of a ViT, `cls`, `encoderblock_i` and
    `encoder_norm` are that ViT's, so that tasks of images and of texts can share them.

    Attributes:
      width: width of a byte's vector.
      heads: attention heads; divides width.
      mlp_dim: inner width of the MLP.
    """

    input: ClassVar[str] = "text"
    hyperparameters: ClassVar[Mapping[str, type]] = {"text_length": int, "num_layers": int}

    width: int = 64
    heads: int = 4
    mlp_dim: int = 256

    def __post_init__(self) -> None:
        for name in ("width", "heads", "mlp_dim"):
            if getattr(self, name) < 1:
                raise Mu2Error(
                    f"ByteTransformer.{name} is {getattr(self, name)}; it must be 1 or more."
                )
        if self.width % self.heads:
            raise Mu2Error(
                f"ByteTransformer.width is {self.width} and ByteTransformer.heads is "
                f"{self.heads}; the heads must divide the width.",
                hint=f"Set ByteTransformer.heads to a divisor of {self.width}.",
            )

    def input_shape(self, hyperparameters: Mapping[str, Any]) -> tuple[int, ...]:
        """[T] bytes of one text."""
        return (hyperparameters["text_length"],)

    def network(
        self, hyperparameters: Mapping[str, Any], num_classes: int, dtype: str = "float32"
    ) -> Network:
        """byte_embedding, cls, posembed_text, encoderblock_0 ..., encoder_norm, head.

        See `Model.network`.

        Raises:
          Mu2Error: text_length is below 1, or num_layers is negative.
        """
        length, layers = hyperparameters["text_length"], hyperparameters["num_layers"]
        if length < 1:
            raise Mu2Error(f"text_length is {length}; it must be 1 or more.")
        check_layers(layers)
        tokens = (length + 1, self.width)
        whole = TextBlock(self.heads, self.mlp_dim, dtype)
        blocks = [
            Component(f"encoderblock_{i}", whole, tokens)
            if i < layers - 1
            else Component(
                f"encoderblock_{i}", whole.clone(last=True), tokens, dense=(whole, tokens)
            )
            for i in range(layers)
        ]
        return Network(
            [
                Component("byte_embedding", ByteEmbedding(self.width, dtype), (length,)),
                Component("cls", ClassToken(dtype), (length, self.width)),
                Component("posembed_text", TextPositions(dtype), tokens),
                *blocks,
                Component(
                    "encoder_norm",
                    EncoderNorm(dtype),
                    (1, self.width) if blocks else tokens,
                    dense=(nn.LayerNorm(dtype=dtype), tokens),
                ),
                Component("head", Head(num_classes, dtype), (self.width,)),
            ]
        )

    def resamples(self, name: str) -> bool:
        """Only the position embedding depends on the length of the texts."""
        return name == "posembed_text"

    def resample(self, name: str, arrays: Arrays, like: Component) -> Arrays:
        """The position embedding of another text length, which no text that fitted notices.

        Unlike a picture, a text is not stretched: a byte keeps its place, so the rows are cut off,
        or go on as copies from the first byte's (as in Longformer, arXiv 2004.05150, section 5).
        """
        (leaf,) = like.shapes
        old, length = np.asarray(arrays[leaf]), like.shapes[leaf].shape[1] - 1
        rows = np.arange(length) % (old.shape[1] - 1)
        return {leaf: np.concatenate([old[:, :1], old[:, 1:][:, rows]], axis=1)}
