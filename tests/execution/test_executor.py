"""The executor: results in the order of the jobs, and the same bits on any slice."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from mu2.execution import LocalWorkers, local
from mu2.system import System
from mu2.training import Training
from mu2.training.layout import Layout
from tests import shrunken


class FakeTrainer:
    """Takes as long as the job says; notes who trained what, and whether two met in one slice."""

    def __init__(self, training, devices):
        self.training, self.devices = training, devices
        self.trained, self.busy = [], threading.Lock()
        self.programs = SimpleNamespace(compiled=lambda: 2)

    def train(self, jobs):
        for job in jobs:
            assert self.busy.acquire(blocking=False)
            time.sleep(job / 100)
            self.busy.release()
            self.trained.append(job)
            yield job, self.devices

    def race(self, jobs):
        return FakeRace(self, jobs)

    def logits(self, *arguments):
        return self.devices, arguments


class FakeRace:
    """Children whose score is their job's, after each interval that they have."""

    def __init__(self, trainer, jobs):
        self.trainer, self.going = trainer, list(jobs)
        self.had = dict.fromkeys(jobs, 0)

    def advance(self):
        assert self.trainer.busy.acquire(blocking=False)
        time.sleep(0.01)
        self.trainer.busy.release()
        for job in self.going:
            self.had[job] += 1
        return [job if job in self.going else None for job in self.had]

    def stop(self, select_survivors):
        for job, goes_on in zip(self.had, select_survivors, strict=True):
            if not goes_on and job in self.going:
                self.going.remove(job)

    def results(self):
        return list(self.had.items())


@pytest.fixture
def make(monkeypatch):
    def make(population):
        monkeypatch.setattr(Layout, "slices", lambda self: tuple(range(self.population)))
        return LocalWorkers(Layout(population=population), Training())

    monkeypatch.setattr(local, "Trainer", FakeTrainer)
    return make


@pytest.mark.parametrize("population", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_results_come_in_the_order_of_the_jobs(make, population, count):
    jobs = [5, 1, 4, 2, 3][:count]
    results = list(make(population).train(jobs))
    assert [job for job, _ in results] == jobs
    assert {devices for _, devices in results} <= set(range(population))


def test_a_slice_takes_the_next_child_as_soon_as_it_is_free(make):
    # Were children trained in pairs, the second of the long ones would wait for the first.
    order, made = [], make(2)
    both = threading.Barrier(2, timeout=10)

    def train(jobs):
        order.extend(jobs)
        if jobs[0] in ("long", "last"):
            both.wait()
        return jobs

    for trainer in made._trainers:
        trainer.train = train
    assert list(made.train(["long", "short", "last"])) == ["long", "short", "last"]
    assert order[-1] == "last"


def test_slices_train_at_the_same_time(make):
    both = threading.Barrier(2, timeout=10)
    made = make(2)
    for trainer in made._trainers:
        trainer.train = lambda jobs: both.wait() >= 0 and jobs
    assert list(made.train([1, 2, 3, 4])) == [1, 2, 3, 4]


def test_one_child_at_a_time_is_trained_as_it_is_asked_for(make):
    made = make(1)
    results = made.train([1, 2])
    next(results)
    assert made._trainers[0].trained == [1]


@pytest.mark.parametrize("population", [1, 2, 3, 9])
def test_a_generation_is_judged_together_wherever_its_children_are(make, population):
    asked = []

    def better_half(intervals, scores):
        asked.append((intervals, scores))
        known = sorted((score for score in scores if score is not None), reverse=True)
        return [score in known[: len(known) // 2] for score in scores]

    jobs = [5, 1, 4, 2, 3]
    results = list(make(population).train(jobs, better_half))
    assert results == [(5, 3), (1, 1), (4, 2), (2, 1), (3, 1)]
    # Once nobody goes on nobody is asked, nor after the last of four intervals.
    assert asked == [(1, jobs), (2, [5, None, 4, None, None]), (3, [5, *[None] * 4])]
    asked.clear()
    whole = make(population).train(jobs, lambda n, scores: asked.append(n) or [True] * len(scores))
    assert list(whole) == [(job, 4) for job in jobs]
    assert asked == [1, 2, 3]


def test_an_error_in_a_slice_is_raised(make):
    made = make(2)

    def fail(jobs):
        raise ZeroDivisionError(*jobs)

    made._trainers[1].train = fail
    with pytest.raises(ZeroDivisionError, match="7"):
        list(made.train([1, 7]))


def test_the_first_slice_answers_and_all_compile(make):
    made = make(3)
    assert made.logits("network", "arrays", "inputs", 4) == (
        0,
        ("network", "arrays", "inputs", 4),
    )
    assert made.compiled() == 6


EVOLVE = """
import sys
from tests import shrunken
directory, *bindings = sys.argv[1:]
shrunken.evolve(directory, *bindings)
"""
TWO_DEVICES = {
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
}


def on_two_devices(directory, *bindings):
    process = shrunken.python(
        "-c", EVOLVE, directory, *bindings, **TWO_DEVICES, PYTHONPATH=str(shrunken.ROOT)
    )
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return System.open(directory)


HALVED = ("Training.intervals=3", "Evolution.stopping=@Halving()", "Halving.factor=2")


@pytest.mark.slow
@pytest.mark.parametrize("stopping", [(), HALVED])
def test_children_on_slices_of_their_own_have_the_same_bits(tmp_path, stopping):
    bindings = (*shrunken.SMALL, *stopping)
    one = shrunken.evolve(tmp_path / "one", *bindings)
    two = on_two_devices(tmp_path / "two", *bindings, "Layout.population=2")
    assert two.paths() == one.paths()
    intervals = {len(line["qualities"]) for line in one.log}
    assert intervals == ({1, 3} if stopping else {1})
    log = "log.jsonl"
    assert (tmp_path / "two" / log).read_bytes() == (tmp_path / "one" / log).read_bytes()


@pytest.mark.slow
def test_a_batch_split_over_two_devices_trains_alike(tmp_path):
    single = (*shrunken.DIGITS, shrunken.ONCE, "Evolution.children_per_iteration=1")
    one = shrunken.evolve(tmp_path / "one", *single)
    two = on_two_devices(tmp_path / "two", *single, "Layout.data=2")
    assert [c.id for c in one.path("digits").components] == [
        c.id for c in two.path("digits").components
    ]
    for a, b in zip(one.path("digits").components, two.path("digits").components, strict=True):
        old, new = one.arrays(a), two.arrays(b)
        for leaf in (leaf for leaf in old if leaf.startswith("params/")):
            np.testing.assert_allclose(new[leaf], old[leaf], rtol=1e-3, atol=1e-4)
