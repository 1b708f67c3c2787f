"""Who locks what, how many parameters a path is accountable for, and what they cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mu2.errors import Mu2Error
from mu2.evolution import Component, Path, Scoring
from mu2.evolution.live_paths import LivePaths
from mu2.evolution.scoring import accounted_parameters
from tests.evolution import toys


def test_accounted_parameters_by_hand(system):
    b = system["b/0/0"].components
    # embedding 100 with a, the root uncounted; block 0 with a and c; the rest b's own.
    own = 32 + 1000 + 10 + 100
    assert accounted_parameters(b, system, "b") == 100 / 2 + 1000 / 3 + own
    # A child of b that shares b's second block shares it with no other task.
    assert accounted_parameters([b[3]], system, "b") == 1000
    # For a new task that would share it, two tasks use it.
    assert accounted_parameters([b[3]], system, "d") == 500


def test_a_component_of_the_root_alone_is_accounted_in_full(system):
    norm = system["root/random"].component("encoder_norm")
    assert accounted_parameters([norm], system, "d") == 10


@given(st.lists(st.sets(st.integers(0, 9)), min_size=1, max_size=5))
def test_all_tasks_together_account_for_every_parameter_once(used):
    everything = [Component(f"c{i}", f"root/r/c{i}", 7 + i, "") for i in range(10)]
    hyperparameters = toys.space().defaults()
    paths = [Path("root/r", None, None, None, tuple(everything), hyperparameters, 0)]
    for i, wanted in enumerate(used):
        mine = tuple(everything[j] for j in sorted(wanted))
        paths.append(Path(f"t{i}/0/0", f"t{i}", None, None, mine, hyperparameters, 2))
    living = LivePaths(paths)
    total = sum(accounted_parameters(p.components, living, p.task) for p in paths[1:])
    assert total == pytest.approx(sum(everything[i].size for i in set().union(*used)))


def test_scores_by_hand():
    assert Scoring().score(0.75, 10**9, 0) == 0.75
    decay = Scoring(scale=0.5, num_parameters=1000)
    assert decay.score(0.8, 0, 0) == 0.8
    assert decay.score(0.8, 1000, 0) == 0.4
    assert decay.score(0.8, 2000, 0) == 0.2
    assert Scoring(scale=0.98, num_parameters=1_484_162).score(0.9, 742_081, 0) == pytest.approx(
        0.9 * 0.98**0.5
    )


@given(st.floats(0.01, 1), st.floats(0, 1), st.floats(0, 1e6), st.floats(0, 1e6))
def test_fewer_parameters_never_score_less(scale, quality, few, many):
    scoring = Scoring(scale, 1000)
    few, many = sorted([few, many])
    assert scoring.score(quality, many, 0) <= scoring.score(quality, few, 0) <= quality


@pytest.mark.parametrize("scale", [0, -0.5, 1.01])
def test_a_scale_that_is_no_decay_is_refused(scale):
    with pytest.raises(Mu2Error, match=r"Scoring\.scale"):
        Scoring(scale=scale)


def test_a_number_of_parameters_below_one_is_refused():
    with pytest.raises(Mu2Error, match=r"Scoring\.num_parameters"):
        Scoring(num_parameters=0)


def test_size_can_be_a_share_of_the_paths_own():
    root, other = toys.path("root/Toy/a"), toys.path("b/0/0", parent="root/Toy/a")
    rule = Scoring(scale=0.9, num_parameters=None, count_root=True)
    paths = toys.live(root, other)
    own = toys.path("a/0/0", parent="root/Toy/a")
    shared = toys.path("a/0/1", parent="root/Toy/a", shares=root.components)
    assert rule.score(0.8, rule.accounted_size(own.components, paths, "a"), 0) == pytest.approx(
        0.72
    )
    head = shared.component("head").size
    body = sum(component.size for component in root.components)
    half = (head + body / 2) / (head + body)
    assert rule.accounted_size(shared.components, paths, "a") == pytest.approx(half)
    # In a space of any size: 1% of accuracy is less than what sharing is worth here.
    better = rule.score(0.805, rule.accounted_size(own.components, paths, "a"), 0)
    assert rule.score(0.8, half, 0) > better
