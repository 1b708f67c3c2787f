"""npz files: images and tables, and nothing unpickled, nothing believed unseen."""

import io
import math
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import Npz, Source, Task

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (60, 7, 5)).astype(np.uint8)
LABELS = np.arange(60) % 4


@pytest.fixture
def save(tmp_path):
    def make(compressed=True, **arrays):
        path = tmp_path / "data.npz"
        (np.savez_compressed if compressed else np.savez)(path, **arrays)
        return str(path)

    return make


def keras(**changes):
    """The names of Keras' mnist.npz."""
    arrays = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:9], "y_test": LABELS[:9]}
    return {name: array for name, array in {**arrays, **changes}.items() if array is not None}


@pytest.mark.parametrize("compressed", [True, False])
def test_images_as_in_keras(save, compressed):
    source = Npz(save(compressed, **keras()))
    assert isinstance(source, Source)
    assert source.input == "image"
    assert source.splits() == ("train", "test")
    assert source.class_names() == ("0", "1", "2", "3")
    assert source.size("train[:50%]") == 30
    examples = source.read("train", 7)
    assert examples.inputs.shape == (60, 7, 7, 1)
    assert examples.inputs.dtype == np.uint8
    straight = Npz(
        save(**keras(x_train=IMAGES[:, :5], x_test=None, y_test=None)), shuffle=False
    ).read("train", 5)
    np.testing.assert_array_equal(straight.inputs[..., 0], IMAGES[:, :5])
    np.testing.assert_array_equal(straight.labels, LABELS)
    assert Task("a", source).check() == {"train": 57, "validation": 3, "test": 9}


def test_one_pair_is_train_and_is_shuffled_once(save):
    path = save(x=IMAGES[:, :5], y=np.sort(LABELS))
    source = Npz(path)
    assert source.splits() == ("train",)
    examples = source.read("train", 5)
    assert len(set(examples.labels[:12])) == 4
    np.testing.assert_array_equal(source.read("train[10:20]", 5).labels, examples.labels[10:20])
    # Every image still has its label.
    labels = {i.tobytes(): y for i, y in zip(IMAGES[:, :5], np.sort(LABELS), strict=True)}
    assert [labels[i.tobytes()] for i in examples.inputs[..., 0]] == examples.labels.tolist()


def test_colour_columns_of_labels_and_names(save):
    arrays = keras(x_train=np.repeat(IMAGES[..., None], 3, -1), x_test=None, y_test=None)
    arrays["y_train"] = LABELS[:, None].astype(np.uint8)
    source = Npz(save(**arrays), classes=("a", "b", "c", "d"))
    assert source.class_names() == ("a", "b", "c", "d")
    assert source.read("train", 5).inputs.shape == (60, 5, 5, 3)
    named = Npz(save(photos=IMAGES, kinds=np.array(["dog", "cat"])[LABELS % 2]), "photos", "kinds")
    assert named.class_names() == ("cat", "dog")
    assert sorted(named.read("train", 5).labels) == [0] * 30 + [1] * 30


