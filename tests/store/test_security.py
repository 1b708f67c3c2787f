"""Systems that someone else made: nothing in them leads out of their folder, or hangs a reader.

Digests vouch for bytes, not for who wrote them, so every test here makes the digests fit.
"""

import os

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.models import restore
from mu2.store import Journal, WriterLock
from mu2.store.components import ComponentStore
from mu2.store.files import encode, is_below, read_bytes, sha256, write_file
from mu2.store.sweep import sweep
from mu2.store.usage import usage
from mu2.store.verify import verify
from mu2.system import System
from mu2.system.writable import WritableSystem
from tests.store.forged import committed, pack, repacked

ABROAD = ("../secret", "../../secret", "/etc/passwd", "a/../../secret", "records/../../secret")


def record(system, content):
    """Puts bytes in place of the record of the task, and of the index."""
    digest = sha256(content)
    (system / "records" / f"{digest}.json").write_bytes(content)
    node = encode({"entries": {"task/t": [digest, 0]}})
    (system / "index" / f"{sha256(node)}.json").write_bytes(node)
    committed(system, index=sha256(node))


@pytest.mark.parametrize("name", ABROAD)
def test_names_of_files_that_lead_out(name):
    assert not is_below(name)


@pytest.mark.parametrize("name", ["", ".", "..", "/", "a//b", "a/", "a/.", "a\\b", "a\0", None, 3])
def test_names_of_files_that_are_none(name):
    assert not is_below(name)
    assert is_below("a/b.c")
    assert is_below("..a")


@pytest.mark.parametrize("name", [*ABROAD, "HEAD", "records/x.json", 3])
def test_a_commit_names_no_file_but_of_the_journal(system, name):
    """What a commit calls superfluous is removed, so this would remove any file."""
    committed(system, files=[name])
    with pytest.raises(Mu2Error) as caught:
        Journal.open(system)
    assert "commits" in caught.value.location
    with pytest.raises(Mu2Error):
        sweep(system)
    with pytest.raises(Mu2Error):
        System.branch(system, system.parent / "branch")
    assert (system.parent / "secret").read_text() == "secret\n"
    assert any("commits" in fault.file for fault in verify(system))


@pytest.mark.parametrize("previous", ABROAD)
def test_a_commit_before_that_leads_out(system, previous):
    committed(system, previous=previous)
    with pytest.raises(Mu2Error, match="names no commit"):
        list(Journal.open(system).history())


@pytest.mark.parametrize("index", [*ABROAD, 3, {}, []])
def test_an_index_that_leads_out(system, index):
    committed(system, index=index)
    with pytest.raises(Mu2Error, match="is no digest"):
        Journal.open(system).names()


@pytest.mark.parametrize("place", ABROAD)
def test_records_and_nodes_that_lead_out(system, place):
    for node in (
        {"entries": {"task/t": [place, 0]}},
        {"children": dict.fromkeys("0123456789abcdef", place)},
    ):
        content = encode(node)
        (system / "index" / f"{sha256(content)}.json").write_bytes(content)
        committed(system, index=sha256(content))
        with pytest.raises(Mu2Error, match="is no digest"):
            Journal.open(system).record("task/t")


@pytest.mark.parametrize("name", ABROAD)
def test_components_that_lead_out(system, name):
    store = ComponentStore(system / "components")
    digest = next(iter(store.components(pack(system))))
    for stored in ((name, pack(system)), (digest, name)):
        with pytest.raises(Mu2Error, match="names no component"):
            store.read([stored])


@pytest.mark.parametrize("name", ABROAD)
def test_files_of_a_pack_that_lead_out(system, name):
    digest = next(iter(ComponentStore(system / "components").components(pack(system))))
    repacked(system, files={name: sha256(b"secret\n")})
    with pytest.raises(Mu2Error, match="which no pack holds"):
        ComponentStore(system / "components").read([(digest, pack(system))])
    assert [fault.problem for fault in verify(system) if "which no pack holds" in fault.problem]


@pytest.mark.parametrize("components", [{"../secret": {}}, {"x": {}}, [], "x", {"x": 3}])
def test_a_manifest_of_other_things(system, components):
    name = repacked(system, components=components)
    with pytest.raises(Mu2Error):
        ComponentStore(system / "components").components(name)
    assert verify(system)


