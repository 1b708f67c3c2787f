"""Splits made anew, class by class."""

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import TFDS, Digits, Restratified, Task


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


def test_drawings_of_each_character_of_omniglot(tfds_dir):
    source = Restratified(TFDS("omniglot", data_dir=str(tfds_dir)), pool="train")
    assert source.num_classes() == 964
    assert Task("omniglot", source).check() == {"train": 13496, "validation": 2892, "test": 2892}
