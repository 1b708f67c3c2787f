"""Every byte of a system's folder is vouched for."""

import random
import shutil

import ml_dtypes
import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.store import Journal
from mu2.store.components import ComponentStore
from mu2.store.verify import verify


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """Two tasks with a pack each; the second shares the first's stem."""
    directory = tmp_path_factory.mktemp("verify") / "system"
    Journal.create(directory, {"model": "vit"})
    journal, store = Journal.open(directory), ComponentStore(directory / "components")
    draw = np.random.default_rng(0)

    def leaves():
        return {
            "params/w": draw.normal(size=(9, 9)).astype(np.float32),
            "params/b": draw.normal(size=9).astype(ml_dtypes.bfloat16),
        }

    first = store.write({"stem": leaves(), "head": leaves()})
    path = [s._asdict() for s in first.values()]
    journal.commit({"task/one": {"name": "one", "path": {"components": path}}}, 1, "")
    second = store.write({"head": leaves()})
    path = [first["stem"]._asdict(), second["head"]._asdict()]
    new = {"digest": "", "pack": ""}  # a component not written yet
    journal.commit({"task/two": {"path": {"components": [*path, new]}}, "note": 7}, 2, "")
    return directory, first, second


@pytest.fixture
def copied(system, tmp_path):
    shutil.copytree(system[0], tmp_path / "system")
    return tmp_path / "system", *system[1:]


def flip(path, draw):
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def test_a_whole_system_has_no_fault(system):
    assert verify(system[0]) == []


def test_verify_writes_nothing(copied):
    before = {path: path.stat().st_mtime_ns for path in copied[0].rglob("*")}
    verify(copied[0])
    assert {path: path.stat().st_mtime_ns for path in copied[0].rglob("*")} == before


def test_one_flipped_bit_anywhere_is_found_and_named(copied):
    directory = copied[0]
    files = sorted(path for path in directory.rglob("*") if path.is_file() and path.stat().st_size)
    draw = random.Random(3)
    for path in draw.sample(files, 40):
        content = path.read_bytes()
        flip(path, draw)
        assert str(path) in {fault.file for fault in verify(directory)}
        path.write_bytes(content)
    assert verify(directory) == []


def test_one_lost_file_anywhere_is_found_and_named(copied):
    directory = copied[0]
    head = Journal.open(directory).head
    files = [directory / "HEAD", directory / "index" / f"{head.index}.json"]
    for folder in ("commits", "records", "components"):
        below = (directory / folder).rglob("*")
        files += [path for path in below if path.is_file() and path.parent.name != "where"]
    for path in files:
        content = path.read_bytes()
        path.unlink()
        assert str(path) in {fault.file for fault in verify(directory)}
        path.write_bytes(content)
    assert verify(directory) == []


def test_the_records_that_are_harmed_are_named_and_the_others_stay_usable(copied):
    directory, first, second = copied
    store = ComponentStore(directory / "components")
    for stored, harmed in (
        (first["stem"], ("task/one", "task/two")),
        (first["head"], ("task/one",)),
        (second["head"], ("task/two",)),
    ):
        folder = store.directory / stored.pack / "arrays" / stored.digest
        path = next(p for p in sorted((folder / "ocdbt.process_0").rglob("*")) if p.is_file())
        content = path.read_bytes()
        flip(path, random.Random(5))
        (fault,) = verify(directory)
        assert (fault.file, fault.records) == (str(path), harmed)
        rest = {s for s in (*first.values(), *second.values()) if s != stored}
        assert len(store.read(rest, verify=True)) == 2
        path.write_bytes(content)


def test_a_missing_pack_and_a_missing_component_are_named(copied):
    directory, first, second = copied
    pack = directory / "components" / second["head"].pack
    shutil.rmtree(pack)
    assert [(f.file, f.records) for f in verify(directory) if "where" not in f.file] == [
        (str(pack), ("task/two",))
    ]
    path = {"digest": "0" * 64, "pack": first["head"].pack}
    Journal.open(directory).commit({"task/three": path, "task/two": 0}, 3, "")
    faults = [fault for fault in verify(directory) if fault.records]
    assert [fault.records for fault in faults] == [("task/three",)]
    assert faults[0].problem == "the component is not in its pack."


def test_a_record_cannot_lead_out_of_the_store(copied):
    directory = copied[0]
    path = {"digest": "../../../etc", "pack": "../.."}
    Journal.open(directory).commit({"task/evil": path}, 3, "")
    (fault,) = verify(directory)
    assert fault.problem == "the pack is missing."
    assert fault.records == ("task/evil",)


def test_what_is_no_system_is_said_to_be_none(tmp_path):
    with pytest.raises(Mu2Error, match="is no mu2 system"):
        verify(tmp_path)
