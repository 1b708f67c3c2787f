"""What a network reads and how wide its head is, in training and in answering alike."""

import jax
import jax.numpy as jnp

HEAD_BUCKET = 64


def normalise(input_Bx: jax.Array) -> jax.Array:
    """Pixels, uint8 [B, S, S, C], to float32 in [-1, 1]; rows and texts as they are, in float32."""
    x = input_Bx.astype(jnp.float32)
    return x / 127.5 - 1.0 if is_image(input_Bx) else x


def is_image(input_Bx: jax.Array) -> bool:
    """True of [B, S, S, C]; rows of a table and texts are [B, F] and [B, T]."""
    return input_Bx.ndim == 4


def bucket(num_classes: int) -> int:
    """The width to which heads are padded: the next power of two, at least 64.

    Tasks of different class counts so share one program; the padding is masked out of the loss.
    """
    return max(HEAD_BUCKET, 1 << (num_classes - 1).bit_length())
