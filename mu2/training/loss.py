"""The loss of a batch over the classes that exist, as a head has room for more."""

import jax
import jax.numpy as jnp
import numpy as np
import optax


def mask(logits_BxC: jax.Array, num_classes: jax.Array) -> jax.Array:
    """Logits with the padded classes at the lowest finite value."""
    exists = jnp.arange(logits_BxC.shape[-1]) < num_classes
    return jnp.where(exists[None], logits_BxC, float(np.finfo(logits_BxC.dtype).min))


def cross_entropy(
    logits_BxC: jax.Array, label_B: jax.Array, num_classes: jax.Array, smoothing: jax.Array | None
) -> jax.Array:
    """The mean cross-entropy of masked logits, float32.

    Args:
      logits_BxC: of `mask`.
      label_B: int32.
      num_classes: int32 scalar, classes that exist.
      smoothing: float32 scalar, the share of the targets that is spread over them; None for none.
    """
    loss_B = optax.softmax_cross_entropy_with_integer_labels(logits_BxC, label_B)
    if smoothing is not None:
        exists = jnp.arange(logits_BxC.shape[-1]) < num_classes
        log_BxC = jnp.where(exists, jax.nn.log_softmax(logits_BxC), 0.0)
        loss_B = (1.0 - smoothing) * loss_B - smoothing * log_BxC.sum(-1) / num_classes
    return loss_B.mean()
