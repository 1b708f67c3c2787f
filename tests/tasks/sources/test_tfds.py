"""TFDS sets: the real ones, read exactly, and what is said of one that is missing or broken."""

import dataclasses
import io
import json
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from mu2.errors import Mu2Error
from mu2.tasks import TFDS, Source, Task

pytest.importorskip("tensorflow_datasets")
pytest.importorskip("array_record")

INFO, FEATURES = "dataset_info.json", "features.json"
TRAIN = "cmaterdb-train.array_record-00000-of-00001"


@pytest.fixture
def source(tfds_dir):
    def make(name, **attributes):
        return TFDS(name, data_dir=str(tfds_dir), **attributes)

    return make


@pytest.fixture
def copied(tfds_dir, tmp_path):
    """A folder of one's own with one small set, and the folder of its version."""
    version = tmp_path / "cmaterdb/telugu/1.0.0"
    version.mkdir(parents=True)
    for path in (tfds_dir / "cmaterdb/telugu/1.0.0").iterdir():
        shutil.copyfile(path, version / path.name)
    return tmp_path, version


def of(copied, name="cmaterdb/telugu", **attributes):
    return TFDS(name, data_dir=str(copied[0]), **attributes)


def edit(path, change):
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def command(name, folder):
    code = f"import tensorflow_datasets as tfds; tfds.builder({json.dumps(name)}, data_dir="
    code += f'{json.dumps(str(folder))}, file_format="array_record").download_and_prepare()'
    return f"python -c {shlex.quote(code)}"


def test_importing_tasks_imports_no_library_that_a_source_needs():
    code = (
        "import sys, mu2.tasks;"
        "sys.exit(bool({'tensorflow_datasets', 'sklearn', 'matplotlib', 'PIL', 'jax'}"
        " & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("name", "sizes", "classes", "channels"),
    [
        ("mnist", {"train": 60_000, "test": 10_000}, 10, 1),
        ("cmaterdb/bangla", {"train": 5000, "test": 1000}, 10, 3),
        ("cmaterdb/devanagari", {"train": 2500, "test": 500}, 10, 3),
        ("cmaterdb/telugu", {"train": 2500, "test": 500}, 10, 3),
        ("kannada_mnist10k", {"train": 8500, "test": 1500}, 10, 1),
        ("kmnist10k", {"train": 8500, "test": 1500}, 10, 1),
        ("emnist_letters_am10k", {"train": 8500, "test": 1500}, 13, 1),
        ("omniglot", {"train": 19_280, "test": 13_180, "small1": 2720, "small2": 3120}, 1623, 3),
    ],
)
def test_the_sets_of_the_catalog_have_their_sizes_and_classes(
    source, name, sizes, classes, channels
):
    data = source(name)
    assert isinstance(data, Source)
    assert set(data.splits()) == set(sizes)
    assert {split: data.size(split) for split in data.splits()} == sizes
    assert data.num_classes() == len(data.class_names()) == classes
    examples = data.read("test[:3]+train[-2:]", 20)
    assert examples.inputs.shape == (5, 20, 20, channels)
    assert (examples.inputs.dtype, examples.labels.dtype) == (np.uint8, np.int32)


@pytest.mark.parametrize(
    ("name", "split", "side"),
    [("mnist", "test[-300:]", 28), ("cmaterdb/bangla", "test[:1%]+train[4990:]", 32)],
)
def test_examples_are_those_that_tfds_gives(source, tfds_dir, name, split, side):
    import tensorflow_datasets as tfds

    data = source(name)
    examples = data.read(split, side)
    expected = [
        example
        for term in split.split("+")
        for example in tfds.data_source(name, split=term, data_dir=tfds_dir)
    ]
    assert data.size(split) == len(examples) == len(expected)
    np.testing.assert_array_equal(examples.inputs, [example["image"] for example in expected])
    assert examples.labels.tolist() == [example["label"] for example in expected]


