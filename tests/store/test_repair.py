"""What can be put back is put back, shown first, and nothing is lost by it."""

import shutil

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.store import Journal, WriterLock
from mu2.store.components import ComponentStore
from mu2.store.head import newer_commits
from mu2.store.repair import plan, repair
from mu2.store.sweep import sweep
from mu2.store.verify import verify


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Five lasting commits, each with a record and a component of its own."""
    directory = tmp_path_factory.mktemp("repair") / "system"
    journal = Journal.create(directory, {})
    store = ComponentStore(directory / "components")
    for i in range(5):
        (stored,) = store.write({"c": {"w": np.full(9, i, np.float32)}}).values()
        journal.commit({f"task/{i}": {"path": stored._asdict()}}, i, f"m{i}")
    return directory


@pytest.fixture
def system(made, tmp_path):
    return shutil.copytree(made, tmp_path / "system")


def commits(system):
    return [name for name, _ in Journal.open(system).history()]


def content(system):
    return {
        str(path.relative_to(system)): path.read_bytes()
        for path in sorted(system.rglob("*"))
        if path.is_file() and "leases" not in path.parts and "repaired" not in path.parts
    }


@pytest.mark.parametrize("back", [1, 2, 4, 5])
def test_a_head_that_is_put_back_is_told_and_mended(system, back):
    names, before = commits(system), content(system)
    (system / "HEAD").write_text(f"{[*names, 'none'][back]}\n")
    (fault,) = verify(system)
    assert fault.file == str(system / "HEAD")
    with pytest.raises(Mu2Error) as caught:
        sweep(system)
    assert "mu2 repair" in caught.value.hint
    spoilt = content(system)
    (step,) = plan(system)
    assert step.file == fault.file
    assert content(system) == spoilt  # shown, and not done
    repair(system)
    assert content(system) == before
    assert (system / "repaired" / "HEAD.1").read_bytes() == spoilt["HEAD"]
    assert verify(system) == plan(system) == []


@pytest.mark.parametrize("text", ["", "x\n", "none", None])
def test_a_head_that_names_nothing_is_mended(system, text):
    before = content(system)
    (system / "HEAD").unlink()
    if text is not None:
        (system / "HEAD").write_text(text)
    assert str(system / "HEAD") in {fault.file for fault in verify(system)}
    repair(system)
    assert content(system) == before


def test_a_newest_commit_that_is_not_whole_gives_way(system):
    names = commits(system)
    (
        system / "records" / f"{Journal.open(system).at('5')._index().get('task/4').digest}.json"
    ).unlink()
    repair(system)
    assert commits(system) == names[1:]
    assert (system / "repaired" / f"commits-{names[0]}.json.1").exists()
    assert verify(system) == []
    sweep(system)
    assert verify(system) == []


def test_every_document_of_the_history_is_proved(system):
    for folder in ("commits", "index", "records", "components"):
        for path in sorted((system / folder).rglob("*")):
            if path.is_file() and path.parent.name != "where":
                kept = path.read_bytes()
                path.unlink()
                assert str(path) in {fault.file for fault in verify(system)}, path
                path.write_bytes(kept)
    assert verify(system) == []


def test_header_pointers_names_and_leftovers_are_put_back(system):
    before = content(system)
    (system / "mu2.json").write_text("{")
    pointers = sorted((system / "components" / "where").iterdir())
    pointers[0].unlink()
    pointers[1].write_text("x")
    record = min((system / "records").iterdir())
    record.rename(record.with_name("copy.json"))
    (system / "index" / ".new").write_text("half")
    (system / "components" / "new").mkdir(exist_ok=True)
    (system / "components" / "new" / "half").touch()
    assert len(repair(system)) == 6
    assert content(system) == before
    assert {p.name for p in (system / "repaired").iterdir()} == {
        *("mu2.json.1", f"components-where-{pointers[1].name}.1", "index-.new.1"),
        "components-new.1",
    }


def test_a_killed_commit_is_no_doubt(system, monkeypatch):
    class Killed(BaseException):
        pass

    def killed(directory):
        raise Killed

    journal = Journal.open(system)
    with monkeypatch.context() as patch:
        patch.setattr("mu2.store.journal.publish_head", killed)
        with pytest.raises(Killed):
            journal.commit({"task/x": {}}, 5, "m5")
    assert newer_commits(system) == []
    assert verify(system) == []
    shutil.copytree(system, system.parent / "other")
    repair(system.parent / "other")
    assert commits(system.parent / "other")[1:] == commits(system)
    sweep(system)
    assert len(list((system / "commits").iterdir())) == 5


def test_a_commit_that_fails_leaves_nothing(system, monkeypatch):
    def full(directory):
        raise OSError(28, "No space left on device")

    journal, before = Journal.open(system), sorted((system / "commits").iterdir())
    monkeypatch.setattr("mu2.store.journal.publish_head", full)
    with pytest.raises(Mu2Error, match="No space left"):
        journal.commit({"task/x": {}}, 5, "m5")
    assert sorted((system / "commits").iterdir()) == before
    assert verify(system) == []


def test_a_system_of_another_mu2_is_left_alone(system):
    path = system / "mu2.json"
    path.write_bytes(path.read_bytes().replace(b'"format":2', b'"format":9'))
    with pytest.raises(Mu2Error, match="newer mu2"):
        repair(system)
    with pytest.raises(Mu2Error, match="is no mu2 system"):
        plan(system / "records")


def test_repair_takes_the_lock(system):
    with WriterLock(system), pytest.raises(Mu2Error, match="is being written by"):
        repair(system)


def test_what_is_being_written_is_no_leftover(system):
    with WriterLock(system), pytest.raises(Mu2Error, match="is being written by process"):
        plan(system)
    assert plan(system) == []
