"""CSV files: rows become numbers by the training rows alone, and every fault has its line."""

import time

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import CSV, Source, Task

ROWS = [
    # size, colour, label
    *("1,red,a", "2,blue,b", "3,red,a", "4,,b", "5,green,a", ",red,b", "7,blue,a", "8,blue,b"),
]


@pytest.fixture
def save(tmp_path):
    def make(*rows, name="data.csv", header="size,colour,kind"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return str(path)

    return make


def csv(path, **attributes):
    return CSV(path, **{"label": "kind", "shuffle": False, **attributes})


def test_rows_become_numbers(save):
    source = csv(save(*ROWS))
    assert isinstance(source, Source)
    assert source.input == "table"
    assert source.splits() == ("train",)
    assert source.class_names() == ("a", "b")
    # size, whether size is missing, and blue, green, red.
    assert source.num_features() == 5
    examples = source.read("train", 5)
    assert (examples.inputs.dtype, examples.labels.dtype) == (np.float32, np.int32)
    assert examples.labels.tolist() == [0, 1] * 4
    there = np.array([1, 2, 3, 4, 5, 7, 8])
    size = (there - there.mean()) / there.std()
    np.testing.assert_allclose(examples.inputs[[0, 1, 2, 3, 4, 6, 7], 0], size, rtol=1e-6)
    assert examples.inputs[:, 1].tolist() == [0, 0, 0, 0, 0, 1, 0, 0]
    assert examples.inputs[5, 0] == 0
    colours = ["red", "blue", "red", None, "green", "red", "blue", "blue"]
    known = ["blue", "green", "red"]
    assert examples.inputs[:, 2:].tolist() == [[float(c == k) for k in known] for c in colours]


def test_validation_and_test_are_read_by_what_is_trained_on(save):
    task = Task("t", csv(save(*ROWS)), "train[:3]", "train[3:6]", "train[6:]")
    # No size is missing in the first three rows, and green is not among them.
    assert task.source_hyperparameters() == {"num_features": 3}
    train, validation = (task.read(part, (3,)).inputs for part in ("train", "validation"))
    np.testing.assert_allclose(train[:, 0], np.array([-1, 0, 1]) * np.sqrt(1.5), rtol=1e-6)
    np.testing.assert_allclose(validation[:, 0], np.array([2, 3, 0]) * np.sqrt(1.5), rtol=1e-6)
    assert validation[:, 1:].tolist() == [[0, 0], [0, 0], [0, 1]]
    # What is held out changes nothing in how the training rows are read.
    other = save("1,red,a", "2,blue,b", "3,red,a", *["9999,violet,b"] * 5, name="other.csv")
    again = Task("t", csv(other), "train[:3]", "train[3:6]", "train[6:]")
    np.testing.assert_array_equal(again.read("train", (3,)).inputs, train)
    # Unless one says so.
    all_rows = Task("t", csv(save(*ROWS), fit="train"), "train[:3]", "train[3:6]", "train[6:]")
    assert all_rows.source_hyperparameters() == {"num_features": 5}


def test_the_rule_learns_from_what_it_leaves_to_train(save):
    rows = [*("1000,red,a", "1000,red,b"), *(f"{i},red,{'ab'[i % 2]}" for i in range(18))]
    task = Task("t", csv(save(*rows)))
    assert task.check() == {"train": 18, "validation": 1, "test": 1}
    train = task.read("train", (2,)).inputs[:, 0]
    np.testing.assert_allclose([train.mean(), train.std()], [0, 1], atol=1e-6)


def test_files_of_a_folder_are_its_splits(save, tmp_path):
    for name, rows in {"train": ROWS, "test": ROWS[:2], "validation": ROWS[2:5]}.items():
        save(*rows, name=f"set/{name}.csv")
    (tmp_path / "set/.hidden.csv").write_text("x")
    source = csv(str(tmp_path / "set"))
    assert source.splits() == ("train", "validation", "test")
    assert Task("t", source).check() == {"train": 8, "validation": 3, "test": 2}
    # Columns may stand in another order.
    save("b,red,2", name="set/test.csv", header="kind,colour,size")
    again = csv(str(tmp_path / "set")).read("test", 5)
    np.testing.assert_array_equal(
        again.inputs, source.read("train[1:2]", 5).inputs * [1, 1, 0, 0, 1] + [0, 0, 0, 0, 1]
    )


def test_columns_are_chosen_ignored_and_declared(save):
    path = save("1,2,3,a", "4,5,6,b", header="id,zip,size,kind")
    assert csv(path).num_features() == 3
    assert csv(path, ignore=("id",)).num_features() == 2
    assert csv(path, columns=("size",)).num_features() == 1
    assert csv(path, ignore=["id"], categorical=["zip"]).num_features() == 3
    assert csv(path, columns=("zip",), categorical=("zip",)).read("train", 2).inputs.tolist() == [
        [1, 0],
        [0, 1],
    ]


def test_a_slice_is_a_fair_sample(save):
    path = save(*(f"{i},red,{'ab'[i >= 50]}" for i in range(100)))
    shuffle = CSV(path, "kind").read("train", 2)
    assert 5 <= shuffle.labels[:20].sum() <= 15
    part = CSV(path, "kind").read("train[:20]", 2)
    np.testing.assert_array_equal(part.labels, shuffle.labels[:20])
    np.testing.assert_array_equal(part.inputs, shuffle.inputs[:20])


def test_classes_that_are_numbers_are_in_their_order(save):
    path = save(*(f"1,red,{i}" for i in (10, 9, 2, 0)))
    assert csv(path).class_names() == ("0", "2", "9", "10")


def test_texts_of_a_column(save):
    rows = ['"good, really",5,good', "漢字漢字,1,bad", ",3,bad"]
    source = CSV(save(*rows, header="text,stars,kind"), "kind", text="text", shuffle=False)
    assert source.input == "text"
    examples = source.read("train", 8)
    texts = [bytes(row).rstrip(b"\0").decode() for row in examples.inputs]
    assert texts == ["good, re", "漢字", ""]
    assert examples.labels.tolist() == [1, 0, 0]
    assert Task("t", source).source_hyperparameters() == {}


def test_tabs_quotes_byte_order_marks_and_blank_lines(tmp_path):
    (tmp_path / "a.tsv").write_bytes('\ufeffsize\tkind\r\n1\t" a "\r\n\r\n2\t b\r\n'.encode())
    source = csv(str(tmp_path / "a.tsv"))
    assert source.class_names() == ("a", "b")
    (tmp_path / "b.csv").write_text("size;kind\n1;a\n2;b\n")
    assert csv(str(tmp_path / "b.csv"), delimiter=";").num_features() == 1


def test_a_file_that_has_changed_is_read_again(save):
    path = save(*ROWS)
    assert csv(path).size("train") == 8
    save(*ROWS[:3])
    assert csv(path).size("train") == 3


@pytest.mark.parametrize(
    ("rows", "line", "message", "hint"),
    [
        (("1,red,a", "2,b"), 3, "2 values, and 3 columns are named", "double quotes"),
        (("1,red,a", "2,blue,b,c"), 3, "4 values, and 3 columns are named", "double quotes"),
        (("1,red,a", "2,blue,"), 3, "the label 'kind' is missing", "skip_unlabelled"),
        (("1,red,a", "inf,red,b"), 3, "'size' is 'inf', which is not finite", "empty"),
        (("1,red,a", "1e999,red,b"), 3, "which is not finite", ""),
        (("1,red,a", "2,red,b", "three,red,b"), 4, "'size' is 'three', and a number in 2", "CSV."),
        (("1,red,a", '2,"red"x,b'), 3, "is closed, and the value goes on", "CSV.quote"),
        (("1,red,a", '2,"red,b'), 3, "is never closed", "CSV.quote"),
    ],
)
def test_faults_have_their_line(save, rows, line, message, hint):
    path = save(*rows)
    with pytest.raises(Mu2Error, match=message) as caught:
        csv(path).read("train", 2)
    assert caught.value.location == f"{path}:{line}"
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize("value", ["nan", "NaN", "NA", "?", " ", "null"])
def test_what_means_missing_is_no_number(save, value):
    source = csv(save("1,red,a", f"{value},red,b", "3,red,a"))
    assert source.read("train", 3).inputs[1].tolist() == [0, 1, 1]
    assert source.num_features() == 3


def test_a_label_that_training_does_not_know(save, tmp_path):
    save(*ROWS, name="set/train.csv")
    path = save(*ROWS[:2], "3,red,aa", name="set/test.csv")
    with pytest.raises(Mu2Error, match="the label 'aa' is none of the 2 classes") as caught:
        csv(str(tmp_path / "set")).read("test", 5)
    assert caught.value.location == f"{path}:4"
    assert "'a'" in caught.value.hint


def test_a_word_in_a_column_of_numbers_at_test_time(save, tmp_path):
    save(*ROWS, name="set/train.csv")
    path = save("1,red,a", "huge,red,b", name="set/test.csv")
    source = csv(str(tmp_path / "set"))
    assert source.size("test") == 2
    with pytest.raises(Mu2Error, match="'size' is 'huge', and a column of numbers") as caught:
        source.read("test", 5)
    assert caught.value.location == f"{path}:3"


@pytest.mark.parametrize(
    ("attributes", "message", "hint"),
    [
        ({"label": "knd"}, "no column 'knd', which CSV.label names", "'kind'"),
        ({"ignore": ("sizes",)}, "no column 'sizes', which CSV.ignore names", "'size'"),
        ({"columns": ("color",)}, "no column 'color', which CSV.columns names", "'colour'"),
        ({"categorical": ("zip",)}, "no column 'zip', which CSV.categorical names", ""),
        ({"text": "txt"}, "no column 'txt', which CSV.text names", ""),
        ({"delimiter": ";"}, "no column 'kind'", "CSV.delimiter"),
        ({"ignore": ("size", "colour")}, "no column but its label", ""),
    ],
)
def test_a_column_that_is_not_there_is_named_with_the_nearest(save, attributes, message, hint):
    with pytest.raises(Mu2Error, match=message) as caught:
        csv(save(*ROWS), **attributes).read("train", 5)
    assert hint in (caught.value.hint or "")


def test_names_are_no_categories(save):
    path = save(*(f"1,name{i},a" for i in range(1001)))
    with pytest.raises(Mu2Error, match="'colour' has 1001 categories") as caught:
        csv(path).num_features()
    assert "CSV.ignore = ('colour',)" in caught.value.hint


def test_files_that_are_no_tables_are_named(save, tmp_path):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "latin.csv").write_bytes("size,kind\n1,é\n".encode("latin-1"))
    for name, message in {
        "empty.csv": "has no rows",
        "latin.csv": "not written in UTF-8 ",
        "none.csv": "there is no",
    }.items():
        with pytest.raises(Mu2Error, match=message):
            csv(str(tmp_path / name)).splits()
    with pytest.raises(Mu2Error, match="has no rows"):
        csv(save()).splits()
    with pytest.raises(Mu2Error, match="the column 'size' is named twice"):
        csv(save("1,2,a", header="size,size,kind")).splits()
    (tmp_path / "folder").mkdir()
    with pytest.raises(Mu2Error, match="holds no CSV or Parquet files") as caught:
        csv(str(tmp_path / "folder")).splits()
    assert "train.csv" in caught.value.hint


@pytest.mark.parametrize(
    "attributes",
    [
        {"label": None},
        {"columns": "size"},
        {"ignore": (1,)},
        {"delimiter": ";;"},
        {"shuffle": 1},
        {"columns": ("kind",)},
        {"columns": ("a",), "ignore": ("a",)},
        {"text": "a", "columns": ("b",)},
    ],
)
def test_attributes_are_of_their_types(attributes):
    with pytest.raises(Mu2Error, match="CSV"):
        csv("a.csv", **attributes)


def test_time_is_linear_in_the_columns(tmp_path):
    n = 30_000
    lines = [",".join(f"c{i}" for i in range(n)) + ",kind", *[",".join("1" * n) + ",a"] * 2]
    (tmp_path / "wide.csv").write_text("\n".join(lines))
    begin = time.process_time()
    assert CSV(str(tmp_path / "wide.csv"), "kind").num_features() == n
    # Each column compared with each took a minute of this.
    assert time.process_time() - begin < 20
