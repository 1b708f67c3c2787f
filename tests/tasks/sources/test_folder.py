"""Images in folders: read as they lie, and whatever does not belong there named."""

import os
import unicodedata

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import Folder, Source, Task

Image = pytest.importorskip("PIL.Image")


def put(root, *names, size=(6, 4)):
    """Images whose red tells their number."""
    for i, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (i, 100, 200)).save(path)


@pytest.fixture
def pets(tmp_path):
    put(tmp_path, *(f"train/{c}/{i}.png" for c in ("dog", "cat") for i in range(5)))
    put(tmp_path, *(f"test/{c}/{i}.PNG" for c in ("cat", "dog") for i in range(2)))
    return tmp_path


def test_folders_of_classes_in_folders_of_splits(pets):
    source = Folder(str(pets))
    assert isinstance(source, Source)
    assert source.class_names() == ("cat", "dog")
    assert source.splits() == ("train", "test")
    assert (source.size("train"), source.size("test"), source.size("train[:20%]")) == (10, 4, 2)
    examples = source.read("train", 8)
    assert examples.inputs.shape == (10, 8, 8, 3)
    assert (examples.inputs.dtype, examples.labels.dtype) == (np.uint8, np.int32)
    red = examples.inputs[:, 0, 0, 0]
    assert sorted(red) == [*range(10)]
    assert (examples.labels == (red < 5)).all()  # dogs were put first


def test_folders_of_classes_alone_are_train(tmp_path):
    put(tmp_path, "b/1.png", "a/1.jpg", "a/2.bmp", "µ/1.gif")
    source = Folder(str(tmp_path))
    assert source.class_names() == ("a", "b", "µ")
    assert source.splits() == ("train",)
    assert source.size("train") == 4


def test_a_slice_is_a_fair_sample_and_stays_when_an_image_is_added(pets):
    before = Folder(str(pets)).read("train", 4)
    assert len(set(before.labels[:5])) == 2
    assert before.labels.tolist() != sorted(before.labels)
    part = Folder(str(pets)).read("train[2:5]", 4)
    np.testing.assert_array_equal(part.inputs, before.inputs[2:5])
    put(pets, "train/dog/new.png")
    after = Folder(str(pets)).read("train", 4)
    common = [i for i in after.inputs[:, 0, 0, 0] if i in before.inputs[1:, 0, 0, 0]]
    order = [i for i in before.inputs[:, 0, 0, 0] if i in common]
    assert [i for i in common if i] == [i for i in order if i]


def test_images_of_several_sizes_and_kinds_become_one(tmp_path):
    put(tmp_path, "a/1.png", "b/1.png")
    put(tmp_path, "a/2.png", size=(31, 7))
    Image.new("L", (9, 9), 7).save(tmp_path / "b/grey.png")
    examples = Folder(str(tmp_path)).read("train", 5)
    assert examples.inputs.shape == (4, 5, 5, 3)
    # The parts of the only image that is as small as asked for are read exactly.
    assert (
        Task("t", Folder(str(tmp_path))).source.read("train", 5).inputs == examples.inputs
    ).all()


def test_hidden_files_are_left_out(pets):
    (pets / ".git").mkdir()
    (pets / "train/.DS_Store").write_bytes(b"x")
    (pets / "train/cat/._1.png").write_bytes(b"x")
    assert Folder(str(pets)).size("train") == 10


def test_what_the_folder_lacks_the_rule_makes(pets):
    put(pets, *(f"train/cat/more{i}.png" for i in range(90)))
    task = Task("pets", Folder(str(pets)))
    assert task.check() == {"train": 95, "validation": 5, "test": 4}
    assert "validation is train[:5%]" in task.splits().rule


def test_a_folder_called_val_is_not_passed_over(pets):
    put(pets, "val/cat/1.png")
    with pytest.raises(Mu2Error, match="no split 'validation', but it has 'val'") as caught:
        Task("pets", Folder(str(pets))).check()
    assert "Task.validation = 'val'" in caught.value.hint


def read_all(source):
    return source.class_names(), source.read("all", 4)


