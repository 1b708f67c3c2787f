"""scikit-learn's digits: splits made once and for all, and every image in one of them."""

import collections
import hashlib
import sys

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import Digits, Source

pytest.importorskip("sklearn")


def digest(examples):
    """SHA-256 of images and labels, whatever the machine's byte order."""
    return hashlib.sha256(
        examples.inputs.tobytes() + examples.labels.astype("<i4").tobytes()
    ).hexdigest()


def rows(examples):
    """How often each (label, picture) occurs."""
    pictures = (image.tobytes() for image in examples.inputs)
    return collections.Counter(zip(examples.labels.tolist(), pictures, strict=True))


def test_it_is_a_source_of_ten_classes():
    assert isinstance(Digits(), Source)
    assert Digits().num_classes() == 10
    assert Digits().class_names() == tuple("0123456789")
    assert Digits() == Digits()


@pytest.mark.parametrize(
    ("name", "size", "bytes_"),
    [
        ("train", 1258, "7846c455fa10d253f53f769ef9ca452f4b3f5281dd1c06276ba254804ddc6cc4"),
        ("validation", 270, "1237098099a1b0f791c6406bf3a4770748ff9af958bec8185eab50fbe3cc9e48"),
        ("test", 269, "395143eac11d4c5276347fb59bde0cc43c45d508296622b523355a1632a71d6a"),
    ],
)
def test_splits_are_the_same_bytes_on_every_machine(name, size, bytes_):
    examples = Digits().read(name, 8)
    assert Digits().size(name) == len(examples) == size
    assert examples.inputs.shape == (size, 8, 8, 1)
    assert (examples.inputs.dtype, examples.labels.dtype) == (np.uint8, np.int32)
    assert digest(examples) == bytes_


def test_every_image_of_scikit_learn_is_in_one_split_and_no_other():
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    # 16 grey levels become 255, evenly.
    pixels = np.rint(images * 255 / 16).astype(np.uint8)
    everything = collections.Counter(
        (int(label), row.tobytes()) for label, row in zip(labels, pixels, strict=True)
    )
    assert Digits().splits() == ("train", "validation", "test")
    splits = [rows(Digits().read(name, 8)) for name in Digits().splits()]
    assert sum(splits, collections.Counter()) == everything
    assert everything.total() == Digits().size("all") == 1797
    # No two images of the set are alike, so none can be in two splits.
    assert max(everything.values()) == 1


def test_every_class_is_divided_70_15_15():
    everything = np.bincount(Digits().read("all", 8).labels)
    for name, share in (("train", 0.70), ("validation", 0.15), ("test", 0.15)):
        counts = np.bincount(Digits().read(name, 8).labels, minlength=10)
        assert np.abs(counts - share * everything).max() <= 1


def test_a_split_is_in_random_order():
    labels = Digits().read("train", 8).labels
    # Ten classes: neighbours agree by chance in a tenth of the places.
    assert (labels[1:] == labels[:-1]).mean() < 0.15
    assert len(set(labels[:40])) == 10


def test_a_slice_is_a_part_of_its_split_and_terms_keep_their_order():
    whole = Digits().read("train", 8)
    some = Digits().read("train[:10%]+validation[-2:]+train[1000:1002]", 8)
    assert len(some) == Digits().size("train[:10%]+validation[-2:]+train[1000:1002]") == 130
    np.testing.assert_array_equal(some.inputs[:126], whole.inputs[:126])
    np.testing.assert_array_equal(some.labels[:126], whole.labels[:126])
    last = Digits().read("validation", 8)
    np.testing.assert_array_equal(some.inputs[126:128], last.inputs[-2:])
    np.testing.assert_array_equal(some.inputs[128:], whole.inputs[1000:1002])


def test_images_come_in_the_size_asked_for():
    small, large = Digits().read("test", 8), Digits().read("test", 32)
    assert large.inputs.shape == (269, 32, 32, 1)
    np.testing.assert_array_equal(large.labels, small.labels)
    # Blocks of the enlarged images average to the pixels they come from, more or less.
    means = large.inputs.reshape(269, 8, 4, 8, 4).mean(axis=(2, 4))
    assert np.corrcoef(means.ravel(), small.inputs.ravel())[0, 1] > 0.97


def test_wrong_splits_are_refused_before_scikit_learn_is_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    for call in (Digits().size, lambda split: Digits().read(split, 8)):
        with pytest.raises(Mu2Error, match="Digits has no split 'dev'"):
            call("dev")
    assert Digits().size("train") == 1258


def test_without_scikit_learn_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(Mu2Error, match="needs scikit-learn") as caught:
        Digits().read("train", 8)
    assert "pip install 'mu2[demo]'" in caught.value.hint
