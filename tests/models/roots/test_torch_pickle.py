"""PyTorch's old files: tensors are read as they were written, and nothing else is done."""

import collections
import io
import pickle
import struct

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.models.roots import torch_pickle
from mu2.models.roots.location import Location
from mu2.models.roots.torch_pickle import MAGIC, PROTOCOL, TorchPickle

SYSTEM = {"protocol_version": PROTOCOL, "little_endian": True, "type_sizes": {"int": 4}}


class Name:
    """Something that pickle writes as a name alone, imported by nobody."""

    def __init__(self, module, name):
        self.words = module, name


class Storage:
    def __init__(self, array, key, kind="FloatStorage", count=None):
        self.array, self.key = array.ravel(), key
        self.kind, self.count = kind, array.size if count is None else count


class Tensor:
    """A tensor as `torch.save` writes it; by default all of its storage."""

    def __init__(self, array, key, offset=0, shape=None, strides=None, **storage):
        self.storage = Storage(array, key, **storage)
        self.shape = array.shape if shape is None else shape
        own = tuple(step // array.itemsize for step in array.strides)
        self.arguments = (self.storage, offset, self.shape, own if strides is None else strides)


class Writer(pickle._Pickler):
    """Writes names without looking them up, and storages as PyTorch does."""

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        kind = Name("torch", value.kind)
        return ("storage", kind, value.key, "cpu", value.count, None)

    def save(self, value, save_persistent_id=True):
        if isinstance(value, Name):
            self.write(b"c%s\n%s\n" % tuple(word.encode() for word in value.words))
        elif isinstance(value, Tensor):
            self.save(Name("torch._utils", "_rebuild_tensor_v2"))
            self.save((*value.arguments, False, collections.OrderedDict()))
            self.write(pickle.REDUCE)
        else:
            super().save(value, save_persistent_id)


def pickled(value):
    file = io.BytesIO()
    Writer(file, 2).dump(value)
    return file.getvalue()


def content(state, storages=None, protocol=PROTOCOL, system=SYSTEM):
    """A whole file."""
    tensors = [each for each in state.values() if isinstance(each, Tensor)]
    storages = [t.storage for t in tensors] if storages is None else storages
    storages = list({each.key: each for each in storages}.values())
    parts = [pickled(each) for each in (MAGIC, protocol, system, state)]
    parts.append(pickled([each.key for each in storages]))
    for each in storages:
        parts += [struct.pack("<q", each.array.size), each.array.tobytes()]
    return b"".join(parts)


def opened(data, tmp_path):
    path = tmp_path / "weights.pth"
    path.write_bytes(data)
    return TorchPickle(Location(str(path)))


def arrays():
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, 3, 4)).astype(np.float32), np.arange(3, dtype=np.float32)


def test_tensors_are_read_as_they_were_written(tmp_path):
    large, small = arrays()
    state = collections.OrderedDict(
        large=Tensor(large, "1"),
        turned=Tensor(large, "1", shape=(4, 3, 2), strides=(1, 4, 12)),
        part=Tensor(small, "2", offset=1, shape=(2,), strides=(1,)),
        half=Tensor(small.astype(np.float16), "3", kind="HalfStorage"),
        count=Tensor(np.array(7), "4", kind="LongStorage"),
    )
    with opened(content(state), tmp_path) as file:
        assert file.shapes == {
            "large": (2, 3, 4), "turned": (4, 3, 2), "part": (2,), "half": (3,), "count": ()
        }  # fmt: skip
        np.testing.assert_array_equal(file.read("large"), large)
        np.testing.assert_array_equal(file.read("turned"), large.T)
        np.testing.assert_array_equal(file.read("part"), [1, 2])
        np.testing.assert_array_equal(file.read("half"), small)
        with pytest.raises(Mu2Error, match="'count' is of dtype int64, which is no weight"):
            file.read("count")


def test_numbers_that_are_none_are_refused(tmp_path):
    bad = np.array([1, np.nan], np.float32)
    with (
        opened(content({"bad": Tensor(bad, "1")}), tmp_path) as file,
        pytest.raises(Mu2Error, match="'bad' holds NaN"),
    ):
        file.read("bad")


class Call:
    """A call of a name, as a hostile file has it."""

    def __init__(self, module, name, *arguments):
        self.call = Name(module, name), arguments

    def __reduce__(self):
        pytest.fail("the writer asks for the name, not for the object")


class Hostile(Writer):
    def save(self, value, save_persistent_id=True):
        if isinstance(value, Call):
            name, arguments = value.call
            self.save(name)
            self.save(arguments)
            self.write(pickle.REDUCE)
        else:
            super().save(value, save_persistent_id)


def with_state(data):
    """A file whose fourth pickle is this."""
    parts = [pickled(each) for each in (MAGIC, PROTOCOL, SYSTEM)]
    return b"".join([*parts, data, pickled([])])


