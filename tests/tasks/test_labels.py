"""Labels: whole numbers dense and sparse, texts that mark what is missing, names that differ."""

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import Npz, Task, guesses
from mu2.tasks.labels import class_guesses, describe_difference

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 7, 7)).astype(np.uint8)


def npz(tmp_path, labels, **options):
    np.savez(tmp_path / "x.npz", x=IMAGES, y=np.asarray(labels))
    return Npz(str(tmp_path / "x.npz"), shuffle=False, **options)


@pytest.mark.parametrize("high", [10**9, 2**40, 2**63 - 1])
def test_sparse_numbers_are_classes_by_name_and_size_nothing(tmp_path, high):
    source = npz(tmp_path, [(7, high)[i % 2] for i in range(60)])
    assert source.class_names() == ("7", str(high))
    assert source.read("train", 7).labels.tolist() == [0, 1] * 30
    assert source.guesses()[0].startswith(f"labels go up to {high}: each of the 2 numbers")
    task = Task("t", source)
    assert source.guesses()[0] in guesses(task)
    assert task.check() == {"train": 54, "validation": 3, "test": 3}


def test_unsigned_labels_beyond_64_bits_with_a_sign(tmp_path):
    labels = np.array([3, 2**64 - 1] * 30, np.uint64)
    assert npz(tmp_path, labels).class_names() == ("3", str(2**64 - 1))
    assert npz(tmp_path, labels).read("train", 7).labels.tolist() == [0, 1] * 30


def test_dense_numbers_are_the_numbers_of_classes(tmp_path):
    source = npz(tmp_path, [(1, 9)[i % 2] for i in range(60)])
    assert source.num_classes() == 10
    assert source.guesses() == ()
    assert source.read("train", 7).labels.tolist() == [1, 9] * 30


def test_a_sparse_label_that_training_has_not_is_no_class(tmp_path):
    sparse = np.array([5, 10**9] * 30)
    np.savez(tmp_path / "x.npz", x_train=IMAGES, y_train=sparse, x_test=IMAGES, y_test=sparse + 1)
    with pytest.raises(Mu2Error, match=r"has label -1, and labels run from 0 to 1"):
        Task("t", Npz(str(tmp_path / "x.npz"))).read("test", (7, 7, 1))


def test_names_that_are_given_are_the_classes(tmp_path):
    labels = [i % 2 for i in range(60)]
    source = npz(tmp_path, labels, classes=("12", "100000000"))
    assert source.read("train", 7).labels.tolist() == labels


@pytest.mark.parametrize("word", ["nan", "NA", "NULL", ""])
def test_texts_that_mark_a_missing_label_are_no_class(tmp_path, word):
    labels = [("cat", "dog", word)[i % 3] for i in range(60)]
    with pytest.raises(Mu2Error, match="labels are missing") as caught:
        npz(tmp_path, labels).class_names()
    assert "Npz.classes" in caught.value.hint
    named = npz(tmp_path, labels, classes=("cat", "dog", word))
    assert named.read("train", 7).labels.tolist() == [0, 1, 2] * 20


def test_truth_is_a_label(tmp_path):
    source = npz(tmp_path, [i % 2 == 1 for i in range(60)])
    assert source.class_names() == ("0", "1")
    assert source.read("train", 7).labels.tolist() == [0, 1] * 30


def test_sound_names_raise_no_doubt():
    assert class_guesses(("cat", "dog", "no one", "10", "1")) == []


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("ab", "abc", "2 classes, now 3, with 'c'"),
        ("abc", "ab", "3 classes, now 2, without 'c'"),
        ("ab", "ac", "without 'b' and with 'c'"),
        ("ab", "ba", "in another order: class 0 was 'a' and is 'b'"),
        (["caf\u00e9", "x"], ["cafe\u0301", "x"], "look the same"),
    ],
)
def test_what_differs_is_named(old, new, words):
    assert words in describe_difference(old, new)


@pytest.mark.parametrize("name", ["#DIV/0!", "NaT", "-999", "--", "(blank)", "Unknown", "N.A."])
def test_words_for_no_label_are_told(name):
    assert class_guesses(("no", name, "yes")) == [
        f"the class {name!r} may stand for examples without a label."
    ]


def test_numbers_in_two_writings_look_like_one():
    assert class_guesses(("01", "1", "2")) == ["the classes '01' and '1' look like one."]
    assert class_guesses(("1", "1.0", "2.50")) == ["the classes '1' and '1.0' look like one."]
    assert class_guesses(("0.5", "05", "0x5", "1e3", "1000")) == []
