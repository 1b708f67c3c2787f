"""The engine: how a task iteration begins, goes on over generations, and ends."""

import collections
import dataclasses
import itertools
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mu2.evolution
from mu2.errors import Mu2Error
from mu2.evolution import Evolution, Mutation, Ranges, Scoring, engine
from mu2.random_keys import Key
from tests.evolution import toys

ROOT = toys.path("root/random")
WIDE = toys.space(Ranges(**toys.RANGES))
KEY = Key.from_seed(11)


def plan(paths, population, *, evolution=None, space=None, key=KEY):
    return engine.plan_generation(evolution or Evolution(), space or WIDE, paths, population, key)


# The beginning


def test_seeds_are_the_roots_and_the_other_tasks_public_paths():
    paths = toys.live(
        ROOT,
        toys.path("root/other"),
        toys.path("a/0/1"),
        toys.path("b/2/0"),
        toys.path("c/0/0", private=True),
    )
    assert set(toys.start_population(paths, "a").seeds) == {"root/random", "root/other", "b/2/0"}
    assert set(toys.start_population(paths, "c").seeds) == {
        "root/random",
        "root/other",
        "a/0/1",
        "b/2/0",
    }
    assert [path.id for path in toys.start_population(paths, "c").own] == ["c/0/0"]
    assert toys.start_population(paths, "new").own == ()


def test_seeds_are_shuffled_evenly_whatever_the_order_of_the_paths():
    paths = toys.live(ROOT, toys.path("b/0/0"), toys.path("c/0/0"))
    trials, orders = 3000, collections.Counter()
    for i in range(trials):
        orders[toys.start_population(paths, "a", key=KEY.fold_in(i)).seeds] += 1
    assert len(orders) == 6
    for count in orders.values():
        toys.assert_frequency(count, trials, 1 / 6)
    seeds = toys.start_population(paths, "a").seeds
    for order in itertools.permutations(paths.values()):
        assert toys.start_population(toys.live(*order), "a").seeds == seeds


def test_the_kept_paths_score_is_counted_again():
    evolution = Evolution(scoring=Scoring(scale=0.5, num_parameters=1000))
    a = toys.path("a/0/0", quality=0.8, score=0.1)
    alone = 100 + 32 + 2000 + 10 + 100
    [own] = toys.start_population(toys.live(ROOT, a), "a", evolution=evolution).own
    assert own.score == 0.8 * 0.5 ** (alone / 1000)
    # Another task has come to share both blocks.
    b = toys.path("b/0/0", shares=[a.component("encoderblock_0"), a.component("encoderblock_1")])
    [own] = toys.start_population(toys.live(ROOT, a, b), "a", evolution=evolution).own
    assert own.score == 0.8 * 0.5 ** ((alone - 1000) / 1000)


def test_offspring_of_paths_that_are_gone_is_forgotten():
    paths = toys.live(ROOT, toys.path("a/0/3"), toys.path("b/0/0"))
    counts = {"root/random": 4, "a/0/3": 2, "a/0/1": 7, "b/9/9": 1}
    population = toys.start_population(paths, "a", offspring=counts)
    assert population.offspring == {"root/random": 4, "a/0/3": 2}


@pytest.mark.parametrize(
    ("was", "now", "kept"), [(False, True, True), (True, True, True), (True, False, True)]
)
def test_a_kept_path_that_was_ever_private_stays_so(was, now, kept):
    paths = toys.live(ROOT, toys.path("a/0/0", private=was))
    [own] = toys.start_population(paths, "a", private=now).own
    assert own.private == kept


# Generations


def test_children_of_a_generation_share_their_data_hyperparameters_and_generations_differ():
    evolution = Evolution(children_per_iteration=40, children_per_generation=4)
    ranges = {name: toys.RANGES[name] for name in ("image_size", "hue")}
    space = toys.space(Ranges(**ranges), mutation_probability=1.0)
    paths = toys.live(ROOT)
    population = toys.start_population(paths, "a", evolution=evolution)
    drawn = []
    for _ in range(10):
        population, plans = plan(paths, population, evolution=evolution, space=space)
        data = {(p.hyperparameters["image_size"], p.hyperparameters["hue"]) for p in plans}
        assert len(data) == 1
        drawn.append(data.pop())
    assert len(set(drawn)) > 2


