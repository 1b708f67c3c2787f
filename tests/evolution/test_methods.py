"""The methods beyond µ2Net's own: learned probabilities, adapters, parents, caps, baselines."""

import collections
import dataclasses

import pytest

from mu2.config import load
from mu2.errors import Mu2Error
from mu2.evolution import Evolution, Mutation, Ranges, Scoring, engine
from mu2.evolution.mutation import data_hyperparameters, mutate
from mu2.evolution.rules import Dice, is_layer
from mu2.evolution.selection import choose_parent
from mu2.random_keys import Key
from tests.evolution import toys

ROOT = toys.path("root/random")
MU = (0.02, 0.1, 0.2, 0.3)


def child(parent, mutation, *, space=None, task="a", at=0, **settings):
    return mutate(
        mutation,
        space or toys.space(),
        parent,
        (),
        child_id="a/0/7",
        task=task,
        num_classes=10,
        data={"image_size": 32, "hue": 0.0, "flip": True},
        trainable=(),
        random=Key.from_seed(8).fold_in(at).numpy(),
        **settings,
    )


# Learned probabilities


def learned(**ranges):
    return toys.space(Ranges(mutation_probability=MU, **ranges), mutation_probability=0.2)


def test_an_actions_probability_moves_one_step_with_the_initial_one_and_then_decides():
    space, random = learned(), Key.from_seed(1).numpy()
    seen, fired, trials = collections.Counter(), 0, 6000
    for _ in range(trials):
        dice = Dice(Mutation(learned=True), space, {"clone:embedding": 0.3}, random)
        fired += dice("clone:embedding", 0.2)
        seen[dice.probabilities["clone:embedding"]] += 1
    # From the end of the list half of the steps are clamped.
    assert set(seen) == {0.2, 0.3}
    toys.assert_frequency(seen[0.2], trials, 0.2 * 0.5)
    toys.assert_frequency(fired, trials, 0.1 * 0.2 + 0.9 * 0.3)


def test_an_action_without_a_probability_begins_at_mu():
    dice = Dice(Mutation(learned=True), learned(), {}, Key.from_seed(2).numpy())
    dice("add:adapter_0", 0.2)
    assert dice.probabilities["add:adapter_0"] in (0.1, 0.2, 0.3)


def test_probabilities_are_stored_and_inherited():
    space = learned(learning_rate=toys.RANGES["learning_rate"])
    parent = toys.path("root/random", probabilities={"clone:embedding": 0.02, "hp:hue": 0.3})
    _, _, probabilities = child(parent, Mutation(learned=True), space=space)
    assert probabilities["hp:hue"] == 0.3  # not decided here, and kept
    assert probabilities["clone:embedding"] in (0.02, 0.1)
    assert {"hp:learning_rate", "clone:encoderblock_0"} <= set(probabilities)
    # Forced actions are not decided.
    assert not {"clone:encoder_norm", "clone:head"} & set(probabilities)


def test_nothing_is_learned_by_default():
    assert child(ROOT, Mutation(), space=learned())[2] == {}


# Adapters


def adapters(parent, rule, at=0):
    _, components, _ = child(parent, Mutation(adapters=rule), at=at)
    return {c.name: c.action for c in components if c.name.startswith("adapter")}


def test_every_adapter_is_there_from_the_start():
    parent = toys.path("root/random", mutation_probability=0.0)
    assert adapters(parent, "every") == {"adapter_0": "new", "adapter_1": "new"}


def test_adapters_are_removed_with_probability_mu_each():
    parent = toys.path("b/0/0", mutation_probability=0.3, adapters=("adapter_0", "adapter_1"))
    trials, gone = 2000, collections.Counter()
    for i in range(trials):
        gone.update({"adapter_0", "adapter_1"} - set(adapters(parent, "insert_and_remove", i)))
        assert set(adapters(parent, "insert", i)) == {"adapter_0", "adapter_1"}
    for name in ("adapter_0", "adapter_1"):
        toys.assert_frequency(gone[name], trials, 0.3)


