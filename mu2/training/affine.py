"""Rotation, shear, scale and translation of images, sampled once between the four nearest pixels.

Points are (x, y) in shares of the side, from the centre of the image, x to the right and y down.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.ndimage import map_coordinates


def draw_maps(
    key: jax.Array, b: int, rotation: Any, shear: Any, scale: Any, translation: Any
) -> jax.Array:
    """Where the points of each changed image come from in the image as it was.

    A point p is first sheared, to (x + s y, y), then enlarged f times, turned anticlockwise by r
    and moved by t. Each number is uniform, and an image's own.

    Args:
      key: consumed.
      b: images.
      rotation: degrees; r lies in [-rotation, rotation].
      shear: s lies in [-shear, shear].
      scale: f lies in [1 - scale, 1 + scale].
      translation: of both coordinates of t, which lie in [-translation, translation].

    Returns:
      float32 [B, 2, 3]: [A | c] of the inverse map, p = A q + c.
    """
    r, s, f, x, y = jax.random.uniform(key, (5, b), minval=-1.0, maxval=1.0)
    r, s, f = jnp.deg2rad(r * rotation), s * shear, 1.0 + f * scale
    sin, cos = jnp.sin(r), jnp.cos(r)
    a_Bx2x2 = jnp.stack([cos - s * sin, -sin - s * cos, sin, cos]).T.reshape(b, 2, 2)
    a_Bx2x2 = a_Bx2x2 / f[:, None, None]
    # Not an einsum, which some devices round to fewer bits.
    t_Bx1x2 = jnp.stack([x, y], axis=1)[:, None] * translation
    c_Bx2 = -(a_Bx2x2 * t_Bx1x2).sum(-1)
    return jnp.concatenate([a_Bx2x2, c_Bx2[..., None]], axis=-1)


def sample(
    image_BxHxWxC: jax.Array, map_Bx2x3: jax.Array, box_Bx4: jax.Array, size: int
) -> jax.Array:
    """The part of each image in its box, changed by a map and brought to a size, in one sampling.

    The part is cut out first: what lies outside of it counts for nothing, and its edges go on. So
    the ground that a character stands on goes on, be it light or dark.

    Args:
      image_BxHxWxC: float32.
      map_Bx2x3: of `draw_maps`, in shares of the part's sides.
      box_Bx4: float32, top, left, height and width in pixels.
      size: side of the result.

    Returns:
      float32 [B, size, size, C]; linear between pixels, whose centres are at halves. There is no
      filter: a part that is much larger than the result is to be shrunk before.
    """
    side_S = (jnp.arange(size, dtype=jnp.float32) + 0.5) / size - 0.5
    across_BxSxS, down_BxSxS = (
        row[:, 0, None, None] * side_S + row[:, 1, None, None] * side_S[:, None] + row[:, 2:, None]
        for row in (map_Bx2x3[:, 0], map_Bx2x3[:, 1])
    )
    top, left, height, width = box_Bx4.T[..., None, None]
    y_BxSxS = top + jnp.clip((down_BxSxS + 0.5) * height - 0.5, 0.0, height - 1.0)
    x_BxSxS = left + jnp.clip((across_BxSxS + 0.5) * width - 0.5, 0.0, width - 1.0)

    def channel(image_HxW: jax.Array, y_SxS: jax.Array, x_SxS: jax.Array) -> jax.Array:
        return map_coordinates(image_HxW, [y_SxS, x_SxS], order=1, mode="nearest")

    channels = jax.vmap(channel, in_axes=(2, None, None), out_axes=2)
    return jax.vmap(channels)(image_BxHxWxC, y_BxSxS, x_BxSxS)
