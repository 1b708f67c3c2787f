"""Workers and drivers killed at random moments: every run ends as the local one."""

import pytest

from tests.worker_kills import chain


@pytest.mark.slow
def test_a_run_whose_workers_and_driver_are_killed_ends_as_the_local_one(tmp_path):
    hits, runs = chain(tmp_path, 10, seed=1)
    assert sum(hits.values()) == 10
    assert runs >= 1
