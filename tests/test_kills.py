"""A run killed at many moments and resumed ends as one that nothing stopped."""

import operator
import pkgutil

import pytest

from tests.kills import SHARES, STEPS, chains


def test_every_step_that_is_killed_is_there():
    for module, name, _ in STEPS:
        assert callable(operator.attrgetter(name)(pkgutil.resolve_name(module))), (module, name)


@pytest.mark.slow
def test_a_run_killed_at_random_moments_ends_as_the_uninterrupted_one(tmp_path):
    kills, runs = chains(tmp_path, 20, seed=1)
    assert len(kills) >= 20
    assert runs >= 2
    assert {kill.kind for kill in kills} == set(SHARES)
    assert len({kill.commit for kill in kills}) >= 4
