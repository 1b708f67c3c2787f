"""The compiled step: two programs a network shape, whatever is trained and however.

Hyperparameters, the set of trained components and where the network begins are run-time values.
A layer's passes are chosen on flags (is it run? is it trained? is anything beneath it trained?), so
weight gradients nobody needs, everything beneath the lowest trained component, and the frozen
layers whose output is at hand already, are really skipped without a program of their own.

Such an output is called a feature here. Features have one shape in a network, the one that most of
its layers put out, since a program has one place to take them in. What a batch becomes before the
first component is the concern of `mu2.training.prepare`.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jax.sharding import Sharding

from mu2.models.component import Axes, Component, Network, nest
from mu2.training import optimizer
from mu2.training.layer import GradientRequest, gate_layer, run_or_skip
from mu2.training.loss import cross_entropy, mask
from mu2.training.optimizer import Optimizer
from mu2.training.prepare import Preparation
from mu2.training.update import ComponentState, clip, update, update_if


class State(NamedTuple):
    """What a training step changes. All trees are keyed by component name.

    Attributes:
      params: float32 trees.
      trace: bfloat16 trees, the momentum.
      step: int32 scalar, steps done.
      finite: bool scalar, False once a loss was NaN or infinite.
      second_moment: float32 trees; None where no child of the run has AdamW.
      moment_steps: int32 scalars, the steps that made a component's moments; None likewise.
    """

    params: dict[str, Any]
    trace: dict[str, Any]
    step: Any
    finite: Any
    second_moment: dict[str, Any] | None = None
    moment_steps: dict[str, Any] | None = None


def _loss(
    params: Mapping[str, Any],
    outputs: tuple["Output", ...],
    flags: Mapping[str, jax.Array],
    inputs: "BatchInputs",
    label_B: jax.Array,
    num_classes: jax.Array,
    smoothing: jax.Array | None,
) -> jax.Array:
    """Mean softmax cross-entropy over the classes that exist."""
    x, feature = inputs.prepared_Bx, inputs.feature_Bx
    below = jnp.int32(0)
    for i, output in enumerate(outputs):
        component = output.component
        request = GradientRequest(
            (inputs.start <= i).astype(jnp.int32), flags[component.name], below
        )
        x = gate_layer(component.apply, component.recompute, lowest=i == 0)(
            params[component.name], x, output.instead(feature), request
        )
        feature = x if output.is_feature else feature
        below = below | request.trained
    return cross_entropy(mask(x, num_classes), label_B, num_classes, smoothing)


def _kinds(state: State) -> tuple[dict[str, Any] | None, ...]:
    """What a state holds of each component, in the order of `ComponentState`."""
    return state.params, state.trace, state.second_moment, state.moment_steps


@dataclasses.dataclass(frozen=True)
class Output:
    """What a component of a network puts out.

    Attributes:
      component: the component.
      shape: of one example.
      dtype: of it.
      is_feature: the network can begin after it, given what it puts out.
    """

    component: Component
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_feature: bool

    def instead(self, feature: jax.Array) -> jax.Array:
        """What stands for it where it is not computed: the feature, or zeros that nobody reads."""
        if self.is_feature:
            return feature
        return jnp.zeros((feature.shape[0], *self.shape), self.dtype)


def outputs_of(network: Network) -> tuple[Output, ...]:
    """What each component puts out; allocates nothing."""
    x = jax.ShapeDtypeStruct((1, *network[0].input_shape), jnp.float32)
    made = []
    for component in network:
        x = jax.eval_shape(component.apply, nest(component.shapes), x)
        made.append((component, tuple(x.shape[1:]), x.dtype))
    # The head's is no feature, unless there is nothing else.
    inner = [(shape, dtype) for _, shape, dtype in made[:-1] or made]
    feature = max(dict.fromkeys(inner), key=inner.count)
    return tuple(
        Output(component, shape, dtype, (shape, dtype) == feature and i < len(inner))
        for i, (component, shape, dtype) in enumerate(made)
    )


class Program:
    """The two compiled functions of one network shape: a training step and a forward pass.

    Attributes:
      network: components in forward order, the head padded to its bucket.
      outputs: what each of them puts out.
      shardings: where each array of a state lies, before a step and after it.
      moment_shardings: the same of a state with second moments.
      train_step: see `_train_step`.
      moment_step: the same for states with second moments.
      forward: see `_forward`.
    """

    def __init__(self, network: Network, clip_norm: float, sharding: Callable[[Axes], Sharding]):
        self.network = network
        self.outputs = outputs_of(network)
        params = {
            component.name: nest({leaf: sharding(axes) for leaf, axes in component.axes.items()})
            for component in network
        }
        scalar, batch = sharding(()), sharding(("batch",))
        self._devices = batch.num_devices
        self.shardings = State(params, params, scalar, scalar)
        counts = dict.fromkeys(params, scalar)
        self.moment_shardings = State(params, params, scalar, scalar, params, counts)
        self.train_step, self.moment_step = (
            jax.jit(
                functools.partial(self._train_step, clip_norm=clip_norm),
                donate_argnums=0,
                out_shardings=shardings,
            )
            for shardings in (self.shardings, self.moment_shardings)
        )
        self.forward = jax.jit(self._forward, out_shardings=ForwardPass(batch, batch, batch))
        self._compiled = False

    def compile(
        self,
        state: State,
        flags: Mapping[str, Any],
        o: Optimizer,
        inputs: "BatchInputs",
        label_B: Any,
        num_classes: Any,
        prepare: Callable[[], Any],
    ) -> None:
        """Compiles both functions at once for what they will be called with; computes nothing.

        Calls alone would compile them one after the other, as the second takes what the first
        gives. For the arguments see `_train_step` and `_forward`; nothing is donated.

        Args:
          state: of a child, as are the next five.
          flags: see above.
          o: see above.
          inputs: see above.
          label_B: see above.
          num_classes: see above.
          prepare: prepares a batch, and is called meanwhile, so that this is compiled as well.
        """
        if self._compiled:
            return
        both = (
            (self.forward, (state.params, inputs, self.end)),
            (self.step_of(state), (state, flags, o, inputs, label_B, num_classes)),
        )
        pool = ThreadPoolExecutor(len(both) + 1)
        try:
            prepared = pool.submit(prepare)
            list(pool.map(lambda each: each[0].lower(*each[1]).compile(), both))
            prepared.result()
        finally:
            pool.shutdown(wait=False)  # who interrupts does not wait for the compiler
        self._compiled = True

    def step_of(self, state: State) -> Any:
        """The compiled training step for such a state."""
        return self.train_step if state.second_moment is None else self.moment_step

    @property
    def end(self) -> np.int32:
        """Where a forward pass stops that runs every component."""
        return np.int32(len(self.network))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one example, as the first component takes it in."""
        return self.network[0].input_shape

    def empty_inputs(self, batch_size: int, split: Callable[[np.ndarray], Any]) -> "BatchInputs":
        """For a pass from the first component on, once `prepared_Bx` is there.

        Args:
          batch_size: examples.
          split: puts an array on the devices, shared out along its first axis.
        """
        output = next((o for o in self.outputs if o.is_feature), self.outputs[0])
        prepared = np.zeros((batch_size, *self.network[0].input_shape), np.float32)
        feature = np.zeros((batch_size, *output.shape), output.dtype)
        return BatchInputs(split(prepared), split(feature), np.int32(0))

    def feature_before(self, index: int) -> int:
        """The last component, at most `index`, that the network can begin with, given a feature."""
        found = (i + 1 for i, output in enumerate(self.outputs[:index]) if output.is_feature)
        return max(found, default=0)

    def _train_step(
        self,
        state: State,
        flags: Mapping[str, jax.Array],
        o: Optimizer,
        inputs: "BatchInputs",
        label_B: jax.Array,
        num_classes: jax.Array,
        *,
        clip_norm: float,
    ) -> State:
        """One step on one batch.

        Args:
          state: donated.
          flags: component name to int32 0 or 1, is it trained.
          o: optimizer hyperparameters.
          inputs: the prepared batch, or the feature of a frozen component and where to go on from
            it.
          label_B: int32.
          num_classes: int32 scalar, classes that exist.
          clip_norm: largest global norm of the gradient.

        Returns:
          The next state.
        """
        loss, gradients = self._gradients(
            state.params, flags, inputs, label_B, num_classes, o.label_smoothing
        )
        norm = optax.tree.norm(gradients)
        rate = optimizer.learning_rate(o, state.step.astype(jnp.float32))
        updated = {}
        for name, gradient in gradients.items():

            def step(component: ComponentState, g: Any = gradient) -> ComponentState:
                return update(component, clip(g, norm, clip_norm), rate, o)

            before = ComponentState(
                *(None if kind is None else kind[name] for kind in _kinds(state))
            )
            updated[name] = update_if(flags[name] > 0, before, step)
        finite = state.finite & jnp.isfinite(loss)
        after: tuple[Any, ...] = tuple(
            None if kind is None else {name: component[i] for name, component in updated.items()}
            for i, kind in enumerate(_kinds(state))
        )
        params, trace, second_moment, moment_steps = after
        return State(params, trace, state.step + 1, finite, second_moment, moment_steps)

    def _gradients(
        self,
        params: dict[str, Any],
        flags: Mapping[str, jax.Array],
        inputs: "BatchInputs",
        label_B: jax.Array,
        *more: Any,
    ) -> tuple[jax.Array, dict[str, Any]]:
        """The mean loss of a batch and its gradient, by micro-batches one after the other."""
        batch = len(label_B)
        pieces = batch // self._micro_batch(batch)

        def of(inputs: "BatchInputs", label_B: jax.Array) -> Any:
            return jax.value_and_grad(_loss)(params, self.outputs, flags, inputs, label_B, *more)

        if pieces == 1:
            return of(inputs, label_B)

        def piece(array: jax.Array) -> jax.Array:
            return array.reshape(pieces, batch // pieces, *array.shape[1:])

        def add(total: Any, one: Any) -> Any:
            prepared, feature, labels = one
            found = of(BatchInputs(prepared, feature, inputs.start), labels)
            return jax.tree.map(jnp.add, total, found), None

        each = tuple(map(piece, (inputs.prepared_Bx, inputs.feature_Bx, label_B)))
        nothing = (jnp.float32(0), jax.tree.map(jnp.zeros_like, params))
        total, _ = lax.scan(add, nothing, each)
        return jax.tree.map(lambda summed: summed / pieces, total)

    def _micro_batch(self, batch: int) -> int:
        """How many examples of a batch go through the network at a time in a training step."""
        most = min((c.micro_batch for c in self.network if c.micro_batch), default=batch)
        if self._devices > 1 or jax.default_backend() != "cpu":
            return batch
        # Half of what fits is still enough work at a time; a divisor below makes many calls.
        return next(
            (m for m in range(min(most, batch), most // 2 - 1, -1) if batch % m == 0), batch
        )

    def _forward(
        self, params: Mapping[str, Any], inputs: "BatchInputs", stop: jax.Array
    ) -> "ForwardPass":
        """The components from `inputs.start` to before `stop`, int32 scalars."""
        x = inner = inputs.prepared_Bx
        feature = inputs.feature_Bx
        for i, output in enumerate(self.outputs):
            component, inner = output.component, x
            run = ((inputs.start <= i) & (i < stop)).astype(jnp.int32)
            x = run_or_skip(
                run, component.apply, params[component.name], x, output.instead(feature)
            )
            feature = x if output.is_feature else feature
        return ForwardPass(feature, x, inner)


class ForwardPass(NamedTuple):
    """What a forward pass gives.

    Attributes:
      feature_Bx: that of the last component run that puts one out.
      logits_BxC: float32 [B, bucket], where all components to the end are run.
      head_input_Bx: what the head is given, where all components before it are run.
    """

    feature_Bx: Any
    logits_BxC: Any
    head_input_Bx: Any


class BatchInputs(NamedTuple):
    """What is known of a batch, and where a pass over the network so begins.

    Attributes:
      prepared_Bx: float32, what the first component takes in; read where `start` is 0.
      feature_Bx: what component `start - 1` put out; read where `start` is above 0.
      start: int32 scalar, the first component that is run.
    """

    prepared_Bx: Any
    feature_Bx: Any
    start: Any


class Programs:
    """The programs of a run, one a network shape; a run owns one and hands it round.

    Attributes:
      prepare: makes of a batch what the networks take in.
      clip_norm: largest global norm of a gradient.
      sharding: where an array of some logical axes lies; that of a batch begins with `batch`.
    """

    def __init__(self, clip_norm: float, sharding: Callable[[Axes], Sharding]):
        self.clip_norm = clip_norm
        self.sharding = sharding
        self.prepare = Preparation(sharding)
        self._programs: dict[Network, Program] = {}

    def __len__(self) -> int:
        return len(self._programs)

    def of(self, network: Network) -> Program:
        """The program of a network whose head is padded; made at the first call."""
        if network not in self._programs:
            self._programs[network] = Program(network, self.clip_norm, self.sharding)
        return self._programs[network]

    def compiled(self) -> int:
        """XLA programs compiled so far: training steps and forward passes.

        What prepares batches comes on top, a small program for each size of images as they are
        read: `prepare.compiled` counts those.
        """
        return sum(
            f._cache_size()  # type: ignore[attr-defined]
            for p in self._programs.values()
            for f in (p.train_step, p.moment_step, p.forward)
        )
