"""Agents: stopped anywhere they end as if they never had been; killed anywhere nothing is lost."""

import contextlib
import dataclasses
import sys
from unittest import mock

import pytest

from mu2.agents import replay
from mu2.agents.agent import run_agent
from mu2.cli import main
from mu2.config.agent_start import prepare_system
from mu2.errors import Mu2Error
from mu2.store.verify import verify
from mu2.system import System
from mu2.system.agents import agents_of
from tests import shrunken
from tests.agent_kills import Silent, kill_agents, shared_programs
from tests.shrunken import SMALL


@pytest.fixture(autouse=True)
def shared():
    with shared_programs():
        yield


class StopsOnce(Silent):
    """Stops an agent once in each of its cycles, after the first generation."""

    def __init__(self):
        self.made, self.stopped = None, []

    def child_done(self, record):
        self.made = record["iteration"], record["generation"]

    def __call__(self):
        if self.made is None or self.made[1] > 0 or self.made in self.stopped:
            return False
        self.stopped.append(self.made)
        return True


def agents(directory, task, reporter=None):
    loaded = shrunken.load(*SMALL)
    cycle = prepare_system(loaded.experiment, loaded.resolved, str(directory))
    return run_agent(
        *(loaded.experiment, str(directory), task, cycle, 2, reporter or Silent()),
        is_stopped=reporter or (lambda: False),
    )


def test_an_agent_that_is_stopped_goes_on_to_the_same_bits(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for task in ("digits", "latin"):
        assert agents(whole, task)
    for task in ("digits", "latin"):
        stops = StopsOnce()
        while not agents(cut, task, stops):
            (status,) = agents_of(cut)
            assert (status.task, status.process, status.generation) == (task, None, 1)
        assert stops.stopped == [(0, 0), (1, 0)]
    assert (whole / "HEAD").read_text() == (cut / "HEAD").read_text()
    assert (whole / "log.jsonl").read_bytes() == (cut / "log.jsonl").read_bytes()
    assert verify(whole) == verify(cut) == []
    assert agents(whole, "digits")  # and there is nothing left to do
    assert System.open(whole).task("digits").iterations == 2
    for task in ("digits", "latin"):
        assert [replay.replay(str(cut), task, i, Silent()) for i in (0, 1)] == [[], []]
    with pytest.raises(Mu2Error, match=r"no agent of .* published cycle 7"):
        replay.replay(str(cut), "digits", 7, Silent())
    with mock.patch.object(shrunken.LocalWorkers, "train", other(shrunken.LocalWorkers.train)):
        assert "the log is another from child 0 on" in replay.replay(
            *(str(cut), "digits", 0, Silent())
        )[-1]  # fmt: skip
    shrunken.evolve(cut, *SMALL)  # a run goes on from there
    assert System.open(cut).task("digits").iterations == 4
    assert verify(cut) == []


def other(train):
    def worse(self, jobs, *arguments):
        for result in train(self, jobs, *arguments):
            yield dataclasses.replace(result, quality=0.0, qualities=(0.0,))

    return worse


def test_what_agents_refuse(tmp_path, capsys):
    directory = str(tmp_path / "system")
    assert main(["agents", "--system", directory]) == 2
    assert "no Gin file" in capsys.readouterr().err
    words = ["agents", *shrunken.words(directory, *SMALL)[1:]]
    assert main([*words, "--task", "digit"]) == 2
    assert "no task 'digit'" in capsys.readouterr().err
    assert main(["agents", "--system", directory, "--replay", "digits"]) == 2
    assert "names no cycle" in capsys.readouterr().err
    with (
        shrunken.stopped_at("_commit", after=True, commits=3),
        contextlib.suppress(shrunken.Stopped),
    ):
        shrunken.evolve(directory, *SMALL)
    with pytest.raises(Mu2Error, match="holds an unfinished run"):
        agents(directory, "digits")


@pytest.mark.slow
@pytest.mark.parametrize("kills", [5])
def test_killed_agents_lose_nothing(tmp_path, capsys, kills):
    reads = kill_agents(tmp_path / "system", kills, seed=0)
    with capsys.disabled():
        sys.stdout.write(f"\n{kills} kills, {reads} readings\n")
