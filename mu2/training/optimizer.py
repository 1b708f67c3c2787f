"""The optimizer of a child and the papers' schedules, every hyperparameter a run-time value."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

SCHEDULES = ("cosine", "constant", "restarts", "linear")
OPTIMIZERS = ("sgd", "adamw", "lion")
FACTORS = ("adamw_factor", "lion_factor")


class Optimizer(NamedTuple):
    """One child's optimizer hyperparameters, as scalars.

    The last five are beyond the papers. Where no child of a run can have another optimizer than
    SGD, or no weight decay, or no smoothing, they are None, and the compiled step knows nothing of
    them.

    Attributes:
      learning_rate: float32, the peak.
      schedule: int32, index into `SCHEDULES`.
      warmup_ratio: float32, share of the steps (of a cycle, for restarts) spent warming up.
      momentum: float32; of AdamW the decay of the first moments, of Lion the momentum's share of
        a step.
      nesterov: bool; changes nothing of Lion.
      total_steps: float32, steps of the whole training.
      interval_steps: float32, steps between two validations.
      initial_rate: float32, share of the peak that a warm-up begins with.
      final_rate: float32, share of the peak that a linear schedule ends with.
      optimizer: int32, index into `OPTIMIZERS`; a search space that does not name it has SGD.
      adamw_factor: float32, what AdamW's steps are multiplied by, weight decay aside, so that
        children of several optimizers can share a range of learning rates; 1 if it is not named.
      lion_factor: float32, what Lion's steps are multiplied by, likewise.
      weight_decay: float32, decoupled: the share of each weight, times the learning rate, that a
        step takes off; biases and norms are left alone.
      label_smoothing: float32, the share of the targets that is spread over all classes.
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
    optimizer: Any = None
    adamw_factor: Any = None
    lion_factor: Any = None
    weight_decay: Any = None
    label_smoothing: Any = None

    @classmethod
    def of(
        cls,
        hyperparameters: Mapping[str, Any],
        intervals: int,
        steps: int,
        initial_rate: float = 0.01,
        final_rate: float = 0.0,
        optimizers: Collection[str] = (),
    ) -> "Optimizer":
        """From a path's hyperparameters, the number of intervals and the steps of each.

        Args:
          hyperparameters: of the path.
          intervals: between validations.
          steps: of one.
          initial_rate: see above.
          final_rate: see above.
          optimizers: that other children of the run may have, who share the compiled step.
        """
        own = optimizer_name(hyperparameters)
        chosen: dict[str, Any] = (
            {} if {own, *optimizers} == {"sgd"} else dict.fromkeys(FACTORS, np.float32(1))
        )
        if chosen:
            chosen["optimizer"] = np.int32(OPTIMIZERS.index(own))
        for name in (*chosen.keys() & FACTORS, "weight_decay", "label_smoothing"):
            if name in hyperparameters:
                chosen[name] = np.float32(hyperparameters[name])
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
            **chosen,
        )


def optimizer_name(hyperparameters: Mapping[str, Any]) -> str:
    """Which of `OPTIMIZERS` a path has."""
    return str(hyperparameters.get("optimizer", "sgd"))


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
