"""A task: names, sources, parts that share no example, and labels that are classes."""

import dataclasses

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import Digits, Examples, Source, Task, split


@dataclasses.dataclass(frozen=True)
class Counting:
    """A source whose pictures are the indices of their examples."""

    sizes: tuple[tuple[str, int], ...] = (("train", 20), ("validation", 4), ("test", 6))
    classes: int = 5
    channels: int = 1
    labels: tuple[int, ...] = (0, 1, 2, 3, 4)

    input = "image"

    def num_classes(self):
        return self.classes

    def class_names(self):
        return tuple(map(str, range(self.classes)))

    def splits(self):
        return tuple(dict(self.sizes))

    def size(self, split_):
        return sum(map(len, split.parse(split_, dict(self.sizes), "Counting")))

    def read(self, split_, image_size):
        spans = split.parse(split_, dict(self.sizes), "Counting")
        indices = np.concatenate([np.arange(span.start, span.stop) for span in spans])
        images = np.zeros((len(indices), image_size, image_size, self.channels), np.uint8)
        images += indices.astype(np.uint8)[:, None, None, None]
        labels = np.resize(np.array(self.labels, np.int32), max(dict(self.sizes).values()))
        return Examples(images, labels[indices])


@dataclasses.dataclass(frozen=True)
class Empty(Counting):
    def read(self, split_, image_size):
        return Examples(np.zeros((0, image_size, image_size, 1), np.uint8), np.zeros(0, np.int32))


def task(**attributes):
    return Task(**{"name": "counting", "source": Counting(), **attributes})


@pytest.mark.parametrize(
    "name",
    [
        *(
            "digits",
            "cmaterdb/bangla",
            "a/b/c",
            "µ2",
            "v1.0",
            "a:b",
            "a+b-c_d",
            "7",
            "-",
            "rooted",
            "a/root",
        )
    ],
)
def test_names_that_will_do(name):
    assert task(name=name).name == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "/a", "a/", "a//b", "a b", "a\n", "a\\b", "a*", "a@b", "a,b", "'a'", "a%"),
        *(".", "..", "../a", "a/../b", "a/./b", ".hidden"),
    ],
)
def test_names_that_will_not_do(name):
    with pytest.raises(Mu2Error, match="a task cannot be named") as caught:
        task(name=name)
    assert "cmaterdb/bangla" in caught.value.hint


@pytest.mark.parametrize("name", ["root", "root/a"])
def test_root_is_taken(name):
    with pytest.raises(Mu2Error, match="'root' and names below it belong"):
        task(name=name)


@pytest.mark.parametrize("name", [None, 5, b"a", ("a",)])
def test_a_name_is_text(name):
    with pytest.raises(Mu2Error, match="must be text"):
        task(name=name)


def test_a_source_is_an_object_that_can_be_read():
    assert isinstance(Counting(), Source)
    with pytest.raises(Mu2Error, match="is the class Counting") as caught:
        task(source=Counting)
    assert "@Counting()" in caught.value.hint
    for other in ("mnist", None, object()):
        with pytest.raises(Mu2Error, match="must be a source"):
            task(source=other)


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("expression", ["", "  ", None, 5, ["train"]])
def test_a_part_is_a_split_expression(part, expression):
    with pytest.raises(Mu2Error, match=f"task 'counting': {part} must be a split"):
        task(**{part: expression})


def test_private_is_yes_or_no():
    assert task(private=True).private
    with pytest.raises(Mu2Error, match="private must be True or False, not 'yes'"):
        task(private="yes")


def test_check_counts_the_examples_of_each_part():
    assert task().check() == {"train": 20, "validation": 4, "test": 6}
    sliced = task(train="train[20%:]", validation="train[:20%]", test="test+validation[:1]")
    assert sliced.check() == {"train": 16, "validation": 4, "test": 7}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"validation": "train[:5]"}, r"5 examples are both in train \(train\) and in validation"),
        ({"test": "test+train[-1:]"}, r"1 examples are both in train \(train\) and in test"),
        ({"train": "train[10%:]", "validation": "train[:11%]"}, None),
        ({"train": "train[10%:]", "validation": "train[:15%]"}, "1 examples are both"),
        ({"train": "all"}, "4 examples are both"),
    ],
)
def test_examples_trained_on_are_neither_validated_nor_tested_on(parts, message):
    if message is None:  # 11% of 20 rounds to 10%
        task(**parts).check()
        return
    with pytest.raises(Mu2Error, match=message) as caught:
        task(**parts).check()
    assert "'train[10%:]' and 'train[:10%]'" in caught.value.hint


def test_check_names_the_task_whose_split_is_missing():
    with pytest.raises(Mu2Error, match="task 'counting' has no split 'dev'"):
        task(validation="dev").check()
    with pytest.raises(Mu2Error, match=r"task 'counting'.*outside the 6 examples"):
        task(test="test[:7]").check()


def test_one_class_is_nothing_to_learn():
    with pytest.raises(Mu2Error, match="has 1 class; two are needed"):
        task(source=Counting(classes=1)).check()


def test_read_gives_a_part_as_the_source_does():
    examples = task(validation="train[-3:]+train[:1]").read("validation", (4, 4, 3))
    assert examples.inputs[:, 0, 0, 0].tolist() == [17, 18, 19, 0]
    assert examples.labels.tolist() == [2, 3, 4, 0]
    assert len(examples) == 4