@pytest.mark.parametrize("name", ["HEAD", "mu2.json", "log.jsonl", "times.jsonl"])
def test_a_file_that_is_a_link_is_refused(system, name):
    elsewhere = system.parent / "elsewhere"
    if (system / name).exists():
        (system / name).rename(elsewhere)
    else:
        elsewhere.write_text("")
    before = elsewhere.read_bytes()
    (system / name).symlink_to(elsewhere)
    for ask in (System.open, WritableSystem.extend, sweep):
        with pytest.raises(Mu2Error, match="symbolic link"):
            ask(system)
    assert elsewhere.read_bytes() == before
    assert [fault.file for fault in verify(system)] == [str(system / name)]


@pytest.mark.parametrize(
    "name", ["commits", "index", "records", "runs", "components", "components/where"]
)
def test_a_folder_that_is_a_link_is_refused(system, name):
    elsewhere = system.parent / "elsewhere"
    (system / name).mkdir(exist_ok=True)
    (system / name).rename(elsewhere)
    (system / name).symlink_to(elsewhere)
    for ask in (System.open, WritableSystem.extend, sweep):
        with pytest.raises(Mu2Error, match="symbolic link") as caught:
            ask(system)
    assert caught.value.location == str(system / name)
    (fault,) = verify(system)
    assert fault.file == str(system / name)
    assert str(elsewhere) in fault.problem


def test_the_whole_system_may_lie_behind_a_link(system, tmp_path):
    (tmp_path / "link").symlink_to(system)
    assert System.open(tmp_path / "link").tasks == ("t",)
    assert verify(tmp_path / "link") == []


def test_a_document_that_is_a_link_is_refused(system):
    for folder in ("records", "index", "commits"):
        (path,) = (system / folder).iterdir()
        path.rename(system.parent / path.name)
        path.symlink_to(system.parent / path.name)
        with pytest.raises(Mu2Error, match="symbolic link"):
            Journal.open(system).record("task/t")
        assert [fault.file for fault in verify(system)] == [str(path)]
        path.unlink()
        (system.parent / path.name).rename(path)
    assert verify(system) == []


@pytest.mark.parametrize("what", ["pack", "arrays", "file"])
def test_a_pack_behind_a_link_is_refused(system, what):
    folder = system / "components" / pack(system)
    digest = next(iter(ComponentStore(system / "components").components(folder.name)))
    path = {
        "pack": folder,
        "arrays": folder / "arrays",
        "file": min(p for p in (folder / "arrays" / digest).rglob("*") if p.is_file()),
    }[what]
    path.rename(system.parent / "elsewhere")
    path.symlink_to(system.parent / "elsewhere")
    with pytest.raises(Mu2Error, match="symbolic link"):
        ComponentStore(system / "components").read([(digest, folder.name)])
    assert [fault.file for fault in verify(system)] == [str(path)]


def test_a_reader_does_not_hang(system):
    """A pipe would be waited for, and /dev/zero has no end."""
    (path,) = (system / "records").iterdir()
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(Mu2Error, match="it is no file"):
        read_bytes(path)
    assert [(f.file, f.problem) for f in verify(system)] == [
        (str(path), "it is neither a file nor a folder.")
    ]
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(Mu2Error, match="symbolic link"):
        Journal.open(system).record("task/t")
    with pytest.raises(Mu2Error, match="it is no file"):
        read_bytes(system)


def test_nothing_is_written_through_a_link(system):
    secret = system.parent / "secret"
    for folder in (system, system / "records", system / "index", system / "commits"):
        (folder / ".new").symlink_to(secret)
    write_file(system / "x", b"written")
    assert (system / "x").read_bytes() == b"written"
    with WriterLock(system):
        Journal.open(system).commit({"task/u": {}}, {}, "second")
        store = ComponentStore(system / "components")
        for name in ("0" * 64, "1" * 64):
            (system / "components" / "where" / name).symlink_to(secret)
        store.write({"d": {"params/w": np.zeros(3, np.float32)}})
    assert secret.read_text() == "secret\n"
    assert {fault.file for fault in verify(system)} >= {
        str(system / "components" / "where" / ("0" * 64))
    }