def test_data_hyperparameters_follow_the_best_path():
    space = toys.space(mutation_probability=0.0)
    best = toys.path("a/0/0", hue=0.2, score=0.9, quality=0.9)
    paths = toys.live(ROOT, best)
    population = toys.start_population(paths, "a", offspring={"a/0/0": 2000})
    _, [made] = plan(paths, population, space=space)
    assert made.parent == ROOT
    assert made.hyperparameters["hue"] == 0.2


def test_plans_are_numbered_and_counted():
    evolution = Evolution(children_per_iteration=7, children_per_generation=3)
    paths = toys.live(ROOT, toys.path("b/0/0"))
    population = toys.start_population(paths, "a", evolution=evolution, iteration=2, private=True)
    sizes, every = [], []
    while population.children < 7:
        population, plans = plan(paths, population, evolution=evolution)
        sizes.append(len(plans))
        every += plans
    assert sizes == [3, 3, 1]
    assert [p.id for p in every] == [f"a/2/{i}" for i in range(7)]
    assert [p.child for p in every] == list(range(7))
    assert [p.generation for p in every] == [0, 0, 0, 1, 1, 1, 2]
    assert population.generation == 3
    assert all(p.private and p.task == "a" and p.num_classes == 10 for p in every)
    parents = collections.Counter(p.parent.id for p in every)
    assert population.offspring == parents


def test_every_seed_is_tried_once_before_any_twice_while_there_is_no_own_path():
    paths = toys.live(ROOT, toys.path("b/0/0"), toys.path("c/0/0"))
    population = toys.start_population(paths, "a")
    order, taken = population.seeds, []
    for _ in order:
        population, [made] = plan(paths, population)
        taken.append(made.parent.id)
    assert tuple(taken) == order


@pytest.mark.parametrize("n", [1, 2, 3])
def test_offspring_of_earlier_iterations_lowers_acceptance(n):
    paths = toys.live(ROOT, toys.path("a/0/0", quality=0.5))
    population = toys.start_population(paths, "a", offspring={"a/0/0": n})
    trials, chosen = 1500, 0
    for i in range(trials):
        _, [made] = plan(paths, population, space=toys.space(), key=KEY.fold_in("decay", i))
        chosen += made.parent.id == "a/0/0"
    # The root never had a child, so it takes all that the own path leaves.
    toys.assert_frequency(chosen, trials, 0.5**n)


def test_the_bar_is_the_score_of_a_parent_of_the_same_task():
    a, b = toys.path("a/0/0", quality=0.5), toys.path("b/0/0", quality=0.9, score=0.9)
    paths = toys.live(a, b)
    _, [made] = plan(paths, toys.start_population(paths, "a"))
    assert (made.parent.id, made.score_to_reach) == ("a/0/0", 0.5)
    _, [made] = plan(paths, toys.start_population(paths, "a", offspring={"a/0/0": 2000}))
    assert (made.parent.id, made.score_to_reach) == ("b/0/0", None)


def test_own_locks_are_lifted_for_the_active_task_alone():
    quiet = toys.space(mutation_probability=0.0)
    a = toys.path("a/0/0", mutation_probability=0.0, shares=[ROOT.component("embedding")])
    b = toys.path("b/0/0", mutation_probability=0.0, shares=[a.component("encoderblock_0")])
    paths = toys.live(ROOT, a, b)
    # Its own components are trained on, but not the root's, nor what b came to use.
    _, [made] = plan(paths, toys.start_population(paths, "a"), space=quiet)
    assert made.parent.id == a.id
    shared = {c.name for c in made.components if not c.trainable}
    assert shared == {"embedding", "encoderblock_0"}
    # For a child of b's path everything of a's is locked.
    worn_out = {"a/0/0": 2000, "root/random": 2000}
    _, [made] = plan(paths, toys.start_population(paths, "c", offspring=worn_out), space=quiet)
    assert made.parent.id == b.id
    shared = {c.name for c in made.components if not c.trainable}
    assert shared == {"embedding", "posembed_input", "encoderblock_0", "encoderblock_1"}


def test_what_a_child_trained_is_copied_by_its_own_children_and_what_it_shared_is_shared():
    quiet = toys.space(mutation_probability=0.0)
    root = toys.path("root/random", mutation_probability=0.0)
    paths = toys.live(root)
    population, [first] = plan(paths, toys.start_population(paths, "a"), space=quiet)
    kept = engine.child_path(first, 0.5, engine.child_score(first, Scoring(), paths))
    population = toys.retain(population, first, kept)
    _, [second] = plan(paths, population, space=quiet)
    assert second.parent == kept
    assert {c.name: c.action for c in second.components} == {
        "embedding": "share",
        "posembed_input": "share",
        "encoderblock_0": "share",
        "encoderblock_1": "share",
        "encoder_norm": "clone",
        "head": "clone",
    }
    assert {c.source.id for c in second.components if c.trainable} == {
        "a/0/0/encoder_norm",
        "a/0/0/head",
    }


