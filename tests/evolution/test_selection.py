"""Which path becomes a parent: acceptance, order, rotation, and the draw where none is accepted."""

import collections

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mu2.evolution.selection import acceptance, choose_parent
from mu2.random_keys import Key
from tests.evolution import toys

counts = st.lists(st.integers(0, 4), max_size=4)


def probabilities(own, seeds, offspring):
    """Exact probability of each parent, by the formulas."""
    result, left = dict.fromkeys([*own, *seeds], 0.0), 1.0
    for path in [*own, *seeds]:
        result[path] += left * 0.5 ** offspring.get(path, 0)
        left *= 1 - 0.5 ** offspring.get(path, 0)
    return {path: p + left / len(result) for path, p in result.items()}


def draws(own, seeds, offspring, trials, *names):
    random = Key.from_seed(2).fold_in(*names).numpy()
    return [choose_parent(own, seeds, offspring, random) for _ in range(trials)]


@pytest.mark.parametrize("n", range(7))
def test_acceptance_halves_with_every_child(n):
    assert acceptance(n) == 0.5**n
    # A path that never had a child ends the search, so only the first is in question.
    trials = 8000
    chosen = [p for p, _ in draws(["own"], ["seed"], {"own": n}, trials, "acceptance", n)]
    toys.assert_frequency(chosen.count("own"), trials, 0.5**n)


@pytest.mark.parametrize(
    ("own", "seeds", "offspring"),
    [
        (["a", "b"], ["s", "t", "u"], {"a": 1, "b": 2, "s": 1, "t": 3, "u": 2}),
        (["a", "b", "c"], ["s"], {"a": 3, "b": 3, "c": 1, "s": 2}),
        ([], ["s", "t"], {"s": 2, "t": 2}),
        (["a"], [], {"a": 3}),
        (["a", "b"], ["s", "t"], {"b": 5}),
    ],
)
def test_parents_are_distributed_as_the_formulas_say(own, seeds, offspring):
    trials = 8000
    chosen = collections.Counter(
        parent for parent, _ in draws(own, seeds, offspring, trials, "all", *own, *seeds)
    )
    for path, probability in probabilities(own, seeds, offspring).items():
        toys.assert_frequency(chosen[path], trials, probability)


def test_without_an_acceptance_the_draw_is_uniform_over_own_paths_and_seeds():
    own, seeds = ["a", "b"], ["s", "t", "u"]
    worn_out = dict.fromkeys([*own, *seeds], 2000)
    trials = 10000
    chosen = draws(own, seeds, worn_out, trials, "uniform")
    for path, count in collections.Counter(parent for parent, _ in chosen).items():
        toys.assert_frequency(count, trials, 1 / 5)
        assert path in worn_out
    assert {order for _, order in chosen} == {("s", "t", "u")}


@given(counts, counts.filter(bool), st.integers(0, 2**32))
def test_a_path_without_children_stops_the_search(own_counts, seed_counts, seed):
    own = [f"own {i}" for i in range(len(own_counts))]
    seeds = [f"seed {i}" for i in range(len(seed_counts))]
    offspring = dict(zip([*own, *seeds], [*own_counts, *seed_counts], strict=True))
    parent, order = choose_parent(own, seeds, offspring, Key.from_seed(seed).numpy())
    tried = [*own, *seeds]
    fresh = [i for i, path in enumerate(tried) if offspring[path] == 0]
    if fresh:
        assert tried.index(parent) <= fresh[0]
    assert sorted(order) == seeds
    if parent in own:
        assert list(order) == seeds


def test_a_seed_taken_rotates_the_order_past_itself():
    [(parent, order)] = draws([], ["s", "t", "u", "v"], {"s": 2000}, 1, "rotation")
    assert (parent, order) == ("t", ("u", "v", "s", "t"))


def test_rotation_serves_every_fresh_seed_once():
    seeds, offspring, taken = ("s", "t", "u", "v"), {}, []
    random = Key.from_seed(3).numpy()
    for _ in range(4):
        parent, seeds = choose_parent([], seeds, offspring, random)
        offspring[parent] = offspring.get(parent, 0) + 1
        taken.append(parent)
    assert taken == ["s", "t", "u", "v"]