def hostile(state):
    file = io.BytesIO()
    Hostile(file, 2).dump(state)
    return with_state(file.getvalue())


def deep_tuples():
    """A key whose hash would take for ever, in a few bytes."""
    doubled = b"".join(b"q%ch%c\x86" % (i, i) for i in range(60))
    return with_state(b"\x80\x02})" + doubled + b"K\x01s.")


SMALL = np.zeros(4, np.float32)
HOSTILE = {
    "a program": (hostile({"w": Call("os", "system", "touch /tmp/never")}), "'os.system'"),
    "builtins": (hostile({"w": Call("builtins", "eval", "1")}), "'builtins.eval'"),
    "another of torch's": (hostile({"w": Call("torch", "load", "x")}), "'torch.load'"),
    "a storage that is called": (hostile({"w": Call("torch", "FloatStorage", 9)}), "a call of"),
    "a filled dictionary": (
        hostile({"w": Call("collections", "OrderedDict", [(1, 2)])}), "a call of",
    ),
    "an object": (with_state(b"\x80\x02c__builtin__\nobject\n)\x81."), "__builtin__.object"),
    "an operation of protocol 4": (with_state(b"\x80\x04\x8c\x01a\x94."), "SHORT_BINUNICODE"),
    "a list of tensors": (hostile([1]), "no dictionary"),
    "a text among tensors": (hostile({"w": "x"}), "'w' is none"),
    "a key that is no text": (deep_tuples(), "a tuple where a str should be"),
    "an attribute of a number": (with_state(b"\x80\x02K\x01}b."), "a int where a dict"),
    "a tensor beyond its storage": (content({"w": Tensor(SMALL, "1", offset=1)}), "beyond"),
    "a tensor of endless zeros": (
        content({"w": Tensor(SMALL, "1", shape=(1 << 40,), strides=(0,))}), "beyond",
    ),
    "a step backwards": (content({"w": Tensor(SMALL, "1", strides=(-1,))}), "no tensor has"),
    "many dimensions": (
        content({"w": Tensor(SMALL, "1", shape=(1,) * 9, strides=(1,) * 9)}), "no tensor has",
    ),
    "a storage larger than the file": (
        content({"w": Tensor(SMALL, "1", count=1 << 60)}), "another length",
    ),
    "numbers that are missing": (content({"w": Tensor(SMALL, "1")}, storages=[]), "lacks the"),
    "numbers of nobody": (
        content({"w": Tensor(SMALL, "1")}, storages=[Storage(SMALL, "2")]), "of no tensor",
    ),
    "a place in the memo that is empty": (with_state(b"\x80\x02h\x07."), "damaged"),
    "a stack that is empty": (with_state(b"\x80\x02."), "damaged"),
    "values that are not there": (with_state(b"\x80\x02\x86."), "damaged"),
    "a mark that is missing": (with_state(b"\x80\x02t."), "damaged"),
    "a text longer than the file": (with_state(b"\x80\x02X\xff\xff\xff\x7fabc"), "damaged"),
    "another byte order": (
        content({"w": Tensor(SMALL, "1")}, system={**SYSTEM, "little_endian": False}), "byte order",
    ),
    "another protocol": (content({"w": Tensor(SMALL, "1")}, protocol=1), "damaged"),
    "a zip archive": (b"PK\x03\x04" + bytes(99), "old format"),
    "another pickle": (pickle.dumps({}, 2), "old format"),
    "nothing": (b"", "old format"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "words"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_more_than_tensors_is_refused(data, words, tmp_path):
    with pytest.raises(Mu2Error) as error:
        opened(data, tmp_path)
    assert words in str(error.value)
    assert "weights.pth" in str(error.value)


def test_pickles_of_any_length_are_not_read(tmp_path, monkeypatch):
    data = content({"w": Tensor(SMALL, "1")})
    monkeypatch.setattr(torch_pickle, "PICKLES_LIMIT", len(data) - 40)
    with pytest.raises(Mu2Error, match="damaged"):
        opened(data, tmp_path)


def test_a_file_that_is_cut_short_anywhere_is_refused(tmp_path):
    data = content({"a": Tensor(SMALL, "1"), "b": Tensor(np.ones(3, np.float32), "2")})
    for length in range(0, len(data), 7):
        with pytest.raises(Mu2Error):
            opened(data[:length], tmp_path)


def test_a_changed_byte_does_no_harm(tmp_path):
    data = content({"a": Tensor(SMALL, "1"), "b": Tensor(np.ones(3, np.float32), "2")})
    rng = np.random.default_rng(1)
    for _ in range(500):
        changed = bytearray(data)
        changed[rng.integers(len(data))] = rng.integers(256)
        try:
            with opened(bytes(changed), tmp_path) as file:
                for name in file.shapes:
                    file.read(name)
        except Mu2Error:
            pass
