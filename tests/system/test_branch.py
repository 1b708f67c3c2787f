"""A branch is whole or not there, and the same command goes on with what it began."""

import json
import os
import shutil

import pytest

from mu2.cli.run import branch
from mu2.errors import Mu2Error
from mu2.system import System
from mu2.system.audit import verify
from tests import shrunken
from tests.shrunken import DIGITS, ONCE, SMALL


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    directory = tmp_path_factory.mktemp("branch") / "system"
    shrunken.evolve(directory, *SMALL, ONCE)
    return directory


@pytest.fixture
def source(made, tmp_path):
    return shutil.copytree(made, tmp_path / "source")


def kill_at(monkeypatch, number):
    """Raises what nothing catches at some call that changes a folder or a file."""
    left = [number]
    for name in ("open", "link", "rename", "replace", "mkdir", "fsync", "unlink"):
        true = getattr(os, name)

        def counted(*arguments, true=true, **named):
            left[0] -= 1
            if left[0] == 0:
                raise shrunken.Stopped
            return true(*arguments, **named)

        monkeypatch.setattr(os, name, counted)
    return left


def without_lock(directory):
    found = shrunken.files(directory)
    return {name: each for name, each in found.items() if not name.startswith("leases/")}


def test_a_branch_that_is_killed_anywhere_is_whole_or_not_there(source, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        left = kill_at(patch, 10**9)
        branch(str(source), str(tmp_path / "whole"))
    calls = 10**9 - left[0]
    assert calls > 40
    whole = without_lock(tmp_path / "whole")
    for number in range(1, calls + 1, 17):
        target = tmp_path / f"branch{number}"
        with monkeypatch.context() as patch:
            kill_at(patch, number)
            # A kill runs no cleaning.
            patch.setattr(shutil, "rmtree", lambda *_, **__: None)
            with pytest.raises(shrunken.Stopped):
                branch(str(source), str(target))
        if System.exists(target):
            assert verify(target) == []
        branch(str(source), str(target))
        assert without_lock(target) == whole
        assert not list(tmp_path.glob(".branch*"))


def test_a_full_disk_leaves_nothing_of_a_branch(source, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(Mu2Error, match="No space left"):
            branch(str(source), str(tmp_path / "new"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["source"]


def test_a_system_that_is_no_branch_is_refused(source, tmp_path):
    branch(f"{source}@2", str(tmp_path / "second"))
    branch(f"{source}@2", str(tmp_path / "second"))
    branch(str(source), str(tmp_path / "second"))  # from wherever it began
    with pytest.raises(Mu2Error, match="no branch of"):
        branch(f"{source}@1", str(other(tmp_path, "1")))
    with pytest.raises(Mu2Error, match="no branch of"):
        branch(str(source), str(other(tmp_path, "2")))


def other(tmp_path, name):
    directory = tmp_path / f"other{name}"
    shrunken.evolve(directory, *DIGITS, ONCE, f"Experiment.seed={name}")
    return directory


def test_a_branch_goes_on_when_its_source_has_gone_on(source, tmp_path):
    with shrunken.stopped_at("commit", after=True, commits=3), pytest.raises(shrunken.Stopped):
        shrunken.evolve(tmp_path / "long", *SMALL, ONCE)
    branch(str(tmp_path / "long"), str(tmp_path / "new"))
    passing = System.open(tmp_path / "new").history()[0]
    assert passing["passing"]
    shrunken.evolve(tmp_path / "long", *SMALL, ONCE)
    branch(str(tmp_path / "long"), str(tmp_path / "new"))
    branch(f"{tmp_path / 'long'}@{passing['number']}", str(tmp_path / "new"))


def test_folders_that_are_the_users_are_left_alone(source, tmp_path):
    (tmp_path / ".new.branch").mkdir()
    (tmp_path / ".new.branch" / "thesis.tex").touch()
    with pytest.raises(Mu2Error, match=r"it holds 'thesis\.tex'"):
        branch(str(source), str(tmp_path / "new"))
    assert (tmp_path / ".new.branch" / "thesis.tex").exists()


def test_a_branch_keeps_the_lines_of_its_commit(source, tmp_path):
    (number,) = (
        each["number"]
        for each in System.open(source).history()
        if each["message"] == "digits iteration"
    )
    branch(f"{source}@{number}", str(tmp_path / "new"))
    made = System.open(tmp_path / "new")
    made.check_log()
    assert len(made.log) == len(made.times) == made.progress.log_lines
    assert 0 < len(made.log) < len(System.open(source).log)
    assert json.loads((tmp_path / "new" / "mu2.json").read_text())["header"]["began_at"]