def test_tables_are_scaled_by_what_the_task_trains_on(save):
    rows = RNG.normal(3, 5, (60, 4))
    rows[7, 1] = np.nan
    source = Npz(save(x=rows, y=LABELS), shuffle=False)
    assert source.input == "table"
    task = Task("t", source, "train[20:]", "train[:10]", "train[10:20]")
    assert task.source_hyperparameters() == {"num_features": 4}  # the gap is in validation
    train = task.read("train", (4,))
    assert train.inputs.dtype == np.float32
    np.testing.assert_allclose(train.inputs.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(train.inputs.std(axis=0), 1, rtol=1e-5)
    validation = task.read("validation", (4,)).inputs
    expected = (rows[:10] - rows[20:].mean(axis=0)) / rows[20:].std(axis=0)
    np.testing.assert_allclose(validation, np.nan_to_num(expected, nan=0.0), rtol=1e-4, atol=1e-5)
    assert (
        Task("t", source).source_hyperparameters() == {"num_features": 5}
        or source.num_features() == 5
    )
    with pytest.raises(Mu2Error, match="has 4 features an example, and 3 were asked for"):
        task.read("train", (3,))


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def test_nothing_is_unpickled(save, tmp_path):
    objects = np.empty(60, object)
    objects[:] = [Bomb() for _ in objects]
    for name in ("x_train", "y_train"):
        source = Npz(save(**keras(**{name: objects})))
        with pytest.raises(Mu2Error, match=f"{name} holds pickled Python objects") as caught:
            source.read("train", 5)
        assert "uint8" in caught.value.hint
    # An array that is not asked for does no harm.
    assert len(Npz(save(**keras(extra=objects))).read("train", 5)) == 60
    (tmp_path / "p.npz").write_bytes(pickle.dumps([1]))
    with pytest.raises(Mu2Error, match="is a pickle, which can run any program"):
        Npz(str(tmp_path / "p.npz")).splits()


def rewritten(path, name, change):
    """The archive with one member's bytes changed."""
    with zipfile.ZipFile(path) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    members[name] = change(members[name])
    with zipfile.ZipFile(path, "w") as archive:
        for each, content in members.items():
            archive.writestr(each, content)
    return path


@pytest.mark.parametrize("shape", [(10**12, 7, 5), (60, 10**9, 10**9), (61, 7, 5), (-60, 7, 5)])
def test_a_header_that_declares_what_is_not_there_makes_no_room_for_it(save, shape):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    path = rewritten(
        save(**keras()), "x_train.npy", lambda content: header.getvalue() + content[128:]
    )
    with pytest.raises(Mu2Error, match=r"is damaged: x_train should be .* bytes are there"):
        Npz(path).size("train")


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: b"\x93NUMPY\x09\x00" + content[8:],
        lambda content: content.replace(b"'descr'", b"'decsr'"),
        lambda content: content[:10] + b"__import__('os')" + content[26:],
    ],
)
def test_damaged_arrays_are_named(save, change):
    path = rewritten(save(**keras()), "x_train.npy", change)
    with pytest.raises(Mu2Error, match="is damaged: x_train"):
        Npz(path).size("train")


def test_a_flipped_byte_is_found(save, tmp_path):
    path = save(compressed=False, **keras())
    content = bytearray((tmp_path / "data.npz").read_bytes())
    content[content.index(IMAGES[3].tobytes()) + 5] ^= 1
    (tmp_path / "data.npz").write_bytes(content)
    with pytest.raises(Mu2Error, match="is damaged: x_train cannot be read"):
        Npz(path).read("train", 5)


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"x_train": IMAGES / 255}, "reads images of uint8", "np.rint(x_train * 255)"),
        ({"x_train": IMAGES.astype(np.int64)}, "reads images of uint8", ""),
        ({"x_train": IMAGES[..., None].repeat(2, -1)}, "neither images nor rows", "C 1 or 3"),
        ({"x_train": IMAGES.reshape(-1)}, "neither images nor rows", ""),
        ({"x_train": np.full((60, 2), "a")}, "neither images nor rows", ""),
        ({"y_train": LABELS / 1.0}, "labels are whole numbers or texts", ""),
        ({"y_train": LABELS[:59]}, "60 labels are needed", ""),
        ({"y_train": np.eye(4)[LABELS]}, "60 labels are needed", "argmax(axis=1)"),
        ({"y_train": None}, "'x_train' and no 'y_train'", "y_test"),
        ({"x_test": IMAGES[:9, :3]}, "several shapes", ""),
    ],
)
def test_arrays_of_another_kind_are_refused(save, changes, message, hint):
    with pytest.raises(Mu2Error, match=message) as caught:
        Npz(save(**keras(**changes))).splits()
    assert hint in (caught.value.hint or "")


def test_arrays_under_other_names_are_listed(save):
    with pytest.raises(Mu2Error, match="has neither 'x' nor 'x_train'") as caught:
        Npz(save(images=IMAGES, labels=LABELS)).splits()
    assert "images, labels" in caught.value.hint


