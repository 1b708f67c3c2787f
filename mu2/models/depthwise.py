"""A convolution of each channel by itself, forward and backward as sums of shifted copies.

XLA's own is slow on CPUs within the step's `lax.switch` (`mu2.models.convnet`), and the gradient
that JAX derives from a sum of slices is a sum of padded copies, each written out. Here the gradient
of the input is again a sum of slices, of the padded gradient.
"""

import functools
from collections.abc import Iterator

import jax
import jax.numpy as jnp

Pair = tuple[int, int]


def same_margins(length: int, side: int, stride: int) -> Pair:
    """Zeros before and after a row, with which a convolution gives ceil(length / stride) numbers.

    As TensorFlow pads (`SAME`): the odd one comes after.
    """
    zeros = max((-(-length // stride) - 1) * stride + side - length, 0)
    return zeros // 2, zeros - zeros // 2


def shifted(x_BxHxWxC: jax.Array, side: int, strides: Pair, before: Pair) -> dict[Pair, jax.Array]:
    """Copies of the positions that each step of a kernel sees, [B, H / rows, W / columns, C].

    Args:
      x_BxHxWxC: what is seen; zeros lie around it.
      side: of the kernel, in rows and columns.
      strides: of rows and columns.
      before: rows above the first, and columns left of it, where the first copy begins.

    Returns:
      The row and column of the step to the copy; steps that see zeros alone are left out.
    """
    _, h, w, _ = x_BxHxWxC.shape
    m, n = strides
    around = [(some, side - 1) for some in before]
    x = jnp.pad(x_BxHxWxC, ((0, 0), *around, (0, 0)))
    return {
        (i, j): x[:, i : i + h : m, j : j + w : n]
        for i in _steps(h, side, m, before[0])
        for j in _steps(w, side, n, before[1])
    }


def _steps(length: int, side: int, stride: int, before: int) -> list[int]:
    """The steps of a kernel, along one axis, that ever see anything but zeros."""
    rows = range(0, length, stride)
    return [step for step in range(side) if any(0 <= i + step - before < length for i in rows)]


@functools.partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def depthwise(
    x_BxHxWxC: jax.Array, kernel_SxSxC: jax.Array, bias_C: jax.Array, strides: Pair, before: Pair
) -> jax.Array:
    """A bias, and the sum of what each step of a kernel sees, times the step's factors.

    Args:
      x_BxHxWxC: what is seen; zeros lie around it.
      kernel_SxSxC: a factor for each row, column and channel.
      bias_C: what the sum starts from.
      strides: of rows and columns.
      before: zeros above the first row, and left of the first column.

    Returns:
      [B, ceil(H / rows), ceil(W / columns), C].
    """
    copies = shifted(x_BxHxWxC, len(kernel_SxSxC), strides, before)
    return sum((x * kernel_SxSxC[step] for step, x in copies.items()), start=bias_C)


def _forward(
    x: jax.Array, kernel: jax.Array, bias: jax.Array, strides: Pair, before: Pair
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return depthwise(x, kernel, bias, strides, before), (x, kernel)


def _backward(
    strides: Pair, before: Pair, residuals: tuple[jax.Array, jax.Array], dy_BxMxNxC: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    x, kernel = residuals
    side = len(kernel)
    copies = shifted(x, side, strides, before)
    unseen = jnp.zeros_like(kernel[0, 0])
    dkernel = jnp.stack(
        [
            (copies[i, j] * dy_BxMxNxC).sum((0, 1, 2)) if (i, j) in copies else unseen
            for i in range(side)
            for j in range(side)
        ]
    )
    dx = _input_gradient(x.shape, kernel, strides, before, dy_BxMxNxC)
    return dx, dkernel.reshape(kernel.shape), dy_BxMxNxC.sum((0, 1, 2))


depthwise.defvjp(_forward, _backward)


def _input_gradient(
    shape: tuple[int, ...], kernel: jax.Array, strides: Pair, before: Pair, dy: jax.Array
) -> jax.Array:
    """For rows and columns of each remainder by the strides a sum of slices, then interleaved."""
    b, h, w, c = shape
    m, n = strides
    side = len(kernel)
    # As many of each remainder, the last beyond the image where the stride does not divide it.
    rows, columns = -(-h // m), -(-w // n)
    around = ((0, 0), (side, side), (side, side), (0, 0))
    dy = jnp.pad(dy, around)

    def part(a: int, e: int) -> jax.Array:
        terms = [
            dy[:, side + o : side + o + rows, side + p : side + p + columns] * kernel[i, j]
            for i, o in _sources(a + before[0], side, m)
            for j, p in _sources(e + before[1], side, n)
        ]
        if not terms:  # the stride passes over them
            return jnp.zeros((b, rows, columns, c), dy.dtype)
        return sum(terms[1:], start=terms[0])

    across = [jnp.stack([part(a, e) for e in range(n)], axis=3) for a in range(m)]
    dx = jnp.stack(across, axis=2).reshape(b, rows * m, columns * n, c)
    return dx[:, :h, :w]


def _sources(position: int, side: int, stride: int) -> Iterator[Pair]:
    """The steps that see a position, and which outputs they do it for, counted from the first."""
    for step in range(side):
        if (position - step) % stride == 0:
            yield step, (position - step) // stride
