"""Worker processes: the bits of the local executor, whoever dies, and nothing left behind."""

import dataclasses
import os
import signal

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.execution import ProcessExecutor
from mu2.execution.fleet import Fleet
from mu2.models.devices import threads
from mu2.system.environment import run_environment
from mu2.tasks import Sklearn, Task
from mu2.tasks.data import TaskData
from mu2.training import Layout
from tests import shrunken
from tests.execution.children import TRAINING, assert_same, better_half
from tests.worker_kills import wait_until_gone

EXECUTOR = ProcessExecutor(threads=threads(), pin=False, silence_seconds=3.0)


@pytest.fixture(scope="module")
def fleet():
    fleet = EXECUTOR.start(Layout(), TRAINING)
    yield fleet
    fleet.close()


def processes(fleet):
    return [link.process for link in fleet._links]


def test_children_of_processes_have_the_same_bits_and_components_travel_once(
    fleet, generation, trained
):
    environment = fleet.environment(run_environment)
    assert environment == run_environment()
    assert_same(list(fleet.train(generation)), trained)
    sent = sum(link.sent for link in fleet._links)
    assert_same(list(fleet.train(generation)), trained)
    again = sum(link.sent for link in fleet._links) - sent
    stored = sum(leaf.nbytes for leaf in next(iter(generation[1].arrays.values())).values())
    assert 0 < again < sent - stored
    assert fleet.compiled() >= 2


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.slow)]
)
def test_what_a_lost_worker_trained_is_trained_again(fleet, generation, trained, number):
    results = fleet.train(generation)
    first = next(results)
    victim = processes(fleet)[1]
    victim.send_signal(number)
    assert_same([first, *results, *fleet.train(generation)], [*trained, *trained])
    fleet.environment(run_environment)
    assert victim.poll() is not None
    assert processes(fleet)[1].pid != victim.pid


@pytest.mark.slow
def test_a_race_goes_on_where_a_lost_worker_left_it(fleet, local, generation):
    def select(intervals, scores):
        if intervals == 2:
            processes(fleet)[1].kill()
        return better_half(intervals, scores)

    halved = list(local.train(generation, better_half))
    assert len({len(result.qualities) for result in halved}) > 1
    assert_same(list(fleet.train(generation, select)), halved)


def test_the_first_worker_answers_for_paths(fleet, local, generation):
    job = generation[0]
    inputs = np.ones((40, 13), np.float32)
    given = (job.network, job.arrays, inputs, 3)
    for _ in range(2):  # the second time without the leaves
        np.testing.assert_array_equal(fleet.logits(*given), local.logits(*given), strict=True)


@pytest.mark.slow
def test_a_fault_of_the_user_ends_the_generation(fleet, generation, trained):
    wrong = TaskData(Task("wine", Sklearn("wine"), train="train[:0%]"), 32, 64)
    with pytest.raises(Mu2Error, match="no examples"):
        wrong.examples("train", (13,))
    unread = dataclasses.replace(generation[0].train, shape=(12,))
    broken = dataclasses.replace(generation[0], train=unread)
    with pytest.raises(Mu2Error, match="13 features"):
        list(fleet.train([broken, *generation]))
    assert_same(list(fleet.train(generation)), trained)


@pytest.mark.slow
def test_workers_that_compute_otherwise_are_refused_by_name(fleet):
    fleet.close()
    strange = Fleet(fleet._links, Layout(), TRAINING)
    with pytest.raises(Mu2Error, match=r"worker [12] of 2 would compute other numbers") as caught:
        strange.environment(own_process)
    assert "code is" in caught.value.message
    accepting = Fleet(fleet._links, Layout(), TRAINING, accept_differences=True)
    assert accepting.environment(own_process).keys() == {"code"}


def own_process():
    return {"code": str(os.getpid())}


DRIVER = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored below a shell's background
from mu2.execution import ProcessExecutor
from mu2.system.environment import run_environment
from mu2.training import Layout, Training
fleet = ProcessExecutor().start(Layout(), Training())
fleet.environment(run_environment)
print(*(link.process.pid for link in fleet._links), flush=True)
time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_workers_end_with_their_driver(number):
    driver = shrunken.python("-c", DRIVER)
    workers = [int(each) for each in driver.stdout.readline().split()]
    assert len(workers) == 2
    driver.send_signal(number)
    driver.communicate(timeout=60)
    wait_until_gone(workers)


def test_settings_that_will_not_do_are_told(monkeypatch):
    with pytest.raises(Mu2Error, match="1,000,000,000; 10,000 are the most"):
        ProcessExecutor(workers=10**9)
    for name, value in (("workers", 0), ("threads", 0), ("cache_limit_mb", -1)):
        with pytest.raises(Mu2Error, match=f"ProcessExecutor.{name} is {value}"):
            ProcessExecutor(**{name: value})
    with pytest.raises(Mu2Error, match="silence_seconds"):
        ProcessExecutor(silence_seconds=0)
    with pytest.raises(Mu2Error, match="made for 3 device"):
        ProcessExecutor().validate(Layout(population=3))
    monkeypatch.setattr("mu2.execution.processes.visible_devices", lambda: ("gpu", 4))
    with pytest.raises(Mu2Error, match="need 6; JAX sees 4"):
        ProcessExecutor(workers=3).validate(Layout(data=2))
    with pytest.raises(Mu2Error, match="most of the first GPU's memory"):
        ProcessExecutor().validate(Layout(data=2))
    monkeypatch.setenv("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    made = ProcessExecutor()._environments(Layout(data=2))
    assert [each["CUDA_VISIBLE_DEVICES"] for each in made] == ["4,5", "6,7"]
