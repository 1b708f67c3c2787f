"""Successive halving, a generation at a time: who goes on, by hand and by number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mu2.errors import Mu2Error
from mu2.evolution import Halving
from mu2.evolution.stopping import record_scores
from mu2.random_keys import Key


def raced(rule, rungs, scores, intervals):
    """The rungs after a generation whose children have the same score after every interval."""
    had, current = [1] * len(scores), list(scores)
    for interval in range(1, intervals):
        goes_on = rule.select_survivors(rungs, interval, current)
        current = [score if on else None for score, on in zip(current, goes_on, strict=True)]
        had = [n + on for n, on in zip(had, goes_on, strict=True)]
    for score, n in zip(scores, had, strict=True):
        rungs = record_scores(rungs, (score,) * n)
    return rungs


def test_the_first_child_by_itself_is_never_stopped():
    assert Halving().select_survivors((), 1, [0.1]) == (True,)
    assert Halving().select_survivors((), 3, [0.1]) == (True,)


def test_the_best_of_the_first_generation_go_on():
    assert Halving(2).select_survivors((), 1, [0.1, 0.5, 0.3, 0.2]) == (False, True, True, False)
    assert Halving(2).select_survivors((), 2, [None, 0.5, 0.6, None]) == (False, False, True, False)
    assert Halving(8).select_survivors((), 1, [0.1, 0.5, 0.3, 0.2]) == (False, True, False, False)
    # Of equal scores the earlier child's.
    assert Halving(2).select_survivors((), 1, [0.5, 0.5]) == (True, False)


def test_earlier_generations_count():
    rungs = ((0.1, 0.5, 0.3), (0.5,), (0.6,))
    # Of four at the first interval two go on: the second best score so far must be reached. Of two
    # at the second one goes on, and it has.
    assert Halving(2).select_survivors(rungs, 1, [0.3]) == (True,)
    assert Halving(2).select_survivors(rungs, 1, [0.2]) == (False,)
    assert Halving(2).select_survivors(rungs, 2, [0.9]) == (False,)
    assert Halving(2).select_survivors(rungs, 3, [0.6]) == (True,)
    # Of five two: one more, the better one; of eight four, three of them new.
    assert Halving(2).select_survivors(rungs, 1, [0.6, 0.7]) == (False, True)
    assert Halving(2).select_survivors(rungs, 1, [0.6, 0.7, 0.2, 0.4, 0.0]) == (
        True,
        True,
        False,
        True,
        False,
    )
    # Of two none would be the best third, so that the best goes on; here it has.
    assert Halving(3).select_survivors(((0.2,), (0.5,)), 1, [0.4]) == (False,)


def test_before_the_first_interval_that_counts_all_go_on_that_are_there():
    assert Halving(2, first=3).select_survivors((), 2, [0.1, None, 0.2]) == (True, False, True)
    assert Halving(2, first=3).select_survivors((), 3, [0.1, None, 0.2]) == (False, False, True)


def test_no_more_than_the_share_goes_on_however_good():
    # Two of three have gone on: of four no other may, of six one more.
    rungs = ((0.1, 0.5, 0.3), (0.5, 0.4))
    assert Halving(2).select_survivors(rungs, 1, [1.0]) == (False,)
    assert Halving(2).select_survivors(((0.1, 0.5, 0.3, 0.6, 0.7), (0.5, 0.4)), 1, [1.0]) == (True,)


def test_each_child_is_recorded_as_far_as_it_came():
    rungs = record_scores(record_scores((), (0.2, 0.4, 0.5)), (0.1,))
    assert rungs == ((0.2, 0.1), (0.4,), (0.5,))
    assert record_scores(((0.2,),), (0.3, 0.6)) == ((0.2, 0.3), (0.6,))


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("generation", [1, 8])
@pytest.mark.parametrize("rising", [0.0, 0.01])
def test_about_one_in_factor_goes_on(factor, generation, rising):
    rule, random, rungs = Halving(factor), Key.from_seed(3).numpy(), ()
    for child in range(0, 2000, generation):
        scores = [float(random.random()) + rising * child for _ in range(generation)]
        rungs = raced(rule, rungs, scores, 2)
    assert len(rungs[1]) / len(rungs[0]) == pytest.approx(1 / factor, abs=0.03)


@pytest.mark.parametrize(
    ("rule", "children", "expected"),
    [
        (Halving(2), 32, (32, 16, 8, 4)),
        (Halving(8), 32, (32, 4, 1, 1)),
        (Halving(2, first=2), 32, (32, 32, 16, 8)),
        (Halving(2, first=9), 32, (32, 32, 32, 32)),
        (Halving(2), 3, (3, 1, 1, 1)),
    ],
)
def test_how_many_have_each_interval(rule, children, expected):
    assert rule.expected(children, 4) == expected


@pytest.mark.parametrize("factor", [2, 5, 8])
@pytest.mark.parametrize("generation", [1, 4, 32])
def test_where_each_child_is_better_than_all_before_it_is_as_expected(factor, generation):
    rule, rungs = Halving(factor), ()
    for child in range(0, 32, generation):
        rungs = raced(rule, rungs, [float(child + i) for i in range(generation)], 4)
    assert tuple(map(len, rungs)) == rule.expected(32, 4)


@given(
    st.lists(st.floats(0, 1), max_size=50),
    st.lists(st.floats(0, 1) | st.none(), min_size=1, max_size=9),
    st.integers(2, 5),
)
def test_who_goes_on_is_no_worse_than_who_does_not(before, scores, factor):
    goes_on = Halving(factor).select_survivors((tuple(before),), 1, scores)
    chosen = [score for score, on in zip(scores, goes_on, strict=True) if on]
    left = [
        score for score, on in zip(scores, goes_on, strict=True) if not on and score is not None
    ]
    assert None not in chosen
    assert not chosen or not left or min(chosen) >= max(left)
    assert len(chosen) <= max((len(before) + len(chosen) + len(left)) // factor, 1)
    if scores == [
        score for score in scores if score is not None and score > max(before, default=-1)
    ]:
        assert chosen


@pytest.mark.parametrize(("settings", "name"), [({"factor": 1}, "factor"), ({"first": 0}, "first")])
def test_what_makes_no_sense_is_refused(settings, name):
    with pytest.raises(Mu2Error, match=rf"Halving\.{name}"):
        Halving(**settings)