def test_infinite_values_and_unknown_labels_have_their_place(save):
    rows = np.ones((60, 3))
    rows[4, 2] = -np.inf
    with pytest.raises(Mu2Error, match=r"x\[4, 2\] is infinite"):
        Npz(save(x=rows, y=LABELS)).num_features()
    words = keras(
        y_train=np.array(["cat", "dog"])[LABELS % 2], y_test=np.array(["cat"] * 8 + ["dgo"])
    )
    with pytest.raises(Mu2Error, match=r"y_test\[8\] is 'dgo', which is no class") as caught:
        Npz(save(**words)).read("test", 5)
    assert "dog" in caught.value.hint
    high = Task("t", Npz(save(**keras(y_test=LABELS[:9] + 3))))
    with pytest.raises(Mu2Error, match="labels run from 0 to 3"):
        high.read("test", (5, 5, 1))


def test_a_file_that_is_not_there_is_named_and_nothing_is_read_before():
    source = Npz("nowhere/data.npz")
    Task("t", source)
    with pytest.raises(Mu2Error, match=r"there is no 'nowhere/data\.npz'"):
        source.splits()
    with pytest.raises(Mu2Error, match=r"Npz\.classes must be a tuple of texts") as caught:
        Npz("a", classes="cat")
    assert "comma" in caught.value.hint


@pytest.mark.parametrize(
    ("names", "options", "splits"),
    [
        (("train_images", "train_labels", "test_images", "test_labels"), ("images", "labels"), 2),
        (("val_x", "val_y", "train_x", "train_y"), ("x", "y"), 2),
        (("images_train", "labels_train", "images_test", "labels_test"), ("images", "labels"), 2),
        (("train_images", "train_labels"), ("images", "labels"), 1),
    ],
)
def test_the_split_stands_before_or_behind(save, names, options, splits):
    arrays = {name: LABELS if name[-1] == "y" or "label" in name else IMAGES for name in names}
    source = Npz(save(**arrays), *options, shuffle=False)
    assert len(source.splits()) == splits
    assert source.splits()[0] == "train"
    np.testing.assert_array_equal(source.read("train", 7).labels, LABELS)


@pytest.mark.parametrize("stems", [("images", "labels"), ("pixels", "kind")])
def test_arrays_of_other_names_are_told_as_options(save, stems):
    arrays = {}
    for split in ("train", "val", "test"):
        arrays |= {f"{split}_{stems[0]}": IMAGES, f"{split}_{stems[1]}": LABELS}
    with pytest.raises(Mu2Error, match="has neither 'x'") as caught:
        Npz(save(**arrays)).splits()
    assert f"Npz.inputs = {stems[0]!r} and Npz.labels = {stems[1]!r}" in caught.value.hint


def test_an_archive_that_claims_what_its_bytes_cannot_hold_makes_no_room_for_it(save):
    # Sound in itself: the header, and the size that the archive's directory gives, agree.
    shape = (60, 10**6, 10**6)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": shape}
    )
    claimed = len(header.getvalue()) + math.prod(shape)
    path = rewritten(save(**keras()), "x_train.npy", lambda content: header.getvalue())
    content = bytearray(Path(path).read_bytes())
    # The directory's entry, with its size in the field for sizes beyond 4 GiB.
    start = content.rfind(b"PK\x01\x02", 0, content.rfind(b"x_train.npy"))
    content[start + 24 : start + 28] = b"\xff" * 4
    name_end = start + 46 + len("x_train.npy")
    extra = struct.pack("<HHQ", 1, 8, claimed)
    content[name_end:name_end] = extra
    content[start + 30 : start + 32] = struct.pack("<H", len(extra))
    end = content.rfind(b"PK\x05\x06")
    (size,) = struct.unpack("<I", content[end + 12 : end + 16])
    content[end + 12 : end + 16] = struct.pack("<I", size + len(extra))
    Path(path).write_bytes(content)
    with pytest.raises(Mu2Error, match=r"x_train should be .* bytes cannot hold"):
        Npz(path).splits()


def test_a_pointer_of_git_lfs_is_told(tmp_path):
    (tmp_path / "x.npz").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(Mu2Error, match="is a pointer of Git LFS") as caught:
        Npz(str(tmp_path / "x.npz")).splits()
    assert "git lfs pull" in caught.value.hint
