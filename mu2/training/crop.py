"""Cutting parts out of images and resizing them, as products with matrices made at run time."""

import jax
import jax.numpy as jnp


def weights(
    start_B: jax.Array, length_B: jax.Array, pixels: int, size: int, *, antialias: bool
) -> jax.Array:
    """Of each pixel of a part's side brought to a size, how much comes from each of an image's.

    The part is cut out first: what lies outside of it counts for nothing, and its edges repeat.
    Pixel centres are at halves, as TensorFlow has them.

    Args:
      start_B: float32, where the part begins.
      length_B: float32, its length in pixels.
      pixels: of the image's side.
      size: pixels of the result.
      antialias: a triangle filter that widens when it shrinks (see `mu2.tasks.image.resize`); else
        linear between two neighbours.

    Returns:
      float32 [B, size, pixels]; every row adds up to 1.
    """
    scale_B = length_B / size
    place_BxS = (jnp.arange(size) + 0.5)[None] * scale_B[:, None] - 0.5
    index_P = jnp.arange(pixels, dtype=jnp.float32)
    if not antialias:
        place_BxS = jnp.clip(place_BxS, 0.0, jnp.maximum(length_B - 1.0, 0.0)[:, None])
        distance_BxSxP = jnp.abs(start_B[:, None, None] + place_BxS[:, :, None] - index_P)
        return jnp.maximum(0.0, 1.0 - distance_BxSxP)
    reach_B = jnp.maximum(scale_B, 1.0)[:, None, None]
    distance_BxSxP = jnp.abs(start_B[:, None, None] + place_BxS[:, :, None] - index_P)
    inside_BxP = inside(start_B, length_B, pixels)
    filtered = jnp.maximum(0.0, 1.0 - distance_BxSxP / reach_B) * inside_BxP[:, None]
    return filtered / jnp.maximum(filtered.sum(-1, keepdims=True), 1e-6)


def inside(start_B: jax.Array, length_B: jax.Array, pixels: int) -> jax.Array:
    """float32 [B, pixels]: 1 where a pixel's centre lies in the part of a side, else 0."""
    centre_P = jnp.arange(pixels) + 0.5
    end_B = start_B + length_B
    return jnp.float32((centre_P >= start_B[:, None]) & (centre_P <= end_B[:, None]))


def crop_and_resize(
    image_BxHxWxC: jax.Array, box_Bx4: jax.Array, size: int, *, antialias: bool
) -> jax.Array:
    """The part of each image in its box, brought to a size.

    Args:
      image_BxHxWxC: float32.
      box_Bx4: float32, top, left, height and width in pixels.
      size: side of the result.
      antialias: see `weights`.

    Returns:
      float32 [B, size, size, C].
    """
    _, height, width, _ = image_BxHxWxC.shape
    top, left, h, w = box_Bx4.T
    rows = weights(top, h, height, size, antialias=antialias)
    columns = weights(left, w, width, size, antialias=antialias)
    return resample(image_BxHxWxC, rows, columns)


def resample(image_BxHxWxC: jax.Array, rows: jax.Array, columns: jax.Array) -> jax.Array:
    """Images by matrices [B, S, H] and [B, S, W]: [B, S, S, C], the longer side shrunk first."""
    _, height, width, _ = image_BxHxWxC.shape
    if height >= width:
        image = jnp.einsum("bij,bjkc->bikc", rows, image_BxHxWxC)
        return jnp.einsum("blk,bikc->bilc", columns, image)
    image = jnp.einsum("blk,bjkc->bjlc", columns, image_BxHxWxC)
    return jnp.einsum("bij,bjlc->bilc", rows, image)


def part_mean(image_BxHxWxC: jax.Array, box_Bx4: jax.Array) -> jax.Array:
    """The mean of each channel within the box of each image, float32 [B, 1, 1, C]."""
    _, height, width, _ = image_BxHxWxC.shape
    top, left, h, w = box_Bx4.T
    rows, columns = inside(top, h, height), inside(left, w, width)
    total = jnp.einsum("bh,bw,bhwc->bc", rows, columns, image_BxHxWxC)
    count = rows.sum(-1) * columns.sum(-1)
    return (total / jnp.maximum(count, 1.0)[:, None])[:, None, None]