def refused(root, message, hint=""):
    with pytest.raises(Mu2Error, match=message) as caught:
        read_all(Folder(str(root)))
    assert hint in (caught.value.hint or "")


def test_a_typo_in_the_folder_of_a_class_is_found(pets):
    put(pets, "test/dgo/1.png")
    refused(pets, "test has a class 'dgo', and train has none", "Did you mean 'dog'?")


def test_folders_without_images_are_named(pets, tmp_path):
    (pets / "train/bird").mkdir()
    refused(pets, "the class 'bird' of train holds no images")
    (pets / "train/bird").rmdir()
    (pets / "validation/cat").mkdir(parents=True)
    refused(pets, "validation holds no images")
    empty = tmp_path / "empty"
    empty.mkdir()
    refused(empty, "an empty folder", "train/cat/1.png")


def test_files_that_are_no_images_are_named(pets):
    (pets / "train/cat/notes.txt").write_text("x")
    refused(pets, r"train/cat/notes\.txt is no image by its name", ".png")
    (pets / "train/cat/notes.txt").rename(pets / "train/cat/notes.png")
    refused(pets, r"train/cat/notes\.png: no image that Pillow knows")
    (pets / "train/cat/notes.png").unlink()
    (pets / "train/readme.txt").write_text("x")
    refused(pets, r"train/readme\.txt is a file among folders")


def test_truncated_images_are_named(pets):
    whole = (pets / "train/dog/3.png").read_bytes()
    (pets / "train/dog/3.png").write_bytes(whole[:45])
    refused(pets, r"train/dog/3\.png: ")


def test_splits_and_classes_side_by_side_are_refused(pets):
    put(pets, "bird/1.png")
    refused(pets, "holds folders and bird holds files", "train/cat/1.png")
    (pets / "bird/1.png").unlink()
    (pets / "bird").rmdir()
    put(pets, "train/cat/kittens/1.png")
    refused(pets, "kittens is a folder among images")


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("what", ["file", "folder", "split"])
def test_a_link_may_not_lead_out_of_the_folder(pets, tmp_path_factory, what, inside):
    other = tmp_path_factory.mktemp("other")
    put(other, "secret/1.png")
    home = pets if inside else other
    put(home, "train/cat/9.png")
    target, link = {
        "file": (home / "train/cat/9.png", pets / "train/dog/link.png"),
        "folder": (home / "train/cat", pets / "train/link"),
        "split": (home / "train", pets / "link"),
    }[what]
    os.symlink(target, link)
    source = Folder(str(pets))
    if inside:
        assert source.size("train") == {"file": 12, "folder": 17, "split": 11}[what]
    else:
        with pytest.raises(Mu2Error, match=f"{link} is a link that leads out of {pets}"):
            source.splits()


def test_what_is_no_folder_is_refused(tmp_path):
    refused(tmp_path / "nothing", "there is no '.*nothing'")
    put(tmp_path, "a.png")
    refused(tmp_path / "a.png", "a file, and no folder")
    for wrong in (None, 5, "", ("a",)):
        with pytest.raises(Mu2Error, match=r"Folder\.path must be text"):
            Folder(wrong)


def test_wrong_splits_are_refused(pets):
    with pytest.raises(Mu2Error, match="has no split 'dev'"):
        Folder(str(pets)).size("dev")


def test_everything_of_one_kind_is_told_at_once(pets):
    put(pets, "test/dgo/1.png", "test/owl/1.png", "validation/cow/1.png")
    refused(pets, "test has classes 'dgo', 'owl'; validation has a class 'cow', and train", "'dog'")
    for name in ("train/cat/a.txt", "train/dog/b.csv", "test/cat/c"):
        (pets / name).write_text("x")
    refused(pets, r"test/cat/c.*a\.txt.*b\.csv are each no image by its name")


@pytest.mark.parametrize("name", ["caf\u00e9", "\u00fcber"])
def test_letters_of_other_code_points_are_explained(pets, name):
    decomposed = unicodedata.normalize("NFD", name)
    put(pets, f"train/{name}/1.png", f"test/{decomposed}/1.png")
    refused(pets, "and train has none", f"{decomposed!a} and {name!a} look the same")
