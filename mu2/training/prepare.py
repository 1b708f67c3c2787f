"""Preparation: batches as they were read become what a network's first component takes in.

One small program for each size of images as they are read; it knows no network, so that networks
of all depths share it, and what it makes is taken in by the two programs of a network's shape.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import Sharding

from mu2.models.component import Axes
from mu2.models.inputs import is_image, normalise
from mu2.tasks.images import Images
from mu2.training.augment import Augmentation, augment


class Batch(NamedTuple):
    """A batch as it was read.

    Attributes:
      input_Bx: images [B, H, W, C], uint8 or float32 from 0 to 255; texts uint8 [B, T]; or rows
        float32 [B, F].
      ranges: of the augmentation; None of validation and test images, which are not augmented.
      key: of the generation's batches; `step` is folded in, so that all children of a generation
        see the same images.
      step: int32 scalar, steps done before.
      box_Bx4: float32, the part of each image to be cut out and resized; None where the images
        have the network's size.
    """

    input_Bx: Any
    ranges: Augmentation | None = None
    key: Any = None
    step: Any = None
    box_Bx4: Any = None


class Preparation:
    """The compiled preparation of batches.

    Args:
      sharding: where an array of some logical axes lies.
    """

    def __init__(self, sharding: Callable[[Axes], Sharding]):
        self._run = jax.jit(
            _prepared, static_argnames=("shape", "images"), out_shardings=sharding(("batch",))
        )

    def __call__(self, batch: Batch, shape: tuple[int, ...], images: Images) -> jax.Array:
        """The first component's input, float32 [B, *shape].

        Args:
          batch: on the devices.
          shape: of one example as the network takes it.
          images: the choices of the run.
        """
        return self._run(batch, shape=shape, images=images)

    def compiled(self) -> int:
        """XLA programs compiled so far."""
        return self._run._cache_size()  # type: ignore[attr-defined]


def _prepared(batch: Batch, *, shape: tuple[int, ...], images: Images) -> jax.Array:
    read = batch.input_Bx
    if not is_image(read) or batch.ranges is None:
        return normalise(read)
    key = jax.random.fold_in(batch.key, batch.step)
    change = functools.partial(augment, size=shape[0], images=images)
    x = change(key, read, batch.ranges, batch.box_Bx4)
    # Grey images are held and changed as one channel.
    return x if x.shape[-1] == shape[2] else jnp.repeat(x, shape[2], axis=-1)
