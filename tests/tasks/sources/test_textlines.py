"""Lines of text files: their files are their classes."""

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import Source, Task, TextLines


@pytest.fixture
def put(tmp_path):
    def make(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return TextLines(str(tmp_path))

    return make


def texts(examples):
    return [bytes(row).rstrip(b"\0").decode() for row in examples.inputs]


def test_files_in_folders_of_splits(put):
    put("train/good.txt", "fine\n  very fine  \r\n\n\ngreat")
    put("train/bad.txt", "poor\n漢字漢字漢字\n")
    put("train/.swp", b"\xff")
    source = put("test/bad.txt", "\ufeffawful\u2028and more\n")
    assert isinstance(source, Source)
    assert source.class_names() == ("bad", "good")
    assert source.splits() == ("train", "test")
    assert Task("t", source, validation="train[:1]", train="train[1:]").check() == {
        "train": 4,
        "validation": 1,
        "test": 1,
    }
    examples = source.read("train", 10)
    assert (examples.inputs.shape, examples.inputs.dtype) == ((5, 10), np.uint8)
    by_text = dict(zip(texts(examples), examples.labels.tolist(), strict=True))
    assert by_text == {"fine": 1, "very fine": 1, "great": 1, "poor": 0, "漢字漢": 0}
    assert texts(source.read("test", 40)) == ["awful\u2028and more"]


def test_files_alone_are_train_and_slices_fair_samples(put, tmp_path):
    put("a.txt", "\n".join(f"a{i}" for i in range(50)))
    source = put("b.txt", "\n".join(f"b{i}" for i in range(50)))
    assert source.splits() == ("train",)
    assert 2 <= source.read("train[:20]", 4).labels.sum() <= 18
    in_order = TextLines(str(tmp_path), shuffle=False).read("train", 4)
    assert texts(in_order)[:2] == ["a0", "a1"]
    assert sorted(texts(source.read("train", 4))) == sorted(texts(in_order))


@pytest.mark.parametrize(
    ("files", "message", "hint"),
    [
        ({}, "an empty folder", "train/praise.txt"),
        ({"train/a.txt": "x", "train/b.txt": "y", "test/aa.txt": "x"}, "a class 'aa'", "'a'"),
        ({"a.txt": "x", "train/a.txt": "y"}, "files and folders", "Either"),
        ({"a.csv": "x"}, r"a\.csv is no text file by its name", ".txt"),
        ({"a.txt": " \n\n"}, r"a\.txt holds no text", ""),
        ({"train/a/b.txt": "x"}, "is no text file", ""),
    ],
)
def test_what_does_not_belong_there_is_named(put, tmp_path, files, message, hint):
    for name, content in files.items():
        put(name, content)
    with pytest.raises(Mu2Error, match=message) as caught:
        TextLines(str(tmp_path)).num_classes()
    assert hint in (caught.value.hint or "")


def test_other_encodings_are_named_with_their_line(put, tmp_path):
    source = put("a.txt", b"fine\nfine\ncaf\xe9\n")
    with pytest.raises(Mu2Error, match="not written in UTF-8") as caught:
        source.size("train")
    assert caught.value.location == f"{tmp_path}/a.txt:3"


def test_a_link_may_not_lead_out_of_the_folder(put, tmp_path, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "secret.txt"
    other.write_text("secret")
    source = put("a.txt", "x")
    (tmp_path / "b.txt").symlink_to(other)
    with pytest.raises(Mu2Error, match="a link that leads out"):
        source.size("train")


def test_a_pointer_of_git_lfs_is_no_text(put):
    source = put("good.txt", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(Mu2Error, match=r"good\.txt is a pointer of Git LFS"):
        source.splits()


def test_classes_that_are_not_trained_are_told_at_once(put):
    put("train/caf\u00e9.txt", "a")
    put("train/tea.txt", "b")
    source = put("test/cafe\u0301.txt", "c")
    put("test/milk.txt", "d")
    with pytest.raises(Mu2Error, match=r"test has classes .*'milk', and train has none") as caught:
        source.class_names()
    assert "look the same" in caught.value.hint
