"""What `mu2 check --data` says of a task's examples."""

import json

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import CSV, TFDS, Digits, Folder, Npz, Task
from mu2.tasks.inspect import inspect


@pytest.fixture
def arrays(tmp_path):
    """A task over an .npz file of given images and labels for each part."""

    def make(**splits):
        held = {}
        for name, (images, labels) in splits.items():
            held[f"x_{name}"] = np.asarray(images, np.uint8)
            held[f"y_{name}"] = np.asarray(labels, np.int64)
        np.savez(tmp_path / "set.npz", **held)
        return Task("t", Npz(str(tmp_path / "set.npz")), validation="val", test="test")

    return make


def images(*levels):
    """Images of 2 by 2 pixels: a corner of the given level, the others 255, 7 and 9."""
    return [[[level, 255], [7, 9]] for level in levels]


def test_a_clean_task_has_sizes_balance_and_no_warning_of_sharing():
    report = inspect(Task("digits", Digits()))
    json.dumps(report)
    assert not [w for w in report["warnings"] if " in train as well" in w]
    assert json.dumps(report).count("1258") >= 1


def test_examples_that_two_parts_share_and_labels_that_contradict_are_counted(arrays):
    task = arrays(
        train=(images(0, 1, 2, 2), [0, 1, 0, 0]),
        val=(images(1, 9), [0, 1]),
        test=(images(5, 6), [0, 1]),
    )
    warnings = inspect(task)["warnings"]
    assert any("validation" in w and "train as well" in w for w in warnings)
    assert any("train repeats 1 of its 4" in w for w in warnings)
    assert not any("of test are in train" in w for w in warnings)


def test_every_number_is_as_counted_by_hand(arrays):
    task = arrays(
        train=(images(0, 1, 2, 2, 2), [0, 1, 0, 0, 1]),
        val=(images(1, 9, 2, 0), [0, 1, 1, 1]),
        test=(images(5, 6), [0, 1]),
    )
    report = json.loads(json.dumps(inspect(task)))
    assert (report["input"], report["classes"], report["rule"]) == ("image", 2, None)
    assert report["parts"]["train"] == {
        "split": "train",
        "examples": 5,
        "classes_present": 2,
        "smallest_class": 2,
        "largest_class": 3,
        "entropy": 0.971,
        "lowest": 0.0,
        "highest": 255.0,
        "sizes": {"2x2x1": 5},
        "duplicates": 2,
        "contradictions": 1,
    }
    assert report["parts"]["test"]["entropy"] == 1.0
    assert report["shared"] == {
        # 1 as class 0, and 0 as class 1, are in train with the other label alone.
        "train+validation": {"examples": 3, "contradictions": 2},
        "train+test": {"examples": 0, "contradictions": 0},
        "validation+test": {"examples": 0, "contradictions": 0},
    }
    assert [w for w in report["warnings"] if "label" in w] == [
        "2 examples of validation are in train with other labels only.",
        "1 examples of train have another label than most of their equals.",
    ]


