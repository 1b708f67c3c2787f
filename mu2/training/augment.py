"""Augmentation on the device: every range is data, so no setting compiles anew."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from mu2.tasks import colours
from mu2.tasks.images import Images
from mu2.training.crop import crop_and_resize, part_mean


class Augmentation(NamedTuple):
    """The data hyperparameters of a generation, as float32 or bool scalars.

    Source: paper/README 3.5 and paper/notebooks 5. What they do to an image comes in the order
    JPEG, crop, flip, brightness, contrast, saturation, hue. The choices in which the published
    pipelines differ are those of `Images`; where the boxes of crops come from, `Views` tells.

    Attributes:
      crop: random resized crop on or off.
      area_min: smallest share of the area a crop may keep, in (0, 1].
      aspect_min: smallest ratio of a crop's sides, in (0, 1]; the largest is its inverse.
      flip: mirror left to right with probability 1/2.
      brightness: largest shift, in units of the scale on which colours change.
      contrast: largest relative change of contrast.
      saturation: largest relative change of saturation.
      hue: largest turn of the hue, as a share of the circle.
      jpeg_quality: largest loss of JPEG quality, as a share.
    """

    crop: Any
    area_min: Any
    aspect_min: Any
    flip: Any
    brightness: Any
    contrast: Any
    saturation: Any
    hue: Any
    jpeg_quality: Any

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

    @property
    def crops(self) -> bool:
        """Whether parts of images are shown rather than the whole."""
        return bool(self.crop) and float(self.area_min) < 1.0

    def reads_originals(self, images: Images) -> bool:
        """Whether something happens to the original pixels, before the resize."""
        recoloured = any(float(getattr(self, name)) > 0.0 for name in colours.NAMES)
        before = images.colours_before_resize and recoloured
        return self.crops or float(self.jpeg_quality) > 0.0 or before


def _per_image(key: jax.Array, b: int, delta: jax.Array) -> jax.Array:
    """One uniform draw in [-delta, delta] an image, [B, 1, 1, 1]."""
    drawn = jax.random.uniform(key, (b,), minval=-1.0, maxval=1.0) * delta
    return drawn[:, None, None, None]


def augment(
    key: jax.Array,
    image_BxHxWxC: jax.Array,
    a: Augmentation,
    box_Bx4: jax.Array | None = None,
    *,
    size: int,
    images: Images,
) -> jax.Array:
    """Cuts out, flips and recolours a batch; every image gets its own draws.

    Work that the ranges switch off is skipped at run time, not at compile time.

    Args:
      key: consumed.
      image_BxHxWxC: uint8 images, or float32 with the same range.
      a: the ranges.
      box_Bx4: float32, the part of each image to be cut out and resized; None where the images
        have the network's size.
      size: side of the network's images.
      images: the choices of the run.

    Returns:
      float32 images in [-1, 1], [B, size, size, C].
    """
    b = image_BxHxWxC.shape[0]
    keys = jax.random.split(key, 6)
    low, high = colours.SCALES[images.colours]
    x = image_BxHxWxC.astype(jnp.float32) * ((high - low) / 255.0) + low
    if images.colours_before_resize:
        x = _recoloured(keys, x, a, box_Bx4, images)
    if box_Bx4 is not None:
        x = crop_and_resize(x, box_Bx4, size, antialias=images.resize == "antialias")
    mirrored = jax.random.bernoulli(keys[1], 0.5, (b,)) & a.flip
    x = jnp.where(mirrored[:, None, None, None], x[:, :, ::-1], x)
    if not images.colours_before_resize:
        x = _recoloured(keys, x, a, None, images)
    return jnp.clip((x - low) * (2.0 / (high - low)) - 1.0, -1.0, 1.0)


def _recoloured(
    keys: jax.Array, x: jax.Array, a: Augmentation, box_Bx4: jax.Array | None, images: Images
) -> jax.Array:
    """Images with other colours, on the scale that the run has chosen."""
    b, channels = x.shape[0], x.shape[-1]

    def brightness(x: jax.Array) -> jax.Array:
        return colours.brighten(x, _per_image(keys[2], b, a.brightness))

    def contrast(x: jax.Array) -> jax.Array:
        mean = x.mean((1, 2), keepdims=True) if box_Bx4 is None else part_mean(x, box_Bx4)
        return colours.contrast(x, mean, 1.0 + _per_image(keys[3], b, a.contrast))

    def saturation(x: jax.Array) -> jax.Array:
        return colours.saturate(jnp, x, 1.0 + _per_image(keys[4], b, a.saturation))

    def hue(x: jax.Array) -> jax.Array:
        return colours.turn_hue(jnp, x, _per_image(keys[5], b, a.hue)[..., 0])

    steps = [(a.brightness, brightness), (a.contrast, contrast)]
    if channels == 3:
        steps += [(a.saturation, saturation), (a.hue, hue)]
    for delta, step in steps:
        x = lax.cond(delta > 0.0, step, lambda x: x, x)
        if images.colours == "unit":
            x = jnp.clip(x, 0.0, 1.0)
    return x
