"""Hugging Face data sets from the disk; nothing asks the network."""

import sys

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
    shuffle, again = HuggingFace(saved), HuggingFace(saved)
    ordered = HuggingFace(saved, shuffle=False).read("train", 2)
    first = shuffle.read("train", 2)
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


def test_a_folder_that_is_not_there_is_named_and_no_hub_is_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "load_dataset", lambda *a, **k: pytest.fail("asked the hub"))
    with pytest.raises(Mu2Error, match=r"there is no '.*none'"):
        HuggingFace(str(tmp_path / "none")).splits()


def test_a_hub_that_cannot_be_reached_is_told(monkeypatch):
    def offline(*args, **settings):
        raise ConnectionError("Couldn't reach 'some/set' on the Hub (OfflineModeIsEnabled)")

    monkeypatch.setattr(datasets, "load_dataset", offline)
    with pytest.raises(Mu2Error, match="hub cannot be reached") as caught:
        HuggingFace("some/set").splits()
    assert "loaded once" in caught.value.hint


def test_name_and_revision_are_asked_for(monkeypatch):
    asked = {}

    def load(path, name, **settings):
        asked.update(settings, path=path, name=name)
        return {"train": datasets.Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]})}

    monkeypatch.setattr(datasets, "load_dataset", load)
    source = HuggingFace("some/set", "small", "v1", text_key="text", cache_dir="kept")
    assert source.size("train") == 2
    expected = {"path": "some/set", "name": "small", "revision": "v1", "cache_dir": "kept"}
    assert asked == expected


def test_files_of_images_and_parquet(tmp_path, saved):
    source = HuggingFace(saved, shuffle=False)
    (tmp_path / "parquet").mkdir()
    datasets.load_from_disk(saved)["train"].to_parquet(tmp_path / "parquet/train.parquet")
    image = pytest.importorskip("PIL.Image")
    expected = source.read("train", 6)
    for i, (pixels, label) in enumerate(zip(expected.inputs, expected.labels, strict=True)):
        folder = tmp_path / "images/train" / ("dark", "light")[label]
        folder.mkdir(parents=True, exist_ok=True)
        image.fromarray(pixels).save(folder / f"{i:02}.png")
    for kind in ("parquet", "images"):
        cache = str(tmp_path / "cache")
        read = HuggingFace(str(tmp_path / kind), cache_dir=cache, shuffle=False)
        assert read.class_names() == ("dark", "light")
        found = read.read("train", 6)
        order = np.argsort(found.inputs[:, 0, 0, 0])
        np.testing.assert_array_equal(found.inputs[order], expected.inputs)
        np.testing.assert_array_equal(found.labels[order], expected.labels)
        np.testing.assert_array_equal(read.reader("train").labels(), found.labels)


def rows(folder, features=None, **columns):
    made = datasets.Dataset.from_dict(columns, features=features)
    made.save_to_disk(folder)
    return str(folder)


def test_one_saved_split_is_train_and_whole_numbers_are_classes(tmp_path):
    path = rows(tmp_path / "one", text=["a", "b", "c"], label=[0, 2, 1])
    source = HuggingFace(path, text_key="text")
    assert source.splits() == ("train",)
    assert source.class_names() == ("0", "1", "2")


def test_labels_that_are_missing_or_unknown_are_refused(tmp_path):
    path = rows(tmp_path / "one", text=["a", "b", "c"], label=[0, None, 1])
    task = Task("t", HuggingFace(path, text_key="text"), "train", "train", "train")
    with pytest.raises(Mu2Error, match=r"has label -1") as caught:
        task.read("train", (4,))
    assert "HuggingFace.skip_unlabelled = True" in caught.value.hint
    both = datasets.DatasetDict(
        {
            "train": datasets.Dataset.from_dict({"text": ["a", "b"], "label": ["cat", "dog"]}),
            "test": datasets.Dataset.from_dict({"text": ["a"], "label": ["dgo"]}),
        }
    )
    both.save_to_disk(tmp_path / "both")
    with pytest.raises(Mu2Error, match="label 'dgo'") as caught:
        HuggingFace(str(tmp_path / "both"), text_key="text").read("test", 4)
    assert "'dog'" in caught.value.hint


def test_columns_of_another_kind_are_refused_with_what_there_is(tmp_path):
    path = rows(tmp_path / "one", text=["a", "b"], label=[0.5, 1.5], number=[1, 2])
    for settings, said in (
        ({"text_key": "text"}, "'label' of train holds no labels"),
        ({"text_key": "number", "label_key": "number"}, "'number' of train holds no texts"),
        ({"image_key": "text", "label_key": "number"}, "'text' of train holds no images"),
    ):
        with pytest.raises(Mu2Error, match=said) as caught:
            HuggingFace(path, **settings).splits()
        assert "number (int64)" in caught.value.hint
    with pytest.raises(Mu2Error, match="are both set"):
        HuggingFace(path, image_key="a", text_key="b")


def test_a_damaged_image_and_one_that_is_missing_are_named(tmp_path):
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    for bad, said in (({"bytes": b"none", "path": None}, "no image that"), (None, "has no image")):
        folder = tmp_path / said.replace(" ", "_")
        path = rows(folder, features, image=[bad], label=[0])
        with pytest.raises(Mu2Error, match=rf"train\[0\].*{said}"):
            HuggingFace(path).read("train", 4)


