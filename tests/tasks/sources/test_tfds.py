"""TFDS sets: the real ones, read exactly, and what is said of one that is missing or broken."""

import dataclasses
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import TFDS, Source, Task
from tests.tasks.sources.sets import INFO, command, edit, of

pytest.importorskip("tensorflow_datasets")
pytest.importorskip("array_record")


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
    (lacking,) = TFDS(name, data_dir=str(tmp_path)).find_missing()
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
