"""Many writers, one system: nothing is lost, doubled or half there, whoever is killed."""

import contextlib
import random
import signal
import sys
import threading
import time

import pytest

from mu2.cli import main
from mu2.errors import Mu2Error
from mu2.store.usage import usage
from mu2.store.verify import verify
from mu2.system import System, WritableSystem
from mu2.system.agent_system import AgentSystem
from mu2.system.agents import agents_of
from tests import writers


@pytest.fixture
def directory(tmp_path):
    writers.create(tmp_path / "system")
    return tmp_path / "system"


def test_two_agents_publish_side_by_side(directory):
    with AgentSystem.join(directory, "a") as a, AgentSystem.join(directory, "b") as b:
        a.begin_cycle(cycle := wanted(a))
        assert writers.cycle_of(b, "b")[0] == 0  # published during a's cycle
        assert a.paths().keys() == {"root/MLP/random"}
        assert a.begin_cycle(cycle).snapshot == a.cycle.snapshot
        assert writers.cycle_of(a, "a")[0] == 0
        assert writers.cycle_of(a, "a")[0] == 1
        assert "b/0/1" in a.paths()
    assert writers.check(directory, {"a": [0, 1], "b": [0]}) == 4


def wanted(system):
    file, digest = writers.keep_text(system.directory, "# writers\n")
    return writers.AgentCycle("a", 0, "", 1, file, digest, {"device": "none"})


def test_a_path_whose_parent_is_gone_hangs_on_the_root(directory):
    with AgentSystem.join(directory, "a") as a, AgentSystem.join(directory, "b") as b:
        writers.cycle_of(a, "a")
        while System.open(directory).has_task("b") is False or (
            System.open(directory).path("b").parent_task != "a"
        ):
            writers.cycle_of(b, "b")
        writers.cycle_of(a, "a")
    system = System.open(directory)
    assert system.path("b").parent not in system.paths()
    assert system.paths()[system.path("b").id].parent == "root/MLP/random"


def test_a_task_has_one_agent_and_a_run_has_none_beside_it(directory, capsys, monkeypatch):
    monkeypatch.setattr("mu2.store.lock.COMMIT_SECONDS", 0.2)
    with AgentSystem.join(directory, "a") as system:
        with pytest.raises(Mu2Error, match=r"the agent of 'a' .* is process"):
            AgentSystem.join(directory, "a")
        with pytest.raises(Mu2Error, match=r"agents write to .*: a \(process"):
            WritableSystem.extend(directory)
        assert main(["gc", str(directory)]) == 0
        (status,) = agents_of(directory)
        assert (status.task, status.cycle) == ("a", None)
        system.begin_cycle(wanted(system))
        (status,) = agents_of(directory)
        assert (status.cycle, status.generation, status.snapshot) == (0, 0, 1)
        assert "process" in status.process
    with WritableSystem.extend(directory), pytest.raises(Mu2Error, match="is being written by"):
        writers.AgentSystem.join(directory, "a")
    (status,) = agents_of(directory)
    assert status.process is None  # its cycle can go on


def test_gc_spares_what_an_agent_has_not_published(directory):
    with AgentSystem.join(directory, "a") as system:
        system.begin_cycle(wanted(system))
        child = writers.made("a/0/0", "a", None, ("head",), 0.5)
        child = system.stage(child, {"head": writers.leaves(7, 2)})
        system._put_named([child])  # as the commit of its generation begins
        system._background.wait()
        assert main(["gc", str(directory)]) == 0
        assert system.arrays(child.components[0])
        system._store.read([(child.components[0].digest, child.components[0].pack)])
    with AgentSystem.join(directory, "a") as system:
        assert writers.cycle_of(system, "a")[0] == 0
    assert main(["gc", str(directory)]) == 0
    assert writers.check(directory, {"a": [0]}) == 2
    store = system._store
    assert store.packs() == {c.pack for p in system.paths().values() for c in p.components} | {
        c.pack for c in System.open(directory).path("a").components
    }


def test_a_cycle_whose_task_was_changed_meanwhile_begins_anew(directory):
    with AgentSystem.join(directory, "a") as system:
        writers.cycle_of(system, "a")
        system.begin_cycle(wanted(system))
    before = system.cycle.snapshot
    assert main(["task", "private", str(directory), "a"]) == 0
    with AgentSystem.join(directory, "a") as system:
        assert system.begin_cycle(wanted(system)).snapshot != before


def test_a_cycle_of_other_settings_is_refused(directory):
    with AgentSystem.join(directory, "a") as system:
        other = writers.dataclasses.replace(wanted(system), made_with={"device": "another"})
        system.begin_cycle(wanted(system))
        with pytest.raises(Mu2Error, match="had other settings") as caught:
            system.begin_cycle(other)
        assert "--accept-changes" in caught.value.hint
        assert system.begin_cycle(other, accept_changes=True).made_with == other.made_with


@pytest.mark.slow
def test_eight_writers_lose_nothing_and_readers_see_whole_commits(directory, capsys):
    start = time.monotonic()
    reads, told = 0, {}
    with contextlib.ExitStack() as stack:
        processes = {
            task: stack.enter_context(writers.start(directory, 8, task))
            for task in map("t{}".format, range(8))
        }
        while any(process.poll() is None for process in processes.values()):
            system = System.open(directory)
            system.check_log()
            assert all(system.path(task).task == task for task in system.tasks)
            assert verify(directory) == []
            usage(directory)
            assert main(["gc", str(directory)]) == 0
            reads += 1
        for task, process in processes.items():
            out, err = process.communicate()
            assert process.returncode == 0, err
            told[task] = writers.cycles(out)
            assert told[task] == list(range(len(told[task])))
    commits = writers.check(directory, told) - 1
    assert commits == sum(map(len, told.values())) >= 8
    assert reads > 0
    with capsys.disabled():
        seconds = time.monotonic() - start
        said = f"\n8 writers: {commits} commits in {seconds:.0f} s with start, {reads} readings\n"
        sys.stdout.write(said)


@pytest.mark.slow
@pytest.mark.parametrize("kills", [12])
def test_killed_writers_lose_nothing(directory, kills):
    draw, told, lock = random.Random(0), {f"t{i}": [] for i in range(4)}, threading.Lock()
    left = [kills]

    def work(task):
        while True:
            process = writers.start(directory, 60, task)
            said = writers.cycles(process.stdout.readline())
            timer = threading.Timer(draw.uniform(0, 1), process.send_signal, [signal.SIGKILL])
            timer.start()
            out, err = process.communicate()
            said += writers.cycles(out)
            assert process.returncode == -signal.SIGKILL, err
            told[task] += said
            with lock:
                left[0] -= 1
                if left[0] <= 0:
                    return

    threads = [threading.Thread(target=work, args=(task,)) for task in told]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for task in told:  # whoever is next takes over
        process = writers.start(directory, 0.1, task)
        out, err = process.communicate()
        assert process.returncode == 0, err
        told[task] += writers.cycles(out)
        assert len(told[task]) == len(set(told[task]))
    assert main(["gc", str(directory)]) == 0
    system = System.open(directory)
    for task, cycles in told.items():
        done = system.task(task).iterations
        told[task] = list(range(done))
        assert set(cycles) <= set(range(done))
    writers.check(directory, told)
