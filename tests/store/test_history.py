"""The history: lasting and passing commits, going back, branches, and the sweep."""

import os

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.store.branch import branch
from mu2.store.components import ComponentStore
from mu2.store.files import bytes_below
from mu2.store.journal import Journal
from mu2.store.sweep import find_reachable, sweep
from mu2.store.verify import verify


@pytest.fixture
def system(tmp_path):
    """Two lasting commits with two passing ones between them; each names a component of its own."""
    directory = tmp_path / "system"
    journal = Journal.create(directory, {})
    for i, passing in enumerate((False, True, True, False)):
        stored = store(directory).write({f"c{i}": {"w": np.full(5, i, np.float32)}})
        record = {"i": i, "components": [s._asdict() for s in stored.values()]}
        journal.commit({"task/a": record, f"task/{i}": {"i": i}}, i, f"m{i}", passing=passing)
    return directory


def store(directory):
    return ComponentStore(directory / "components")


def messages(directory):
    return [commit.message for _, commit in Journal.open(directory).history()]


def files(directory):
    return {str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file()}


def test_passing_commits_are_history_until_a_lasting_one_takes_their_place(tmp_path):
    journal = Journal.create(tmp_path / "s", {})
    seen = []
    for i, passing in enumerate((False, True, True, False, True)):
        journal.commit({"a": {"i": i}}, i, f"m{i}", passing=passing)
        seen.append(messages(journal.directory))
    assert seen == [
        ["m0"],
        ["m1", "m0"],
        ["m2", "m1", "m0"],
        ["m3", "m0"],
        ["m4", "m3", "m0"],
    ]


def test_numbers_go_on_and_names_stay(system):
    assert [commit.number for _, commit in Journal.open(system).history()] == [4, 1]


def test_what_passing_commits_wrote_outlives_one_lasting_commit_and_not_two(system):
    passed = [name for name in files(system) if name.startswith("commits/")]
    assert len(passed) == 4  # a reader may still be at one of them
    journal = Journal.open(system)
    before = files(system)
    journal.commit({"task/b": {}}, None, "another")
    gone = before - files(system)
    assert sum(name.startswith("commits/") for name in gone) == 2
    assert sum(name.startswith("records/") for name in gone) == 2  # the two states of task/a
    assert verify(system) == []
    assert journal.record("task/1") == {"i": 1}  # written by a passing commit, and in use


def test_what_comes_again_is_not_dropped(tmp_path):
    journal = Journal.create(tmp_path / "s", {})
    journal.commit({"a": {"v": 0}}, None, "0")
    journal.commit({"a": {"v": 1}}, None, "passing", passing=True)
    journal.commit({"a": {"v": 2}}, None, "2")
    journal.commit({"a": {"v": 1}}, None, "what passed is back")
    assert Journal.open(journal.directory).record("a") == {"v": 1}
    assert verify(journal.directory) == []


def test_going_back(system):
    journal = Journal.open(system)
    first = [*journal.history()][-1][0]
    for name in ("1", "00000001", first, first[:12], f"1-{first[9:14]}"):
        old = journal.at(name)
        assert old.record("task/a")["i"] == 0
        assert old.names() == ("task/a", "task/0")
    assert journal.record("task/a")["i"] == 3


@pytest.mark.parametrize("name", ["2", "9", "x", "", "1-ffff", "../1"])
def test_a_commit_that_is_not_in_the_history(name, system):
    with pytest.raises(Mu2Error, match="has no commit") as caught:
        Journal.open(system).at(name)
    assert "4-" in caught.value.hint


def test_a_branch_is_whole_and_apart(system, tmp_path):
    first = branch(system, tmp_path / "old", at="1")
    assert first.record("task/a")["i"] == 0
    assert verify(tmp_path / "old") == []
    assert len(store(tmp_path / "old").packs()) == 1
    whole = branch(system, tmp_path / "new")
    assert verify(tmp_path / "new") == []
    whole.commit({"task/a": {"i": "new"}}, None, "apart")
    assert Journal.open(system).record("task/a")["i"] == 3
    assert verify(system) == []
    sweep(system)
    assert verify(tmp_path / "new") == []


def test_components_are_shared_by_links(system, tmp_path):
    branch(system, tmp_path / "new")
    pack = min(store(tmp_path / "new").packs())
    linked = tmp_path / "new" / "components" / pack / "manifest.json"
    assert os.stat(linked).st_nlink >= 2


def test_a_branch_is_copied_where_links_are_not_possible(system, tmp_path, monkeypatch):
    def validate(*_, **__):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", validate)
    branch(system, tmp_path / "new")
    assert verify(tmp_path / "new") == []


def test_a_branch_needs_an_empty_folder(system, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    with pytest.raises(Mu2Error, match="not empty"):
        branch(system, tmp_path / "full")


def test_a_sweep_removes_what_no_commit_names_and_nothing_else(system):
    packs = store(system).packs()
    keep = find_reachable(Journal.open(system)).packs
    assert len(packs) == 4
    assert len(keep) == 2
    stray = system / "records" / f"{'0' * 64}.json"
    stray.write_text("{}")
    size = bytes_below(system)
    freed = sweep(system)
    assert freed > 0
    assert size - bytes_below(system) == freed
    assert store(system).packs() == keep
    assert not stray.exists()
    assert verify(system) == []
    assert sweep(system) == 0
    assert Journal.open(system).at("1").record("task/a")["i"] == 0


def test_the_state_of_a_passing_commit_survives_a_sweep(tmp_path):
    directory = tmp_path / "s"
    journal = Journal.create(directory, {})
    stored = store(directory).write({"c": {"w": np.ones(3, np.float32)}})
    record = {"components": [s._asdict() for s in stored.values()]}
    journal.commit({"a": record}, None, "passing", passing=True)
    sweep(directory)
    assert Journal.open(directory).record("a") == record
    assert len(store(directory).packs()) == 1


def test_a_damaged_history_is_not_swept(system):
    before = files(system)
    record = next((system / "records").iterdir())
    record.write_text("damaged")
    with pytest.raises(Mu2Error):
        sweep(system)
    assert files(system) == before
