"""muNet's rules, ties and counts, as the method files have them, against their formulas."""

import collections
import dataclasses

import pytest

from mu2.config import load
from mu2.evolution import Ranges, engine
from mu2.random_keys import Key
from tests.evolution import toys
from tests.evolution.published import ROOT, method, place, planned

# muNet


def test_munet_begins_with_an_unmutated_child_of_every_seed_the_newest_first():
    births = {"b/0/3": 7, "c/0/1": 12, "d/1/0": 3}
    seeds = [toys.path(p, birth=n, mutation_probability=1.0) for p, n in births.items()]
    own = toys.path("a/0/0", quality=0.5, score=0.5, hue=0.1)
    paths = toys.live(ROOT, own, *seeds)
    space = toys.space(
        Ranges(**{**toys.RANGES, "mutation_probability": (0.1, 1.0)}), mutation_probability=1.0
    )
    rules, key = method("munet", "Evolution.children_per_generation=1"), Key.from_seed(1)
    population = toys.start_population(paths, "a", evolution=rules, search_space=space, iteration=1)
    made = []
    for _ in range(6):
        population, plans = engine.plan_generation(rules, space, paths, population, key)
        made += plans
    assert [plan.parent.id for plan in made[:4]] == ["c/0/1", "b/0/3", "d/1/0", "root/random"]
    for plan in made[:4]:
        assert {c.name for c in plan.components if c.trainable} == {"head"}
        assert plan.hyperparameters["hue"] == 0.1  # the best path's, which has not moved
        assert plan.hyperparameters["learning_rate"] == toys.DEFAULTS["learning_rate"]
    assert population.offspring["c/0/1"] >= 1
    assert population.children == 6
    # From then on data hyperparameters move, with the configured mu of 1.
    assert {plan.hyperparameters["hue"] for plan in made[4:]} <= {0.0, 0.2}
    assert all(place(plan, "encoder_norm").trainable for plan in made[4:])


def test_munet_draws_uniformly_over_seeds_and_own_once_no_own_path_is_accepted():
    own = toys.path("a/0/0", quality=0.5, score=0.5)
    paths = toys.live(ROOT, own, toys.path("b/0/0"), toys.path("c/0/0"))
    rules = method("munet", "Evolution.children_per_generation=1")
    # Seeds that had no child would be accepted for certain by a walk.
    drawn, trials = collections.Counter(), 3000
    for i in range(trials):
        key = Key.from_seed(9).fold_in(i)
        population = toys.start_population(paths, "a", evolution=rules, iteration=1, key=key)
        population = dataclasses.replace(population, children=3, offspring={"a/0/0": 1})
        _, [made] = engine.plan_generation(rules, toys.space(), paths, population, key)
        drawn[made.parent.id] += 1
    toys.assert_frequency(drawn["a/0/0"], trials, 1 / 2 + 1 / 8)
    for seed in ("root/random", "b/0/0", "c/0/0"):
        toys.assert_frequency(drawn[seed], trials, 1 / 8)


@pytest.mark.parametrize(
    ("name", "kept"), [("munet", False), ("mu2net", True), ("mu2net_plus", True)]
)
def test_a_child_as_good_as_its_parent_is_kept_by_all_but_munet(name, kept):
    own = toys.path("a/0/0", quality=0.5, score=0.5)
    rules = dataclasses.replace(method(name), seeds_first=False)
    paths = toys.live(ROOT, own)
    population, [made] = planned(rules, paths)
    assert (made.parent, made.score_to_reach) == (own, 0.5)
    for quality, stays in ((0.5, kept), (0.51, True), (0.49, False)):
        child = engine.child_path(made, quality, engine.child_score(made, rules.scoring, paths))
        after = toys.retain(population, made, child, rules.must_improve)
        assert (child in after.own) == stays


@pytest.mark.parametrize(("name", "best"), [("munet", 1), ("mu2net", 2), ("mu2net_plus", 2)])
def test_of_equals_the_newest_is_best_in_all_but_munet(name, best):
    own = tuple(toys.path(f"a/0/{i}", score=s) for i, s in enumerate([0.2, 0.7, 0.7, 0.1]))
    paths, rules = toys.live(ROOT), method(name)
    population = dataclasses.replace(toys.start_population(paths, "a"), own=own)
    assert engine.finish(population, paths, rules.must_improve).id == f"a/0/{best}"


# Ties


@pytest.mark.parametrize("name", ["mu2net", "mu2net_plus"])
def test_of_equals_the_oldest_is_tried_first_as_a_parent_and_stays_under_a_cap(name):
    own = tuple(toys.path(f"a/0/{i}", quality=0.7, score=0.7) for i in range(3))
    rules, space, paths = method(name), toys.space(), toys.live(ROOT)
    drawn, trials = collections.Counter(), 2000
    for i in range(trials):
        key = Key.from_seed(11).fold_in(i)
        population = toys.start_population(paths, "a", evolution=rules, key=key)
        population = dataclasses.replace(population, own=own, offspring={"a/0/0": 1})
        _, [made] = engine.plan_generation(rules, space, paths, population, key)
        drawn[made.parent.id] += 1
    toys.assert_frequency(drawn["a/0/0"], trials, 1 / 2)
    assert drawn["a/0/1"] == trials - drawn["a/0/0"]
    assert [path.id for path in population.trim(2).own] == ["a/0/0", "a/0/1"]


def test_the_warm_up_of_the_preliminary_experiment_is_the_published_one():
    space = load(["benchmarks/tables/cmaterdb_ti0.gin"], []).experiment.space
    assert space.hyperparameters["warmup_ratio"] == 0.1


# Counting


@pytest.mark.parametrize("name", ["munet", "mu2net", "mu2net_plus"])
def test_the_last_generation_is_a_full_one(name):
    rules = method(
        name, "Evolution.children_per_iteration=7", "Evolution.children_per_generation=3"
    )
    paths, space, key = toys.live(ROOT), toys.space(), Key.from_seed(1)
    population = toys.start_population(paths, "a", evolution=rules)
    sizes = []
    while not rules.is_finished(population, 1):
        population, plans = engine.plan_generation(rules, space, paths, population, key)
        sizes.append(len(plans))
    assert sizes == [3, 3, 3]
    assert rules.children == population.children == 9
    assert dataclasses.replace(rules, full_generations=False).children == 7


def test_offspring_is_counted_by_task_and_kept_while_the_path_lives():
    # b's path is no seed any more, as b has become private; once it is one again, its count is
    # what it was.
    b = toys.path("b/0/0", private=True)
    counts = {"root/random": 4, "b/0/0": 3, "a/0/1": 7}
    population = toys.start_population(toys.live(ROOT, b), "a", offspring=counts)
    assert population.seeds == ("root/random",)
    assert population.offspring == {"root/random": 4, "b/0/0": 3}
