"""Mutation: which hyperparameters move, and where every component of a child comes from."""

import collections
import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mu2.errors import Mu2Error
from mu2.evolution import Mutation, Ranges
from mu2.evolution.mutation import data_hyperparameters, mutate
from mu2.evolution.rules import ADAPTERS, Dice
from mu2.random_keys import Key
from tests.evolution import toys

ROOT = toys.path("root/random")
DATA = {"image_size": 32, "hue": 0.0, "flip": True}
WIDE = Ranges(**toys.RANGES)


def child(
    parent=ROOT,
    *,
    mutation=None,
    space=None,
    ancestry=(),
    task="a",
    trainable=(),
    data=DATA,
    at=0,
    unmutated=False,
):
    """Hyperparameters and components by name of a child `a/0/7`."""
    hyperparameters, components, _ = mutate(
        mutation or Mutation(),
        space or toys.space(),
        parent,
        ancestry,
        child_id="a/0/7",
        task=task,
        num_classes=10,
        data=data,
        trainable=trainable,
        random=Key.from_seed(4).fold_in(at).numpy(),
        unmutated=unmutated,
    )
    assert len({c.name for c in components}) == len(components)
    return hyperparameters, {c.name: c for c in components}


def actions(*args, **settings):
    return {name: c.action for name, c in child(*args, **settings)[1].items()}


def never(**hyperparameters):
    """A root where µ is 0, so that only what must change does."""
    return toys.path("root/random", mutation_probability=0.0, **hyperparameters)


# Hyperparameters


def test_every_hyperparameter_moves_with_probability_mu():
    names = ["learning_rate", "num_layers", "hue", "adapter_dim", "image_size"]
    space = toys.space(Ranges(**{name: toys.RANGES[name] for name in names}))
    random, trials = Key.from_seed(5).numpy(), 5000
    values = {**toys.DEFAULTS, "hue": 0.1, "mutation_probability": 0.3}
    moved, together = collections.Counter(), 0
    for _ in range(trials):
        result = Dice(Mutation(), space, {}, random).move(values, names)
        moved.update(name for name in names if result[name] != values[name])
        together += result["hue"] != values["hue"] and result["num_layers"] != values["num_layers"]
        assert {k: v for k, v in result.items() if k not in names} == {
            k: v for k, v in values.items() if k not in names
        }
    for name in names:
        toys.assert_frequency(moved[name], trials, 0.3)
    # One does not move because another did.
    toys.assert_frequency(together, trials, 0.3**2)


def test_mu_moves_first_and_its_new_value_governs_the_rest():
    # At 1 µ surely moves: down to 0, where nothing else may, or clamped at 1, where all must.
    space = toys.space(
        Ranges(mutation_probability=(0.0, 1.0), adapter_dim=(2, 4, 8), hue=(0.0, 0.1, 0.2)),
        mutation_probability=1.0,
        hue=0.1,
    )
    random, trials, down = Key.from_seed(6).numpy(), 2000, 0
    values = dict(space.hyperparameters)
    for _ in range(trials):
        result = Dice(Mutation(), space, {}, random).move(values, space.mutable)
        moved = {name for name in ("adapter_dim", "hue") if result[name] != values[name]}
        assert moved == ({"adapter_dim", "hue"} if result["mutation_probability"] else set())
        down += result["mutation_probability"] == 0.0
    toys.assert_frequency(down, trials, 0.5)


def test_mus_new_value_governs_the_components():
    space = toys.space(Ranges(mutation_probability=(0.0, 1.0)), mutation_probability=1.0)
    parent = toys.path("root/random", mutation_probability=1.0)
    seen = set()
    for i in range(30):
        values, components = child(parent, space=space, at=i)
        blocks = {components[name].action for name in toys.BODY[:-1]}
        seen.add((values["mutation_probability"], *blocks))
    assert seen == {(0.0, "share"), (1.0, "clone")}


def test_a_step_is_one_neighbour_at_most():
    space = toys.space(WIDE)
    for i in range(300):
        values, _ = child(space=space, at=i)
        for name, ordered in toys.RANGES.items():
            assert abs(ordered.index(values[name]) - ordered.index(toys.DEFAULTS[name])) <= 1


def test_data_hyperparameters_of_a_child_are_those_of_its_generation():
    data = {"image_size": 48, "hue": 0.2, "flip": False}
    parent = toys.path("root/random", mutation_probability=0.3)
    for i in range(50):
        values, _ = child(parent, space=toys.space(WIDE), data=data, at=i)
        assert {name: values[name] for name in data} == data


