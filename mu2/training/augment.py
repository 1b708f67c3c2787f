"""Augmentation inside the compiled step: every range is data, so no setting compiles anew."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax


class Augmentation(NamedTuple):
    """The data hyperparameters of a generation, as float32 or bool scalars.

    Source: paper/README 3.5. The published code applies hue and saturation to values in [-1, 1];
    here all colour work is done on values in [0, 1].

    Attributes:
      crop: random resized crop on or off.
      area_min: smallest share of the area a crop may keep, in (0, 1].
      aspect_min: smallest ratio of a crop's sides, in (0, 1]; the largest is its inverse.
      flip: mirror left to right with probability 1/2.
      brightness: largest shift, in units of the [0, 1] range.
      contrast: largest relative change of contrast.
      saturation: largest relative change of saturation.
      hue: largest turn of the hue, as a share of the circle.
    """

    crop: Any
    area_min: Any
    aspect_min: Any
    flip: Any
    brightness: Any
    contrast: Any
    saturation: Any
    hue: Any

    @classmethod
    def of(cls, hyperparameters: Mapping[str, Any]) -> "Augmentation":
        """From a path's hyperparameters; none where they speak of no images."""
        kinds = {"crop": np.bool_, "flip": np.bool_}
        return cls(
            **{
                name: kinds.get(name, np.float32)(hyperparameters.get(name, 0))
                for name in cls._fields
            }
        )


GREY = (0.299, 0.587, 0.114)


def _interpolation(start_B: jax.Array, length_B: jax.Array, size: int) -> jax.Array:
    """Linear interpolation weights [B, size, size] that stretch [start, start + length) to size."""
    position_BxS = start_B[:, None] + (jnp.arange(size) + 0.5)[None] * (length_B / size)[:, None]
    position_BxS = jnp.clip(position_BxS - 0.5, 0.0, size - 1.0)
    distance_BxSxS = jnp.abs(position_BxS[:, :, None] - jnp.arange(size, dtype=jnp.float32))
    return jnp.maximum(0.0, 1.0 - distance_BxSxS)


def _crop(key: jax.Array, image: jax.Array, a: Augmentation) -> jax.Array:
    """Random resized crop: area and aspect uniform in their ranges, clipped to the image."""
    b, size = image.shape[0], image.shape[1]
    area, aspect, top, left = jax.random.uniform(key, (4, b))
    area = a.area_min + area * (1.0 - a.area_min)
    aspect = a.aspect_min + aspect * (1.0 / a.aspect_min - a.aspect_min)
    height = jnp.minimum(jnp.sqrt(area / aspect), 1.0) * size
    width = jnp.minimum(jnp.sqrt(area * aspect), 1.0) * size
    rows = _interpolation(top * (size - height), height, size)
    columns = _interpolation(left * (size - width), width, size)
    image = jnp.einsum("bij,bjkc->bikc", rows, image)
    return jnp.einsum("blk,bikc->bilc", columns, image)


def _turn_hue(image: jax.Array, turn_B: jax.Array) -> jax.Array:
    """Turns the hue of RGB in [0, 1] by a share of the circle, in HSV as TensorFlow does."""
    r, g, b = image[..., 0], image[..., 1], image[..., 2]
    value = image.max(-1)
    span = value - image.min(-1)
    safe = jnp.where(span > 0, span, 1.0)
    hue = jnp.where(
        value == r,
        (g - b) / safe,
        jnp.where(value == g, 2.0 + (b - r) / safe, 4.0 + (r - g) / safe),
    )
    hue = jnp.where(span > 0, hue, 0.0) / 6.0 + turn_B[:, None, None]
    offsets = jnp.array([5.0, 3.0, 1.0])
    k = (offsets[None, None, None] + hue[..., None] * 6.0) % 6.0
    ramp = jnp.clip(jnp.minimum(k, 4.0 - k), 0.0, 1.0)
    return value[..., None] - span[..., None] * ramp


def _per_image(key: jax.Array, b: int, delta: jax.Array) -> jax.Array:
    """One uniform draw in [-delta, delta] an image."""
    return jax.random.uniform(key, (b,), minval=-1.0, maxval=1.0) * delta


def augment(key: jax.Array, image_BxSxSxC: jax.Array, a: Augmentation) -> jax.Array:
    """Crops, flips and recolours a batch; every image gets its own draws.

    Work that the ranges switch off is skipped at run time, not at compile time.

    Args:
      key: consumed.
      image_BxSxSxC: uint8 images.
      a: the ranges.

    Returns:
      float32 images in [-1, 1], of the same shape.
    """
    b, channels = image_BxSxSxC.shape[0], image_BxSxSxC.shape[-1]
    keys = jax.random.split(key, 6)
    x = image_BxSxSxC.astype(jnp.float32) / 255.0
    x = lax.cond(a.crop & (a.area_min < 1.0), lambda x: _crop(keys[0], x, a), lambda x: x, x)
    mirrored = jax.random.bernoulli(keys[1], 0.5, (b,)) & a.flip
    x = jnp.where(mirrored[:, None, None, None], x[:, :, ::-1], x)

    def brightness(x: jax.Array) -> jax.Array:
        return x + _per_image(keys[2], b, a.brightness)[:, None, None, None]

    def contrast(x: jax.Array) -> jax.Array:
        mean = x.mean((1, 2), keepdims=True)
        return mean + (x - mean) * (1.0 + _per_image(keys[3], b, a.contrast))[:, None, None, None]

    def saturation(x: jax.Array) -> jax.Array:
        grey = (x @ jnp.array(GREY))[..., None]
        factor = 1.0 + _per_image(keys[4], b, a.saturation)
        return grey + (x - grey) * factor[:, None, None, None]

    def hue(x: jax.Array) -> jax.Array:
        return _turn_hue(jnp.clip(x, 0.0, 1.0), _per_image(keys[5], b, a.hue))

    steps = [(a.brightness, brightness), (a.contrast, contrast)]
    if channels == 3:
        steps += [(a.saturation, saturation), (a.hue, hue)]
    for delta, step in steps:
        x = lax.cond(delta > 0.0, step, lambda x: x, x)
    return jnp.clip(x, 0.0, 1.0) * 2.0 - 1.0
