"""Actors of a Ray cluster: bits of the local executor, whoever dies, and nothing left behind."""

import gc
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest

from mu2 import config
from mu2.config.linter import Faults
from mu2.config.validation import validate
from mu2.errors import Mu2Error
from mu2.execution import RayExecutor
from mu2.execution import ray as actors
from mu2.models.devices import threads
from mu2.system.environment import run_environment
from mu2.training import Layout
from tests import shrunken
from tests.execution.children import TRAINING, assert_same, better_half
from tests.worker_kills import chain

RAY = "gin/executor/ray.gin"


def own_pid():
    return {"pid": str(os.getpid())}


# Ray leaves it to the garbage collector to look after the processes that it has ended.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.slow
def test_children_of_actors_have_the_same_bits_and_lost_ones_are_trained_again(
    generation, local, trained
):
    pytest.importorskip("ray")
    fleet = RayExecutor(threads=threads()).start(Layout(), TRAINING)
    try:
        assert fleet.environment(run_environment) == run_environment()
        assert_same(list(fleet.train(generation)), trained)
        cluster = fleet._links[0]._cluster
        sent = cluster.sent
        assert_same(list(fleet.train(generation)), trained)
        assert cluster.sent == sent

        pids = [int(link.call("environment", (), own_pid)["pid"]) for link in fleet._links]

        def select(intervals, scores):
            if intervals == 2:
                os.kill(pids[1], signal.SIGKILL)
            return better_half(intervals, scores)

        assert_same(
            list(fleet.train(generation, select)), list(local.train(generation, better_half))
        )
        assert int(fleet._links[1].call("environment", (), own_pid)["pid"]) != pids[1]
        job = generation[0]
        given = (job.network, job.arrays, np.ones((40, 13), np.float32), 3)
        np.testing.assert_array_equal(fleet.logits(*given), local.logits(*given), strict=True)
        folder = cluster._folder
        assert folder.exists()
    finally:
        fleet.close()
    assert not folder.exists()
    del fleet, cluster
    gc.collect()


@pytest.mark.slow
def test_a_run_whose_actors_and_driver_are_killed_ends_as_the_local_one(tmp_path):
    pytest.importorskip("ray")
    hits, _ = chain(tmp_path, 3, seed=1, file=RAY)
    assert sum(hits.values()) == 3
    actors.remove_left_folders()
    assert not [*Path("/tmp").glob(f"{actors.FOLDER}*")]


def test_settings_that_will_not_do_are_told():
    for name, value in (("workers", 0), ("cpus", 0), ("gpus", -1), ("threads", 0)):
        with pytest.raises(Mu2Error, match=f"RayExecutor.{name} is {value}"):
            RayExecutor(**{name: value})
    with pytest.raises(Mu2Error, match="silence_seconds"):
        RayExecutor(silence_seconds=0)


def test_without_the_extra_its_name_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    experiment = config.load([shrunken.FILE, RAY], shrunken.merged()).experiment
    with pytest.raises(Faults, match=r"mu2\[ray\]"):
        validate((), (experiment,))


def test_gpus_of_an_actor_and_its_layout_agree():
    pytest.importorskip("ray")
    RayExecutor(gpus=2).validate(Layout(data=2))
    with pytest.raises(Mu2Error, match=r"made for 1 device\(s\), and RayExecutor.gpus is 2"):
        RayExecutor(gpus=2).validate(Layout())


def test_folders_of_clusters_whose_process_is_gone_are_removed(tmp_path):
    gone = shrunken.python("-c", "")
    gone.communicate(timeout=60)
    left = Path(f"/tmp/{actors.FOLDER}{gone.pid}-test")
    own = Path(f"/tmp/{actors.FOLDER}{os.getpid()}-test")
    for folder in (left, own):
        folder.mkdir()
    actors.remove_left_folders()
    assert not left.exists()
    assert own.exists()
    own.rmdir()