def test_a_damaged_folder_is_told(tmp_path, saved):
    (tmp_path / "dataset_dict.json").write_text("{")
    with pytest.raises(Mu2Error, match="cannot be read"):
        HuggingFace(str(tmp_path)).splits()


def test_without_the_library_the_command_that_installs_it_is_named(monkeypatch, saved):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(Mu2Error, match="needs datasets") as caught:
        HuggingFace(saved).splits()
    assert "pip install 'mu2[hf]'" in caught.value.hint


def parquet(folder, **columns):
    """A folder of a Parquet file, as pandas and polars write them."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    folder.mkdir(exist_ok=True)
    parquet.write_table(pyarrow.table(columns), folder / "train.parquet")
    return str(folder)


def strings(kind, values):
    pyarrow = pytest.importorskip("pyarrow")
    array = pyarrow.array(values, pyarrow.string())
    if kind.startswith("dictionary of "):
        return strings(kind.removeprefix("dictionary of "), values).dictionary_encode()
    return array.cast(getattr(pyarrow, kind)())


@pytest.mark.parametrize(
    "kind",
    [
        *("string", "large_string", "string_view"),
        *("dictionary of string", "dictionary of large_string"),
    ],
)
def test_texts_and_labels_of_any_kind_of_string(tmp_path, kind):
    path = parquet(
        tmp_path / "set",
        text=strings(kind, ["good", "bad", "good é", "bad"]),
        label=strings(kind, ["up", "down", "up", "down"]),
    )
    settings = {"text_key": "text", "shuffle": False, "cache_dir": str(tmp_path / "cache")}
    source = HuggingFace(path, **settings)
    assert source.class_names() == ("down", "up")
    examples = source.read("train", 8)
    assert examples.labels.tolist() == [1, 0, 1, 0]
    assert bytes(examples.inputs[2]).rstrip(b"\0").decode() == "good é"


@pytest.mark.parametrize(
    "kind", ["binary", "large_binary", "binary_view", "struct", "bytes", "path"]
)
def test_images_as_plain_bytes_and_structs(tmp_path, kind):
    import pyarrow
    from PIL import Image

    encoded = []
    for i in range(4):
        Image.fromarray(np.full((6, 6, 3), 60 * i, np.uint8)).save(tmp_path / f"{i}.png")
        encoded.append((tmp_path / f"{i}.png").read_bytes())
    names = [str(tmp_path / f"{i}.png") for i in range(4)]
    columns = {
        "struct": [{"bytes": content, "path": None} for content in encoded],
        "bytes": [{"bytes": content} for content in encoded],
        "path": [{"bytes": None, "path": name} for name in names],
    }
    images = pyarrow.array(columns.get(kind, encoded))
    images = images if kind in columns else images.cast(getattr(pyarrow, kind)())
    path = parquet(tmp_path / "set", image=images, label=[0, 1, 0, 1])
    source = HuggingFace(path, shuffle=False, cache_dir=str(tmp_path / "cache"))
    examples = source.read("train", 6)
    assert examples.inputs[:, 0, 0, 0].tolist() == [0, 60, 120, 180]


@pytest.mark.parametrize("image", [None, {"bytes": None, "path": None}])
def test_an_image_of_nothing_is_told(tmp_path, image):
    import pyarrow

    kind = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    path = parquet(tmp_path / "set", image=pyarrow.array([image, image], kind), label=[0, 1])
    source = HuggingFace(path, cache_dir=str(tmp_path / "cache"))
    with pytest.raises(Mu2Error, match=r"train\[\d\] has no image") as caught:
        source.read("train", 6)
    assert "neither bytes nor a path" in caught.value.hint


def test_sparse_numbers_are_classes_by_name(tmp_path):
    labels = [(7, 10**12)[i % 2] for i in range(6)]
    path = rows(tmp_path / "set", text=list("abcdef"), label=labels)
    source = HuggingFace(path, text_key="text", shuffle=False)
    assert source.class_names() == ("7", str(10**12))
    assert source.read("train", 4).labels.tolist() == [0, 1] * 3
    assert "labels go up to" in source.guesses()[0]


@pytest.mark.parametrize("word", ["nan", "NULL"])
def test_texts_that_mark_a_missing_label_are_no_class(tmp_path, word):
    path = rows(tmp_path / "set", text=list("abcdef"), label=["up", "down", word] * 2)
    with pytest.raises(Mu2Error, match=f"labels are missing .'{word}'"):
        HuggingFace(path, text_key="text").class_names()


def test_the_library_says_nothing_of_its_own(tmp_path, capfd):
    path = parquet(tmp_path / "set", text=["a", "b"], label=[0, 1])
    HuggingFace(path, text_key="text", cache_dir=str(tmp_path / "cache")).read("train", 4)
    assert capfd.readouterr() == ("", "")
    assert not datasets.utils.are_progress_bars_disabled()


def test_a_pointer_of_git_lfs_is_told(tmp_path):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.parquet").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"
    )
    with pytest.raises(Mu2Error, match="is a pointer of Git LFS"):
        HuggingFace(str(tmp_path / "set"), cache_dir=str(tmp_path / "cache")).splits()