@given(st.integers(0, 2**32))
def test_data_hyperparameters_start_from_the_defaults_overwritten_by_the_best_paths(seed):
    space = toys.space(Ranges(hue=(0.0, 0.1, 0.2)), mutation_probability=0.0)
    random = Key.from_seed(seed).numpy()
    assert data_hyperparameters(Mutation(), space, None, random) == (DATA, {})
    best = toys.path("a/0/0", hue=0.2, image_size=48, mutation_probability=1.0)
    expected = {**DATA, "hue": 0.2, "image_size": 48}
    assert data_hyperparameters(Mutation(), space, best, random) == (expected, {})
    # A path made before a hyperparameter was declared has the default.
    values, _ = data_hyperparameters(Mutation(), space, toys.without(best, "flip"), random)
    assert values["flip"] is True


def test_data_hyperparameters_move_with_the_configured_mu_whatever_the_paths():
    trials, random = 4000, Key.from_seed(8).numpy()
    space = toys.space(Ranges(hue=(0.0, 0.1, 0.2), mutation_probability=(0.1, 0.2, 0.3)))
    best = toys.path("a/0/0", hue=0.1, mutation_probability=0.3)
    drawn = [data_hyperparameters(Mutation(), space, best, random)[0]["hue"] for _ in range(trials)]
    toys.assert_frequency(drawn.count(0.1), trials, 0.8)
    toys.assert_frequency(drawn.count(0.0), trials, 0.1)


def test_a_hyperparameter_new_to_the_space_starts_at_its_default():
    assert (
        child(toys.without(ROOT, "momentum"), space=toys.space(momentum=0.9))[0]["momentum"] == 0.9
    )


# Components


def test_every_component_is_cloned_with_probability_mu():
    parent = toys.path("root/random", mutation_probability=0.3)
    trials, cloned, together = 3000, collections.Counter(), 0
    for i in range(trials):
        done = actions(parent, at=i)
        cloned.update(name for name, action in done.items() if action == "clone")
        together += done["encoderblock_0"] == done["encoderblock_1"] == "clone"
        assert set(done.values()) <= {"share", "clone", "new"}
    for name in toys.BODY[:-1]:
        toys.assert_frequency(cloned[name], trials, 0.3)
    toys.assert_frequency(together, trials, 0.3**2)
    assert cloned["encoder_norm"] == trials


def test_a_shared_component_stays_what_it_is():
    source = ROOT.component("embedding")
    planned = child(never())[1]["embedding"]
    assert (planned.action, planned.trainable) == ("share", False)
    assert planned.id == source.id
    assert planned.component() == planned.source == source


def test_a_cloned_component_is_another_that_comes_from_the_first():
    planned = child(never())[1]["encoder_norm"]
    source = ROOT.component("encoder_norm")
    assert (planned.action, planned.trainable, planned.source) == ("clone", True, source)
    made = planned.component()
    assert (made.id, made.digest, made.pack) == ("a/0/7/encoder_norm", "", "")
    assert (made.name, made.size, made.signature) == (source.name, source.size, source.signature)


def test_components_stand_in_forward_order():
    _, components = child(mutation=Mutation(adapters="insert"), at=3)
    _, whole = child(toys.path("root/r", adapters=("adapter_0", "adapter_1")))
    order = list(whole)
    assert order == [slot.name for slot in toys.Toy().slots(toys.DEFAULTS, 10)]
    assert list(components) == [name for name in order if name in components]


@pytest.mark.parametrize("always", [(), ("encoder_norm",), ("embedding", "encoderblock_1")])
def test_always_cloned_means_these_and_no_others(always):
    done = actions(never(), mutation=Mutation(always_cloned=always))
    assert {name for name, action in done.items() if action == "clone"} == set(always)


@pytest.mark.parametrize("unmutated", [False, True])
def test_a_root_may_be_cloned_whole_and_what_tasks_made_still_shared(unmutated):
    mutation = Mutation(clone_roots=True)
    done = actions(never(), mutation=mutation, unmutated=unmutated)
    assert {name for name, action in done.items() if action == "clone"} == {*done} - {"head"}
    # Whoever's ancestry it came through: a task's path that shares a block with the root.
    sharing = toys.path(
        "b/0/0", mutation_probability=0.0, shares=[ROOT.component("encoderblock_0")]
    )
    done = actions(sharing, mutation=mutation, unmutated=True)
    assert {name for name, action in done.items() if action == "clone"} == {"encoderblock_0"}
    made = toys.path("b/0/0", mutation_probability=0.0)
    assert actions(made, mutation=mutation, unmutated=unmutated) == actions(
        made, unmutated=unmutated
    )