def test_an_unknown_rule_names_the_nearest():
    with pytest.raises(Mu2Error) as caught:
        Mutation(adapters="inser")
    assert caught.value.hint == "Did you mean 'insert'?"


# Parents, seeds, populations


def test_without_the_walk_the_draw_is_uniform_once_no_own_path_is_accepted():
    own, seeds, trials = ["a1"], ["s1", "s2", "s3"], 4000
    drawn, random = collections.Counter(), Key.from_seed(5).numpy()
    for _ in range(trials):
        parent, order = choose_parent(own, seeds, {"a1": 60}, random, seeds_in_turn=False)
        drawn[parent] += 1
        assert order == tuple(seeds)
    for path in (*own, *seeds):
        toys.assert_frequency(drawn[path], trials, 1 / 4)


def test_baselines_take_their_parents_from_the_roots_alone():
    paths = toys.live(
        ROOT, toys.path("root/other"), toys.path("a/0/0", score=1.0), toys.path("b/0/0")
    )
    rules = Evolution(children_per_iteration=40, parents="roots")
    population = toys.start_population(paths, "a", evolution=rules)
    assert set(population.seeds) == {"root/random", "root/other"}
    while population.children < 40:
        population, plans = engine.plan_generation(
            rules, toys.space(), paths, population, Key.from_seed(1)
        )
        assert {plan.parent.task for plan in plans} == {None}


def test_with_own_parents_no_layer_of_another_task_is_reused():
    paths = toys.live(ROOT, toys.path("a/0/0", score=1.0), toys.path("b/0/0"))
    rules = Evolution(children_per_iteration=40, parents="own")
    population = toys.start_population(paths, "a", evolution=rules)
    assert population.seeds == ("root/random",)
    parents = set()
    while population.children < 40:
        population, plans = engine.plan_generation(
            rules, toys.space(), paths, population, Key.from_seed(1)
        )
        parents |= {plan.parent.id for plan in plans}
    assert parents == {"root/random", "a/0/0"}


def test_the_first_children_are_one_of_each_seed_and_not_mutated():
    paths = toys.live(ROOT, toys.path("b/0/0"), toys.path("c/0/0"))
    rules = Evolution(children_per_iteration=8, children_per_generation=8, seeds_first=True)
    space = toys.space(Ranges(**toys.RANGES), mutation_probability=0.3)
    population = toys.start_population(paths, "a", evolution=rules, search_space=space)
    _, plans = engine.plan_generation(rules, space, paths, population, Key.from_seed(1))
    # Paths of older versions have no birth; the last introduced counts as the newest.
    assert [plan.parent.id for plan in plans[:3]] == ["c/0/0", "b/0/0", "root/random"]
    for plan in plans[:3]:
        assert {c.name for c in plan.components if c.action != "share"} == {"head"}
        assert plan.hyperparameters["learning_rate"] == toys.DEFAULTS["learning_rate"]


def test_a_capped_population_keeps_the_best_and_of_equals_the_oldest():
    paths = toys.live(ROOT)
    population = toys.start_population(paths, "a")
    _, (plan,) = engine.plan_generation(
        Evolution(), toys.space(), paths, population, Key.from_seed(0)
    )
    for i, score in enumerate((0.5, 0.9, 0.5, 0.7)):
        path = toys.path(f"a/0/{i}", score=score)
        population = toys.retain(population, plan, path)
    population = population.trim(2)
    assert [path.id for path in population.own] == ["a/0/1", "a/0/3"]
    population = toys.retain(population, plan, toys.path("a/0/9", score=0.7)).trim(2)
    assert [path.id for path in population.own] == ["a/0/1", "a/0/3"]
    assert population.trim(None) == population


