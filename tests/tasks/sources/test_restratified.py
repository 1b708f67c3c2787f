"""Splits made anew, class by class."""

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import TFDS, Digits, Restratified, Sklearn, Task, TextLines


@pytest.fixture(scope="module")
def source():
    return Restratified(Digits(), pool="train", validation=0.2, test=0.1)


def test_every_example_of_the_pool_is_in_one_split(source):
    pool = Digits().read("train", 8)
    parts = [source.read(split, 8) for split in ("train", "validation", "test")]
    assert sum(map(len, parts)) == len(pool) == 1258
    seen = np.concatenate([part.inputs.reshape(len(part), -1) for part in parts])
    whole = pool.inputs.reshape(len(pool), -1)
    np.testing.assert_array_equal(
        np.sort(seen.view("V64").ravel()), np.sort(whole.view("V64").ravel())
    )


def test_each_class_is_divided_by_the_shares(source):
    counts = np.bincount(Digits().read("train", 8).labels)
    for split, share in (("validation", 0.2), ("test", 0.1)):
        found = np.bincount(source.read(split, 8).labels)
        assert np.abs(found - counts * share).max() <= 1


def test_another_seed_is_another_division(source):
    other = Restratified(Digits(), pool="train", validation=0.2, test=0.1, seed=1)
    assert (source.read("test", 8).labels != other.read("test", 8).labels).any()
    np.testing.assert_array_equal(source.read("test", 8).inputs, source.read("test", 8).inputs)


@pytest.mark.parametrize("shares", [(0.0, 0.1), (0.5, 0.5), (0.2, 1.0)])
def test_shares_that_leave_nothing_are_refused(shares):
    with pytest.raises(Mu2Error, match="Restratified"):
        Restratified(Digits(), validation=shares[0], test=shares[1])


def lines(folder, **counts):
    """A source of texts of given numbers of lines a class."""
    for name, n in counts.items():
        (folder / f"{name}.txt").write_text("".join(f"{name}{i}\n" for i in range(n)))
    return TextLines(str(folder))


@pytest.mark.parametrize("n", range(3, 12))
def test_every_split_has_some_of_every_class(tmp_path, n):
    task = Task("t", Restratified(lines(tmp_path, a=n, b=3), validation=0.05, test=0.4))
    texts = []
    for part in ("train", "validation", "test"):
        examples = task.read(part, (8,))
        assert set(examples.labels) == {0, 1}
        texts += [bytes(row).rstrip(b"\0").decode() for row in examples.inputs]
        # The texts say what their labels are.
        assert [texts[-len(examples) :][i][0] for i in range(len(examples))] == [
            "ab"[label] for label in examples.labels
        ]
    assert len(set(texts)) == len(texts) == n + 3


def test_classes_that_do_not_occur_are_left_out(tmp_path):
    source = lines(tmp_path, a=9, b=9, c=9)
    inner = TextLines(source.path, shuffle=False)
    again = Restratified(inner, pool="train[:9]+train[18:]")
    assert again.class_names() == ("a", "c")
    read = again.read("all", 4)
    assert {(chr(row[0]), label) for row, label in zip(read.inputs, read.labels, strict=True)} == {
        ("a", 0),
        ("c", 1),
    }


def test_a_class_too_small_and_a_table_are_refused(tmp_path):
    with pytest.raises(Mu2Error, match="the class 'b' has 2 of the examples"):
        Restratified(lines(tmp_path, a=9, b=2)).size("train")
    with pytest.raises(Mu2Error, match="scale would be learnt from the whole pool") as caught:
        Restratified(Sklearn("wine")).size("train")
    assert "train[:70%]" in caught.value.hint
    for wrong in (Digits, "mnist", None):
        with pytest.raises(Mu2Error, match=r"Restratified\.source must be a source"):
            Restratified(wrong)


def test_drawings_of_each_character_of_omniglot(tfds_dir):
    source = Restratified(TFDS("omniglot", data_dir=str(tfds_dir)), pool="train")
    assert source.num_classes() == 964
    assert Task("omniglot", source).check() == {"train": 13496, "validation": 2892, "test": 2892}


def test_what_is_foreseen_of_omniglot_is_what_is_there(tfds_dir, tmp_path):
    there, absent = (
        Restratified(TFDS("omniglot", data_dir=str(folder))) for folder in (tfds_dir, tmp_path)
    )
    assert not there.find_missing()
    (error,) = absent.find_missing()
    assert 'tfds.builder("omniglot"' in error.hint
    with_described_data = absent.describe()
    assert with_described_data.num_classes() == there.num_classes() == 964
    for split in there.splits():
        assert with_described_data.size(split) == there.size(split)


def test_a_pool_of_which_too_little_is_known_is_not_foreseen(tmp_path):
    source = Restratified(TFDS("cifar10", data_dir=str(tmp_path)))
    assert source.find_missing() == ()
    with pytest.raises(Mu2Error, match="it is not known what is in"):
        source.describe()
