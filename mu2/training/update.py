"""The update of one component: SGD, AdamW or Lion, chosen at run time."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from mu2.training.optimizer import OPTIMIZERS, Optimizer

# Decay of AdamW's second moments and of Lion's momentum, as optax has them.
ADAMW_DECAY, LION_DECAY = 0.999, 0.99


class ComponentState(NamedTuple):
    """What training changes of one component, and what its optimizer remembers of it.

    Momentum has SGD's scale whoever made it, a sum of gradients that decays: AdamW's first moments
    and Lion's momentum are (1 - momentum) times it. So a clone may go on with another optimizer.

    Attributes:
      params: tree of float32.
      trace: tree of bfloat16, the momentum (the papers' dtype; docs/method.md, Training).
      second_moment: tree of float32; None where no child of the run has AdamW. In bfloat16 a
        thousandth of a new square would be lost.
      moment_steps: int32 scalar, steps that made them; None likewise.
    """

    params: Any
    trace: Any
    second_moment: Any = None
    moment_steps: Any = None


def update(
    component: ComponentState, gradients: Any, rate: jax.Array, o: Optimizer
) -> ComponentState:
    """One step on one component.

    Weight decay is decoupled: it takes `rate` times its share off every array of two axes or more,
    whichever the optimizer (arXiv 1711.05101).

    Args:
      component: before the step.
      gradients: tree of float32, already clipped.
      rate: float32 scalar.
      o: momentum, nesterov and what follows the schedule are read.
    """
    if o.optimizer is None:
        return _sgd(component, gradients, rate, o)
    # Without second moments AdamW is never chosen.
    adamw = _sgd if component.second_moment is None else _adamw
    rules = {"sgd": _sgd, "adamw": adamw, "lion": _lion}
    branches = [lambda c, g, rule=rules[name]: rule(c, g, rate, o) for name in OPTIMIZERS]
    return lax.switch(o.optimizer, branches, component, gradients)


def _sgd(
    component: ComponentState, gradients: Any, rate: jax.Array, o: Optimizer
) -> ComponentState:
    old = component.trace
    trace = jax.tree.map(lambda m, g: g + o.momentum * m.astype(jnp.float32), old, gradients)
    step = jax.tree.map(lambda m, g: jnp.where(o.nesterov, g + o.momentum * m, m), trace, gradients)
    return _moved(component, step, trace, rate, o)


def _adamw(
    component: ComponentState, gradients: Any, rate: jax.Array, o: Optimizer
) -> ComponentState:
    """AdamW (arXiv 1711.05101), with Nesterov's momentum as optax has it."""
    state = optax.ScaleByAdamState(
        component.moment_steps, _average(component.trace, o), component.second_moment
    )

    def scaled(nesterov: bool) -> Any:
        rule = optax.scale_by_adam(o.momentum, ADAMW_DECAY, nesterov=nesterov)
        return rule.update(gradients, state)

    (plain, state), (ahead, _) = scaled(False), scaled(True)
    step = jax.tree.map(lambda a, b: o.adamw_factor * jnp.where(o.nesterov, b, a), plain, ahead)
    moved = _moved(component, step, _accumulated(state.mu, o), rate, o)
    return moved._replace(second_moment=state.nu, moment_steps=state.count)


def _lion(
    component: ComponentState, gradients: Any, rate: jax.Array, o: Optimizer
) -> ComponentState:
    """Lion (arXiv 2302.06675); Nesterov's momentum changes nothing."""
    state = optax.ScaleByLionState(jnp.int32(0), _average(component.trace, o))
    sign, state = optax.scale_by_lion(o.momentum, LION_DECAY).update(gradients, state)
    step = jax.tree.map(lambda s: o.lion_factor * s, sign)
    return _moved(component, step, _accumulated(state.mu, o), rate, o)


def _average(trace: Any, o: Optimizer) -> Any:
    return jax.tree.map(lambda m: (1.0 - o.momentum) * m.astype(jnp.float32), trace)


def _accumulated(average: Any, o: Optimizer) -> Any:
    return jax.tree.map(lambda m: m / (1.0 - o.momentum), average)


def _moved(
    component: ComponentState, step: Any, trace: Any, rate: jax.Array, o: Optimizer
) -> ComponentState:
    """The component after a step, its new momentum rounded."""
    old = component.params
    if o.weight_decay is not None:
        decay = optax.add_decayed_weights(o.weight_decay, _matrices)
        step, _ = decay.update(step, decay.init(old), old)
    params = jax.tree.map(lambda p, s: p - rate * s, old, step)
    rounded = jax.tree.map(lambda m, like: m.astype(like.dtype), trace, component.trace)
    return component._replace(params=params, trace=rounded)


def _matrices(params: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf.ndim > 1, params)


def clip(gradients: Any, norm: jax.Array, limit: float) -> Any:
    """Scales a tree down to a global norm of at most `limit`, given its norm."""
    scale = jnp.minimum(1.0, limit / jnp.maximum(norm, 1e-12))
    return jax.tree.map(lambda g: g * scale, gradients)


def update_if(
    trained: jax.Array,
    component: ComponentState,
    step: Callable[[ComponentState], ComponentState],
) -> ComponentState:
    """`step(component)` where `trained` holds at run time, otherwise the component as it is."""
    return lax.cond(trained, step, lambda same: same, component)