@pytest.mark.parametrize("must_improve", [False, True])
def test_at_the_end_of_an_iteration_only_the_best_is_needed_and_what_it_descends_from(must_improve):
    rules = Evolution(must_improve=must_improve, children_per_iteration=4)
    above, *others = (toys.path(f"a/0/{i}", score=i / 10, quality=0.5) for i in (5, 7, 9, 8))
    best = dataclasses.replace(others[1], parent=above.id, quality=0.9)
    own = (above, others[0], best, others[2])
    population = dataclasses.replace(toys.start_population(toys.live(ROOT), "a"), own=own)
    for children, stay, dropped in ((3, own, ()), (4, (best,), (above,))):
        at = dataclasses.replace(population, children=children)
        needed = rules.keep_needed(at, 1)
        assert (needed.own, needed.dropped) == (stay, dropped)
        ends = [engine.finish(each, toys.live(ROOT), must_improve) for each in (needed, at)]
        assert ends[0] == ends[1]
    # What ends an iteration before all its children stays, so that it stays at its end.
    rules = dataclasses.replace(rules, target_quality=0.95)
    accurate = dataclasses.replace(others[2], quality=0.96)
    at = dataclasses.replace(population, own=(*own[:3], accurate), children=3)
    needed = rules.keep_needed(at, 1)
    assert needed.own == (best, accurate)
    assert rules.is_finished(needed, 1)
    nothing = dataclasses.replace(population, own=(), children=4)
    assert rules.keep_needed(nothing, 1) == nothing


def test_data_hyperparameters_may_wait_for_a_first_path():
    space = toys.space(Ranges(hue=(0.0, 0.1, 0.2)), mutation_probability=1.0)
    rule, random = Mutation(data_from_first=True), Key.from_seed(3).numpy()
    assert data_hyperparameters(rule, space, None, random)[0]["hue"] == 0.0
    best = toys.path("a/0/0", hue=0.1)
    assert data_hyperparameters(rule, space, best, random)[0]["hue"] != 0.1


def test_paths_of_another_architecture_are_seeds_only_if_a_layer_fits():
    fits = dataclasses.replace(toys.path("b/0/0"), model="Other")
    alien = dataclasses.replace(
        fits,
        id="c/0/0",
        task="c",
        components=tuple(dataclasses.replace(c, signature="int8[3]") for c in fits.components),
    )
    assert toys.start_population(toys.live(ROOT, fits, alien), "a").seeds in {
        ("b/0/0", "root/random"),
        ("root/random", "b/0/0"),
    }


# Scores


def test_size_and_compute_scores_by_hand():
    rule = Scoring(scale=0.5, num_parameters=1000, flops_scale=0.9, num_flops=2e6)
    assert rule.score(0.8, 0, 0) == 0.8
    assert rule.score(0.8, 1000, 0) == 0.4
    assert rule.score(0.8, 0, 2e6) == pytest.approx(0.72)
    assert rule.score(0.8, 2000, 4e6) == pytest.approx(0.8 * 0.25 * 0.81)


def test_a_childs_score_counts_its_forward_pass():
    paths = toys.live(ROOT)
    rules = Evolution(scoring=Scoring(flops_scale=0.5, num_flops=4476.0))
    population = toys.start_population(paths, "a", evolution=rules)
    _, (plan,) = engine.plan_generation(rules, toys.space(), paths, population, Key.from_seed(0))
    # Toy layers count twice their size: 100 + 32 + 2 * 1000 + 10 + 100 of a head.
    assert plan.flops == 2 * 2242
    made = engine.child_path(plan, 0.8, engine.child_score(plan, rules.scoring, paths))
    assert made.flops == plan.flops
    assert made.score == pytest.approx(0.8 * 0.5 ** (4484 / 4476))


# The baselines, as their Gin files have them, over each kind of network with three layers

