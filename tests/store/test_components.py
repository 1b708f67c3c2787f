"""Components on disk: bit for bit, once each, and nothing read but what was asked for."""

import hashlib
import shutil
import struct
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.store.arrays import digest
from mu2.store.components import ComponentStore
from mu2.store.stored_component import StoredComponent

BITS = np.random.default_rng(0).integers(0, 2**16, size=(7, 11), dtype=np.uint16)
HEX = "0" * 64


@pytest.fixture
def store(tmp_path):
    return ComponentStore(tmp_path / "components")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with one pack of three components, to be copied."""
    directory = tmp_path_factory.mktemp("written") / "components"
    stored = ComponentStore(directory).write(
        {name: {"params/w": np.full((30, 5), i, np.float32)} for i, name in enumerate("abc")}
    )
    return directory, stored


@pytest.fixture
def copied(written, store):
    shutil.copytree(written[0], store.directory)
    return store, written[1]


def equal(a, b):
    assert a.keys() == b.keys()
    for name in a:
        assert type(a[name]) is np.ndarray
        assert (a[name].dtype, a[name].shape) == (b[name].dtype, b[name].shape)
        assert a[name].tobytes() == b[name].tobytes()


def test_leaves_come_back_bit_for_bit(store):
    components = {
        "digits/0/1/head": {
            "params/kernel": BITS.view(ml_dtypes.bfloat16),  # every kind of NaN among them
            "params/bias": np.array([np.nan, -0.0, np.inf, 1e-45], np.float32),
            "momentum/kernel": np.asfortranarray(np.arange(6, dtype=np.float64).reshape(2, 3)),
            "step": np.array(3, np.int32),
            "scale": np.array(3, ml_dtypes.bfloat16),
        },
        "cls": {
            "a/../b.c": np.ones((1, 1, 8), np.float16),
            "f8": np.ones(3, ml_dtypes.float8_e4m3fn),
            "flags": np.array([True, False]),
        },
    }
    stored = store.write(components)
    again = ComponentStore(store.directory).read(stored.values(), verify=True)
    assert len(again) == 2
    for name, leaves in components.items():
        assert stored[name].digest == digest(leaves)
        equal(again[stored[name].digest], leaves)


def test_the_digest_is_a_matter_of_names_types_shapes_and_values_alone():
    leaves = {
        "b": np.arange(6, dtype=np.float32).reshape(2, 3),
        "a": np.ones((), ml_dtypes.bfloat16),
    }
    # Spelt out once: systems live for years, so this may never change.
    header = b'{"a":["bfloat16",[]],"b":["float32",[2,3]]}\n'
    by_hand = hashlib.sha256(header + b"\x80\x3f" + struct.pack("<6f", *range(6)))
    assert digest(leaves) == by_hand.hexdigest()
    same = {"a": leaves["a"], "b": np.asfortranarray(leaves["b"].astype(">f4"))}
    assert digest(same) == digest(leaves)
    for other in (
        {"b": leaves["b"]},
        {"b": leaves["b"], "A": leaves["a"]},
        {**leaves, "a": leaves["a"].reshape(1)},
        {**leaves, "a": np.array(0x3F80, np.uint16)},
        {**leaves, "b": leaves["b"].reshape(3, 2)},
        {**leaves, "b": np.where(leaves["b"] == 0, -0.0, leaves["b"]).astype(np.float32)},
    ):
        assert digest(other) != digest(leaves)


def test_a_component_is_written_once(copied):
    store, stored = copied
    before = {path: path.stat().st_mtime_ns for path in store.directory.rglob("*")}
    a, b = ({"params/w": np.full((30, 5), i, np.float32)} for i in (0, 1))
    assert store.write({"x": a, "y": b, "z": b}) == {
        "x": stored["a"],
        "y": stored["b"],
        "z": stored["b"],
    }
    assert {path: path.stat().st_mtime_ns for path in store.directory.rglob("*")} == before
    mixed = store.write({"old": a, "new": {"params/w": np.full((30, 5), 9, np.float32)}})
    assert mixed["old"] == stored["a"]
    assert store.components(mixed["new"].pack) == {mixed["new"].digest}
    assert store.write({}) == {}


def test_packs_are_named_by_content(copied, written):
    store, stored = copied
    other = ComponentStore(store.directory.parent / "other")
    arrays = {name: {"params/w": np.full((30, 5), i, np.float32)} for i, name in enumerate("abc")}
    assert other.write(dict(reversed(arrays.items()))) == stored
    assert other.packs() == {stored["a"].pack}


def test_only_what_is_asked_for_is_read(copied):
    store, stored = copied
    for name in "ac":
        shutil.rmtree(store.directory / stored[name].pack / "arrays" / stored[name].digest)
    digest_b, pack = stored["b"]
    assert list(store.read([(digest_b, pack)], verify=True)) == [digest_b]
    with pytest.raises(Mu2Error, match=f"component {stored['c'].digest} cannot be read"):
        store.read([stored["b"], stored["c"]])


def test_a_damaged_file_is_named_before_anything_else_sees_it(copied, capfd):
    store, stored = copied
    folder = store.directory / stored["a"].pack / "arrays" / stored["a"].digest
    path = max((p for p in folder.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(Mu2Error, match="bytes have changed") as caught:
        store.read([stored["a"]])
    assert caught.value.location == str(path)
    assert stored["a"].digest in caught.value.message
    path.unlink()
    with pytest.raises(Mu2Error, match="missing") as caught:
        store.read([stored["a"]])
    assert caught.value.location == str(path)
    assert len(store.read([stored["b"], stored["c"]], verify=True)) == 2
    assert capfd.readouterr() == ("", "")


def test_missing_packs_and_manifests_are_named(copied):
    store, stored = copied
    with pytest.raises(Mu2Error, match=f"component {HEX} cannot be read: the file is missing"):
        store.read([StoredComponent(HEX, HEX)])
    with pytest.raises(Mu2Error, match=f"component {HEX} is not in this pack"):
        store.read([StoredComponent(HEX, stored["a"].pack)])
    manifest = store.directory / stored["a"].pack / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b"[30,5]", b"[30,6]", 1))
    with pytest.raises(Mu2Error, match="damaged") as caught:
        ComponentStore(store.directory).read([stored["a"]])
    assert caught.value.location == str(manifest)


@pytest.mark.parametrize("name", ["../../secret", "a/b", "", "A" * 64, "0" * 64 + "\n", 7])
def test_names_that_lead_elsewhere_are_refused(store, name):
    for stored in ((name, HEX), (HEX, name)):
        with pytest.raises(Mu2Error, match="names no component"):
            store.read([stored])


@pytest.mark.parametrize(
    "leaves",
    [
        {},
        {"w": np.zeros((0, 3), np.float32)},
        {"w": np.array([{}])},
        {"w": np.array(["text"])},
        {"w": np.zeros(2, [("x", np.float32)])},
    ],
)
def test_what_is_no_array_of_numbers_is_not_stored(store, leaves):
    with pytest.raises(ValueError, match="component 'head'"):
        store.write({"head": leaves})
    assert store.packs() == set()


def test_prune_keeps_what_is_named(copied):
    store, stored = copied
    other = store.write({"d": {"w": np.ones(3, np.float32)}})["d"]
    (store.directory / "new" / "half").mkdir(parents=True)
    store.remove(store.packs() - {other.pack})
    assert store.packs() == {other.pack}
    assert store.pointers() == [other.digest]
    assert sorted(p.name for p in store.directory.iterdir()) == sorted([other.pack, "where"])
    with pytest.raises(Mu2Error, match="missing"):
        store.read([stored["a"]])
    # What was pruned can be written again.
    again = store.write({"a": {"params/w": np.full((30, 5), 0, np.float32)}})["a"]
    assert again.digest == stored["a"].digest
    store.read([again], verify=True)
    ComponentStore(store.directory / "nowhere").remove(set())


def test_what_a_kill_left_is_cleared_and_its_pack_is_the_same(copied):
    store, stored = copied
    arrays = {name: {"params/w": np.full((30, 5), i, np.float32)} for i, name in enumerate("abc")}
    # Killed after the pack came into place: no pointer, one, or one cut short.
    for left in (0, 1, 2):
        for name in store.pointers()[left:]:
            (store.directory / "where" / name).unlink()
        if left == 2:
            (store.directory / "where" / store.pointers()[0]).write_text("")
        assert ComponentStore(store.directory).write(arrays) == stored
        assert store.packs() == {stored["a"].pack}
        store.write({"renew": arrays["a"]})
        for d in (s.digest for s in stored.values()):
            (store.directory / "where" / d).write_text(f"{stored['a'].pack}\n")
    # Killed before: what lies in the way is removed.
    left = store.directory / "new" / stored["a"].pack / "arrays.orbax-checkpoint-tmp"
    shutil.rmtree(store.directory / stored["a"].pack)
    left.mkdir(parents=True)
    assert ComponentStore(store.directory).write(arrays) == stored
    ComponentStore(store.directory).read(stored.values(), verify=True)


def test_a_pack_is_a_checkpoint_that_orbax_alone_can_read(copied):
    from orbax.checkpoint import v1 as ocp

    store, stored = copied
    abstract = {stored["b"].digest: {"params/w": np.empty((30, 5), np.float32)}}
    loaded = ocp.load_checkpointables(store.directory / stored["b"].pack / "arrays", abstract)
    assert np.array_equal(loaded[stored["b"].digest]["params/w"], np.ones((30, 5)))


def test_a_folder_may_be_named_from_where_one_stands(written, tmp_path, monkeypatch):
    shutil.copytree(written[0], tmp_path / "here")
    monkeypatch.chdir(tmp_path)
    store = ComponentStore(Path("here"))
    new = store.write({"new": {"w": np.ones(3, np.float32)}})["new"]
    assert len(store.read([new, *written[1].values()], verify=True)) == 4


def test_a_damaged_pack_is_mended_by_the_write_of_what_it_held(copied):
    store, stored = copied
    arrays = {name: {"params/w": np.full((30, 5), i, np.float32)} for i, name in enumerate("abc")}
    (store.directory / stored["a"].pack / "manifest.json").write_text("{")
    store = ComponentStore(store.directory)
    assert store.write(arrays) == stored
    assert store.check(stored["a"].pack) == []
    assert set(store.pointers()) == {s.digest for s in stored.values()}
