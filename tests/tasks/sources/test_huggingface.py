"""Hugging Face data sets from the disk; nothing asks the network."""

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import HuggingFace, Task

datasets = pytest.importorskip("datasets", reason="the extra hf is not installed")


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder that save_to_disk wrote: twelve images of two classes, two splits."""
    folder = tmp_path_factory.mktemp("hf") / "set"
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["dark", "light"])}
    )

    def part(n):
        pixels = [np.full((6, 6, 3), 10 * i, np.uint8) for i in range(n)]
        columns = {"image": pixels, "label": [i % 2 for i in range(n)]}
        return datasets.Dataset.from_dict(columns, features=features)

    datasets.DatasetDict({"train": part(12), "test": part(4)}).save_to_disk(folder)
    return str(folder)


def test_images_of_a_saved_folder(saved):
    source = HuggingFace(saved, shuffle=False)
    assert source.splits() == ("train", "test")
    assert source.class_names() == ("dark", "light")
    examples = source.read("train[:3]", 4)
    assert examples.inputs.shape == (3, 4, 4, 3)
    assert examples.inputs[:, 0, 0, 0].tolist() == [0, 10, 20]
    assert examples.labels.tolist() == [0, 1, 0]


def test_a_missing_validation_split_is_the_papers_5_percent(saved):
    task = Task("t", HuggingFace(saved))
    assert task.check() == {"train": 11, "validation": 1, "test": 4}


def test_shuffled_is_the_same_examples_in_a_fixed_order(saved):
    shuffled, again = HuggingFace(saved), HuggingFace(saved)
    ordered = HuggingFace(saved, shuffle=False).read("train", 2)
    first = shuffled.read("train", 2)
    np.testing.assert_array_equal(first.inputs, again.read("train", 2).inputs)
    assert (first.inputs != ordered.inputs).any()
    assert sorted(first.inputs[:, 0, 0, 0]) == sorted(ordered.inputs[:, 0, 0, 0])


def test_texts(tmp_path):
    columns = {"text": ["good é", "bad"], "label": ["up", "down"]}
    datasets.DatasetDict({"train": datasets.Dataset.from_dict(columns)}).save_to_disk(
        tmp_path / "t"
    )
    source = HuggingFace(str(tmp_path / "t"), text_key="text", shuffle=False)
    assert source.input == "text"
    examples = source.read("train", 8)
    assert bytes(examples.inputs[0]).rstrip(b"\0").decode() == "good é"
    assert source.class_names() == ("down", "up")
    assert examples.labels.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"image_key": "imag"}, "imag"), ({"label_key": "lable"}, "lable")],
)
def test_a_column_that_is_not_there_names_the_nearest(saved, settings, said):
    with pytest.raises(Mu2Error, match=said) as caught:
        HuggingFace(saved, **settings).read("train", 4)
    assert "image" in f"{caught.value}" or "label" in f"{caught.value}"


def test_a_folder_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Mu2Error):
        HuggingFace(str(tmp_path / "none")).splits()