VIT = ("embedding", "cls", "posembed_input", "encoderblock_0", "encoderblock_1", "encoderblock_2")
CONVNET = ("stem", "reduction", "block_0", "block_1", "block_2")
MLP = ("embedding", "block_0", "block_1", "block_2")
TEXT = ("byte_embedding", "cls", "posembed_text", *VIT[3:])
SPACES = {
    "vit_micro": ("scripts", "image", "digits", (*VIT, "encoder_norm")),
    "convnet_micro": ("scripts", "image", "digits", (*CONVNET, "norm")),
    "mlp": ("mixed", "table", "wine", (*MLP, "norm")),
    "text": ("mixed", "text", "docstrings", (*TEXT, "encoder_norm")),
}
ONE_CHILD = ("Stream.iterations=1", "Evolution.children_per_iteration=1")


def baseline(space, method, *bindings):
    """What one child of a root does with each component, and the names of the body."""
    stream, kind, task, body = SPACES[space]
    experiment = load(
        [
            f"search_spaces/{space}.gin",
            "search_spaces/adapters.gin",
            f"gin/stream/{stream}.gin",
            f"gin/mutation/baseline/{method}.gin",
            "gin/budget/laptop.gin",
            "gin/optimizer/sgd_large.gin",
            "gin/augmentation/none.gin",
        ],
        [
            *ONE_CHILD,
            f"Stream.tasks=(@{task}/Task(),)",
            "Hyperparameters.num_layers=3",
            *bindings,
        ],
    ).experiment
    rules, space = experiment.evolution, experiment.space.for_input(kind)
    (made,) = experiment.roots
    layers = made.components(space.model, space.defaults(), Key.from_seed(0))
    like = toys.path("root/it/random")
    root = dataclasses.replace(
        like,
        model=space.model.name,
        hyperparameters=space.defaults(),
        components=tuple(
            dataclasses.replace(
                like.components[0], name=c.name, id=f"{like.id}/{c.name}", size=c.size,
                signature=c.signature,
            )
            for c, _ in layers
        ),
    )  # fmt: skip
    paths = toys.live(root)
    population = toys.start_population(paths, task, evolution=rules, search_space=space)
    _, plans = engine.plan_generation(rules, space, paths, population, Key.from_seed(0))
    (plan,) = plans
    assert rules.is_finished(dataclasses.replace(population, children=1), 4)
    return {c.name: c.action for c in plan.components}, body


@pytest.mark.parametrize("space", SPACES)
def test_what_a_baseline_trains_and_what_it_shares(space):
    def trained(method, *bindings):
        actions, body = baseline(space, method, *bindings)
        named = {name for name, action in actions.items() if action != "share"}
        assert {*actions} - {n for n in actions if "adapter" in n} == {*body, "head"}
        return named - {"head"}, body

    found, body = trained("finetune_all")
    assert found == {*body}
    *below, one, two, three, norm = body
    for frozen, above in ((0, {one, two, three}), (1, {two, three}), (2, {three}), (3, set())):
        found, _ = trained("freeze_bottom", f"Mutation.frozen_bottom={frozen}")
        assert found == {*above, norm}
    found, _ = trained("freeze_bottom")
    assert found == {two, three, norm}
    found, _ = trained("multihead")
    assert found == {norm}
    adapters = (
        {f"adapter_{i}" for i in range(3)} if space in ("vit_micro", "convnet_micro") else set()
    )
    found, _ = trained("adapters")
    assert found == {*adapters, norm}
    assert below


def test_without_a_layer_norm_and_head_are_above_the_bottom():
    slots = toys.Toy().slots({**toys.DEFAULTS, "num_layers": 0}, 10)
    for frozen in (0, "all"):
        assert Mutation(frozen_bottom=frozen).above_bottom(slots) == {"encoder_norm", "head"}
    assert Mutation().above_bottom(slots) == frozenset()


@pytest.mark.parametrize("wrong", [-1, "some"])
def test_a_wrong_number_of_frozen_layers_is_refused(wrong):
    with pytest.raises(Mu2Error, match=r"Mutation\.frozen_bottom"):
        Mutation(frozen_bottom=wrong)


def test_a_layer_is_what_has_a_number():
    assert [*map(is_layer, ("encoderblock_11", "block_0", "posembed_input", "norm"))] == [
        *(True, True, False, False)
    ]
