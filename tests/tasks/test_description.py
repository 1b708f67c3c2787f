"""Sources whose data are not there, as far as it is known what is in them."""

import pytest

from mu2.errors import Mu2Error
from mu2.tasks import TFDS, Digits, Joined, Scenes, Task, describe, find_missing
from mu2.tasks.sources.tfds_sets import SETS


def absent(tmp_path, name, **attributes):
    return TFDS(name, data_dir=str(tmp_path), **attributes)


def test_a_task_with_its_data_is_itself():
    task = Task("digits", Digits())
    assert find_missing(task) == ()
    assert describe(task) is task


def test_a_task_without_its_data_has_sizes_and_classes_and_no_examples(tmp_path):
    task = Task("t", absent(tmp_path, "cmaterdb/bangla:1.*.*"), "train[20%:]", "train[:20%]")
    (lacking,) = find_missing(task)
    assert 'tfds.builder("cmaterdb/bangla:1.*.*"' in lacking.hint
    stands_for = describe(task)
    assert stands_for.check() == {"train": 4000, "validation": 1000, "test": 1000}
    assert stands_for.source.num_classes() == 10
    for act in (stands_for.source.class_names, lambda: stands_for.read("train", (32, 32, 3))):
        with pytest.raises(Mu2Error, match="not prepared"):
            act()


def test_a_set_that_nobody_knows_is_no_describe(tmp_path):
    task = Task("t", absent(tmp_path, "my_own"))
    assert find_missing(task) == ()
    assert describe(task) is task
    with pytest.raises(Mu2Error, match="not known"):
        task.source.describe()


def test_what_must_be_downloaded_by_hand_is_told(tmp_path):
    (lacking,) = find_missing(Task("t", absent(tmp_path, "imagenet2012")))
    assert "ILSVRC2012_img_train.tar" in lacking.hint
    assert str(tmp_path / "downloads/manual") in lacking.hint


def test_an_empty_folder_in_its_place_is_looked_into(tmp_path):
    (tmp_path / "mnist").mkdir()
    assert find_missing(Task("t", absent(tmp_path, "mnist"))) == ()
    with pytest.raises(Mu2Error, match="not prepared"):
        TFDS("mnist", data_dir=str(tmp_path)).num_classes()


@pytest.mark.parametrize("name", SETS)
def test_known_sets_have_splits_and_classes(name):
    contents = SETS[name]
    assert TFDS(name)._home.contents is contents
    assert contents.splits
    assert all(size > 0 for size in contents.splits.values())
    assert name in ("clevr", "kitti") or min(contents.classes.values()) >= 2


def test_the_known_sets_that_are_here_are_as_known(tfds_dir):
    pytest.importorskip("tensorflow_datasets")
    here = [name for name in SETS if (tfds_dir / name).is_dir()]
    assert here
    for name in here:
        source = TFDS(name, data_dir=str(tfds_dir))
        assert find_missing(Task("t", source)) == ()
        assert {s: source.size(s) for s in source.splits()} == dict(SETS[name].splits)
        assert source.num_classes() == SETS[name].classes["label"]


def test_joined_sources_lack_what_either_lacks(tmp_path):
    source = Joined(
        absent(tmp_path, "imagenet2012"), absent(tmp_path, "imagenet_v2/matched-frequency")
    )
    task = Task("t", source, validation="other.test", test="validation")
    assert [e.message.split("'")[1] for e in find_missing(task)] == [
        "imagenet2012",
        "imagenet_v2/matched-frequency",
    ]
    assert describe(task).check() == {"train": 1_281_167, "validation": 10_000, "test": 50_000}
    unlike = Joined(absent(tmp_path, "cifar10"), absent(tmp_path, "imagenet_v2/matched-frequency"))
    with pytest.raises(Mu2Error, match="10 classes and 1000"):
        describe(Task("t", unlike))


def test_scenes_have_the_classes_of_their_question(tmp_path):
    source = Scenes("clevr", data_dir=str(tmp_path), question="clevr/count_all")
    assert (
        describe(
            Task("t", source, test="validation", validation="train[90%:]", train="train[:90%]")
        ).source.num_classes()
        == 8
    )


def test_a_kind_that_is_misspelt_is_told_the_nearest(tmp_path):
    with pytest.raises(Mu2Error) as caught:
        absent(tmp_path, "emnist/leters").num_classes()
    assert "Did you mean 'emnist/letters'? If not, prepare it with" in caught.value.hint
