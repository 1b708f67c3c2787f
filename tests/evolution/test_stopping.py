"""Successive halving, one child at a time: who goes on, by hand and by number."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mu2.errors import Mu2Error
from mu2.evolution import Halving
from mu2.evolution.stopping import recorded
from mu2.key import Key


def test_the_first_child_is_never_stopped():
    assert Halving().floors((), 4) == (None, None, None)


def test_floors_by_hand():
    rungs = ((0.1, 0.5, 0.3), (0.5,), (0.6,))
    # Of four at the first interval two go on: the second best score so far must be reached. Of two
    # at the second one goes on, and it has.
    assert Halving(2).floors(rungs, 4) == (0.3, math.inf, 0.6)
    # Of two none would be the best third, so that the best goes on; here it has.
    assert Halving(3).floors(((0.2, 0.4), (0.5,)), 3) == (math.inf, 0.5)
    assert Halving(2, first=3).floors(rungs, 4) == (None, None, 0.6)


def test_no_more_than_the_share_goes_on_however_good():
    # Two of three have gone on: of four no other may, of six one more.
    rungs = ((0.1, 0.5, 0.3), (0.5, 0.4))
    assert Halving(2).floors(rungs, 2) == (math.inf,)
    assert Halving(2).floors(((0.1, 0.5, 0.3, 0.6, 0.7), (0.5, 0.4)), 2) == (0.5,)


def test_the_last_interval_has_no_floor():
    assert len(Halving().floors(((0.5,), (0.5,)), 2)) == 1
    assert Halving().floors(((0.5,),), 1) == ()


def test_each_child_is_recorded_as_far_as_it_came():
    rungs = recorded(recorded((), (0.2, 0.4, 0.5)), (0.1,))
    assert rungs == ((0.2, 0.1), (0.4,), (0.5,))
    assert recorded(((0.2,),), (0.3, 0.6)) == ((0.2, 0.3), (0.6,))


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("rising", [0.0, 0.01])
def test_about_one_in_factor_goes_on(factor, rising):
    rule, random, rungs, going = Halving(factor), Key.from_seed(3).numpy(), (), 0
    children = 2000
    for child in range(children):
        score = float(random.random()) + rising * child
        floor = rule.floors(rungs, 2)[0]
        goes_on = floor is None or score >= floor
        going += goes_on
        rungs = recorded(rungs, (score, score) if goes_on else (score,))
    assert going / children == pytest.approx(1 / factor, abs=0.03)


@pytest.mark.parametrize(
    ("rule", "children", "generation", "expected"),
    [
        (Halving(2), 32, 1, (32, 16, 8, 4)),
        (Halving(8), 32, 1, (32, 4, 1, 1)),
        (Halving(8), 64, 8, (64, 8, 8, 8)),
        (Halving(2, first=2), 32, 1, (32, 32, 16, 8)),
        (Halving(2, first=9), 32, 1, (32, 32, 32, 32)),
        (Halving(2), 3, 4, (3, 3, 3, 3)),
    ],
)
def test_how_many_have_each_interval(rule, children, generation, expected):
    assert rule.expected(children, generation, 4) == expected


@pytest.mark.parametrize("factor", [2, 5, 8])
def test_where_each_child_is_better_than_all_before_it_is_as_expected(factor):
    rule, rungs = Halving(factor), ()
    for child in range(32):
        floors = rule.floors(rungs, 4)
        stopped = next((i for i, f in enumerate(floors) if f is not None and child < f), 3)
        rungs = recorded(rungs, (float(child),) * (stopped + 1))
    assert tuple(map(len, rungs)) == rule.expected(32, 1, 4)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.integers(2, 5))
def test_a_child_better_than_all_goes_on_and_one_worse_than_all_does_not(scores, factor):
    floor = Halving(factor).floors((tuple(scores),), 2)[0]
    assert floor <= max(scores)
    assert floor >= min(scores)


@pytest.mark.parametrize(("settings", "name"), [({"factor": 1}, "factor"), ({"first": 0}, "first")])
def test_what_makes_no_sense_is_refused(settings, name):
    with pytest.raises(Mu2Error, match=rf"Halving\.{name}"):
        Halving(**settings)
