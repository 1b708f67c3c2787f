"""Leases: one holder at a time, taken over from the dead."""

import errno
import os
import time

import pytest

from mu2.errors import Mu2Error
from mu2.store import Journal, lock
from mu2.store.lock import AgentLock, CommitLock, Lease, WriterLock
from tests import shrunken

HOLDS = """
import sys, time
from pathlib import Path
from mu2.store.lock import Lease
lease = Lease(Path(sys.argv[1]), "system")
assert lease.take()
print("held", flush=True)
time.sleep(60)
"""


@pytest.fixture
def system(tmp_path):
    Journal.create(tmp_path / "system", {})
    return tmp_path / "system"


@pytest.fixture
def soon(monkeypatch):
    monkeypatch.setattr(lock, "SECONDS", 0.6)
    monkeypatch.setattr(lock, "COMMIT_SECONDS", 0.3)


def held(system):
    process = shrunken.python("-c", HOLDS, system)
    assert process.stdout.readline() == "held\n"
    return process


def elsewhere(system):
    """Makes a lease one of a process of another machine."""
    file = system / "leases" / "system"
    lines = file.read_text().splitlines()
    lines = ["host=far" if line.startswith("host=") else line for line in lines]
    file.write_text("\n".join(lines) + "\n")
    return file


def test_the_lease_of_a_dead_process_is_free_at_once(system):
    process = held(system)
    assert not Lease(system, "system").take()
    process.kill()
    process.communicate()
    assert Lease(system, "system").is_dead
    start = time.monotonic()
    with WriterLock(system):
        assert time.monotonic() - start < lock.SECONDS / 10


def test_a_lease_whose_holder_was_killed_before_it_was_named_is_free_soon(system):
    (system / "leases").mkdir(exist_ok=True)
    for name, record in (("system", b""), ("agent-greek", b"filelock/2\npid=12")):
        (system / "leases" / name).write_bytes(record)
        lease = Lease(system, name)
        start = time.monotonic()
        assert lease.take()
        assert time.monotonic() - start < lock.SECONDS / 2
        lease.check()
        lease.give_back()
        assert not (system / "leases" / name).exists()


def test_a_holder_that_stood_still_before_it_was_named_has_its_lease(system):
    """Whoever waits adds a newline, before the record or after it."""
    lease = Lease(system, "system")
    assert lease.take()
    file = system / "leases" / "system"
    record = file.read_bytes()
    file.write_bytes(b"")
    lease._mark_unwritten()
    with open(file, "r+b") as late:
        late.write(record)
    lease.check()
    with open(file, "ab") as other:
        other.write(b"\n")
    lease.check()
    assert not Lease(system, "system").take()
    lease.give_back()


def test_the_lease_of_another_machine_is_free_once_nobody_touches_it(system, soon):
    lease = Lease(system, "system")
    assert lease.take()
    file = elsewhere(system)
    lease._lock._stop_heartbeat()
    start = time.monotonic()
    with WriterLock(system):
        assert time.monotonic() - start >= 0.6
        with pytest.raises(Mu2Error, match="was taken over while this process stood still"):
            lease.check()
    assert not file.exists()


def test_the_lease_of_another_machine_is_not_taken_while_it_is_touched(system, soon):
    process = held_touching(system)
    elsewhere(system)
    try:
        with pytest.raises(Mu2Error, match=f"process {process.pid} on far"):
            WriterLock(system).__enter__()
    finally:
        process.kill()
        process.communicate()


def held_touching(system):
    script = HOLDS.replace("from mu2.store.lock import Lease", "from mu2.store import lock\n"
                           "lock.SECONDS = 0.6\nLease = lock.Lease")  # fmt: skip
    process = shrunken.python("-c", script, system)
    assert process.stdout.readline() == "held\n"
    return process


def test_a_commit_waits_for_another_and_refuses_a_run(system, soon):
    with WriterLock(system), pytest.raises(Mu2Error, match=f"by process {os.getpid()} on"):
        CommitLock(system).__enter__()
    with CommitLock(system):
        pass
    assert list((system / "leases").iterdir()) == []


def test_a_full_disk_says_how_gc_can_make_room(system, monkeypatch):
    def acquire(lock, **_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("filelock.SoftFileLease.acquire", acquire)
    with pytest.raises(Mu2Error, match="No space left on device") as caught, WriterLock(system):
        pytest.fail("a lock on a full disk")
    assert "`mu2 gc` then frees what no commit names" in caught.value.hint


def test_an_agent_keeps_a_run_out_and_a_run_keeps_agents_out(system, soon):
    with AgentLock(system, "cmaterdb/bangla"):
        with pytest.raises(Mu2Error, match=r"agents write to .*: cmaterdb/bangla \(process"):
            WriterLock(system).__enter__()
        with CommitLock(system), AgentLockOfAnother(system):
            pass
    with WriterLock(system), pytest.raises(Mu2Error, match="is being written by process"):
        AgentLock(system, "a").__enter__()
    assert list((system / "leases").iterdir()) == []


class AgentLockOfAnother(CommitLock):
    """The lease of an agent alone, as it is held between its commits."""

    def __init__(self, directory):
        super().__init__(directory)
        self._lease = lock.agent_lease(directory, "other")