@pytest.mark.parametrize("name", ["bangla", "devanagari", "telugu"])
def test_slices_of_cmaterdb_have_the_right_size_and_are_parts_of_the_split(source, name):
    data = source(f"cmaterdb/{name}")
    fifth = data.size("train") // 5
    assert data.size("train[:20%]") == fifth == {"bangla": 1000}.get(name, 500)
    assert data.size("train[20%:]") == 4 * fifth
    whole, some = data.read("train", 8), data.read("train[:20%]", 8)
    assert len(some) == fifth
    np.testing.assert_array_equal(some.inputs, whole.inputs[:fifth])
    np.testing.assert_array_equal(some.labels, whole.labels[:fifth])
    # The classes are balanced over the whole, and a slice has them all.
    assert set(np.bincount(whole.labels)) == {fifth // 2}
    assert len(set(some.labels)) == 10


def test_the_one_bit_images_of_omniglot_are_0_and_255(source):
    examples = source("omniglot").read("train[:40]+small1[:20]", 105)
    assert examples.inputs.shape == (60, 105, 105, 3)
    assert np.unique(examples.inputs).tolist() == [0, 255]
    # Dark ink on a light ground, the same in the three channels.
    assert (examples.inputs == 255).mean() > 0.8
    assert (examples.inputs == examples.inputs[..., :1]).all()
    assert 0 <= examples.labels.min() <= examples.labels.max() < 1623
    smaller = source("omniglot").read("train[:40]+small1[:20]", 28)
    assert len(np.unique(smaller.inputs)) > 50
    assert smaller.inputs.mean() == pytest.approx(examples.inputs.mean(), rel=0.01)


def test_another_label_can_be_learnt(source):
    data = source("omniglot", label_key="alphabet")
    assert data.num_classes() == 50
    assert "Greek" in data.class_names()
    labels = data.read("small1[:200]", 8).labels
    assert 1 < len(set(labels)) <= 50
    assert (labels != source("omniglot").read("small1[:200]", 8).labels).any()


def test_a_task_with_validation_from_train_is_whole(source):
    parts = {"train": "train[20%:]", "validation": "train[:20%]"}
    task = Task("cmaterdb/telugu", source("cmaterdb/telugu"), **parts)
    assert task.check() == {"train": 2000, "validation": 500, "test": 500}
    assert task.read("validation", (16, 16, 1)).inputs.shape == (500, 16, 16, 1)
    # What the set lacks and the task does not say, the rule of the papers makes.
    left_alone = Task("cmaterdb/telugu", source("cmaterdb/telugu"))
    assert left_alone.check() == {"train": 2375, "validation": 125, "test": 500}
    with pytest.raises(Mu2Error, match="task 'cmaterdb/telugu' has no split 'dev'"):
        dataclasses.replace(left_alone, validation="dev").check()


def test_the_folder_is_found_as_tfds_finds_it(copied, monkeypatch):
    home, _ = copied
    monkeypatch.setenv("TFDS_DATA_DIR", str(home))
    assert TFDS("cmaterdb/telugu").size("test") == 500
    monkeypatch.setenv("TFDS_DATA_DIR", str(home / "elsewhere"))
    with pytest.raises(Mu2Error, match="elsewhere, which is no folder"):
        TFDS("cmaterdb/telugu").size("test")
    assert of(copied).size("test") == 500
    monkeypatch.delenv("TFDS_DATA_DIR")
    monkeypatch.setenv("HOME", str(home))
    (home / "tensorflow_datasets").mkdir()
    (home / "cmaterdb").rename(home / "tensorflow_datasets/cmaterdb")
    assert TFDS("cmaterdb/telugu").size("test") == 500
    assert TFDS("cmaterdb/telugu", data_dir="~/tensorflow_datasets").size("test") == 500


def test_the_newest_version_is_read_unless_one_is_named(copied):
    home, version = copied
    for number, size in (("1.9.0", 7), ("1.10.0", 8), ("1.10.0.incompleteAB12", 9)):
        other = shutil.copytree(version, version.parent / number)
        edit(
            other / INFO, lambda info, size=size: info["splits"][0].update(shardLengths=[str(size)])
        )
    split = json.loads((version / INFO).read_text())["splits"][0]["name"]
    sizes = {
        name: of(copied, f"cmaterdb/telugu{name}").size(split)
        for name in ("", ":1.9.0", ":1.9.*", ":1.*.*", ":1.10.0")
    }
    assert sizes == {"": 8, ":1.9.0": 7, ":1.9.*": 7, ":1.*.*": 8, ":1.10.0": 8}
    with pytest.raises(Mu2Error, match=r"has no version 2\.0\.0 of 'cmaterdb/telugu'") as caught:
        of(copied, "cmaterdb/telugu:2.0.0").size(split)
    assert str(home) in caught.value.message
    assert caught.value.hint.startswith("It has 1.0.0, 1.9.0, 1.10.0; the name ")
    assert command("cmaterdb/telugu:2.0.0", home) in caught.value.hint


@pytest.mark.parametrize("name", ["mnist", "mnist:3.0.1", "cmaterdb/bangla"])
def test_a_set_that_is_missing_comes_with_the_command_that_prepares_it(copied, name):
    home, _ = copied
    data = of(copied, name)
    for call in (data.num_classes, data.class_names, data.splits, lambda: data.size("train")):
        with pytest.raises(Mu2Error, match=f"'{name}' is not prepared in {re.escape(str(home))}"):
            call()
    with pytest.raises(Mu2Error) as caught:
        data.read("train", 8)
    # TensorFlow prepares what is then read without it.
    needed = "pip install tensorflow tensorflow-datasets array-record importlib-resources"
    assert caught.value.hint.endswith(f"Prepare it with: {needed} && {command(name, home)}")
    assert ("Prepared there: cmaterdb/telugu." in caught.value.hint) == ("/" in name)


@pytest.mark.parametrize(
    ("name", "release"),
    [("cats_vs_dogs:4.0.0", "==4.9.3"), ("cats_vs_dogs", ""), ("cats_vs_dogs:4.*.*", "")],
)
def test_a_version_that_is_no_longer_prepared_comes_with_the_release_that_does(
    tmp_path, name, release
):
    (lacking,) = TFDS(name, data_dir=str(tmp_path)).missing()
    assert f"tensorflow-datasets{release} " in lacking.hint
    assert command(name, tmp_path) in lacking.hint
    assert ("an environment of its own" in lacking.hint) == bool(release)


def test_the_command_survives_a_folder_with_spaces_and_is_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Mu2Error, match="my data, which is no folder") as caught:
        TFDS("mnist", data_dir="my data").size("train")
    assert caught.value.hint.endswith(command("mnist", tmp_path / "my data"))


