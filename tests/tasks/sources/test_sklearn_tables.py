"""scikit-learn's tables: splits made once and for all, scaled by what is trained on."""

import sys

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import Sklearn, Source, Task

datasets = pytest.importorskip("sklearn.datasets")
NAMES = ["wine", "breast_cancer", "iris"]


@pytest.mark.parametrize("name", NAMES)
def test_every_row_is_in_one_split(name):
    source = Sklearn(name)
    assert isinstance(source, Source)
    bunch = getattr(datasets, f"load_{name}")()
    assert source.class_names() == tuple(bunch.target_names)
    assert source.num_features() == bunch.data.shape[1]
    read = source.read("all", source.num_features())
    assert sum(source.size(split) for split in source.splits()) == len(read) == len(bunch.target)
    np.testing.assert_array_equal(np.bincount(read.labels), np.bincount(bunch.target))
    # Scaled back, the rows are those of scikit-learn.
    train = source.size("train")
    mean, deviation = (getattr(bunch.data, f)(axis=0) for f in ("mean", "std"))
    scaled = ((bunch.data - mean) / deviation)[:, 0]
    np.testing.assert_allclose(
        np.sort(read.inputs[:, 0] - read.inputs[:, 0].mean()) / read.inputs[:, 0].std(),
        np.sort(scaled),
        atol=1e-4,
    )
    np.testing.assert_allclose(read.inputs[:train].mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(read.inputs[:train].std(axis=0), 1, atol=1e-5)


def test_parts_are_balanced_and_in_random_order():
    for part, least in {"train": 33, "validation": 6, "test": 6}.items():
        labels = Sklearn("wine").read(part, 13).labels
        assert np.bincount(labels).min() >= least
        assert labels.tolist() != sorted(labels)


def test_the_scale_is_that_of_the_training_part():
    task = Task("wine", Sklearn("wine"), "train[:50]", "train[50:]", "test")
    assert task.source_hyperparameters() == {"num_features": 13}
    train = task.read("train", (13,)).inputs
    np.testing.assert_allclose(train.std(axis=0), 1, atol=1e-5)
    validation = task.read("validation", (13,)).inputs
    assert not np.allclose(validation.std(axis=0), 1, atol=0.01)


def test_a_line_through_the_training_rows_tells_the_test_rows():
    task = Task("wine", Sklearn("wine"))
    train, test = task.read("train", (13,)), task.read("test", (13,))
    weights = np.linalg.lstsq(train.inputs, np.eye(3)[train.labels], rcond=None)[0]
    assert ((test.inputs @ weights).argmax(axis=1) == test.labels).mean() > 0.9


def test_other_names_are_refused():
    with pytest.raises(Mu2Error, match="has no table 'wines'") as caught:
        Sklearn("wines")
    assert "'wine'" in caught.value.hint


def test_without_scikit_learn_sizes_are_told_and_the_command_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert Task("wine", Sklearn("wine")).check() == {"train": 125, "validation": 26, "test": 27}
    with pytest.raises(Mu2Error, match="needs scikit-learn") as caught:
        Sklearn("wine").read("train", 13)
    assert "pip install 'mu2[demo]'" in caught.value.hint
