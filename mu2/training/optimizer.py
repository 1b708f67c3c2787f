"""SGD with momentum and the papers' schedules, every hyperparameter a run-time value."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

SCHEDULES = ("cosine", "constant", "restarts", "linear")


class Optimizer(NamedTuple):
    """One child's optimizer hyperparameters, as scalars.

    Attributes:
      learning_rate: float32, the peak.
      schedule: int32, index into `SCHEDULES`.
      warmup_ratio: float32, share of the steps (of a cycle, for restarts) spent warming up.
      momentum: float32.
      nesterov: bool.
      total_steps: float32, steps of the whole training.
      interval_steps: float32, steps between two validations.
      initial_rate: float32, share of the peak that a warm-up begins with.
      final_rate: float32, share of the peak that a linear schedule ends with.
    """

    learning_rate: Any
    schedule: Any
    warmup_ratio: Any
    momentum: Any
    nesterov: Any
    total_steps: Any
    interval_steps: Any
    initial_rate: Any = np.float32(0.01)
    final_rate: Any = np.float32(0)

    @classmethod
    def of(
        cls,
        hyperparameters: Mapping[str, Any],
        intervals: int,
        steps: int,
        initial_rate: float = 0.01,
        final_rate: float = 0.0,
    ) -> "Optimizer":
        """From a path's hyperparameters, the number of intervals and the steps of each."""
        return cls(
            learning_rate=np.float32(hyperparameters["learning_rate"]),
            schedule=np.int32(SCHEDULES.index(hyperparameters["schedule"])),
            warmup_ratio=np.float32(hyperparameters["warmup_ratio"]),
            momentum=np.float32(hyperparameters["momentum"]),
            nesterov=np.bool_(hyperparameters["nesterov"]),
            total_steps=np.float32(intervals * steps),
            interval_steps=np.float32(steps),
            initial_rate=np.float32(initial_rate),
            final_rate=np.float32(final_rate),
        )


def learning_rate(o: Optimizer, step: jax.Array) -> jax.Array:
    """The learning rate of a step (float32 scalar, counted from 0).

    cosine: linear warm-up from `initial_rate`, then cosine to zero. restarts: the same, one cycle a
    validation interval. constant: half of the peak. linear: the warm-up, then a straight line to
    `final_rate`. Source: docs/method.md, Training.
    """
    restarts = o.schedule == SCHEDULES.index("restarts")
    period = jnp.where(restarts, o.interval_steps, o.total_steps)
    t = jnp.where(restarts, step % o.interval_steps, step)
    warmup = jnp.floor(o.warmup_ratio * period)
    rising = o.initial_rate + (1.0 - o.initial_rate) * t / jnp.maximum(warmup, 1.0)
    done = jnp.clip((t - warmup) / jnp.maximum(period - warmup, 1.0), 0.0, 1.0)
    falling = jnp.where(
        o.schedule == SCHEDULES.index("linear"),
        1.0 - (1.0 - o.final_rate) * done,
        0.5 * (1.0 + jnp.cos(jnp.pi * done)),
    )
    factor = jnp.where(t < warmup, rising, falling)
    return o.learning_rate * jnp.where(o.schedule == SCHEDULES.index("constant"), 0.5, factor)


def update(
    params: Any, trace: Any, gradients: Any, rate: jax.Array, o: Optimizer
) -> tuple[Any, Any]:
    """One step of SGD with momentum on one component.

    Args:
      params: tree of float32.
      trace: tree of bfloat16, the momentum (the papers' dtype; docs/method.md, Training).
      gradients: tree of float32, already clipped.
      rate: float32 scalar.
      o: momentum and nesterov are read.

    Returns:
      The new parameters and the new trace.
    """
    trace = jax.tree.map(lambda m, g: g + o.momentum * m.astype(jnp.float32), trace, gradients)
    step = jax.tree.map(lambda m, g: jnp.where(o.nesterov, g + o.momentum * m, m), trace, gradients)
    params = jax.tree.map(lambda p, s: p - rate * s, params, step)
    return params, jax.tree.map(lambda m: m.astype(jnp.bfloat16), trace)


def clip(gradients: Any, norm: jax.Array, limit: float) -> Any:
    """Scales a tree down to a global norm of at most `limit`, given its norm."""
    scale = jnp.minimum(1.0, limit / jnp.maximum(norm, 1e-12))
    return jax.tree.map(lambda g: g * scale, gradients)


def update_if(trained: jax.Array, params: Any, trace: Any, step: Any) -> tuple[Any, Any]:
    """`step(params, trace)` where `trained` holds at run time, otherwise both untouched."""
    return lax.cond(trained, step, lambda p, m: (p, m), params, trace)