def test_a_set_of_several_kinds_must_be_named_in_full(copied):
    with pytest.raises(Mu2Error, match="'cmaterdb' comes in several kinds") as caught:
        of(copied, "cmaterdb").size("train")
    assert caught.value.hint.endswith("cmaterdb/telugu.")


def test_a_name_that_is_in_no_catalog_is_answered_with_the_nearest(copied):
    with pytest.raises(Mu2Error, match="'mnst' is not prepared") as caught:
        of(copied, "mnst").size("train")
    assert caught.value.hint == "Did you mean 'mnist'?"
    with pytest.raises(Mu2Error) as caught:
        of(copied, "qqqqqqqqqqqq").size("train")
    assert "no such data set; TFDS.data_dir names" in caught.value.hint


@pytest.mark.parametrize(
    "name",
    [*("", "Mnist", "../mnist", "/mnist", "a/b/c", "mnist:3", "mnist/", "a b", "mnist\n", None, 5)],
)
def test_names_of_another_form_are_refused_at_once(name):
    with pytest.raises(Mu2Error, match="TFDS knows no names like") as caught:
        TFDS(name)
    assert "'cmaterdb/bangla'" in caught.value.hint


@pytest.mark.parametrize(
    ("keys", "message", "hint"),
    [
        ({"image_key": "img"}, "no feature 'img', which TFDS.image_key", "Did you mean 'image'?"),
        (
            {"label_key": "Label"},
            "no feature 'Label', which TFDS.label_key",
            "Did you mean 'label'?",
        ),
        ({"label_key": "zzz"}, "no feature 'zzz'", "Known: image, label."),
        ({"image_key": "label"}, "'label', which is ClassLabel and not Image", "kind: image."),
        ({"label_key": "image"}, "'image', which is Image and not ClassLabel", "kind: label."),
    ],
)
def test_a_wrong_feature_is_answered_with_the_right_ones(source, keys, message, hint):
    data = source("cmaterdb/telugu", **keys)
    for call in (data.num_classes, lambda: data.size("train"), lambda: data.read("train", 8)):
        with pytest.raises(Mu2Error, match=message) as caught:
            call()
        assert caught.value.hint.endswith(hint)


