"""What absurd input may take: 5 seconds and 500 MB above an empty `mu2 check`, and no traceback.

Each command runs in a fork of its own, whose time and memory the kernel tells.
"""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mu2.models.roots.tensors import HEADER_LIMIT
from mu2.store.components import ComponentStore
from mu2.store.files import encode, sha256
from mu2.store.index import Index
from mu2.store.journal import Journal
from tests import shrunken
from tests.forked import Mu2
from tests.models import files
from tests.store.forged import committed
from tests.test_damages import RUN, commands

SECONDS = 5  # of a processor, above an empty check
HANGS = 180.0  # by the clock, on a machine that others use
BYTES = 500_000_000
GIANT = 1 << 40
# Of 16 MiB, as many objects in as few bytes as JSON allows, and no deeper than a few.
FANS = {"lists": b"[[]%b]" % (b",[[]]" * 3_300_000), "maps": b"[0%b]" % (b',{"":[0]}' * 1_800_000)}


@pytest.fixture(scope="module")
def mu2():
    with Mu2() as process:
        yield process


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    shrunken.evolve(folder / "system", *RUN)
    return folder / "system"


@pytest.fixture(scope="module")
def empty(mu2, tmp_path_factory):
    """What an empty check takes."""
    file = tmp_path_factory.mktemp("empty") / "empty.gin"
    file.write_text("")
    mu2("check", file)  # what is loaded by the first is there for the second
    return mu2("check", file)


def run(mu2, empty, *words, codes=(0, 2)):
    ended = mu2(*words, limit=HANGS)
    seconds = ended.processor_seconds - empty.processor_seconds
    size = ended.peak_bytes - empty.peak_bytes
    said = f"{words}: {seconds:.1f} s and {size / 1e6:.0f} MB more than an empty check"
    assert ended.code in codes, (said, ended.code, ended.out[-2000:], ended.err[-2000:])
    assert "Traceback" not in ended.err, (said, ended.err)
    assert seconds <= SECONDS, said
    assert size <= BYTES, said
    assert len(ended.out) + len(ended.err) < 1 << 20, (said, ended.out[:2000])
    return ended


# Systems


def document(system, folder, content):
    """Puts bytes into a folder of a system, named by their digest; returns that."""
    digest = sha256(content)
    (system / folder / f"{digest}.json").write_bytes(content)
    return digest


def put_record(system, content, name="task/digits"):
    """Puts bytes in place of a record, and all digests right."""
    journal = Journal.open(system)
    entries, _ = Index(system / "index", journal.head.index).node(journal.head.index)
    rows = {each: [entry.digest, entry.order] for each, entry in entries.items()}
    rows[name][0] = document(system, "records", content)
    committed(system, index=document(system, "index", encode({"entries": rows})))


def put_pack(system, store, name="head"):
    """Puts a component of another store in place of one of the task's, and all digests right."""
    (pack,) = store.packs()
    (digest,) = store.components(pack)
    record = Journal.open(system).record("task/digits")
    (old,) = (each for each in record["path"]["components"] if each["name"] == name)
    shutil.copytree(store.directory / pack, system / "components" / pack)
    old.update(digest=digest, pack=pack)
    put_record(system, encode(record))


def files_by_kind(system):
    """A file of each kind that a system has."""
    head = (system / "HEAD").read_text().strip()
    journal = Journal.open(system)
    task = journal.record("task/digits")
    pack = task["path"]["components"][-1]["pack"]
    array = next(p for p in (system / "components" / pack / "arrays").rglob("d/*") if p.is_file())
    return {
        "header": system / "mu2.json",
        "HEAD": system / "HEAD",
        "log": system / "log.jsonl",
        "times": system / "times.jsonl",
        "commit": system / "commits" / f"{head}.json",
        "index": system / "index" / f"{journal.head.index}.json",
        "record": system / "records" / f"{journal.digest('task/digits')}.json",
        "text": next((system / "runs").iterdir()),
        "manifest": system / "components" / pack / "manifest.json",
        "array": array,
        "pointer": next((system / "components" / "where").iterdir()),
        "lease": system / "leases" / "system",
    }


KINDS = (
    *("header", "HEAD", "log", "times", "commit", "index", "record", "text", "manifest"),
    *("array", "pointer", "lease"),
)


def sparse(kind):
    def spoil(system, _):
        path = files_by_kind(system)[kind]
        path.touch()
        os.truncate(path, GIANT)

    return spoil


def pipe(kind):
    def spoil(system, _):
        path = files_by_kind(system)[kind]
        path.unlink(missing_ok=True)
        os.mkfifo(path)

    return spoil


def fan_of_record(key):
    def spoil(system, _):
        put_record(system, FANS[key] + b"\n")

    return spoil


def fan_in_record(key):
    """As part of what is a record otherwise."""

    def spoil(system, _):
        record = Journal.open(system).record("task/digits")
        record["path"]["hyperparameters"] = "here"
        put_record(system, encode(record).replace(b'"here"', FANS[key]))

    return spoil


