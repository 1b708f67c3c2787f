"""Two sources as one."""

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import Digits, Glyphs, Joined, Restratified, Sklearn, Source, Task


@pytest.fixture(scope="module")
def source():
    return Joined(Digits(), Restratified(Digits(), pool="test"))


def test_it_is_a_source_with_the_splits_of_both(source):
    assert isinstance(source, Source)
    own = Digits()
    assert source.splits() == (
        *own.splits(),
        *(f"other.{name}" for name in ("train", "validation", "test")),
    )
    assert source.size("train") == own.size("train")
    assert source.class_names() == own.class_names()
    assert source.find_missing() == ()


def test_a_task_validates_on_the_other(source):
    task = Task("t", source, validation="other.validation", test="other.test")
    validation = task.read("validation", (8, 8, 1))
    wanted = Restratified(Digits(), pool="test").read("validation", 8)
    np.testing.assert_array_equal(validation.inputs, wanted.inputs)
    np.testing.assert_array_equal(validation.labels, wanted.labels)


def test_an_expression_may_take_from_both(source):
    both = source.read("train[:3]+other.test[:2]+train[3:5]", 8)
    own, other = Digits().read("train[:5]", 8), source.other.read("test[:2]", 8)
    order = [own.inputs[:3], other.inputs, own.inputs[3:]]
    np.testing.assert_array_equal(both.inputs, np.concatenate(order))
    labels = [own.labels[:3], other.labels, own.labels[3:]]
    np.testing.assert_array_equal(both.labels, np.concatenate(labels))


def test_sources_of_other_classes_are_refused():
    with pytest.raises(Mu2Error, match="10 classes and 26"):
        Joined(Digits(), Glyphs("latin", per_class=2)).num_classes()


def test_sources_of_other_names_for_their_classes_are_refused(tmp_path):
    source = Joined(Glyphs("latin", per_class=2), Other("latin", per_class=2))
    with pytest.raises(Mu2Error, match="class 0 is"):
        source.class_names()


class Other(Glyphs):
    def class_names(self):
        return tuple(reversed(super().class_names()))


def test_tables_and_other_things_are_refused():
    with pytest.raises(Mu2Error, match="table"):
        Joined(Sklearn("wine"), Sklearn("wine"))
    with pytest.raises(Mu2Error, match=r"Joined\.other must be a source"):
        Joined(Digits(), None)
    with pytest.raises(Mu2Error, match=r"Joined\.source must be a source"):
        Joined(Digits, Digits())
    with pytest.raises(Mu2Error, match=r"no split .other\.tset"):
        Joined(Digits(), Digits()).size("other.tset")