@pytest.mark.parametrize("format_", ["tfrecord", None, "riegeli", "some_day"])
def test_another_file_format_is_named_with_the_command_that_mends_it(copied, format_):
    home, version = copied
    # TFDS writes none where it is its default, tfrecord.
    edit(version / INFO, lambda info: info.update(fileFormat=format_))
    if format_ is None:
        edit(version / INFO, lambda info: info.pop("fileFormat"))
    with pytest.raises(Mu2Error, match=f"is prepared as {format_ or 'tfrecord'} in") as caught:
        of(copied).read("train", 8)
    assert str(version) in caught.value.message
    assert caught.value.hint.startswith("Move that folder away and prepare it again")
    assert caught.value.hint.endswith(command("cmaterdb/telugu", home))


@pytest.mark.parametrize("length", [0, 10, 70_000, 0.5, 0.9, -1])
def test_a_file_that_ends_too_soon_is_damage(copied, length):
    home, version = copied
    content = (version / TRAIN).read_bytes()
    whole = of(copied).read("test", 8)
    (version / TRAIN).write_bytes(
        content[: int(length * len(content)) if isinstance(length, float) else length]
    )
    with pytest.raises(Mu2Error, match="'cmaterdb/telugu' is damaged: ") as caught:
        of(copied).read("train", 8)
    assert "\n" not in caught.value.message
    assert caught.value.hint.startswith(f"Remove {version} and prepare it again")
    assert caught.value.hint.endswith(command("cmaterdb/telugu", home))
    # The split in the other file is as good as ever.
    np.testing.assert_array_equal(of(copied).read("test", 8).inputs, whole.inputs)


def test_a_changed_byte_is_damage_and_no_other_picture(copied):
    _, version = copied
    content = bytearray((version / TRAIN).read_bytes())
    content[len(content) // 2] ^= 1
    (version / TRAIN).write_bytes(content)
    with pytest.raises(Mu2Error, match=r"is damaged: .*hash mismatch"):
        of(copied).read("train", 8)


def test_a_missing_file_of_examples_is_damage(copied):
    _, version = copied
    (version / TRAIN).unlink()
    with pytest.raises(Mu2Error, match=f"is damaged: .*{TRAIN}"):
        of(copied).read("train", 8)


@pytest.mark.parametrize("name", [INFO, FEATURES])
@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"7", b'{"a":', b"\xff\xfe", b"[" * 100_000]
)
def test_a_broken_document_is_damage_and_named(copied, name, content):
    _, version = copied
    (version / name).write_bytes(content)
    with pytest.raises(Mu2Error, match=rf"damaged: \S+/{name} (cannot be read|holds no)") as caught:
        of(copied).size("train")
    assert caught.value.hint.startswith(f"Remove {version}")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (INFO, {"splits": 5}),
        (INFO, {"splits": [{"name": "train", "shardLengths": ["x"]}]}),
        (INFO, {"version": "new"}),
        (FEATURES, {"pythonClassName": "no.such.Features"}),
        (FEATURES, {"featuresDict": {"features": {"label": {"classLabel": {"numClasses": "x"}}}}}),
    ],
)
def test_a_document_with_the_wrong_things_in_it_is_damage(copied, name, change):
    _, version = copied
    edit(version / name, lambda document: document.update(change))
    with pytest.raises(Mu2Error, match=r"damaged: \S+/1\.0\.0 cannot be read \(.+\)\.\n"):
        of(copied).size("train")


