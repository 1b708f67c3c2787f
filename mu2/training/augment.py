"""Augmentation on the device: every range is data, so no setting compiles anew."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from mu2.tasks import colours
from mu2.tasks.images import Images
from mu2.training import affine
from mu2.training.crop import crop_and_resize, part_mean

# The purpose of a key of its own; those of the other draws are split off the key as 0 to 5.
_AFFINE = int.from_bytes(b"affi", "big")


class Augmentation(NamedTuple):
    """The data hyperparameters of a generation, as float32 or bool scalars.

    Source: mu2Net.ipynb (docs/input_pipeline.md), but for rotation, shear, scale and translation,
    which the papers have not. What they do to an image comes in the order JPEG, crop, shear, scale,
    rotation, translation, flip, brightness, contrast, saturation, hue. The choices in which the
    published pipelines differ are those of `Images`; where the boxes of crops come from, `Views`
    tells.

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
      rotation: largest turn, in degrees, either way.
      shear: largest slant: how far a row moves sideways for each pixel that it lies from the
        middle, either way.
      scale: largest relative change of size, the same for both sides.
      translation: largest move, sideways and up or down, as a share of the side.
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
    rotation: Any
    shear: Any
    scale: Any
    translation: Any

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
    """Cuts out, turns, flips and recolours a batch; every image gets its own draws.

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
    x = _placed(jax.random.fold_in(key, _AFFINE), x, a, box_Bx4, size, images)
    mirrored = jax.random.bernoulli(keys[1], 0.5, (b,)) & a.flip
    x = jnp.where(mirrored[:, None, None, None], x[:, :, ::-1], x)
    if not images.colours_before_resize:
        x = _recoloured(keys, x, a, None, images)
    return jnp.clip((x - low) * (2.0 / (high - low)) - 1.0, -1.0, 1.0)


def _placed(
    key: jax.Array,
    x: jax.Array,
    a: Augmentation,
    box_Bx4: jax.Array | None,
    size: int,
    images: Images,
) -> jax.Array:
    """The parts of images in their boxes, turned and so on where that is on, of the given size."""
    b, height, width, _ = x.shape
    antialias = images.resize == "antialias"
    shrinks = box_Bx4 is not None and antialias and max(height, width) > size

    def cut_out(x: jax.Array) -> jax.Array:
        return x if box_Bx4 is None else crop_and_resize(x, box_Bx4, size, antialias=antialias)

    def turn(x: jax.Array) -> jax.Array:
        maps = affine.draw_maps(key, b, a.rotation, a.shear, a.scale, a.translation)
        box = box_Bx4
        if shrinks:  # by its filter, and then sampled a second time
            x = cut_out(x)
        if box is None or shrinks:
            box = jnp.tile(jnp.float32([0, 0, *x.shape[1:3]]), (b, 1))
        return affine.sample(x, maps, box, size)

    turned = (a.rotation > 0.0) | (a.shear > 0.0) | (a.scale > 0.0) | (a.translation > 0.0)
    return lax.cond(turned, turn, cut_out, x)


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
