"""Commits: what is found again, what a commit costs, and what damage is called."""

import contextlib
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from mu2.errors import Mu2Error
from mu2.store import Journal, WriterLock
from mu2.store.repair import repair
from mu2.store.sweep import find_reachable, sweep


@pytest.fixture
def system(tmp_path):
    directory = tmp_path / "system"
    Journal.create(directory, {"model": "vit"})
    return directory


def size(directory):
    files = [path for path in directory.rglob("*") if path.is_file()]
    return len(files), sum(path.stat().st_size for path in files)


def test_reading_the_journal_imports_neither_jax_nor_orbax():
    code = (
        "import sys, mu2.store, mu2.store.verify, mu2.store.components;"
        "sys.exit(bool({'jax', 'orbax', 'flax'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_new_system_is_empty(system):
    journal = Journal.open(system)
    assert (journal.header, journal.head, journal.names()) == ({"model": "vit"}, None, ())
    with pytest.raises(KeyError):
        journal.record("task/a")


def test_what_was_committed_is_found_again(system):
    journal = Journal.open(system)
    first = journal.commit({"task/ζ": {"score": 0.1}, "task/a": {"b": [1, None]}}, {"done": 1}, "1")
    second = journal.commit({"task/ζ": {"score": 1 / 3}, "root/r": {}}, {"done": 2}, "2")
    assert (first.number, first.previous, second.number) == (1, None, 2)
    for again in (journal, Journal.open(system)):
        assert again.head == second
        assert again.names() == ("task/ζ", "task/a", "root/r")
        assert again.record("task/ζ") == {"score": 1 / 3}
        assert again.record("task/a") == {"b": [1, None]}
        assert again.read_commit(second.previous) == first


def test_removed_records_are_gone_and_come_back_last(system):
    journal = Journal.open(system)
    journal.commit({name: {"name": name} for name in "abc"}, None, "")
    journal.names()
    journal.commit({}, None, "", removed=["a", "unknown"])
    assert journal.names() == Journal.open(system).names() == ("b", "c")
    with pytest.raises(KeyError):
        journal.record("a")
    journal.commit({"a": {}, "b": {"new": True}}, None, "")
    assert journal.names() == Journal.open(system).names() == ("b", "c", "a")
    journal.commit({}, None, "", removed=["a", "b", "c"])
    assert Journal.open(system).names() == ()


def test_a_commit_of_the_same_things_has_the_same_bytes_everywhere(tmp_path):
    heads = []
    for name in ("one", "two"):
        Journal.create(tmp_path / name, {"model": "vit"})
        journal = Journal.open(tmp_path / name)
        for i in range(50):
            journal.commit({f"task/{i}": {"i": i}, "x": {"last": i}}, {"i": i}, "m")
        heads.append((tmp_path / name / "HEAD").read_bytes())
    assert heads[0] == heads[1]


def test_a_commit_costs_the_same_with_a_thousand_records_as_with_ten(tmp_path):
    grown = {}
    for count in (10, 1000):
        directory = tmp_path / str(count)
        Journal.create(directory, {})
        journal = Journal.open(directory)
        journal.commit({f"task/{i}": {"i": i} for i in range(count)}, {}, "many")
        before = size(directory)
        journal.commit({"task/new": {"i": -1}, "task/3": {"i": -3}}, {}, "one more")
        after = size(directory)
        grown[count] = (after[0] - before[0], after[1] - before[1])
        assert len(Journal.open(directory).names()) == count + 1
    assert grown[1000][0] <= 8
    assert grown[1000][1] < 6000
    # A thousand of them are all found, each by reading a few nodes.
    assert all(journal.record(f"task/{i}") == {"i": i} for i in range(4, 1000, 111))


def test_a_reader_keeps_its_commit_while_another_writes(system):
    writer = Journal.open(system)
    writer.commit({"a": {"v": 1}}, None, "")
    reader = Journal.open(system)
    writer.commit({"a": {"v": 2}}, None, "")
    assert reader.record("a") == {"v": 1}
    with pytest.raises(Mu2Error, match="commit of another process"):
        reader.commit({"a": {"v": 3}}, None, "")
    assert Journal.open(system).record("a") == {"v": 2}


def test_a_document_that_is_no_json_changes_nothing(system):
    journal = Journal.open(system)
    with pytest.raises(ValueError, match="JSON"):
        journal.commit({"a": {"score": float("nan")}}, None, "")
    assert Journal.open(system).head is None


def test_create_refuses_a_system_and_a_folder_with_other_things(system, tmp_path):
    with pytest.raises(Mu2Error, match="mu2 system already"):
        Journal.create(system, {"model": "other"})
    assert Journal.open(system).header == {"model": "vit"}
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("")
    with pytest.raises(Mu2Error, match=r"not empty \(it holds 'thesis.tex'\)"):
        Journal.create(tmp_path / "home", {})
    (tmp_path / "file").write_text("")
    with pytest.raises(Mu2Error, match="no system can be made"):
        Journal.create(tmp_path / "file", {})


def test_create_goes_on_where_a_killed_one_stopped(tmp_path):
    directory = tmp_path / "system"
    (directory / "commits").mkdir(parents=True)
    (directory / ".new").write_text("half")
    (directory / "lock").write_text("")
    Journal.create(directory, {"a": 1})
    assert Journal.open(directory).header == {"a": 1}


def test_what_is_no_system_is_said_to_be_none(tmp_path):
    with pytest.raises(Mu2Error, match="is no mu2 system"):
        Journal.open(tmp_path / "nowhere")


@pytest.mark.parametrize(("number", "age"), [(7, "newer"), (1, "older")])
def test_another_format_is_refused(system, number, age):
    path = system / "mu2.json"
    path.write_bytes(path.read_bytes().replace(b'"format":2', b'"format":%d' % number))
    with pytest.raises(Mu2Error, match=rf"{age} mu2 \(format {number}; this one reads 2\)"):
        Journal.open(system)


@pytest.mark.parametrize("content", [b"", b"null\n", b"\xff\xfe", b"[" * 100000, b'{"format": 1}'])
@pytest.mark.parametrize("name", ["mu2.json", "HEAD", "commit", "index", "record"])
def test_damage_is_named_by_file(system, name, content):
    journal = Journal.open(system)
    journal.commit({"a": {}}, None, "")
    commit = journal.commit({"a": {"v": 1}}, None, "")
    path = {
        "commit": system / "commits" / f"{journal.name}.json",
        "index": system / "index" / f"{commit.index}.json",
        "record": next(p for p in (system / "records").iterdir() if b"v" in p.read_bytes()),
    }.get(name, system / name)
    path.write_bytes(content)
    with pytest.raises(Mu2Error, match="damaged") as caught:
        Journal.open(system).record("a")
    assert caught.value.location == str(path)
    if name in ("HEAD", "commit"):
        way_back = journal.name if name == "HEAD" else commit.previous
        assert "mu2 repair" in caught.value.hint
        repair(system)
        assert Journal.open(system).name == way_back
    path.unlink(missing_ok=True)
    if name == "record":
        with pytest.raises(Mu2Error, match="missing") as caught:
            Journal.open(system).record("a")
        assert caught.value.location == str(path)


def test_a_lost_head_is_not_taken_for_a_new_system(system):
    Journal.open(system).commit({"a": {}}, None, "")
    (system / "HEAD").unlink()
    with pytest.raises(Mu2Error, match="missing"):
        Journal.open(system)


@pytest.mark.parametrize("name", ["../../secret", "a/b", "", "A" * 64, "0" * 63, "0" * 64 + "\n"])
def test_names_that_lead_elsewhere_are_refused(system, name):
    journal = Journal.open(system)
    with pytest.raises(Mu2Error, match="is no digest"):
        journal.document(name)
    with pytest.raises(Mu2Error, match="names no commit"):
        journal.read_commit(name)
    (system / "HEAD").write_text(f"{name}\n")
    with pytest.raises(Mu2Error, match="damaged"):
        Journal.open(system)


def test_a_damaged_record_is_mended_by_the_commit_that_writes_it_again(system):
    journal = Journal.open(system)
    journal.commit({"a": {"v": 1}}, None, "")
    (path,) = (system / "records").iterdir()
    path.write_text("{}")
    journal.commit({"a": {"v": 1}}, None, "")
    assert Journal.open(system).record("a") == {"v": 1}


def test_files_are_plain_json(system):
    with WriterLock(system):
        Journal.open(system).commit({"a": {"v": 1}}, {"p": 1}, "m")
    files = [p for p in system.rglob("*") if p.is_file() and p.name != "HEAD"]
    assert len(files) == 4
    for path in files:
        json.loads(path.read_text())


def test_nothing_in_use_is_ever_removed_as_superfluous(system):
    draw, journal, records = random.Random(0), Journal.open(system), {}
    for number in range(150):
        names = draw.sample(range(number // 2 + 3), draw.randint(1, 3))
        changed = {f"task/{name}": {"of": name, "v": draw.randrange(3)} for name in names}
        gone = set(draw.sample(sorted(records), len(records) // 40)).difference(changed)
        passing = draw.random() < 0.7
        journal.commit(changed, None, "", gone, passing=passing)
        records = {n: r for n, r in {**records, **changed}.items() if n not in gone}
        again = Journal.open(system)
        assert {name: again.record(name) for name in again.names()} == records
        if not passing:
            assert find_reachable(
                again
            ).files  # reads every record of every commit that can be gone back to


def test_a_kill_amid_a_removal_leaves_nothing_behind(tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    draw, unlink, drop = random.Random(1), Path.unlink, Journal._drop_superfluous

    def killed_amid(journal, previous):
        left = draw.randrange(4)

        def killed(path, missing_ok=False):
            nonlocal left
            if not left:
                raise Killed
            left -= 1
            unlink(path, missing_ok=missing_ok)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", killed)
            drop(journal, previous)

    def history(directory, kills):
        Journal.create(directory, {})
        for number in range(60):
            changed = {"task/a": {"v": number % 5}, f"task/{number % 7}": {"v": number}}
            with monkeypatch.context() as patch, contextlib.suppress(Killed):
                if kills:
                    patch.setattr(Journal, "_drop_superfluous", killed_amid)
                Journal.open(directory).commit(changed, None, "", passing=number % 3 != 2)
            Journal.open(directory).remove_superfluous()
        return {str(path.relative_to(directory)) for path in directory.rglob("*.json")}

    whole = history(tmp_path / "whole", kills=False)
    assert history(tmp_path / "killed", kills=True) == whole
    assert sweep(tmp_path / "killed") == 0


def test_a_sweep_keeps_of_what_is_superfluous_that_of_the_newest_lasting_commit_alone(
    system, monkeypatch
):
    monkeypatch.setattr(Journal, "remove_superfluous", lambda journal: None)
    journal = Journal.open(system)
    for number in range(6):
        journal.commit({"task/a": {"v": number}}, None, "", passing=number % 2 == 0)
    # Commits 1, 3 and 5 are passing; who reads the 5th may go on until the next lasting one.
    assert sweep(system) > 0
    assert sorted(int(p.name[:8]) for p in (system / "commits").iterdir()) == [2, 4, 5, 6]
