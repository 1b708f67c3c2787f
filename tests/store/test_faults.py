"""Kills, full disks, read-only folders and second writers: the last commit stays whole."""

import errno
import fcntl
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from mu2.errors import Mu2Error
from mu2.store import Journal, WriterLock
from mu2.store.verify import verify

COMMITS = """
import sys
from pathlib import Path
from mu2.store import Journal, WriterLock
system = Path(sys.argv[1])
with WriterLock(system):
    journal = Journal.open(system)
    start = journal.head.number if journal.head else 0
    print("writing", flush=True)
    for i in range(start + 1, 100000):
        journal.commit({f"task/{i % 40}": {"i": i}, "last": {"i": i, "text": "x" * 5000}}, i, "m")
        print(i, flush=True)
"""

PACKS = """
import sys
from pathlib import Path
import numpy as np
from mu2.store import Journal, WriterLock
from mu2.store.components import ComponentStore
system = Path(sys.argv[1])
with WriterLock(system):
    journal, store = Journal.open(system), ComponentStore(system / "components")
    for i in range(journal.head.number + 1 if journal.head else 1, 100000):
        leaves = {str(k): {"w": np.full((50, 50), 10 * i + k, np.float32)} for k in range(3)}
        stored = store.write(leaves)
        journal.commit({f"task/{i}": [s._asdict() for s in stored.values()]}, i, "m")
        print(i, flush=True)
"""


@pytest.fixture
def system(tmp_path):
    directory = tmp_path / "system"
    Journal.create(directory, {})
    return directory


def start(code, *arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def kill(process):
    """Kills it and returns the last number it printed."""
    process.send_signal(signal.SIGKILL)
    # By the streams: `communicate` passes over lines that a `readline` before it has buffered.
    with process:
        out, err = process.stdout.read(), process.stderr.read()
    assert err == ""
    # A line that the kill cut short promises nothing.
    numbers = [line for line in out.split("\n")[:-1] if line.isdecimal()]
    return int(numbers[-1]) if numbers else 0


def test_a_kill_between_any_two_steps_leaves_the_last_commit_whole(system):
    draw = random.Random(20)
    last = 0
    for _ in range(6):
        process = start(COMMITS, system)
        assert process.stdout.readline() == "writing\n"
        # By commits and not by the clock alone, which on a busy machine is over before the first.
        for _ in range(draw.randrange(1, 6)):
            last = int(process.stdout.readline())
        time.sleep(draw.uniform(0, 0.02))
        promised = max(kill(process), last)
        journal = Journal.open(system)
        last = journal.head.number if journal.head else 0
        # What was promised is there; at most the commit under way is there too.
        assert promised <= last <= promised + 1
        assert journal.head is None or journal.head.progress == last
        for name in journal.names():
            i = journal.record(name)["i"]
            assert i == last if name == "last" else name == f"task/{i % 40}"
        assert len(journal.names()) == (min(last, 40) + 1 if last else 0)
        assert verify(system) == []
    assert last > 10


def test_a_kill_while_packs_are_written_leaves_nothing_half(system):
    last = 0
    for wait in (0.07, 0.23):
        process = start(PACKS, system)
        assert int(process.stdout.readline()) == last + 1
        time.sleep(wait)
        kill(process)
        assert verify(system) == []
        last = Journal.open(system).head.number
    process = start(PACKS, system)
    assert int(process.stdout.readline()) == last + 1
    kill(process)
    assert verify(system) == []


def test_a_second_writer_is_refused_by_the_name_of_the_first(system):
    process = start(COMMITS, system)
    for _ in range(2):  # until a commit has made its folders
        process.stdout.readline()
    before = set(os.listdir(system)) | {".new"}  # which comes and goes with a commit
    with pytest.raises(Mu2Error, match="is being written by process") as caught, WriterLock(system):
        pytest.fail("two writers")
    kill(process)
    assert str(process.pid) in caught.value.message
    assert os.uname().nodename in caught.value.message
    assert "-c" in caught.value.message
    assert set(os.listdir(system)) | {".new"} == before
    # The holder is dead and its name still stands in the file: the lease is free all the same.
    assert (system / "leases" / "system").read_text() != ""
    with WriterLock(system), pytest.raises(Mu2Error, match=f"process {os.getpid()} on"):
        WriterLock(system).__enter__()
    assert not (system / "leases" / "system").exists()


def test_the_lock_of_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(Mu2Error, match="cannot be written"), WriterLock(tmp_path / "nowhere"):
        pytest.fail("a lock on nothing")


FULL = """
import resource, sys
from pathlib import Path
import numpy as np
from mu2.errors import Mu2Error
from mu2.store import Journal
from mu2.store.components import ComponentStore
system = Path(sys.argv[1])
journal = Journal.open(system)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    journal.commit({"a": {"text": "x" * 30000}}, None, "")
except Mu2Error as error:
    print(error)
try:
    ComponentStore(system / "components").write({"a": {"w": np.ones((100, 100), np.float32)}})
except Mu2Error as error:
    print(error)
journal.commit({"a": {"v": 2}}, None, "after")
"""


def test_a_disk_that_takes_no_more_changes_nothing(system):
    Journal.open(system).commit({"a": {"v": 1}}, None, "before")
    out, err = start(FULL, system).communicate()
    assert err == ""
    assert "does not take a commit: File too large" in out
    assert "does not take new components: File too large" in out
    assert out.count("ast commit is whole. Mend this") == 2
    assert Journal.open(system).record("a") == {"v": 2}
    assert Journal.open(system).head.number == 2
    assert verify(system) == []


READ_ONLY = """
import os
from pathlib import Path
import numpy as np
from mu2.errors import Mu2Error
from mu2.store import Journal, WriterLock
from mu2.store.components import ComponentStore
system = Path(".")
try:
    WriterLock(system).__enter__().__exit__(None, None, None)  # loads what nobody may read
except Mu2Error:
    pass
if os.geteuid() == 0:
    os.setuid(65534)  # no mode stops root
journal = Journal.open(system)
print(journal.record("a"))
for attempt in (
    lambda: WriterLock(system).__enter__(),
    lambda: journal.commit({"a": {"v": 2}}, None, ""),
    lambda: ComponentStore(system / "components").write({"a": {"w": np.ones(3)}}),
    lambda: Journal.create(system / "below", {}),
):
    try:
        attempt()
    except Mu2Error as error:
        print(error.message)
"""


def test_a_read_only_folder_can_be_read_and_not_written(system):
    with WriterLock(system):
        Journal.open(system).commit({"a": {"v": 1}}, None, "")
    folders = [system, *(path for path in system.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    try:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        out, err = start(READ_ONLY, cwd=system, env=environment).communicate()
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert err == ""
    lines = out.splitlines()
    assert lines[0] == "{'v': 1}"
    assert len(lines) == 5
    assert all("Permission denied" in line for line in lines[1:])
    assert Journal.open(system).head.number == 1


def test_a_file_system_without_locks_is_written_by_one_all_the_same(system, monkeypatch):
    def missing(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", missing)
    monkeypatch.setattr(fcntl, "lockf", missing)
    with WriterLock(system):
        with pytest.raises(Mu2Error, match=f"is being written by process {os.getpid()}"):
            WriterLock(system).__enter__()
        Journal.open(system).commit({"a": {"v": 1}}, None, "")
    with WriterLock(system):
        assert Journal.open(system).record("a") == {"v": 1}
