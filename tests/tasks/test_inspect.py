"""What `mu2 check --data` says of a task's examples."""

import json

import numpy as np
import pytest

from mu2.tasks import TFDS, Digits, Npz, Task
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
