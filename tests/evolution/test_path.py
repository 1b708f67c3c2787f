"""Paths and populations as records: they come back from JSON as they went."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mu2.evolution import Component, Path, Population
from tests.evolution import toys

unit = st.floats(0, 1, allow_nan=False)


@given(
    unit,
    unit,
    st.dictionaries(
        st.text("abc_", min_size=1, max_size=5),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(allow_nan=False),
            st.text('aµ "/\n', max_size=5),
        ),
    ),
)
def test_paths_survive_json_exactly(quality, score, extra):
    path = toys.path(
        "digits/1/3", parent="root/random", parent_task=None, quality=quality, score=score
    )
    path = Path(**{**vars(path), "hyperparameters": toys.space(**extra).defaults()})
    text = json.dumps(path.to_json())
    again = Path.from_json(json.loads(text))
    assert again == path
    assert {k: type(v) for k, v in again.hyperparameters.items()} == {
        k: type(v) for k, v in path.hyperparameters.items()
    }
    assert json.dumps(again.to_json()) == text


def test_components_are_found_by_name():
    path = toys.path("digits/0/0")
    assert path.component("head").id == "digits/0/0/head"
    assert path.component("adapter_0") is None


@pytest.mark.parametrize(
    ("component", "owner"),
    [
        ("digits/0/3/head", "digits"),
        ("cmaterdb/bangla/1/31/encoderblock_0", "cmaterdb/bangla"),
        ("root/random/embedding", None),
        ("root/vit/tiny/embedding", None),
    ],
)
def test_a_component_names_the_task_that_made_it(component, owner):
    assert Component("x", component, 1, "").owner == owner


def population(*own, **changes):
    fields = {
        "task": "a",
        "iteration": 1,
        "private": False,
        "num_classes": 10,
        "own": own,
        "seeds": ("root/random", "b/0/0"),
        "offspring": {"root/random": 3, "a/0/1": 1},
        "children": 5,
        "generation": 4,
    }
    return Population(**{**fields, **changes})


def test_populations_survive_json_exactly():
    before = population(toys.path("a/0/1", quality=0.1 + 0.2, score=1 / 3), toys.path("a/1/0"))
    after = toys.round_trip(before)
    assert after == before
    assert json.dumps(after.to_json()) == json.dumps(before.to_json())


def test_paths_rank_by_falling_score_and_the_oldest_first_among_equals():
    own = [toys.path(f"a/0/{i}", score=score) for i, score in enumerate([0.5, 0.9, 0.5, 0.9])]
    assert [path.id for path in population(*own).rank()] == ["a/0/1", "a/0/3", "a/0/0", "a/0/2"]
    assert population(*own).best() == own[3]
    assert population(*own).best(must_improve=True) == own[1]


def test_an_empty_population_has_no_best():
    assert population().best() is None


def test_records_of_older_versions_are_read():
    before = population(toys.path("a/0/1", quality=0.5, score=0.5))
    document = before.to_json()
    for name in ("dropped", "births"):
        del document[name]
    for path in document["own"]:
        for name in ("birth", "dense_flops"):
            del path[name]
    assert Population.from_json(document) == before
