"""The schedule: every child once, whoever is lost, and no child that ends worker after worker."""

import threading
from types import SimpleNamespace

import pytest

from mu2.errors import Mu2Error
from mu2.execution.schedule import MOST_LOSSES, Schedule, WorkerLost, deal, deal_lanes


def job(frozen=None):
    """A job whose first component is frozen and has an id, or is trained."""
    trained = frozenset() if frozen else frozenset({"stem"})
    network = [SimpleNamespace(name="stem")]
    return SimpleNamespace(network=network, trainable=trained, ids={"stem": frozen})


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
@pytest.mark.parametrize("frozen", [(), ("a",) * 5, ("a", None, "b", "a", None, "b", "a")])
def test_every_child_is_dealt_once(workers, frozen):
    jobs = [job(each) for each in frozen]
    for shares in (deal(jobs, workers), deal_lanes(jobs, workers) if jobs else []):
        assert sorted(i for share in shares for i in share) == list(range(len(jobs)))
    sizes = [len(share) for share in deal_lanes(jobs, workers)] if jobs else []
    assert len(sizes) == min(workers, len(jobs))
    assert max(sizes, default=0) - min(sizes, default=0) <= 1


def test_children_that_begin_alike_stay_together_as_far_as_all_have_something_to_do():
    jobs = [job(each) for each in ("a", "b", "a", None, "a", "b", "a", None)]
    assert deal(jobs, 2) == [(0, 2, 4, 6), (1, 5), (3,), (7,)]
    assert deal(jobs, 4) == [(0, 2), (1, 5), (4, 6), (3,), (7,)]
    assert deal([job()] * 5, 2, together=2) == [(0, 1), (2, 3), (4,)]


def test_a_lost_share_is_taken_by_whoever_waits():
    schedule = Schedule([(0,)])
    share, found = schedule.take(), []
    waiting = threading.Thread(target=lambda: found.append(schedule.take()))
    waiting.start()
    schedule.lost(share, WorkerLost("killed"))
    waiting.join(10)
    assert found == [(0,)]
    schedule.done()
    assert schedule.take() is None


def test_nothing_is_taken_once_it_stops():
    schedule = Schedule([(0,), (1,)])
    schedule.stop()
    assert schedule.take() is None


def test_children_that_end_every_worker_end_the_run():
    schedule = Schedule([(0,), (1,)])
    for _ in range(MOST_LOSSES - 1):
        schedule.lost(schedule.take(), WorkerLost("killed"))
    with pytest.raises(Mu2Error, match=f"{MOST_LOSSES} workers .* of the last: killed"):
        schedule.lost(schedule.take(), WorkerLost("killed"))
