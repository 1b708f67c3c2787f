"""Parquet files are read as CSV files of the same values are."""

import datetime
import re

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from mu2.errors import Mu2Error
from mu2.tasks import CSV, Task, guesses
from mu2.tasks.inspect import inspect
from mu2.tasks.user_tables import read_columns

SIZES = [1, 2.5, None, 4, float("nan"), 0.1, 1e-17, 8]
COLOURS = ["red", "blue", None, "red", "green", "red", " blue", "blue"]
KINDS = [1, 0, 1, 0, 1, 0, 1, 0]


def table(**more):
    columns = {
        "size": pa.array(SIZES, pa.float64()),
        "colour": pa.array(COLOURS, pa.large_string()),
        "count": pa.array(range(8), pa.uint8()),
        "kind": pa.array(KINDS, pa.int64()),
    }
    return pa.table({**columns, **more})


@pytest.fixture
def save(tmp_path):
    def make(made, name="data.parquet"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        parquet.write_table(made, path)
        return str(path)

    return make


def test_a_task_is_that_of_the_csv_file_of_the_same_values(save, tmp_path):
    lines = ["size,colour,count,kind"]
    for size, colour, count, kind in zip(SIZES, COLOURS, range(8), KINDS, strict=True):
        there = "" if size is None or size != size else repr(size)
        lines.append(f"{there},{colour or ''},{count},{kind}")
    (tmp_path / "data.csv").write_text("\n".join(lines))
    made = [
        Task("t", CSV(path, "kind"), "train[50%:]", "train[:25%]", "train[25%:50%]")
        for path in (save(table()), str(tmp_path / "data.csv"))
    ]
    assert made[0].check() == {"train": 4, "validation": 2, "test": 2}
    assert made[0].source.class_names() == ("0", "1")
    for part in ("train", "validation", "test"):
        ours, theirs = (
            task.read(part, (task.source_hyperparameters()["num_features"],)) for task in made
        )
        np.testing.assert_array_equal(ours.inputs, theirs.inputs)
        np.testing.assert_array_equal(ours.labels, theirs.labels)
    assert made[0].preparation().to_json() == made[1].preparation().to_json()
    assert set(inspect(made[0])["parts"]) == {"train", "validation", "test"}


@pytest.mark.parametrize("form", [pa.string(), pa.large_string(), pa.string_view(), "dictionary"])
def test_texts_of_every_type_are_categories_labels_and_texts(save, form):
    words = pa.array(["a", "b", "a", "b"])
    words = words.dictionary_encode() if form == "dictionary" else words.cast(form)
    path = save(pa.table({"word": words, "kind": words}))
    source = CSV(path, "kind", shuffle=False)
    assert source.class_names() == ("a", "b")
    assert source.read("train", 2).inputs.tolist() == [[1, 0], [0, 1]] * 2
    texts = CSV(path, "kind", text="word", shuffle=False).read("train", 4)
    assert texts.inputs[:, 0].tolist() == [ord(each) for each in "abab"]


def test_new_rows_of_the_same_file_are_made_alike(save):
    when = pa.array([datetime.datetime(2026, 1, day + 1) for day in range(8)], pa.timestamp("ns"))
    flags = pa.array([True, False] * 4)
    path = save(table(when=when, flag=flags))
    source = CSV(path, "kind", shuffle=False)
    rows = source.preparation().rows(read_columns(path), path)
    np.testing.assert_array_equal(rows, source.read("train", rows.shape[1]).inputs)


def test_files_of_a_folder_are_its_splits(save, tmp_path):
    save(table(), "set/train.parquet")
    save(table().slice(0, 3), "set/test.pq")
    source = CSV(str(tmp_path / "set"), "kind")
    assert source.splits() == ("train", "test")
    assert source.size("test") == 3


def test_what_is_no_number_and_no_text_is_left_out_and_told(save):
    path = save(table(places=pa.array([[1, 2]] * 8), raw=pa.array([b"x"] * 8)))
    task = Task("t", CSV(path, "kind"))
    assert {"places", "raw"}.isdisjoint(task.preparation().encoding.columns)
    told = " ".join(guesses(task))
    assert "'places' of" in told
    assert "holds binary" in told
    with pytest.raises(Mu2Error, match=r"has list<.*> in column 'places', which CSV.columns names"):
        CSV(path, "kind", columns=("size", "places")).num_features()


@pytest.mark.parametrize(
    ("made", "options", "message"),
    [
        (table(kind=pa.array([1, None] * 4)), {}, r"data.parquet:2: .*'kind' is missing"),
        (table(size=pa.array([1.0, np.inf] * 4)), {}, r"data.parquet:2: 'size' is 'inf'"),
        (table().slice(0, 0), {}, "has no rows"),
        (table(), {"label": "kinds"}, "no column 'kinds', which CSV.label names"),
        (table(), {"delimiter": ";"}, "CSV.delimiter is set, and .* is a Parquet file"),
        (table(), {"quote": ""}, "CSV.quote is set, and .* is a Parquet file"),
    ],
)
def test_faults_have_their_row(save, made, options, message):
    source = CSV(save(made), **{"label": "kind", **options})
    with pytest.raises(Mu2Error) as caught:
        source.read("train", source.num_features())
    assert re.search(message, str(caught.value).replace("\n", " "))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PAR1 and no more", "cannot be read as Parquet"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "LFS"),
    ],
)
def test_files_that_are_none_say_what_they_are(tmp_path, content, message):
    (tmp_path / "data.parquet").write_bytes(content)
    with pytest.raises(Mu2Error, match=message):
        CSV(str(tmp_path / "data.parquet"), "kind").num_classes()


def test_a_label_of_bytes_is_refused_without_a_word_of_delimiters(tmp_path):
    columns = {"a": [1.0, 2.0], "label": [b"n", b"y"]}
    parquet.write_table(pa.table(columns), tmp_path / "x.parquet")
    with pytest.raises(Mu2Error, match="has binary in column 'label'") as caught:
        CSV(str(tmp_path / "x.parquet"), "label").class_names()
    assert "single numbers and texts" in caught.value.hint
    with pytest.raises(Mu2Error, match="has no column 'lable'") as caught:
        CSV(str(tmp_path / "x.parquet"), "lable").class_names()
    assert "delimiter" not in caught.value.hint
