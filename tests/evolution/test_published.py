"""The published rules, as each paper's method file has them, against their formulas.

The numbers are those of the sections of docs/method.md. Every test takes the rules from the method
file of a paper, so that it fails where the file no longer says what was published.
"""

import collections
import dataclasses

import pytest

from mu2.config import load
from mu2.evolution import Ranges, engine
from mu2.random_keys import Key
from mu2.store.stored_component import components_of
from tests.evolution import toys
from tests.evolution.published import MU, ROOT, TRIALS, method, place, planned

# Components


@pytest.mark.parametrize("name", ["mu2net", "mu2net_plus"])
def test_a_layer_that_comes_back_is_the_roots_and_shared_unless_mu_clones_it(name):
    shallow = toys.path(
        "b/0/0",
        parent="root/random",
        num_layers=2,
        mutation_probability=MU,
        shares=[ROOT.component("encoderblock_0"), ROOT.component("encoderblock_1")],
    )
    paths, shared = toys.live(ROOT, shallow), 0
    rules = dataclasses.replace(method(name), parents="seeds")
    for i in range(TRIALS):
        _, [made] = planned(
            rules, paths, offspring={"root/random": 2000}, given={"num_layers": 3}, at=i
        )
        assert made.parent == shallow
        block = place(made, "encoderblock_2")
        assert block.source == ROOT.component("encoderblock_2")
        shared += block.id == "root/random/encoderblock_2"
        assert (block.action == "share") == (block.id == "root/random/encoderblock_2")
    toys.assert_frequency(shared, TRIALS, 1 - MU)


def test_the_tasks_own_head_is_found_behind_another_tasks_path():
    a = toys.path("a/0/0", parent="root/random", quality=0.5)
    b = toys.path("b/0/0", parent="a/0/0", parent_task="a")
    worn_out = {"a/0/0": 2000, "root/random": 2000}
    _, [made] = planned(method("mu2net"), toys.live(ROOT, a, b), offspring=worn_out)
    assert made.parent == b
    head = place(made, "head")
    assert (head.action, head.source) == ("clone", a.component("head"))
    # Another task has none of its own there.
    _, [made] = planned(
        method("mu2net"), toys.live(ROOT, a, b), offspring=worn_out, task="c", iteration=0
    )
    assert made.parent == b
    assert place(made, "head").action == "new"


def test_positions_of_a_size_that_comes_back_are_the_ancestors_and_shared_unless_mu_clones_them():
    other = toys.path("b/0/0", parent="root/random", image_size=48, mutation_probability=MU)
    paths, shared = toys.live(ROOT, other), 0
    for i in range(TRIALS):
        _, [made] = planned(method("mu2net"), paths, offspring={"root/random": 2000}, at=i)
        assert (made.parent, made.hyperparameters["image_size"]) == (other, 32)
        positions = place(made, "posembed_input")
        assert positions.source == ROOT.component("posembed_input")
        shared += positions.action == "share"
    toys.assert_frequency(shared, TRIALS, 1 - MU)


@pytest.mark.parametrize(("name", "trained"), [("mu2net", 1), ("mu2net_plus", 1), ("munet", MU)])
def test_positions_of_a_new_size_are_the_roots_resampled_and_trained(name, trained):
    rules = dataclasses.replace(method(name), seeds_first=False, parents="seeds")
    # The parent has positions of its own, of yet another size.
    other = toys.path("b/0/0", parent="root/random", image_size=16, mutation_probability=MU)
    count, paths, worn_out = 0, toys.live(ROOT, other), {"root/random": 2000}
    for i in range(TRIALS):
        _, [made] = planned(rules, paths, offspring=worn_out, given={"image_size": 48}, at=i)
        assert made.parent == other
        positions = place(made, "posembed_input")
        assert (positions.action, positions.source) == ("resample", ROOT.component(positions.name))
        assert positions.id == "a/1/0/posembed_input"
        count += positions.trainable
    toys.assert_frequency(count, TRIALS, trained)


def test_momentum_is_inherited_by_all_but_munet():
    inherited = {n: method(n).mutation.inherit_momentum for n in ("munet", "mu2net", "mu2net_plus")}
    assert inherited == {"munet": False, "mu2net": True, "mu2net_plus": True}