def test_what_is_trainable_in_the_parent_is_cloned():
    parent = toys.path("a/0/0", mutation_probability=0.0)
    free = [parent.component(name).id for name in ("embedding", "encoderblock_1")]
    done = actions(parent, trainable=free)
    assert {name for name, action in done.items() if action == "share"} == {
        "posembed_input",
        "encoderblock_0",
    }


def test_the_head_is_copied_within_a_task_and_new_across():
    parent = toys.path("a/0/0", mutation_probability=0.0)
    head = child(parent)[1]["head"]
    assert (head.action, head.source) == ("clone", parent.component("head"))
    other = toys.path("b/0/0", mutation_probability=0.0)
    head = child(other, ancestry=(ROOT, toys.path("c/0/0")))[1]["head"]
    assert (head.action, head.source, head.id) == ("new", None, "a/0/7/head")


def test_a_new_layer_takes_the_nearest_ancestors_of_its_name_and_shape():
    parent = never(num_layers=1)
    space = toys.space(Ranges(num_layers=(1, 2)), mutation_probability=0.0)
    deep = toys.changed(parent, num_layers=2)
    near, far = toys.path("b/0/0"), toys.path("c/0/0")
    assert actions(deep, space=space)["encoderblock_1"] == "new"
    planned = child(deep, space=space, ancestry=(near, far))[1]["encoderblock_1"]
    assert (planned.action, planned.source) == ("share", near.component("encoderblock_1"))
    # The nearest has one of another shape.
    wide = dataclasses.replace(near.component("encoderblock_1"), signature="float32[7]")
    odd = dataclasses.replace(near, components=(*near.components[:3], wide, *near.components[4:]))
    planned = child(deep, space=space, ancestry=(odd, far))[1]["encoderblock_1"]
    assert (planned.action, planned.source) == ("share", far.component("encoderblock_1"))
    assert planned.id == "c/0/0/encoderblock_1"
    # What nobody locks, whoever's ancestry it came through, is trained.
    free = [near.component("encoderblock_1").id]
    planned = child(deep, space=space, ancestry=(near, far), trainable=free)[1]["encoderblock_1"]
    assert (planned.action, planned.id) == ("clone", "a/0/7/encoderblock_1")


def test_with_the_parent_alone_nothing_is_looked_for_in_ancestors():
    rule, data = Mutation(inherit_from="parent"), {**DATA, "image_size": 48}
    deep = toys.changed(never(num_layers=1), num_layers=2)
    near = toys.path("b/0/0", image_size=48)
    parent = toys.path("c/0/0", mutation_probability=0.0)
    assert actions(deep, mutation=rule, ancestry=(near,))["encoderblock_1"] == "new"
    planned = child(parent, mutation=rule, data=data, ancestry=(near, ROOT))[1]["posembed_input"]
    assert (planned.action, planned.source) == ("resample", parent.component("posembed_input"))
    own = toys.path("a/0/0")
    assert actions(parent, mutation=rule, ancestry=(own,))["head"] == "new"


def test_a_task_that_became_private_lends_nothing_any_more():
    deep = toys.changed(never(num_layers=1), num_layers=2)
    secret = toys.path("b/0/0", private=True)
    assert actions(deep, ancestry=(secret,))["encoderblock_1"] == "new"


def test_another_shape_is_resampled_where_no_ancestor_has_it():
    data = {**DATA, "image_size": 48}
    parent, old = never(), toys.path("b/0/0", image_size=48)
    planned = child(parent, data=data)[1]["posembed_input"]
    assert (planned.action, planned.source) == ("resample", parent.component("posembed_input"))
    assert (planned.size, planned.signature) == (48, "float32[48]")
    planned = child(parent, data=data, ancestry=(old,))[1]["posembed_input"]
    assert (planned.action, planned.source) == ("share", old.component("posembed_input"))
    # The root's rather than the parent's, in the size its weights came in where it has that.
    parent = toys.path("b/0/0", mutation_probability=0.0)
    planned = child(parent, data=data, ancestry=(ROOT,))[1]["posembed_input"]
    assert (planned.action, planned.source) == ("resample", ROOT.component("posembed_input"))
    assert planned.trainable
    original = dataclasses.replace(
        ROOT.component("posembed_input"), name="posembed_input_original", signature="float32[7]"
    )
    root = dataclasses.replace(ROOT, components=(*ROOT.components, original))
    planned = child(parent, data=data, ancestry=(root,))[1]["posembed_input"]
    assert (planned.action, planned.source) == ("resample", original)


