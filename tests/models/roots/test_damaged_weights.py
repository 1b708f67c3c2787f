"""Files of weights that hold what no weight is, or are damaged: told, and never a traceback."""

import json
import random
import struct
import zipfile

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.models import AugReg, Safetensors
from mu2.random_keys import Key
from tests.models import files

KEY = Key.from_seed(1)


@pytest.mark.parametrize("kind", [AugReg, Safetensors])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path, kind, value):
    w = {**files.PLAIN, "2.out.b": np.full(files.WIDTH, value, np.float32)}
    path, arrays = (
        ("w.npz", files.augreg(w)) if kind is AugReg else ("w.safetensors", files.timm(w))
    )
    root = kind(files.save(tmp_path / path, arrays))
    model = files.JAX if kind is AugReg else files.TIMM
    root.check(model, files.DEFAULTS)
    with pytest.raises(Mu2Error, match="NaN or infinite"):
        root.components(model, files.DEFAULTS, KEY)
    # A layer that is not taken may hold what it will.
    root.components(model, {**files.DEFAULTS, "num_layers": 2}, KEY)


def test_numbers_beyond_float32_and_integers_are_refused(tmp_path):
    for array, words in (
        (np.full(files.WIDTH, 1e300), "NaN or infinite"),
        (np.zeros(files.WIDTH, np.int64), "no weight"),
    ):
        for kind, name, layout, key, model in (
            (AugReg, "w.npz", files.augreg, "embedding/bias", files.JAX),
            (Safetensors, "w.safetensors", files.timm, "patch_embed.proj.bias", files.TIMM),
        ):
            root = kind(files.save(tmp_path / name, {**layout(files.PLAIN), key: array}))
            with pytest.raises(Mu2Error, match=words):
                root.components(model, files.DEFAULTS, KEY)


def entry(shape, start, stop, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


# Two readings of one name: the library takes the last, another reader might take the first.
TWICE = f'{{"a": {json.dumps(entry([1], 0, 4))}, "a": {json.dumps(entry([1], 0, 4))}}}'.encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "header too small"),
        (b"abc", "header too small"),
        (struct.pack("<Q", 10 << 30) + b"{}", "header too large"),
        (struct.pack("<Q", 2**64 - 1) + b"{}", "header too large"),
        (files.packed(b"{}", b"", length=99), "invalid header length"),
        (files.packed(b"{", b""), "header is wrong"),
        (files.packed(b"[]", b""), "invalid type: sequence"),
        (files.packed(b"[" * 100_000, b""), "header is wrong"),
        (files.packed(b"\xff\xfe", b""), "header is wrong"),
        (files.packed(TWICE, b"1234"), "stands in it twice"),
        (files.packed({"a": 5}, b""), "expected struct TensorInfo"),
        (
            files.packed({"a": {"dtype": "F32", "shape": [1]}}, b"1234"),
            "missing field `data_offsets`",
        ),
        (files.packed({"a": entry([1], 0, 4, "F3")}, b"1234"), "unknown variant `F3`"),
        (files.packed({"a": entry([1], 0, 4, ["F32"])}, b"1234"), "expected string"),
        (files.packed({"a": entry([-1], 0, 4)}, b"1234"), "expected usize"),
        (files.packed({"a": entry([True], 0, 4)}, b"1234"), "expected usize"),
        (files.packed({"a": entry([1.0], 0, 4)}, b"1234"), "expected usize"),
        (files.packed({"a": entry("1", 0, 4)}, b"1234"), "expected a sequence"),
        (files.packed({"a": entry([2], 0, 4)}, b"1234"), "invalid shape"),
        (files.packed({"a": entry([2], 0, 8, "F16")}, b"12345678"), "invalid shape"),
        (files.packed({"a": entry([1], 4, 0)}, b"1234"), "invalid offset"),
        (files.packed({"a": entry([2**40, 2**40], 0, 4)}, b"1234"), "overflow"),
        (files.packed({"a": entry([2], 0, 8)}, b"1234"), "file not fully covered"),
        (files.packed({"a": entry([1], 0, 4)}, b"12345"), "file not fully covered"),
        (files.packed({"a": entry([1], 4, 8)}, b"12345678"), "invalid offset for tensor `a`"),
        (
            files.packed({"a": entry([1], 0, 4), "b": entry([1], 2, 6)}, b"123456"),
            "invalid offset for tensor `b`",
        ),
        (
            files.packed({"a": entry([1], 0, 4), "b": entry([1], 0, 4)}, b"1234"),
            "invalid offset for tensor",
        ),
    ],
)
def test_damaged_safetensors_are_refused(tmp_path, content, words):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(Mu2Error, match="damaged") as caught:
        Safetensors(str(path)).check(files.TIMM, files.DEFAULTS)
    assert words in caught.value.message


def objects(path):
    np.savez(path, a=np.array([{}], dtype=object))


def no_archive(path):
    path.write_bytes(b"no archive")


def no_array(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"no array")


@pytest.mark.parametrize("write", [objects, no_archive, no_array])
def test_damaged_archives_are_refused_without_pickle(tmp_path, write):
    write(tmp_path / "w.npz")
    with pytest.raises(Mu2Error, match="damaged"):
        AugReg(str(tmp_path / "w.npz")).check(files.JAX, files.DEFAULTS)


@pytest.mark.parametrize("kind", [AugReg, Safetensors])
def test_whatever_is_done_to_the_bytes_is_told_without_a_traceback(tmp_path, kind):
    w = {k: v for k, v in files.PLAIN.items() if k[0] not in "12"}  # one layer
    hyperparameters = {**files.DEFAULTS, "num_layers": 1}
    layers, files.LAYERS = files.LAYERS, 1
    try:
        arrays = files.augreg(w) if kind is AugReg else files.timm(w)
    finally:
        files.LAYERS = layers
    path = tmp_path / ("w.npz" if kind is AugReg else "w.safetensors")
    files.save(path, arrays)
    whole, generator = path.read_bytes(), random.Random(3)
    model = files.JAX if kind is AugReg else files.TIMM
    told = []
    for attempt in range(120):
        content = bytearray(whole)
        if attempt % 3 == 0:
            del content[generator.randrange(len(content)) :]
        else:
            # The names and shapes: at the end of an archive, at the start of safetensors.
            start = len(content) - 3000 if kind is AugReg else 0
            for _ in range(generator.randint(1, 4)):
                place = start + generator.randrange(2000)
                content[place] = generator.choice([*b"0129[]{}:,\"'-. \n", 0, 255])
        path.write_bytes(content)
        try:
            kind(str(path)).components(model, hyperparameters, KEY)
        except Mu2Error as error:
            told.append(str(error))
    assert len(told) > 60
    assert max(map(len, told)) < 3000


def test_a_shape_of_no_numbers_takes_no_room(tmp_path):
    # Sides beyond any memory, and a product of zero: sound to the library, no tensor of a ViT.
    arrays = {**files.timm(files.PLAIN)}
    text = files.safetensors(arrays)
    header = json.loads(text[8 : 8 + int.from_bytes(text[:8], "little")])
    header["head.weight"] = entry([2**62, 0], 0, 0)
    path = tmp_path / "w.safetensors"
    path.write_bytes(files.packed(header, b"".join(a.tobytes() for a in arrays.values())))
    Safetensors(str(path)).check(files.TIMM, files.DEFAULTS)
    header["norm.bias"] = entry([2**62, 0], 0, 0)
    path.write_bytes(files.packed(header, b""))
    with pytest.raises(Mu2Error):
        Safetensors(str(path)).check(files.TIMM, files.DEFAULTS)