def test_a_cap_does_not_hide_the_ancestors_of_those_that_stay():
    rules = method("mu2net_plus", "Evolution.population=1")
    space, key, paths = toys.space(), Key.from_seed(3), toys.live(ROOT)
    population = toys.start_population(paths, "a", evolution=rules, search_space=space)
    parents = []
    for score in (0.5, 0.6, 0.7):
        # Each is a child of the one before, which the cap then drops.
        population = dataclasses.replace(population, offspring={"root/random": 1})
        population, [made] = engine.plan_generation(rules, space, paths, population, key)
        parents.append(made.parent.id)
        child = engine.child_path(made, score, engine.child_score(made, rules.scoring, paths))
        population = toys.retain(population, made, child, rules.must_improve)
        population = toys.round_trip(population.trim(rules.population))
    last = population.own[0]
    assert [path.id for path in population.own] == [f"a/0/{len(parents) - 1}"]
    everyone = engine.all_paths(paths, population)
    lineage = [path.id for path in engine.ancestry(last, everyone)]
    assert lineage == parents[::-1]
    assert lineage[-1] == "root/random"
    assert len(lineage) > 1
    assert engine.finish(population, paths).parent == "root/random"
    # Their components are named by the record, so that nothing removes them.
    dropped = dataclasses.replace(ROOT, id="a/0/0", task="a", parent="root/random")
    above = dataclasses.replace(population, dropped=(dropped,), own=())
    named = {stored.digest for stored in components_of(above.to_json())}
    assert named == {component.digest for component in ROOT.components}


def test_a_cap_forgets_dropped_paths_that_nobody_descends_from():
    own = [toys.path(f"a/0/{i}", parent="root/random", score=0.1 * i) for i in range(3)]
    leaf = toys.path("a/0/3", parent="a/0/1", score=0.9)
    population = toys.start_population(toys.live(ROOT), "a")
    population = dataclasses.replace(population, own=(*own, leaf)).trim(1)
    assert [path.id for path in population.own] == ["a/0/3"]
    assert [path.id for path in population.dropped] == ["a/0/1"]


# µ2Net+: learned probabilities

STEPS = (0.02, 0.1, 0.2, 0.3)
MOVING = toys.space(
    Ranges(
        mutation_probability=STEPS,
        learning_rate=toys.RANGES["learning_rate"],
        num_layers=toys.RANGES["num_layers"],
        hue=toys.RANGES["hue"],
        image_size=toys.RANGES["image_size"],
    )
)


def test_mu_itself_mutates_first_and_by_a_probability_of_its_own():
    seen, own, trials = collections.Counter(), collections.Counter(), 4000
    root = toys.changed(ROOT, mutation_probability=0.2)
    for i in range(trials):
        _, [made] = planned(method("mu2net_plus"), toys.live(root), space=MOVING, at=i)
        seen[made.hyperparameters["mutation_probability"]] += 1
        own[made.probabilities.get("hp:mutation_probability")] += 1
    # The probability moves with 0.2, either way alike, and decides: 0.8 * 0.2 + 0.1 * (0.1 + 0.3).
    for value, share in ((0.1, 0.1), (0.2, 0.8), (0.3, 0.1)):
        toys.assert_frequency(own[value], trials, share)
        toys.assert_frequency(seen[value], trials, share)


def test_every_action_that_is_drawn_has_a_probability_and_no_other():
    root = toys.changed(ROOT, mutation_probability=0.2)
    rules = method("mu2net_plus", "Mutation.adapters='insert'")
    _, [made] = planned(rules, toys.live(root), space=MOVING)
    layers = made.hyperparameters["num_layers"]
    expected = {f"hp:{name}" for name in ("mutation_probability", "learning_rate", "num_layers")}
    expected |= {f"add:adapter_{i}" for i in range(layers)}
    blocks = [f"encoderblock_{i}" for i in range(layers)]
    expected |= {f"clone:{name}" for name in ("embedding", "posembed_input", *blocks)}
    assert set(made.probabilities) == expected
    assert set(made.probabilities.values()) <= set(STEPS)


