"""Ridge regression from features to classes, streaming: no array has as many rows as examples.

Products are made on the devices, float32, a batch at a time; sums and solutions on the host,
float64.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

# Factors that logits are tried with. Regression gives an example's class about 1 and others 0,
# which is too little for the softmax that training goes on with.
TEMPERATURES = tuple(2.0 ** (i / 2) for i in range(17))


class Ridge(NamedTuple):
    """How a head is solved.

    Attributes:
      strengths: to choose from, as shares of the features' mean variance; rising.
      hold_out: of so many training examples one is kept to choose by.
    """

    strengths: tuple[float, ...]
    hold_out: int


class Regression:
    """Solves for the kernel and bias of a linear head, of examples that come batch by batch.

    The last examples are held out: the strength is that of their highest accuracy, of equals that
    of the lowest cross-entropy, with the factor of the logits that it is lowest for. Then all
    examples count. The intercept is not penalised, and the targets are one-hot.

    Args:
      ridge: what to choose from.
      examples: that will come; what comes after them is left out, as it fills up the last batch.
      num_classes: C; labels are below it.
      width: classes that the products are padded to, so that class counts share programs.
    """

    def __init__(self, ridge: Ridge, examples: int, num_classes: int, width: int):
        self._ridge = ridge
        self._examples = examples
        self._first_held = examples - examples // ridge.hold_out
        self._num_classes = num_classes
        self._width = width
        self._seen = 0
        self._shift: np.ndarray | None = None
        self._fitted: np.ndarray | None = None
        self._held: np.ndarray | None = None
        self._tried: tuple[np.ndarray, np.ndarray] | None = None
        self._right = np.zeros(len(ridge.strengths))
        self._losses = np.zeros((len(ridge.strengths), len(TEMPERATURES)))

    def add(self, feature_BxD: jax.Array, label_B: jax.Array) -> None:
        """Takes in a batch of features, float32 or bfloat16, and labels, int32."""
        places = self._seen + np.arange(feature_BxD.shape[0])
        self._seen += len(places)
        if self._shift is None:  # near the mean, so that float32 products lose little
            self._shift = np.asarray(feature_BxD, np.float32)[: self._examples].mean(0)
        fitted = places < self._first_held
        mask = (places >= self._first_held) & (places < self._examples)
        if fitted.any():
            products = self._products(feature_BxD, label_B, fitted)
            self._fitted = products if self._fitted is None else self._fitted + products
        if mask.any():
            self._try(feature_BxD, label_B, mask)
            products = self._products(feature_BxD, label_B, mask)
            self._held = products if self._held is None else self._held + products

    def solve(self) -> tuple[np.ndarray, np.ndarray]:
        """Kernel float32 [D, C] and bias float32 [C]; not finite where the features are not."""
        # Of nothing held out, the strongest is the safest.
        strength, factor = self._ridge.strengths[-1], 1.0
        if self._held is not None:
            best = max(
                range(len(self._ridge.strengths)),
                key=lambda i: (self._right[i], -self._losses[i].min()),
            )
            strength = self._ridge.strengths[best]
            factor = TEMPERATURES[int(self._losses[best].argmin())]
        sums = self._fitted if self._held is None else self._fitted + self._held
        kernel, bias = self._solution(sums, strength)
        return (factor * kernel).astype(np.float32), (factor * bias).astype(np.float32)

    def _products(self, x: jax.Array, labels: jax.Array, chosen: np.ndarray) -> np.ndarray:
        """Float64 [D + 1, D + 1 + C]: the features, shifted, and 1 by themselves and by classes."""
        made = _products(x, labels, chosen.astype(np.float32), self._shift, width=self._width)
        wanted = made.shape[0] + self._num_classes
        return np.asarray(made, np.float64)[:, :wanted]

    def _try(self, x: jax.Array, labels: jax.Array, mask: np.ndarray) -> None:
        """Counts what each strength gets right of the examples held out, and its losses."""
        if self._tried is None:
            made = [self._solution(self._fitted, each) for each in self._ridge.strengths]
            pad = self._width - self._num_classes
            kernels = np.stack([np.pad(kernel, ((0, 0), (0, pad))) for kernel, _ in made])
            biases = np.stack([np.pad(bias, (0, pad)) for _, bias in made])
            self._tried = kernels.astype(np.float32), biases.astype(np.float32)
        right, losses = _judge(
            x, labels, mask.astype(np.float32), *self._tried, np.int32(self._num_classes)
        )
        self._right += np.asarray(right, np.float64)
        self._losses += np.asarray(losses, np.float64)

    def _solution(self, sums: np.ndarray | None, strength: float) -> tuple[np.ndarray, np.ndarray]:
        """Kernel float64 [D, C] and bias float64 [C]."""
        if sums is None or self._shift is None:
            raise ValueError("no examples came")
        d = len(sums) - 1
        n, x_mean = sums[d, d], sums[:d, d] / sums[d, d]
        covariance = sums[:d, :d] / n - np.outer(x_mean, x_mean)
        y_mean = sums[d, d + 1 :] / n
        common = sums[:d, d + 1 :] / n - np.outer(x_mean, y_mean)
        # Features that never vary have no use for a kernel, and must not divide by zero.
        penalty = strength * max(np.trace(covariance) / d, np.finfo(np.float32).tiny)
        kernel = np.linalg.solve(covariance + penalty * np.eye(d), common)
        return kernel, y_mean - (x_mean + self._shift) @ kernel


@functools.partial(jax.jit, static_argnames="width")
def _products(
    x_BxD: jax.Array, label_B: jax.Array, chosen_B: jax.Array, shift_D: jax.Array, *, width: int
) -> jax.Array:
    x = x_BxD.astype(jnp.float32) - shift_D
    # What is not chosen may not be finite; 0 times it would not be 0.
    x = jnp.where(chosen_B[:, None] > 0, x, 0)
    x = jnp.concatenate([x, chosen_B[:, None]], axis=1)
    y = jax.nn.one_hot(label_B, width) * chosen_B[:, None]
    return jnp.matmul(x.T, jnp.concatenate([x, y], axis=1), precision=lax.Precision.HIGHEST)


@jax.jit
def _judge(
    x_BxD: jax.Array,
    label_B: jax.Array,
    chosen_B: jax.Array,
    kernel_SxDxC: jax.Array,
    bias_SxC: jax.Array,
    num_classes: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """What each of S strengths gets right, [S], and its losses at each temperature, [S, T]."""
    exists = jnp.arange(bias_SxC.shape[-1]) < num_classes
    weight_B = jnp.where(chosen_B > 0, 1.0, 0.0)

    def judge(one: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        kernel, bias = one
        y = jnp.matmul(x_BxD.astype(jnp.float32), kernel, precision=lax.Precision.HIGHEST) + bias
        y = jnp.where(exists, y, -jnp.inf)
        hits = jnp.sum(weight_B * (y.argmax(-1) == label_B))

        def loss(factor: jax.Array) -> jax.Array:
            own = jnp.take_along_axis(factor * y, label_B[:, None], axis=-1)[:, 0]
            each = jax.nn.logsumexp(factor * y, axis=-1) - own
            return jnp.sum(jnp.where(chosen_B > 0, each, 0.0))

        return hits, lax.map(loss, jnp.float32(TEMPERATURES))

    return lax.map(judge, (kernel_SxDxC, bias_SxC))