def fan_of_header(key):
    def spoil(system, _):
        (system / "mu2.json").write_bytes(FANS[key] + b"\n")

    return spoil


def fan_of_commit(key):
    def spoil(system, _):
        head = Journal.open(system).head
        content = encode({**vars(head), "progress": "here"}).replace(b'"here"', FANS[key])
        name = f"{head.number:08d}-{sha256(content)}"
        (system / "commits" / f"{name}.json").write_bytes(content)
        (system / "HEAD").write_text(f"{name}\n")

    return spoil


def fan_of_node(key):
    def spoil(system, _):
        node = b'{"entries":%b}\n' % FANS[key]
        committed(system, index=document(system, "index", node))

    return spoil


def fan_of_manifest(key):
    def spoil(system, _):
        path = files_by_kind(system)["manifest"]
        path.write_bytes(path.read_bytes().rstrip(b"}\n") + b',"more":%b}\n' % FANS[key])

    return spoil


def fan_of_log(key):
    def spoil(system, _):
        with (system / "log.jsonl").open("ab") as file:
            file.write(b'{"path": "x", "more": %b}\n' % FANS[key][: 1 << 23])

    return spoil


def nodes_of_nodes(system, _):
    """A small index of 16 ** 12 nodes, all the same sixteen."""
    journal = Journal.open(system)
    digest = journal.head.index
    for _ in range(12):
        node = encode({"children": dict.fromkeys("0123456789abcdef", digest)})
        digest = document(system, "index", node)
    committed(system, index=digest)


def many_components(system, _):
    record = Journal.open(system).record("task/digits")
    (first, *_) = record["path"]["components"]
    record["path"]["components"] = [first] * 40_000
    put_record(system, encode(record))


def zeros(system, folder):
    """A component of 768 MiB, stored in a few KiB."""
    store = ComponentStore(folder / "store")
    store.write({"c": {"params/kernel": np.zeros((768, 1 << 20), np.int8)}})
    put_pack(system, store)


def absurd_shape(system, folder):
    """A pack whose manifest tells another shape than its files."""
    store = ComponentStore(folder / "store")
    store.write({"c": {"params/kernel": np.zeros((8, 8), np.int8)}})
    (pack,) = store.packs()
    manifest = json.loads((store.directory / pack / "manifest.json").read_bytes())
    (digest,) = manifest["components"]
    manifest["components"][digest]["params/kernel"][1] = [1 << 20, 1 << 20]
    name = sha256(encode(manifest["components"]))
    (store.directory / pack / "manifest.json").write_bytes(encode(manifest))
    (store.directory / pack).rename(store.directory / name)
    put_pack(system, store)


SPOILT = {
    **{f"sparse {kind}": sparse(kind) for kind in KINDS},
    **{f"pipe {kind}": pipe(kind) for kind in KINDS},
    **{
        f"{key} {made.__name__}": made(key)
        for key in FANS
        for made in (
            *(fan_of_record, fan_in_record, fan_of_header, fan_of_commit, fan_of_node),
            *(fan_of_manifest, fan_of_log),
        )
    },
    **{made.__name__: made for made in (nodes_of_nodes, many_components, zeros, absurd_shape)},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SPOILT)
def test_a_system_of_absurd_size_is_refused_or_read_in_bounds(name, mu2, whole, empty, tmp_path):
    Image.new("L", (16, 16), 200).save(tmp_path / "seven.png")
    system = Path(shutil.copytree(whole, tmp_path / "system"))
    SPOILT[name](system, tmp_path)
    for verb, words in commands(system, tmp_path):
        if verb in ("show", "verify", "predict"):
            run(mu2, empty, verb, *words)


# What a run or a prediction reads


def tensors(size):
    """A header of tensors of no element."""
    entry = b'":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    return b"{%b}" % b",".join(b'"%d%b' % (i, entry) for i in range(size // 60))


HEADERS = {
    "spaces": lambda size: b"{}" + b" " * (size - 2),
    "one name": lambda size: b'{"__metadata__":{"a":"%b"}}' % (b"x" * (size - 30)),
    "tensors": tensors,
    "lists": lambda size: b'{"a":[%b]}' % (b"[]," * (size // 3 - 5) + b"[]"),
    "metadata": lambda size: (
        b'{"__metadata__":{%b}}' % b",".join(b'"%d":""' % i for i in range(size // 13))
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("size", [90_000_000, HEADER_LIMIT])
@pytest.mark.parametrize("name", HEADERS)
def test_a_header_of_absurd_size(name, size, mu2, empty, tmp_path):
    header = HEADERS[name](size)
    assert 0.8 * size < len(header) <= size
    (tmp_path / "w.safetensors").write_bytes(files.packed(header, b""))
    (tmp_path / "run.gin").write_text(
        f"include '{shrunken.FILE}'\n"
        "Experiment.roots = (@Safetensors(),)\n"
        f"Safetensors.path = '{tmp_path / 'w.safetensors'}'\n"
    )
    ended = run(mu2, empty, "check", tmp_path / "run.gin", codes=(2,))
    if size > HEADER_LIMIT:
        assert "its header is wrong: it has " in ended.err
