"""The compiled step: one program a network shape, whatever is trained and however.

Hyperparameters and the set of trained components are run-time values. A component's backward
pass is chosen by `lax.switch` on two flags (is it trained? is anything beneath it trained?), so
weight gradients nobody needs, and everything beneath the lowest trained component, are really
skipped without a program of their own.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.sharding import Sharding

from mu2.models.component import Axes, Network, nest
from mu2.training import optimizer
from mu2.training.augment import Augmentation, augment, is_image, normalise
from mu2.training.optimizer import Optimizer

HEAD_BUCKET = 64


def bucket(num_classes: int) -> int:
    """The width to which heads are padded: the next power of two, at least 64.

    Tasks of different class counts so share one program; the padding is masked out of the loss.
    """
    return max(HEAD_BUCKET, 1 << (num_classes - 1).bit_length())


class State(NamedTuple):
    """What a training step changes. All trees are keyed by component name.

    Attributes:
      params: float32 trees.
      trace: bfloat16 trees, the momentum.
      step: int32 scalar, steps done.
      finite: bool scalar, False once a loss was NaN or infinite.
    """

    params: dict[str, Any]
    trace: dict[str, Any]
    step: Any
    finite: Any


def gated(apply: Callable[[Any, jax.Array], jax.Array]) -> Callable[..., jax.Array]:
    """Wraps a layer so that its backward pass computes only what two run-time flags ask for.

    Args:
      apply: `(params, x) -> y`.

    Returns:
      `(params, x, trained, below) -> y`; `trained`: int32 0 or 1, are the parameters trained;
      `below`: int32 0 or 1, is anything beneath trained. Gradients that were not asked for are
      zeros. Of the forward pass only matrix products are kept; the rest is done again where a
      gradient is wanted, which on CPU costs less than writing it to memory (measured, ViT-Ti:
      0.85 of the time with everything trained, 0.72 with only the head).
    """
    apply = jax.checkpoint(apply, policy=jax.checkpoint_policies.dots_saveable)

    @jax.custom_vjp
    def layer(params: Any, x: jax.Array, trained: jax.Array, below: jax.Array) -> jax.Array:
        return apply(params, x)

    def forward(params: Any, x: jax.Array, trained: jax.Array, below: jax.Array) -> Any:
        y, pullback = jax.vjp(apply, params, x)
        return y, (pullback, params, x, trained, below)

    def backward(residuals: Any, dy: jax.Array) -> Any:
        pullback, params, x, trained, below = residuals

        def no_params() -> Any:
            return jax.tree.map(jnp.zeros_like, params)

        branches = (
            lambda dy: (no_params(), jnp.zeros_like(x)),
            lambda dy: (no_params(), pullback(dy)[1]),
            lambda dy: (pullback(dy)[0], jnp.zeros_like(x)),
            pullback,
        )
        dparams, dx = lax.switch(2 * trained + below, branches, dy)
        none = np.zeros((), jax.dtypes.float0)
        return dparams, dx, none, none

    layer.defvjp(forward, backward)
    return layer


def _loss(
    params: Mapping[str, Any],
    network: Network,
    flags: Mapping[str, jax.Array],
    x: jax.Array,
    label_B: jax.Array,
    num_classes: jax.Array,
) -> jax.Array:
    """Mean softmax cross-entropy over the classes that exist."""
    below = jnp.int32(0)
    for component in network:
        trained = flags[component.name]
        x = gated(component.apply)(params[component.name], x, trained, below)
        below = below | trained
    return optax.softmax_cross_entropy_with_integer_labels(mask(x, num_classes), label_B).mean()


def mask(logits_BxC: jax.Array, num_classes: jax.Array) -> jax.Array:
    """Logits with the padded classes at the lowest finite value."""
    exists = jnp.arange(logits_BxC.shape[-1]) < num_classes
    return jnp.where(exists[None], logits_BxC, float(np.finfo(logits_BxC.dtype).min))


class Program:
    """The two compiled functions of one network shape: a training step and a forward pass.

    Attributes:
      network: components in forward order, the head padded to its bucket.
      shardings: where each array of a state lies, before a step and after it.
    """

    def __init__(self, network: Network, clip_norm: float, sharding: Callable[[Axes], Sharding]):
        self.network = network
        params = {
            component.name: nest({leaf: sharding(axes) for leaf, axes in component.axes.items()})
            for component in network
        }
        self.shardings = State(params, params, sharding(()), sharding(()))
        self.train_step = jax.jit(
            functools.partial(self._train_step, clip_norm=clip_norm),
            donate_argnums=0,
            out_shardings=self.shardings,
        )
        self.logits = jax.jit(self._logits, in_shardings=(params, sharding(("batch",))))

    def _train_step(
        self,
        state: State,
        flags: Mapping[str, jax.Array],
        o: Optimizer,
        a: Augmentation,
        input_Bx: jax.Array,
        label_B: jax.Array,
        num_classes: jax.Array,
        key: jax.Array,
        *,
        clip_norm: float,
    ) -> State:
        """One step of SGD on one augmented batch.

        Args:
          state: donated.
          flags: component name to int32 0 or 1, is it trained.
          o: optimizer hyperparameters.
          a: augmentation ranges.
          input_Bx: uint8 [B, S, S, C], uint8 [B, T] or float32 [B, F].
          label_B: int32.
          num_classes: int32 scalar, classes that exist.
          key: the generation's batch key; the step's number is folded in, so that all children
            of a generation see the same images.
          clip_norm: largest global norm of the gradient.

        Returns:
          The next state.
        """
        x = normalise(input_Bx)
        if is_image(input_Bx):
            x = augment(jax.random.fold_in(key, state.step), input_Bx, a)
        loss, gradients = jax.value_and_grad(_loss)(
            state.params, self.network, flags, x, label_B, num_classes
        )
        norm = optax.tree.norm(gradients)
        rate = optimizer.learning_rate(o, state.step.astype(jnp.float32))
        params, trace = {}, {}
        for name, gradient in gradients.items():

            def step(p: Any, m: Any, g: Any = gradient) -> tuple[Any, Any]:
                return optimizer.update(p, m, optimizer.clip(g, norm, clip_norm), rate, o)

            params[name], trace[name] = optimizer.update_if(
                flags[name] > 0, state.params[name], state.trace[name], step
            )
        finite = state.finite & jnp.isfinite(loss)
        return State(params, trace, state.step + 1, finite)

    def _logits(self, params: Mapping[str, Any], input_Bx: jax.Array) -> jax.Array:
        """float32 logits [B, bucket] of a batch of examples, without augmentation."""
        return self.network.apply(params, normalise(input_Bx))


class Programs:
    """The programs of a run, one a network shape; a run owns one and hands it round.

    Attributes:
      clip_norm: largest global norm of a gradient.
      sharding: where an array of some logical axes lies; that of a batch begins with `batch`.
    """

    def __init__(self, clip_norm: float, sharding: Callable[[Axes], Sharding]):
        self.clip_norm = clip_norm
        self.sharding = sharding
        self._programs: dict[Network, Program] = {}

    def __len__(self) -> int:
        return len(self._programs)

    def of(self, network: Network) -> Program:
        """The program of a network whose head is padded; made at the first call."""
        if network not in self._programs:
            self._programs[network] = Program(network, self.clip_norm, self.sharding)
        return self._programs[network]

    def compiled(self) -> int:
        """XLA programs compiled so far: training steps and forward passes."""
        return sum(
            f._cache_size()  # type: ignore[attr-defined]
            for p in self._programs.values()
            for f in (p.train_step, p.logits)
        )
