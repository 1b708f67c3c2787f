"""Seeds that are probed: which, in what order they come then, and what is made of the probes."""

import collections
import dataclasses
from types import SimpleNamespace

import pytest

from mu2.errors import Mu2Error
from mu2.evolution import Evolution, engine
from mu2.evolution.probing import order_seeds, plan_probes, probe_examples
from mu2.evolution.seeds import choose_candidates
from mu2.random_keys import Key
from tests.evolution import toys

KEY = Key.from_seed(4)
ROOT = toys.path("root/Toy/a")
PROBED = Evolution(children_per_iteration=3, parents="probed")


def kept(task, shared=()):
    return toys.path(f"{task}/0/0", parent="root/Toy/a", shares=shared)


def began(evolution, paths, **settings):
    return toys.start_population(paths, "new", evolution=evolution, key=KEY, **settings)


def probed(evolution, paths, accuracies):
    """The first population once its seeds were probed, with these accuracies by task."""
    population = began(evolution, paths)
    plans = plan_probes(evolution, toys.space(), paths, population, KEY.fold_in("probe"))
    outcomes = [
        SimpleNamespace(quality=accuracies[plan.parent.task], seconds=0.5) for plan in plans
    ]
    return plans, order_seeds(evolution, population, plans, outcomes, 7.0)


def test_parents_are_tried_by_falling_accuracy():
    paths = toys.live(ROOT, *map(kept, "abcd"))
    accuracies = {None: 0.3, "a": 0.5, "b": 0.9, "c": 0.7, "d": None}
    plans, probes = probed(PROBED, paths, accuracies)
    assert {plan.parent.task for plan in plans} == {None, *"abcd"}
    assert all(plan.solves_head for plan in plans)
    assert (probes.flops, probes.seconds) == (7.0, 2.5)
    assert probes.accuracies["d/0/0"] == 0.0
    population, plans = probes.population, []
    # Three children come to three seeds at most, so the record keeps no others.
    assert population.seeds == ("b/0/0", "c/0/0", "a/0/0")
    for _ in range(3):
        population, made = engine.plan_generation(PROBED, toys.space(), paths, population, KEY)
        plans += made
    assert [plan.parent.task for plan in plans] == ["b", "c", "a"]


def test_solved_heads_are_of_the_seeds_that_did_best():
    evolution = dataclasses.replace(PROBED, closed_form_children=2)
    paths = toys.live(ROOT, *map(kept, "ab"))
    _, probes = probed(evolution, paths, {None: 0.1, "a": 0.4, "b": 0.8})
    _, plans = engine.plan_generation(evolution, toys.space(), paths, probes.population, KEY)
    assert [plan.parent.task for plan in plans] == ["b", "a"]


def test_of_equals_the_order_is_kept():
    paths = toys.live(ROOT, *map(kept, "abcd"))
    before = began(PROBED, paths).seeds
    _, probes = probed(PROBED, paths, dict.fromkeys((None, *"abcd"), 0.5))
    assert probes.population.seeds == before[:3]


def test_nothing_is_probed_without_a_choice_nor_for_a_task_that_has_a_path():
    alone, both = toys.live(ROOT), toys.live(ROOT, kept("a"))
    own = toys.live(ROOT, kept("a"), toys.path("new/0/5", parent="root/Toy/a"))
    seeds = Evolution(children_per_iteration=3)
    for evolution, paths in ((PROBED, alone), (PROBED, own), (seeds, both)):
        population = began(evolution, paths)
        assert plan_probes(evolution, toys.space(), paths, population, KEY) == ()
        probes = order_seeds(evolution, population, (), (), 0.0)
        assert probes.population is population
        assert not probes.accuracies
    # Later visits go on as without probes.
    assert began(PROBED, own).seeds == began(seeds, own).seeds


def test_what_differs_most_is_probed():
    block = [c for c in kept("b").components if c.name.startswith("encoderblock")]
    paths = toys.live(
        ROOT,
        kept("near", ROOT.components),
        kept("b"),
        kept("like b", kept("b").components),
        kept("half b", (*block, *ROOT.components[:2])),
    )
    seeds = sorted(paths)
    assert choose_candidates(seeds, paths, 1) == [ROOT.id]
    chosen = choose_candidates(seeds, paths, 3)
    # Both b have as many new layers and as many users; the first comes first.
    assert chosen == [ROOT.id, "b/0/0", "half b/0/0"]
    assert collections.Counter(choose_candidates(seeds, paths, 99)) == dict.fromkeys(seeds, 1)
    assert len(began(dataclasses.replace(PROBED, probes=2), paths).seeds) == 2


@pytest.mark.parametrize(
    ("available", "classes", "expected"),
    [
        (60_000, 10, (1500, 500)),
        (2000, 250, (1500, 500)),
        (800, 10, (600, 200)),
        (3, 2, (3, 0)),
        (13_496, 964, (5784, 1928)),
        (4000, 964, (3000, 1000)),
    ],
)
def test_examples_of_a_probe(available, classes, expected):
    assert probe_examples(available, classes) == expected


def test_numbers_that_cannot_be_are_refused():
    with pytest.raises(Mu2Error, match=r"Evolution\.probes is 0"):
        Evolution(probes=0)
    with pytest.raises(Mu2Error, match="'prob'"):
        Evolution(parents="prob")
