"""Schedules against their formulas."""

import jax
import numpy as np
import optax
import pytest

from mu2.config import load
from mu2.training.optimizer import Optimizer, learning_rate
from tests.evolution import toys


def rates(schedule, warmup_ratio=0.1, intervals=4, steps=25, peak=0.2, ends=()):
    hyperparameters = {
        "learning_rate": peak,
        "schedule": schedule,
        "warmup_ratio": warmup_ratio,
        "momentum": 0.9,
        "nesterov": False,
    }
    o = Optimizer.of(hyperparameters, intervals, steps, *ends)
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


def published(method, schedule):
    """The rates that a paper's method file gives."""
    parts = ["search_spaces/vit_micro.gin", "gin/stream/scripts.gin", *toys.method_files(method)]
    training = load(parts, []).experiment.training
    return rates(schedule, ends=(training.initial_rate, training.final_rate))


@pytest.mark.parametrize(
    ("method", "start"), [("munet", 100), ("mu2net", 100), ("mu2net_plus", 1000)]
)
@pytest.mark.parametrize(("schedule", "warmup"), [("cosine", 10), ("restarts", 2), ("linear", 10)])
def test_a_warm_up_begins_where_the_papers_does(method, start, schedule, warmup):
    got = published(method, schedule)
    low = 0.2 / start
    expected = low + (0.2 - low) * np.arange(warmup) / warmup
    np.testing.assert_allclose(got[:warmup], expected, rtol=1e-5)


@pytest.mark.parametrize("method", ["mu2net", "mu2net_plus"])
def test_a_cosine_ends_at_zero_and_a_linear_schedule_where_mu2net_plus_began(method):
    cosine = published(method, "cosine")
    assert cosine[-1] == pytest.approx(0.2 * 0.5 * (1 + np.cos(np.pi * 89 / 90)), rel=1e-3)
    assert cosine[-1] < 1e-3 * 0.2
    end = 0.2 * {"mu2net": 0, "mu2net_plus": 1e-3}[method]
    expected = 0.2 + (end - 0.2) * np.arange(90) / 90
    np.testing.assert_allclose(published(method, "linear")[10:], expected, rtol=1e-4)
