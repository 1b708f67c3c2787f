"""A convolution of each channel by itself, against XLA's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from mu2.models.depthwise import depthwise, same_margins, shifted

KEY = jax.random.key(5)


def draw(seed, *shape):
    return jax.random.normal(jax.random.fold_in(KEY, seed), shape)


def convolve(x, kernel, bias, strides, before):
    after = [
        (-(-length // stride) - 1) * stride + len(kernel) - length - some
        for length, stride, some in zip(x.shape[1:3], strides, before, strict=True)
    ]
    return bias + lax.conv_general_dilated(
        x,
        kernel[:, :, None],
        strides,
        list(zip(before, after, strict=True)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=x.shape[-1],
    )


# Strides that divide the sides and that do not, rows shorter than the kernel, one position.
@pytest.mark.parametrize(
    ("h", "w", "side", "strides", "before"),
    [
        (7, 6, 3, (1, 1), (1, 1)),
        (6, 7, 3, (2, 1), (1, 1)),
        (7, 7, 3, (2, 2), (1, 1)),
        (8, 8, 3, (2, 2), (0, 0)),
        (8, 5, 5, (2, 2), (1, 2)),
        (2, 2, 5, (1, 1), (2, 2)),
        (1, 1, 3, (1, 1), (1, 1)),
        (1, 2, 5, (2, 2), (2, 1)),
        (5, 7, 1, (3, 2), (0, 0)),
    ],
)
def test_it_is_a_convolution_and_so_are_its_gradients(h, w, side, strides, before):
    given = draw(0, 2, h, w, 4), draw(1, side, side, 4), draw(2, 4)

    def both(function):
        y, pullback = jax.vjp(lambda *given: function(*given, strides, before), *given)
        return (y, *pullback(draw(3, *y.shape)))

    for here, there in zip(both(depthwise), both(convolve), strict=True):
        assert here.shape == there.shape
        np.testing.assert_allclose(here, there, atol=1e-5)


def test_it_is_batched_and_kept_in_its_dtype():
    x, kernel, bias = (draw(i, *shape).astype(jnp.bfloat16) for i, shape in enumerate(
        ((3, 2, 4, 4, 8), (3, 3, 8), (8,)))
    )  # fmt: skip
    total = jax.vmap(lambda x: depthwise(x, kernel, bias, (1, 1), (1, 1)))
    assert total(x).dtype == jax.grad(lambda x: total(x).sum())(x).dtype == jnp.bfloat16


def test_steps_that_see_nothing_but_zeros_are_left_out():
    def seen(length, side, stride):
        before = same_margins(length, side, stride)[0]
        column = jnp.ones((1, length, 1, 1))
        return [i for i, j in shifted(column, side, (stride, 1), (before, 0)) if j == 0]

    assert seen(64, 5, 2) == [0, 1, 2, 3, 4]
    assert seen(2, 5, 1) == [1, 2, 3]
    assert seen(1, 3, 1) == [1]