def test_another_shape_of_what_cannot_be_resampled_is_new():
    block = dataclasses.replace(ROOT.component("encoderblock_0"), signature="float32[9]", size=9)
    parent = dataclasses.replace(
        never(), components=(*ROOT.components[:2], block, *ROOT.components[3:])
    )
    planned = child(parent)[1]["encoderblock_0"]
    assert (planned.action, planned.source, planned.size) == ("new", None, 1000)


# Adapters


def test_adapters_are_inserted_with_probability_mu_each():
    parent = toys.path("root/random", mutation_probability=0.3)
    trials, inserted = 3000, collections.Counter()
    for i in range(trials):
        done = actions(parent, mutation=Mutation(adapters="insert"), at=i)
        adapters = {name: action for name, action in done.items() if name.startswith("adapter")}
        assert set(adapters.values()) <= {"new"}
        inserted.update(list(adapters))
    for name in ("adapter_0", "adapter_1"):
        toys.assert_frequency(inserted[name], trials, 0.3)


def test_adapters_are_not_inserted_unless_asked_for():
    parent = toys.path("root/random", mutation_probability=1.0)
    assert not any("adapter" in name for name in actions(parent))


@pytest.mark.parametrize("adapters", ["insert", "none"])
def test_adapters_once_there_stay(adapters):
    parent = toys.path("b/0/0", mutation_probability=0.0, adapters=("adapter_1",))
    done = actions(parent, mutation=Mutation(adapters=adapters))
    assert done["adapter_1"] == "share"
    assert "adapter_0" not in done


def test_an_adapter_of_another_width_is_an_ancestors_or_new():
    parent = toys.path("b/0/0", mutation_probability=0.0, adapters=("adapter_1",))
    parent = toys.changed(parent, adapter_dim=8)
    assert actions(parent)["adapter_1"] == "new"
    old = toys.path("c/0/0", adapter_dim=8, adapters=("adapter_1",))
    planned = child(parent, ancestry=(old,))[1]["adapter_1"]
    assert (planned.action, planned.source) == ("share", old.component("adapter_1"))


# Everything at once


@given(
    st.integers(0, 2**32),
    st.fixed_dictionaries({name: st.sampled_from(v) for name, v in toys.RANGES.items()}),
    st.sampled_from(["a/0/0", "b/0/0", "root/random"]),
    st.sets(st.sampled_from(["adapter_0", "adapter_1"])),
    st.sampled_from(ADAPTERS),
    st.booleans(),
)
def test_every_child_is_whole(seed, settings, parent_id, adapters, rule, learned):
    parent = toys.path(parent_id, adapters=adapters, **settings)
    free = [c.id for c in parent.components[::2]] if parent.task == "a" else []
    values, components = child(
        parent,
        space=toys.space(WIDE),
        mutation=Mutation(adapters=rule, learned=learned),
        ancestry=(ROOT,),
        trainable=free,
        at=seed,
    )
    slots = {slot.name: slot for slot in toys.Toy().slots(values, 10)}
    assert {name for name, slot in slots.items() if not slot.optional} <= components.keys()
    for name, planned in components.items():
        assert (planned.size, planned.signature) == (slots[name].size, slots[name].signature)
        assert planned.trainable == (planned.id == f"a/0/7/{name}")
        assert (planned.source is None) == (planned.action == "new")
        if planned.action in ("share", "clone"):
            assert planned.source.signature == planned.signature
        if planned.action == "share":
            assert planned.source in (*parent.components, *ROOT.components)
            assert planned.id not in free
            assert name not in ("head", "encoder_norm")
    assert components["head"].trainable
    assert components["encoder_norm"].trainable


def test_the_same_key_makes_the_same_child():
    assert child(space=toys.space(WIDE), at=9) == child(space=toys.space(WIDE), at=9)
    assert len({str(child(space=toys.space(WIDE), at=i)) for i in range(20)}) > 10


def test_a_model_without_a_head_is_refused():
    class Headless(toys.Toy):
        def slots(self, hyperparameters, num_classes):
            return super().slots(hyperparameters, num_classes)[:-1]

    space = dataclasses.replace(toys.space(), models=(Headless(),))
    with pytest.raises(Mu2Error, match="no component named 'head'"):
        child(space=space)
