"""Budgets, and what a child's training costs, by hand."""

import dataclasses
import types

import pytest

from mu2.errors import Mu2Error
from mu2.evolution import Budget, Evolution
from mu2.evolution.budget import training_flops
from mu2.evolution.plan import Plan, PlannedComponent
from tests.evolution import toys


def spent(flops=0.0, seconds=0.0):
    return types.SimpleNamespace(flops=flops, seconds=seconds)


@pytest.mark.parametrize(
    ("budget", "enough", "too_little"),
    [
        (Budget(flops=100.0), spent(flops=25.0), spent(flops=24.0, seconds=1e9)),
        (Budget(seconds=100.0), spent(seconds=25.0), spent(seconds=24.0, flops=1e30)),
        # 8 of a currency at 2 an hour are 4 hours, and 1 for each of 4 visits.
        (Budget(money=8.0, price_per_hour=2.0), spent(seconds=3600.0), spent(seconds=3599.0)),
        (Budget(flops=100.0, seconds=100.0), spent(seconds=25.0), spent(24.0, 24.0)),
    ],
)
def test_each_task_iteration_has_an_equal_share(budget, enough, too_little):
    assert budget.is_spent(enough, visits=4)
    assert not budget.is_spent(too_little, visits=4)


def test_no_limit_is_never_spent():
    assert not Budget().is_spent(spent(1e30, 1e30), visits=1)
    assert not Budget(price_per_hour=2.0).is_spent(spent(1e30, 1e30), visits=1)


def test_only_time_is_measured():
    assert not Budget(flops=1.0).uses_wall_time
    assert Budget(seconds=1.0).uses_wall_time
    assert Budget(money=1.0, price_per_hour=1.0).uses_wall_time


def test_money_needs_a_price():
    with pytest.raises(Mu2Error, match="price_per_hour") as caught:
        Budget(money=5.0)
    assert "price_per_hour" in caught.value.hint


@pytest.mark.parametrize("name", ["flops", "seconds", "money", "price_per_hour"])
def test_a_budget_of_nothing_is_refused(name):
    with pytest.raises(Mu2Error, match=rf"Budget\.{name} is 0"):
        Budget(**{name: 0})


def test_a_task_iteration_ends_with_its_children_or_its_budget():
    population = toys.start_population(toys.live(toys.path("root/r")), "a")
    rules = Evolution(children_per_iteration=5, budget=Budget(flops=100.0))
    at = dataclasses.replace
    # One generation is made in any case.
    assert not rules.is_finished(at(population, flops=1e9), 1)
    assert rules.is_finished(at(population, children=1, flops=100.0), 1)
    assert not rules.is_finished(at(population, children=4, flops=99.0), 1)
    assert rules.is_finished(at(population, children=5), 1)


def test_a_task_iteration_ends_with_a_path_that_is_good_enough():
    own = toys.path("a/0/0", quality=0.9)
    population = dataclasses.replace(
        toys.start_population(toys.live(toys.path("root/r")), "a"), own=(own,)
    )
    rules = Evolution(children_per_iteration=5, target_quality=0.9)
    assert not rules.is_finished(population, 1)  # one generation is made in any case
    assert rules.is_finished(dataclasses.replace(population, children=1), 1)
    worse = dataclasses.replace(population, own=(dataclasses.replace(own, quality=0.89),))
    assert not rules.is_finished(dataclasses.replace(worse, children=1), 1)
    with pytest.raises(Mu2Error, match=r"Evolution\.target_quality is 90; it must be above 0"):
        Evolution(target_quality=90)


def plan(*trained):
    """Three components of 10, 100 and 1,000 operations, some trained."""
    components = tuple(
        PlannedComponent(name, name, "clone" if name in trained else "share", None, 1, "", flops)
        for name, flops in (("a", 10.0), ("b", 100.0), ("c", 1000.0))
    )
    root = toys.path("root/r")
    return Plan("t/0/0", "t", root, root.hyperparameters, components, 2, "", False, None, 0, 0)


@pytest.mark.parametrize(
    ("trained", "backward"),
    [
        (("c",), 1000),  # the gradient of its parameters alone
        (("b",), 100 + 1000),  # and through what stands above
        (("a",), 10 + 100 + 1000),
        (("b", "c"), 100 + 2 * 1000),
        (("a", "b", "c"), 10 + 2 * 100 + 2 * 1000),
    ],
)
def test_what_is_frozen_beneath_costs_no_backward_pass(trained, backward):
    assert training_flops(plan(*trained), 3, 0) == 3 * (1110 + backward)
    assert training_flops(plan(*trained), 0, 5) == 5 * 1110
    assert plan(*trained).flops == 1110
