"""Systems of absurd sizes, depths and values are refused before they are read."""

import os

import pytest

from mu2.errors import Mu2Error
from mu2.store import Journal
from mu2.store.components import ComponentStore
from mu2.store.files import encode, sha256
from mu2.store.verify import verify
from mu2.system import System
from tests.store.forged import committed, pack, repacked


def test_sparse_giants_are_never_read(system):
    for name in ("HEAD", "mu2.json"):
        path = system / name
        content = path.read_bytes()
        os.truncate(path, 1 << 40)
        with pytest.raises(Mu2Error, match="at most fit"):
            System.open(system)
        assert verify(system)
        path.write_bytes(content)
    (system / "log.jsonl").touch()
    os.truncate(system / "log.jsonl", 1 << 40)
    with pytest.raises(Mu2Error, match="a line has more than"):
        System.open(system).log.size()
    folder = system / "components" / pack(system) / "arrays"
    path = next(p for p in folder.rglob("*") if p.is_file())
    os.truncate(path, 1 << 40)
    assert any("at most fit" in fault.problem for fault in verify(system))


def test_a_bomb_of_zeros_is_not_read(system):
    """An array of gigabytes that compresses to nothing."""
    digest = next(iter(ComponentStore(system / "components").components(pack(system))))
    name = repacked(system, components={digest: {"params/w": ["float32", [1 << 15, 1 << 15]]}})
    with pytest.raises(Mu2Error, match="no layer that was trained is so empty"):
        ComponentStore(system / "components").read([(digest, name)])
    assert verify(system)


def test_an_index_deeper_than_names_are_long(system):
    content = encode({"entries": {}})
    for _ in range(70):
        digest = sha256(content)
        (system / "index" / f"{digest}.json").write_bytes(content)
        content = encode({"children": dict.fromkeys("0123456789abcdef", digest)})
    (system / "index" / f"{sha256(content)}.json").write_bytes(content)
    committed(system, index=sha256(content))
    assert "task/x" not in Journal.open(system)


def test_an_index_of_a_few_files_that_has_a_trillion_nodes(system):
    digest = Journal.open(system).head.index
    for _ in range(10):
        content = encode({"children": dict.fromkeys("0123456789abcdef", digest)})
        digest = sha256(content)
        (system / "index" / f"{digest}.json").write_bytes(content)
    committed(system, index=digest)
    with pytest.raises(Mu2Error, match="stands in the index twice"):
        Journal.open(system).names()
    assert any("stands in the index twice" in fault.problem for fault in verify(system))


@pytest.mark.parametrize(
    "changed",
    [{"number": "1"}, {"introduced": -1}, {"message": 3}, {"passing": 1}, {"changed": [3]}],
)
def test_commits_of_absurd_values(system, changed):
    head = Journal.open(system).head
    document = {**vars(head), "files": list(head.files), "changed": list(head.changed), **changed}
    content = encode(document)
    name = f"{head.number:08d}-{sha256(content)}"
    (system / "commits" / f"{name}.json").write_bytes(content)
    (system / "HEAD").write_text(f"{name}\n")
    with pytest.raises(Mu2Error, match="damaged"):
        Journal.open(system)