def test_a_set_without_its_info_is_damaged_and_without_features_not_prepared(copied):
    _, version = copied
    (version / INFO).unlink()
    with pytest.raises(Mu2Error, match=f"damaged: .*{INFO} cannot be read"):
        of(copied).size("train")
    (version / FEATURES).unlink()
    with pytest.raises(Mu2Error, match="is not prepared"):
        of(copied).size("train")


def test_images_of_16_bits_are_refused(copied):
    _, version = copied
    edit(
        version / FEATURES,
        lambda f: f["featuresDict"]["features"]["image"]["image"].update(dtype="uint16"),
    )
    with pytest.raises(Mu2Error, match="'image' are uint16, and mu2 reads 8-bit images"):
        of(copied).num_classes()


def test_what_is_no_image_is_named_by_its_place(copied):
    _, version = copied

    def rename(document):
        features = document["featuresDict"]["features"]
        features["picture"] = features.pop("image")

    edit(version / FEATURES, rename)
    with pytest.raises(Mu2Error, match=r"train\[7\] is no image that Pillow can decode"):
        of(copied, image_key="picture").read("train[7:9]", 8)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("dev", "has no split 'dev'"),
        ("train[:2501]", "outside the 2500"),
        ("train[5:5]", "no examples"),
    ],
)
def test_wrong_splits_are_refused_in_the_name_of_the_set(source, split, message):
    data = source("cmaterdb/telugu")
    for call in (data.size, lambda split: data.read(split, 8)):
        with pytest.raises(Mu2Error, match=f"TFDS data set 'cmaterdb/telugu'.*{message}"):
            call(split)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("tensorflow_datasets", "needs tensorflow-datasets"),
        ("array_record", "needs array-record"),
        ("PIL", "needs Pillow"),
    ],
)
def test_without_a_library_the_command_that_installs_it_is_named(tfds_dir, module, message):
    # In a process of its own, since tensorflow_datasets keeps what it has imported.
    code = f"""
import sys
from mu2.errors import Mu2Error
from mu2.tasks import TFDS
sys.modules[{module!r}] = None
try:
    TFDS("cmaterdb/telugu", data_dir={str(tfds_dir)!r}).read("train[:2]", 8)
except Mu2Error as error:
    print(error)
"""
    said = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout
    assert f"'cmaterdb/telugu' {message}" in said
    assert "pip install 'mu2[tfds]'" in said


def test_no_tensorflow_is_imported_to_read(tfds_dir):
    code = f"""
import sys
from mu2.tasks import TFDS
assert len(TFDS("omniglot", data_dir={str(tfds_dir)!r}).read("small1[:2]", 8)) == 2
sys.exit(bool({{"tensorflow", "jax"}} & set(sys.modules)))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_white_of_another_value_becomes_255(source):
    """Pixels of Omniglot's one-bit images, 0 and 255, stand in for dSprites' 0 and 1."""
    bits = source("omniglot").reader("small1[:2]").fetch([0, 1])[0]
    tiny = source("omniglot", brightest=1)
    for image in bits:
        encoded = io.BytesIO()
        Image.fromarray(image[..., 0] // 255).save(encoded, "PNG")
        np.testing.assert_array_equal(tiny._decode(encoded.getvalue(), "L", "x"), image[..., :1])


def test_a_pixel_brighter_than_white_is_refused(source):
    with pytest.raises(Mu2Error, match=r"a pixel of 255, and TFDS\.brightest is 1"):
        source("mnist", brightest=1).read("test[:1]", 28)
    with pytest.raises(Mu2Error, match="does not divide 255"):
        source("mnist", brightest=2)