def test_a_pointer_that_is_a_link_is_not_written_through(system):
    secret = system.parent / "secret"
    leaves = {"params/w": np.zeros(3, np.float32)}
    other = ComponentStore(system.parent / "other")
    (stored,) = other.write({"d": leaves}).values()
    (system / "components" / "where" / stored.digest).symlink_to(secret)
    with pytest.raises(Mu2Error, match="symbolic link"):
        ComponentStore(system / "components").write({"d": leaves})
    assert secret.read_text() == "secret\n"


def test_pruning_removes_links_and_not_what_they_lead_to(system):
    elsewhere = system.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").touch()
    link = system / "components" / ("0" * 64)
    link.symlink_to(elsewhere)
    sweep(system)
    assert not link.is_symlink()
    assert (elsewhere / "kept").exists()


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"[" * 100_000,
        b"\xff",
        b"3\n",
        b'"x"\n',
        b"{}\n",
        b'{"name": 3}\n',
        b"null\n",
        b"[[]]",
    ],
)
def test_records_that_mu2_never_writes(system, content):
    record(system, content)
    with pytest.raises(Mu2Error):
        System.open(system).task("t")


@pytest.mark.parametrize("progress", [3, None, {"runs": "x"}, {"packs": 3}, []])
def test_progress_that_mu2_never_writes(system, progress):
    committed(system, progress=progress)
    with pytest.raises(Mu2Error, match="is none that mu2 writes"):
        System.open(system).progress  # noqa: B018


@pytest.mark.parametrize(
    "name", ["", "x", "3", "[]", "{}", '{"ViT": 3}', '{"os.system": {"command": "x"}}', "null"]
)
def test_models_that_are_none(name):
    with pytest.raises(Mu2Error):
        restore(name)


@pytest.mark.parametrize("depth", ["arrays", "digest", "ocdbt", "file", "stranger"])
def test_no_link_is_followed_at_any_depth_of_a_pack(system, depth):
    folder = system / "components" / pack(system)
    (digest,) = ComponentStore(system / "components").components(folder.name)
    arrays = folder / "arrays"
    ocdbt = arrays / digest / "ocdbt.process_0"
    path = {
        "arrays": arrays,
        "digest": arrays / digest,
        "ocdbt": ocdbt,
        "file": min(p for p in ocdbt.rglob("*") if p.is_file()),
        "stranger": ocdbt / "stranger",
    }[depth]
    elsewhere = system.parent / "elsewhere"
    if path.exists():
        path.rename(elsewhere)
    else:
        elsewhere.mkdir()
    path.symlink_to(elsewhere)
    with pytest.raises(Mu2Error, match="symbolic link"):
        ComponentStore(system / "components").read([(digest, folder.name)])
    with pytest.raises(Mu2Error, match="symbolic link"):
        System.branch(system, system.parent / "branch")
    assert not (system.parent / "branch").exists()
    assert [fault.file for fault in verify(system)] == [str(path)]
    usage(system)


def test_texts_of_runs_are_never_read_through_links(system):
    text = b"Experiment.seed = 1\n"
    (system / "runs").mkdir()
    (system.parent / "secret.gin").write_bytes(text)
    (system / "runs" / "0.gin").symlink_to(system.parent / "secret.gin")
    document = {"file": "runs/0.gin", "sha256": sha256(text), "made_with": {}}
    Journal.open(system).commit({"run/0": document}, {}, "run")
    with pytest.raises(Mu2Error, match="symbolic link"):
        System.open(system).gin_file(0)
    with pytest.raises(Mu2Error, match="symbolic link"):
        System.branch(system, system.parent / "branch")


def test_a_system_that_is_moved_away_is_not_made_again(system):
    store = ComponentStore(system / "components")
    journal = Journal.open(system)
    system.rename(system.parent / "moved")
    with pytest.raises(Mu2Error, match="does not take new components"):
        store.write({"d": {"params/w": np.zeros(3, np.float32)}})
    with pytest.raises(Mu2Error):
        journal.commit({"task/x": {}}, {}, "x")
    assert not system.exists()
