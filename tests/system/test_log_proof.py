"""The logs are part of the proof: what a commit was made with is told from anything else."""

import json
import shutil

import pytest

from mu2.cli import main
from mu2.errors import Mu2Error
from mu2.system import System
from mu2.system.audit import verify
from tests import shrunken
from tests.shrunken import ONCE, SMALL


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    directory = tmp_path_factory.mktemp("log") / "system"
    shrunken.evolve(directory, *SMALL, ONCE)
    return directory


@pytest.fixture
def system(made, tmp_path):
    return shutil.copytree(made, tmp_path / "system")


def lines(path):
    return path.read_bytes().splitlines(keepends=True)


def cut(found):
    return found[:-1]


def another_number(found):
    return [found[0].replace(b'"steps": ', b'"steps": 1'), *found[1:]]


def exchanged(found):
    return [found[1], found[0], *found[2:]]


def doubled(found):
    return [found[0], *found]


def nothing(found):
    return []


SPOILT = [
    *(("log.jsonl", change) for change in (cut, another_number, exchanged, doubled, nothing)),
    *(("times.jsonl", change) for change in (cut, exchanged, nothing)),
]


@pytest.mark.parametrize(("name", "change"), SPOILT)
def test_a_log_that_is_not_the_commits_is_told_everywhere(system, name, change, capsys):
    path = system / name
    path.write_bytes(b"".join(change(lines(path))))
    faults = verify(system)
    assert [fault.file.partition(":")[0] for fault in faults] == [str(path)]
    assert main(["show", str(system)]) == 2
    assert name in capsys.readouterr().err
    assert main(["verify", "--fast", str(system)]) == 2
    with pytest.raises(Mu2Error, match=r"log|times"):
        shrunken.evolve(system, *SMALL, "Stream.iterations=2")
    with pytest.raises(Mu2Error):
        System.branch(system, system.parent / "branch")
    assert not (system.parent / "branch").exists()


def test_a_run_goes_on_without_its_log_where_it_is_asked_to(system):
    (system / "log.jsonl").unlink()
    shrunken.evolve(system, *SMALL, "Stream.iterations=2", accept_changes=True)
    made = System.open(system)
    made.check_log()  # of what has been written since
    assert len(made.log) == made.progress.log_lines > 0
    assert [fault.file for fault in verify(system)] == [str(system / "log.jsonl")]


def test_lines_that_no_commit_has_seen_are_no_fault(system):
    for name in ("log.jsonl", "times.jsonl"):
        path = system / name
        path.write_bytes(path.read_bytes() + lines(path)[0] + b'{"half')
    assert verify(system) == []
    before = System.open(system).progress.log_bytes
    shrunken.evolve(system, *SMALL, "Stream.iterations=2")
    made = System.open(system)
    made.check_log()
    assert made.progress.log_bytes > before


def test_systems_without_digests_of_logs_are_read_and_extended(system):
    """As mu2 of up to November 2026 wrote them: bytes and lines are counted."""
    before = System.open(system).progress
    old = json.loads(json.dumps(before.to_json()))
    del old["log_digest"]
    read = type(before).from_json(old)
    assert read.log_digest == ""
    assert read.log_lines == before.log_lines