def test_pixels_are_compared_as_they_are_and_not_as_they_are_resized(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for split, size in {"train": 8, "validation": 8, "test": 16}.items():
        for name, level in {"dark": 10, "light": 200}.items():
            (tmp_path / split / name).mkdir(parents=True)
            image.new("L", (size, size), level).save(tmp_path / split / name / f"{split}.png")
    report = inspect(Task("t", Folder(str(tmp_path))))
    assert report["shared"]["train+validation"]["examples"] == 2
    assert report["shared"]["train+test"]["examples"] == 0
    assert report["parts"]["test"]["sizes"] == {"16x16x3": 2}
    assert "2 examples of train are of one colour." in report["warnings"]


def test_pixels_that_are_never_light_are_told(arrays):
    dim = {name: ([[[0, 1]], [[1, 0]]], [0, 1]) for name in ("train", "val", "test")}
    assert (
        "the pixels of train run from 0 to 1, and not to 255." in inspect(arrays(**dim))["warnings"]
    )


def test_the_rule_is_told():
    class TrainAndTest(Digits):
        def splits(self):
            return ("train", "test")

    report = inspect(Task("t", TrainAndTest()))
    assert "validation is train[:5%]" in report["rule"]
    assert report["parts"]["validation"]["split"] == "train[:5%]"


def test_tables_and_texts(tmp_path):
    (tmp_path / "train.csv").write_text("a,b,text,kind\n1,7,x y,0\n2,7,,1\n3,7,x y,1\n")
    (tmp_path / "test.csv").write_text("a,b,text,kind\n1,7,longer,0\n9,7,x y,1\n")
    parts = {"validation": "test", "test": "test"}
    path = str(tmp_path)
    table = inspect(Task("t", CSV(path, "kind", columns=("a", "b")), **parts))
    assert table["input"] == "table"
    assert table["shared"]["train+test"] == {"examples": 1, "contradictions": 0}
    assert "1 columns of train have one value throughout." in table["warnings"]
    texts = inspect(Task("t", CSV(path, "kind", text="text"), **parts))
    assert texts["parts"]["test"]["highest"] == 6
    assert "1 examples of train are empty." in texts["warnings"]
    assert texts["parts"]["train"]["contradictions"] == 1
    assert texts["shared"]["train+test"] == {"examples": 1, "contradictions": 0}


def test_a_source_without_readers_is_read_whole():
    class Plain:
        """As others may write one: the protocol and nothing more."""

        input, _digits = "image", Digits()

        def __getattr__(self, name):
            if name in ("reader", "fitted"):
                raise AttributeError(name)
            return getattr(self._digits, name)

    for name in ("num_classes", "class_names", "splits", "size", "read"):
        setattr(Plain, name, lambda self, *a, name=name: getattr(self._digits, name)(*a))
    plain, own = inspect(Task("t", Plain())), inspect(Task("t", Digits()))
    assert plain["parts"]["train"]["sizes"] == {"32x32x1": 1258}
    for key in ("examples", "smallest_class", "largest_class", "duplicates"):
        assert plain["parts"]["train"][key] == own["parts"]["train"][key]


def test_a_class_that_is_never_trained_on_is_told(arrays):
    task = arrays(
        train=(images(0, 1), [0, 2]), val=(images(3, 4), [0, 1]), test=(images(5, 6), [0, 1])
    )
    assert "train has no example of class '1'." in inspect(task)["warnings"]


def test_the_papers_omniglot_protocol_validates_and_tests_on_what_was_trained_on(tfds_dir):
    source = TFDS("omniglot", data_dir=str(tfds_dir))
    report = inspect(Task("omniglot", source, "train", "small1", "small2"))
    assert any(w.startswith("all 2,720 examples of validation") for w in report["warnings"])
    assert any(w.startswith("all 3,120 examples of test") for w in report["warnings"])


def test_every_image_that_cannot_be_read_is_told_and_the_others_are_counted(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for split in ("train", "validation", "test"):
        for name in ("cat", "dog"):
            folder = tmp_path / split / name
            folder.mkdir(parents=True)
            for i in range(6):
                pixels = np.random.default_rng(i).integers(0, 256, (8, 8, 3), np.uint8)
                image.fromarray(pixels).save(folder / f"{i}.png")
    bad = [tmp_path / "train/cat/0.png", tmp_path / "train/cat/4.png", tmp_path / "test/dog/1.png"]
    bad[0].write_bytes(b"")
    bad[1].write_bytes(b"<html>not found</html>")
    bad[2].write_bytes(bad[2].read_bytes()[:60])
    task, faults = Task("t", Folder(str(tmp_path))), []
    report = inspect(task, faults)
    for fault, file in zip(sorted(map(str, faults)), sorted(map(str, bad)), strict=True):
        assert fault.startswith(file)
    assert {part: of["examples"] for part, of in report["parts"].items()} == {
        "train": 10,
        "validation": 12,
        "test": 11,
    }
    assert report["parts"]["train"]["largest_class"] == 6
    with pytest.raises(Mu2Error, match="no image that Pillow knows"):
        inspect(task)


@pytest.mark.parametrize("white", [15, 63, 127])
def test_pixels_that_stay_dark_are_told(arrays, white):
    dim = {name: ([[[0, white]], [[1, 0]]], [0, 1]) for name in ("train", "val", "test")}
    faults = []
    told = inspect(arrays(**dim), faults)["warnings"]
    assert f"the pixels of test run from 0 to {white}, and not to 255." in told
    assert faults == []


def test_parts_that_no_run_would_take_are_faults(arrays):
    dim = {name: ([[[0, 1]], [[1, 0]]], [0, 1]) for name in ("train", "val")}
    task, faults = arrays(**dim, test=([[[0, 200]]], [0])), []
    inspect(task, faults)
    assert [f"{f}".splitlines()[0] for f in faults] == [
        f"task 't', {part} ({split}): the pixels of all images run from 0 to 1, and mu2 reads 255 "
        "as white."
        for part, split in (("train", "train"), ("validation", "val"))
    ]
    for part in ("train", "validation"):
        with pytest.raises(Mu2Error, match="run from 0 to 1"):
            task.read(part, (2, 2, 1))
    assert task.read("test", (2, 2, 1)).inputs.max() > 1
