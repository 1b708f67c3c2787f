"""Agents: stopped anywhere they end as if they never had been; killed anywhere nothing is lost."""

import contextlib
import dataclasses
import os
import random
import signal
import subprocess
import sys
import time
from unittest import mock

import pytest

from mu2.agents import agent, replay
from mu2.agents.agent import run_agent
from mu2.cli import main
from mu2.config.agent_start import prepare_system
from mu2.errors import Mu2Error
from mu2.store.verify import verify
from mu2.system import System
from mu2.system.agent_cycle import published_cycles
from mu2.system.agents import agents_of
from tests import shrunken
from tests.shrunken import ROOT, SMALL


class Silent:
    """A reporter that says nothing."""

    def __getattr__(self, name):
        return lambda *arguments: None


@pytest.fixture(autouse=True)
def shared_programs():
    def shared(made):
        return shrunken.workers(made.layout, made.training)

    with (
        mock.patch.object(agent, "start_workers", shared),
        mock.patch.object(replay, "start_workers", shared),
    ):
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


FOUR = "Stream.tasks=(@digits/Task(), @latin/Task(), @greek/Task(), @cyrillic/Task())"
FIFTH = (
    "Stream.tasks=(@armenian/Task(),)",
    "armenian/Task.name='armenian'",
    "armenian/Task.source=@armenian/Glyphs()",
    "armenian/Glyphs.script='armenian'",
    "Scoring.scale=0.9",
)


def command(directory, *bindings, cycles):
    words = shrunken.words(directory, *SMALL, *bindings)
    return subprocess.Popen(
        [sys.executable, "-m", "mu2", "agents", *words[1:], "--cycles", str(cycles)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("kills", [5])
def test_killed_agents_lose_nothing(tmp_path, capsys, kills):
    directory, draw, hits, reads = tmp_path / "system", random.Random(0), 0, 0
    first = command(directory, FOUR, cycles=3)
    fifth = None
    stopped = False
    while first.poll() is None or (fifth is not None and fifth.poll() is None):
        time.sleep(draw.uniform(0.2, 1.5))
        if not System.exists(directory):
            continue
        running = [each for each in agents_of(directory) if each.process is not None]
        if fifth is None and len(running) >= 2:
            fifth = command(directory, *FIFTH, cycles=2)
        if hits < kills and len(running) >= 2 and reads > 0:
            pid = int(draw.choice(running).process.split()[1])
            os.kill(pid, signal.SIGKILL)
            hits += 1
        elif hits == kills and not stopped and running:
            first.send_signal(signal.SIGTERM)
            stopped = True
        assert main(["show", str(directory), "--json"]) == 0
        System.open(directory).check_log()
        assert verify(directory) == []
        reads += 1
    said = [process.communicate()[1] for process in (first, fifth)]
    assert (first.returncode, fifth.returncode) in ((130, 0), (0, 0)), said
    last = command(directory, FOUR, cycles=3)
    err = last.communicate()[1]
    assert last.returncode == 0, err
    assert hits == kills
    assert verify(directory) == []
    assert main(["gc", str(directory)]) == 0
    assert verify(directory) == []
    system = System.open(directory)
    lines = [line["path"] for line in system.log]
    assert len(lines) == len(set(lines)) == system.progress.log_lines == (4 * 3 + 2) * 3
    for task in ("digits", "latin", "greek", "cyrillic", "armenian"):
        cycles = published_cycles(directory, task)
        assert sorted(cycles) == list(range(2 if task == "armenian" else 3))
        for number in cycles:
            assert replay.replay(str(directory), task, number, Silent()) == []
    with capsys.disabled():
        sys.stdout.write(f"\n{hits} kills, {reads} readings\n")
