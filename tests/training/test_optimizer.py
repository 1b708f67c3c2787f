"""Schedules against their formulas."""

import jax
import numpy as np
import optax
import pytest

from mu2.training.optimizer import Optimizer, learning_rate


def rates(schedule, warmup_ratio=0.1, intervals=4, steps=25, peak=0.2):
    hyperparameters = {
        "learning_rate": peak,
        "schedule": schedule,
        "warmup_ratio": warmup_ratio,
        "momentum": 0.9,
        "nesterov": False,
    }
    o = Optimizer.of(hyperparameters, intervals, steps)
    return np.array(jax.vmap(lambda t: learning_rate(o, t))(np.arange(intervals * steps * 1.0)))


def test_cosine_is_optax_warmup_cosine_from_a_hundredth_of_the_peak():
    expected = optax.warmup_cosine_decay_schedule(0.002, 0.2, 10, 100)
    np.testing.assert_allclose(rates("cosine"), expected(np.arange(100)), rtol=1e-4, atol=1e-7)


def test_constant_is_half_the_peak():
    np.testing.assert_allclose(rates("constant"), 0.1)


def test_restarts_repeat_one_cycle_every_interval():
    got = rates("restarts").reshape(4, 25)
    np.testing.assert_allclose(got, np.tile(got[:1], (4, 1)), rtol=1e-5)
    expected = optax.warmup_cosine_decay_schedule(0.002, 0.2, 2, 25)(np.arange(25))
    np.testing.assert_allclose(got[0], expected, rtol=1e-4, atol=1e-7)


def test_linear_falls_in_a_straight_line():
    got = rates("linear")
    np.testing.assert_allclose(np.diff(got[10:]), -0.2 / 90, rtol=1e-3)


@pytest.mark.parametrize("schedule", ["cosine", "linear", "restarts"])
def test_no_warm_up_starts_at_the_peak(schedule):
    assert rates(schedule, warmup_ratio=0.0)[0] == pytest.approx(0.2)
