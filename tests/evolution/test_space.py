"""The search space: what is refused at once, and how one hyperparameter moves."""

import collections

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mu2.errors import Mu2Error
from mu2.evolution import Choices, Hyperparameters, Ranges, SearchSpace
from mu2.random_keys import Key
from tests.evolution import toys

numbers = st.lists(st.integers(-50, 50), min_size=1, max_size=8, unique=True).map(sorted)


def random(*names):
    return Key.from_seed(1).fold_in(*names).numpy()


@pytest.mark.parametrize(
    ("ranges", "choices", "defaults", "message", "hint"),
    [
        ({"hue": (0.1, 0.2)}, {}, {}, r"Hyperparameters.hue is 0.0, .* not in Ranges.hue", "add"),
        ({}, {"flip": (1, 2)}, {"flip": 3}, "not in Choices.flip", "Set Hyperparameters.flip"),
        ({"hue": ()}, {}, {}, "Ranges.hue is empty", "remove the line"),
        ({}, {"flip": ()}, {}, "Choices.flip is empty", "remove the line"),
        ({"hue": 0.1}, {}, {}, "Ranges.hue is 0.1, not a list", r"Ranges.hue = \(0.1,\)"),
        ({"hue": (0.0, 0.2, 0.1)}, {}, {}, "Ranges.hue .* out of order", "Choices.hue"),
        ({"hue": (0.0, 0.0)}, {}, {}, "Ranges.hue .* names a value twice", None),
        ({"hue": ([0.0], 0.0)}, {}, {}, "Ranges.hue .* holds a list", None),
        ({"hue": (0.0,)}, {"hue": (0.0,)}, {}, "hue is both in Ranges and in Choices", "one"),
        ({"lerning_rate": (1, 2)}, {}, {}, "lerning_rate has no default", "'learning_rate'"),
        ({}, {}, {"mutation_probability": 1.5}, "mutation_probability 1.5 is no prob", "0 to 1"),
        ({}, {}, {"mutation_probability": "x"}, "mutation_probability 'x' is no prob", "0 to 1"),
        ({}, {}, {"mutation_probability": None}, "None is no probability", "0 to 1"),
        ({"mutation_probability": (0.2, 2)}, {}, {}, "mutation_probability 2 is no", "0 to 1"),
        ({}, {"mutation_probability": (0.2, 2)}, {}, "mutation_probability 2 is no", "0 to 1"),
    ],
)
def test_faults_are_refused_at_construction(ranges, choices, defaults, message, hint):
    with pytest.raises(Mu2Error, match=message) as fault:
        toys.space(Ranges(**ranges), Choices(**choices), **defaults)
    if hint is not None:
        assert fault.match(hint)


def test_a_space_without_mutation_probability_is_refused():
    with pytest.raises(Mu2Error, match="mutation_probability has no default"):
        SearchSpace((toys.Toy(),), Hyperparameters(num_layers=1))


def test_ranges_may_fall_and_may_hold_what_has_no_order():
    ranges = Ranges(hue=(0.2, 0.1, 0.0), flip=(True, False), momentum=(None, 0.9, 0.5))
    assert toys.space(ranges, momentum=None).ranges == ranges


def test_values_are_frozen_and_compare_by_value():
    ranges = Ranges(hue=[0.0, 0.1], flip=(True, False))
    assert ranges["hue"] == (0.0, 0.1)
    assert ranges == Ranges(flip=(True, False), hue=(0.0, 0.1))
    assert hash(ranges) == hash(Ranges(flip=(True, False), hue=(0.0, 0.1)))
    assert ranges != Choices(hue=(0.0, 0.1), flip=(True, False))
    assert repr(Choices(a=(1,))) == "Choices(a=(1,))"
    with pytest.raises(TypeError):
        ranges["hue"] = (0.0,)


def test_defaults_cannot_be_changed():
    defaults = toys.space().defaults()
    assert dict(defaults) == toys.DEFAULTS
    with pytest.raises(AttributeError):
        defaults.hue = 0.3


@given(st.sets(st.text("abmz_", min_size=1, max_size=6), max_size=6), st.data())
def test_mu_mutates_first_then_the_names_sorted(names, data):
    names = sorted(names - {"self"})
    ordered = data.draw(st.permutations([*names, "mutation_probability"]))
    split = data.draw(st.integers(0, len(ordered)))
    values = dict.fromkeys(ordered, (0.2,))
    space = SearchSpace(
        (toys.Toy(),),
        Hyperparameters(**dict.fromkeys(ordered, 0.2)),
        Ranges(**{name: values[name] for name in ordered[:split]}),
        Choices(**{name: values[name] for name in ordered[split:]}),
    )
    assert space.mutable == ("mutation_probability", *names)


@given(numbers, st.booleans(), st.data(), st.integers(0, 2**32))
def test_an_ordered_value_moves_to_a_neighbour_and_no_further(values, falling, data, seed):
    values = values[::-1] if falling else values
    default = data.draw(st.sampled_from(values))
    space = toys.space(Ranges(lr=tuple(values)), lr=default)
    i = values.index(default)
    moved = space.move("lr", default, Key.from_seed(seed).numpy())
    assert moved in (values[max(i - 1, 0)], values[min(i + 1, len(values) - 1)])


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (0.001, {0.001: 0.5, 0.01: 0.5}),
        (0.01, {0.001: 0.5, 0.1: 0.5}),
        (0.1, {0.01: 0.5, 0.1: 0.5}),
    ],
)
def test_directions_are_even_and_clamped_at_the_ends(start, expected):
    space = toys.space(Ranges(learning_rate=(0.001, 0.01, 0.1)))
    generator, trials = random("direction"), 4000
    counts = collections.Counter(
        space.move("learning_rate", start, generator) for _ in range(trials)
    )
    assert counts.keys() == expected.keys()
    for value, probability in expected.items():
        toys.assert_frequency(counts[value], trials, probability)


def test_choices_are_uniform_among_the_others():
    space = toys.space(
        choices=Choices(schedule=("cosine", "constant", "restarts", "linear")), schedule="cosine"
    )
    generator, trials = random("choices"), 6000
    counts = collections.Counter(
        space.move("schedule", "constant", generator) for _ in range(trials)
    )
    assert counts.keys() == {"cosine", "restarts", "linear"}
    for count in counts.values():
        toys.assert_frequency(count, trials, 1 / 3)


def test_a_single_choice_stays():
    space = toys.space(choices=Choices(schedule=("cosine",)), schedule="cosine")
    assert space.move("schedule", "cosine", random("single")) == "cosine"


@pytest.mark.parametrize(
    ("values", "default", "value", "expected"),
    [
        ((0.001, 0.01, 0.1), 0.01, 0.5, 0.1),
        ((0.1, 0.01, 0.001), 0.01, 0.02, 0.01),
        ((None, 0.5, 0.9), None, 0.6, 0.5),
        ((0.5, 0.9), 0.9, None, 0.9),
        (("small", "large"), "large", "medium", "large"),
    ],
)
def test_a_value_that_is_not_listed_comes_back_to_the_nearest(values, default, value, expected):
    space = toys.space(Ranges(momentum=values), momentum=default)
    assert {space.move("momentum", value, random("unlisted", i)) for i in range(8)} == {expected}


def test_a_choice_that_is_not_listed_becomes_any():
    space = toys.space(choices=Choices(schedule=("cosine", "constant")), schedule="cosine")
    drawn = {space.move("schedule", "linear", random("gone", i)) for i in range(32)}
    assert drawn == {"cosine", "constant"}