@pytest.mark.parametrize(("have", "want"), [(1, 1), (1, 3), (3, 3), (3, 1)])
def test_read_gives_the_channels_asked_for(have, want):
    images = task(source=Counting(channels=have)).read("train", (4, 4, want)).inputs
    assert images.shape == (20, 4, 4, want)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images[7], 7)
    assert task(source=Counting(channels=have)).read("train", (4, 4, 3)).inputs.shape[-1] == 3


@pytest.mark.parametrize("part", ["dev", "", None, "train[:5]"])
def test_other_parts_are_refused(part):
    with pytest.raises(Mu2Error, match="it has train, validation, test"):
        task().read(part, (4, 4, 3))


@pytest.mark.parametrize(("wrong", "at"), [(5, 3), (-1, 3), (1000, 3)])
def test_a_label_that_is_no_class_is_named_with_its_place(wrong, at):
    labelled = task(source=Counting(labels=(0, 1, 4, wrong, 3)))
    with pytest.raises(
        Mu2Error, match=rf"example {at} of train \(train\) has label {wrong}"
    ) as caught:
        labelled.read("train", (4, 4, 3))
    assert "labels run from 0 to 4" in caught.value.message
    # The part without it is as good as ever.
    assert len(task(source=labelled.source, train="train[:3]").read("train", (4, 4, 3))) == 3


def test_a_part_without_examples_is_refused():
    with pytest.raises(Mu2Error, match=r"has no examples in test \(test\)"):
        task(source=Empty()).read("test", (4, 4, 3))


def test_tasks_of_one_definition_are_equal_and_cannot_be_changed():
    one = Task("digits", Digits(), train="train[10%:]")
    assert one == Task("digits", Digits(), train="train[10%:]")
    assert one != Task("digits", Digits())
    assert len({one, Task("digits", Digits(), train="train[10%:]")}) == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.name = "other"


TRAIN_ONLY = Counting(sizes=(("train", 200),))
TRAIN_AND_TEST = Counting(sizes=(("train", 200), ("test", 6)))
TRAIN_AND_VALIDATION = Counting(sizes=(("train", 200), ("validation", 4)))


@pytest.mark.parametrize(
    ("source", "train", "validation", "test"),
    [
        (Counting(), "train", "validation", "test"),
        (TRAIN_AND_TEST, "train[5%:]", "train[:5%]", "test"),
        (TRAIN_AND_VALIDATION, "train[5%:]", "validation", "train[:5%]"),
        (TRAIN_ONLY, "train[10%:]", "train[5%:10%]", "train[:5%]"),
    ],
)
def test_parts_that_the_source_lacks_are_made_by_the_rule(source, train, validation, test):
    made = task(source=source).splits()
    assert (made.train, made.validation, made.test) == (train, validation, test)
    changed = train != "train"
    assert (made.rule is not None) == changed
    sizes = task(source=source).check()
    assert sum(sizes.values()) == source.size("all")
    if changed:
        assert f"train is {train}" in made.rule
        for part, expression in {"validation": validation, "test": test}.items():
            assert (f"{part} is {expression}" in made.rule) == expression.startswith("train")


def test_the_parts_of_the_rule_are_read_and_share_no_example():
    left_alone = task(source=TRAIN_ONLY)
    read = {
        part: left_alone.read(part, (4, 4, 1)).inputs[:, 0, 0, 0]
        for part in ("test", "validation", "train")
    }
    assert {part: len(found) for part, found in read.items()} == left_alone.check()
    assert np.concatenate([*read.values()]).tolist() == list(range(200))


@pytest.mark.parametrize(
    "said",
    [
        {"train": "train[:50%]", "validation": "train[50%:75%]", "test": "train[75%:]"},
        {"train": "train[1:]", "validation": "train[:1]", "test": "train[:1]"},
    ],
)
def test_what_a_task_says_is_never_changed(said):
    made = task(source=TRAIN_ONLY, **said).splits()
    assert dataclasses.asdict(made) == {**said, "rule": None}


def test_the_rule_leaves_alone_what_is_said_of_the_other_parts():
    made = task(source=TRAIN_ONLY, test="train[50%:]").splits()
    assert (made.train, made.validation, made.test) == ("train[5%:]", "train[:5%]", "train[50%:]")
    with pytest.raises(Mu2Error, match="are both in train"):
        task(source=TRAIN_ONLY, test="train[50%:]").check()
    # What is trained on is said: then what validates has to be said too.
    with pytest.raises(Mu2Error, match="has no split 'validation'") as caught:
        task(source=TRAIN_AND_TEST, train="train[10%:]").check()
    assert "'train[:10%]'" in caught.value.hint


@pytest.mark.parametrize("name", ["val", "valid", "dev"])
def test_a_validation_split_of_another_name_is_not_passed_over(name):
    source = Counting(sizes=(("train", 200), (name, 4), ("test", 6)))
    with pytest.raises(Mu2Error, match=f"no split 'validation', but it has '{name}'") as caught:
        task(source=source).check()
    assert f"Task.validation = '{name}'" in caught.value.hint
    assert task(source=source, validation=name).check()["validation"] == 4


def test_a_set_too_small_for_5_percent_is_told():
    with pytest.raises(Mu2Error, match=r"'train\[:5%\]' selects no examples"):
        task(source=Counting(sizes=(("train", 9),))).check()


def test_nothing_is_asked_of_a_source_before_it_is_needed():
    class Broken(Counting):
        @property
        def input(self):
            raise Mu2Error("read too early")

    assert task(source=Broken()).name == "counting"


def test_a_source_that_can_only_be_read_whole_is_held_whatever_the_limit():
    held = task().stream("train", (512, 512, 3), memory_limit_mb=1)
    assert isinstance(held, Examples)
    assert len(held) == 20