def test_ancestry_goes_through_own_paths_to_the_live_ones():
    shallow = {"num_layers": 1, "mutation_probability": 0.0}
    deep = toys.path("b/0/0", parent="root/random", num_layers=3)
    middle = toys.path("a/0/0", parent="b/0/0", quality=0.2, score=0.2, **shallow)
    leaf = toys.path("a/0/1", parent="a/0/0", quality=0.5, score=0.5, **shallow)
    paths = toys.live(ROOT, deep)
    everyone = toys.live(ROOT, deep, middle, leaf)
    assert engine.ancestry(leaf, everyone) == (middle, deep, ROOT)
    # At µ = 1 num_layers surely moves; 1 is not in the range, so it moves to the nearest, 2.
    space = toys.space(
        Ranges(num_layers=(2, 3), mutation_probability=(1.0,)), mutation_probability=1.0
    )
    leaf = toys.changed(leaf, mutation_probability=1.0)
    population = dataclasses.replace(toys.start_population(paths, "a"), own=(middle, leaf))
    _, [made] = plan(paths, population, space=space)
    block = next(c for c in made.components if c.name == "encoderblock_1")
    assert (block.action, block.source) == ("clone", deep.component("encoderblock_1"))


def test_an_ancestry_that_is_gone_ends():
    orphan = toys.path("a/0/0", parent="b/0/0")
    assert engine.ancestry(orphan, toys.live(orphan, ROOT)) == ()


# Children


def test_a_childs_path_by_hand():
    paths = toys.live(ROOT)
    evolution = Evolution(scoring=Scoring(scale=0.5, num_parameters=1000))
    quiet = toys.space(mutation_probability=0.0)
    root = toys.path("root/random", mutation_probability=0.0)
    paths = toys.live(root)
    _, [made] = plan(paths, toys.start_population(paths, "a"), evolution=evolution, space=quiet)
    child = engine.child_path(made, 0.8, engine.child_score(made, evolution.scoring, paths))
    accounted = 100 + 32 + 2000 + 10 + 100
    assert child.score == 0.8 * 0.5 ** (accounted / 1000)
    assert (child.id, child.task, child.parent, child.parent_task) == (
        "a/0/0",
        "a",
        "root/random",
        None,
    )
    assert child.components[:4] == root.components[:4]
    assert [c.id for c in child.components[4:]] == ["a/0/0/encoder_norm", "a/0/0/head"]
    assert (child.quality, child.test_accuracy, child.num_classes) == (0.8, None, 10)


def test_sharing_with_other_tasks_makes_a_child_cheaper():
    b = toys.path("b/0/0", mutation_probability=0.0)
    paths = toys.live(b)
    quiet = toys.space(mutation_probability=0.0)
    _, [made] = plan(paths, toys.start_population(paths, "a"), space=quiet)
    accounted = (100 + 32 + 2000) / 2 + 10 + 100
    rule = Scoring(scale=0.5, num_parameters=1000)
    assert engine.child_score(made, rule, paths)(1.0) == 0.5 ** (accounted / 1000)


@pytest.mark.parametrize(
    ("bar", "score", "kept"),
    [(0.5, 0.5, True), (0.5, 0.6, True), (0.5, 0.499, False), (None, 0.0, True), (0.0, 0.0, True)],
)
def test_a_child_is_kept_if_it_scores_at_least_what_its_same_task_parent_scored(bar, score, kept):
    paths = toys.live(ROOT)
    population, [made] = plan(paths, toys.start_population(paths, "a"))
    made = dataclasses.replace(made, score_to_reach=bar)
    child = engine.child_path(made, score, engine.child_score(made, Scoring(), paths))
    after = toys.retain(population, made, child)
    assert after.own == ((child,) if kept else ())
    assert dataclasses.replace(after, own=()) == dataclasses.replace(population, own=())


# The end


def test_of_equals_the_newest_survives():
    own = tuple(toys.path(f"a/0/{i}", score=s) for i, s in enumerate([0.2, 0.7, 0.7, 0.1]))
    population = dataclasses.replace(toys.start_population(toys.live(ROOT), "a"), own=own)
    assert engine.finish(population, toys.live(ROOT)).id == "a/0/2"


