"""A layer's gates: what is asked for is right, and nothing else is computed."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mu2.training.layer import GradientRequest, gate_layer


@pytest.mark.parametrize(("trained", "below"), list(itertools.product([0, 1], repeat=2)))
def test_gate_gives_the_gradients_asked_for_and_zeros_for_the_rest(trained, below):
    layer = gate_layer(lambda w, x: jnp.tanh(x @ w))
    w, x = jnp.ones((3, 2)), jnp.arange(6.0).reshape(2, 3) / 6

    def total(w, x):
        return layer(
            w, x, x[:, :2], GradientRequest(jnp.int32(1), jnp.int32(trained), jnp.int32(below))
        ).sum()

    dw, dx = jax.grad(total, (0, 1))(w, x)
    full_w, full_x = jax.grad(lambda w, x: jnp.tanh(x @ w).sum(), (0, 1))(w, x)
    np.testing.assert_allclose(dw, full_w * trained, rtol=1e-6)
    np.testing.assert_allclose(dx, full_x * below, rtol=1e-6)


def test_the_backward_pass_is_really_skipped():
    """Arithmetic that XLA is left with for each pair of flags: forward, then 0, 1, 1 or 2 more."""
    layer = gate_layer(lambda w, x: jnp.tanh(x @ w))
    w, x = jnp.ones((64, 64)), jnp.ones((64, 64))

    def products(*flags):
        asked = GradientRequest(*map(jnp.int32, flags))

        def gradients(w, x, asked):
            return jax.grad(lambda w, x: layer(w, x, x, asked).sum(), (0, 1))(w, x)

        cost = jax.jit(lambda w, x: gradients(w, x, asked)).lower(w, x).compile().cost_analysis()
        return round(cost.get("flops", 0.0) / (2 * 64**3))

    assert products(0, 0, 0) == 0
    assert products(1, 0, 0) <= 1
    assert products(1, 0, 1) == 2
    assert products(1, 1, 0) == 2
    assert products(1, 1, 1) == 3


def test_a_layer_that_is_not_run_hands_on_what_it_is_given():
    layer = gate_layer(lambda w, x: jnp.tanh(x @ w))
    w, x, instead = jnp.full((3, 2), jnp.nan), jnp.full((2, 3), jnp.nan), jnp.ones((2, 2))

    def total(w, x, run):
        y = layer(w, x, instead, GradientRequest(run, jnp.int32(0), jnp.int32(0)))
        return (y * y).sum(), y

    gradients, y = jax.jit(jax.grad(total, (0, 1), has_aux=True))(w, x, jnp.int32(0))
    np.testing.assert_array_equal(y, instead)
    assert all(not array.any() for array in gradients)