def test_children_of_a_generation_have_the_best_paths_data_probabilities_moved_on_once():
    rules = method("mu2net_plus", "Evolution.children_per_generation=8")
    best = toys.path(
        "a/0/0", quality=0.9, score=0.9, probabilities={"hp:hue": 0.02, "hp:learning_rate": 0.3}
    )
    other = toys.path("b/0/0", probabilities={"hp:hue": 0.3})
    paths, seen, trials = toys.live(ROOT, best, other), collections.Counter(), 2000
    for i in range(trials):
        _, plans = planned(rules, paths, space=MOVING, at=i)
        assert len(plans) == 8
        assert (
            len(
                {
                    (p.probabilities.get("hp:hue"), p.probabilities.get("hp:image_size"))
                    for p in plans
                }
            )
            == 1
        )
        assert len({p.hyperparameters["hue"] for p in plans}) == 1
        seen[plans[0].probabilities.get("hp:hue")] += 1
    # From the end of the list, with the configured mu of 0.2: half of the steps are clamped.
    toys.assert_frequency(seen[0.1], trials, 0.2 * 0.5)
    assert set(seen) == {0.02, 0.1}


def test_before_a_first_path_no_data_hyperparameter_moves_and_probabilities_are_the_parents():
    root = toys.changed(ROOT, hue=0.1)
    root = dataclasses.replace(root, probabilities={"hp:hue": 0.3})
    for i in range(50):
        _, [made] = planned(method("mu2net_plus"), toys.live(root), space=MOVING, at=i, iteration=0)
        assert made.hyperparameters["hue"] == toys.DEFAULTS["hue"]
        assert made.probabilities["hp:hue"] == 0.3


def test_adapters_are_not_removed_and_new_layers_do_not_begin_as_the_identity():
    for table in ("mu2net_plus_characters_ti3", "mu2net_plus_decathlon_b16"):
        mutation = load([f"benchmarks/tables/{table}.gin"], []).experiment.evolution.mutation
        assert (mutation.adapters, mutation.identity_layers) == ("insert", False)


@pytest.mark.parametrize(
    ("table", "layers"),
    [
        ("mu2net_plus_characters_ti3", 3),
        ("mu2net_plus_decathlon_b16", 12),
        ("mu2net_plus_l16", 24),
    ],
)
def test_depth_evolves_between_none_and_all(table, layers):
    space = load([f"benchmarks/tables/{table}.gin"], []).experiment.space
    assert space.ranges["num_layers"] == tuple(range(layers + 1))
    assert space.hyperparameters["num_layers"] == layers


# Scores


@pytest.mark.parametrize(("name", "share"), [("munet", 1), ("mu2net", 1), ("mu2net_plus", 2)])
def test_what_is_shared_with_the_root_alone_counts(name, share):
    block = ROOT.component("encoderblock_0")
    a = toys.path("a/0/0", shares=[block])
    scoring, paths = method(name).scoring, toys.live(ROOT, a)
    assert scoring.accounted_size([block], paths, "a") == 1000 / share
    # A second task is one more user, and a component of a task's own is nobody else's.
    b = toys.path("b/0/0", shares=[block])
    assert scoring.accounted_size([block], toys.live(ROOT, a, b), "a") == 1000 / (share + 1)
    assert scoring.accounted_size([a.component("head")], paths, "a") == 100


@pytest.mark.parametrize(("name", "factor"), [("mu2net", 2), ("mu2net_plus", 3)])
def test_the_score_counts_flops_as_published(name, factor):
    scoring = dataclasses.replace(method(name).scoring, flops_scale=0.5, num_flops=1000.0)
    paths = toys.live(ROOT)
    _, [made] = planned(method(name), paths, given={"num_layers": 1})
    size = sum(component.size for component in made.components)
    child = engine.child_path(made, 0.8, engine.child_score(made, scoring, paths))
    assert child.score == pytest.approx(0.8 * 0.5 ** (factor * size / 1000))
    # A path of an older version, which knows no such count, scores by the one it has.
    old = dataclasses.replace(child, dense_flops=0.0)
    assert scoring.flops(old) == child.flops