def test_a_task_without_any_path_ends_without_one():
    assert engine.finish(toys.start_population(toys.live(ROOT), "a"), toys.live(ROOT)) is None


def test_the_survivors_parent_is_its_nearest_surviving_ancestor():
    b = toys.path("b/0/0", parent="root/random")
    old = toys.path("a/0/5", parent="b/0/0", parent_task="b", score=0.4)
    middle = toys.path("a/1/0", parent="a/0/5", parent_task="a", score=0.5)
    best = toys.path("a/1/3", parent="a/1/0", parent_task="a", score=0.6)
    paths = toys.live(ROOT, b, old)
    population = dataclasses.replace(
        toys.start_population(paths, "a", iteration=1), own=(old, middle, best)
    )
    kept = engine.finish(population, paths)
    assert kept == dataclasses.replace(best, parent="b/0/0")
    assert kept.parent_task == "a"


def test_a_kept_path_that_is_not_beaten_stays_as_it_was():
    old = toys.path("a/0/5", parent="root/random", score=0.9, quality=0.9, test_accuracy=0.8)
    paths = toys.live(ROOT, old)
    population = toys.start_population(paths, "a", iteration=1)
    worse = toys.path("a/1/0", parent="a/0/5", score=0.1)
    population = dataclasses.replace(population, own=(*population.own, worse))
    assert engine.finish(population, paths) == old


def test_paths_whose_parent_goes_point_to_its_parent():
    gone = toys.path("a/0/0", parent="root/random")
    b = toys.path("b/0/0", parent="a/0/0", parent_task="a")
    c = toys.path("c/0/0", parent="b/0/0", parent_task="b")
    paths = toys.live(ROOT, gone, b, c)
    assert engine.orphans(paths, gone) == (dataclasses.replace(b, parent="root/random"),)


# Whole runs

RULES = Evolution(
    children_per_iteration=6,
    children_per_generation=2,
    mutation=Mutation(adapters="insert"),
    scoring=Scoring(scale=0.9, num_parameters=3000),
)
SCHEDULE = ("a", "b", "secret", "a", "b", "secret", "c")


@given(st.integers(0, 2**32))
def test_a_run_that_is_written_and_read_after_every_generation_is_the_same_run(seed):
    straight = list(toys.run(RULES, WIDE, SCHEDULE[:4], seed))
    resumed = list(toys.run(RULES, WIDE, SCHEDULE[:4], seed, stop=toys.round_trip))
    assert resumed == straight


def test_runs_of_different_seeds_differ():
    assert list(toys.run(RULES, WIDE, ("a",), 0)) != list(toys.run(RULES, WIDE, ("a",), 1))


@given(st.integers(0, 2**32))
def test_the_rules_hold_all_along_a_run(seed):
    visited = []
    for (before, plans, after), task in zip(
        toys.run(RULES, WIDE, SCHEDULE, seed, private={"secret"}), SCHEDULE, strict=True
    ):
        visited.append(task)
        # One path a task visited, each pointing up to a live one.
        assert sorted(p.task for p in after.values() if p.task) == sorted(set(visited))
        for path in after.values():
            assert path.parent in after or path.task is None
            assert path.id not in {p.id for p in engine.ancestry(path, after)}
        # Nothing of another task's path has changed but the pointer to its parent.
        for path in before.values():
            if path.task != task:
                assert dataclasses.replace(after[path.id], parent=path.parent) == path
        locked = {c.id for p in before.values() if p.task != task for c in p.components}
        for made in plans:
            assert made.parent.task in (None, task) or not made.parent.private
            for planned in made.components:
                if planned.trainable:
                    assert planned.id not in locked
                else:
                    # What is shared is frozen: another task's, or the root's.
                    assert planned.id in locked
                    assert any(planned.component() in p.components for p in before.values())
        # A private task's components are used by its own path alone.
        for path in after.values():
            if path.task != "secret":
                assert not any(c.owner == "secret" for c in path.components)


@pytest.mark.parametrize("name", ["children_per_iteration", "children_per_generation"])
def test_counts_below_one_are_refused(name):
    with pytest.raises(Mu2Error, match=rf"Evolution\.{name} is 0"):
        Evolution(**{name: 0})


def test_evolution_imports_neither_jax_nor_flax():
    code = (
        "import sys, mu2.evolution.engine\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & {'jax', 'jaxlib', 'flax'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout == "[]\n"


def test_the_public_names_are_there():
    assert sorted(mu2.evolution.__all__) == mu2.evolution.__all__
    assert all(hasattr(mu2.evolution, name) for name in mu2.evolution.__all__)
