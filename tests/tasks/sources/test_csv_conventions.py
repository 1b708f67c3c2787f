"""CSV files as people and programs write them: each is read right, refused, or told as a guess."""

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import CSV, Task, guesses
from mu2.tasks.user_tables import read_columns


def write(path, *lines, encoding="utf-8"):
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return str(path)


def texts(source, split="train"):
    reader = source.reader(split)
    inputs, labels = reader.fetch(range(len(reader)))
    return [bytes(row).decode() for row in inputs], labels.tolist()


# What stands before the names of the columns.


@pytest.mark.parametrize("begin", ["", "\ufeff", "\n\n", "\ufeff\r\n"])
@pytest.mark.parametrize(
    ("line", "sign"),
    [("sep=;", ";"), ("SEP=|", "|"), ('"sep=,"', ","), ("sep=\t", "\t"), ("sep=; \r", ";")],
)
def test_the_line_of_excel_parts_values_and_is_no_row(tmp_path, begin, line, sign):
    lines = [begin + line, f'"text"{sign}label', f"one, two{sign}a" if sign != "," else "one,a"]
    lines += [f'"say ""hi"""{sign}b', f"three{sign}a"]
    path = write(tmp_path / "x.csv", *lines)
    source = CSV(path, "label", text="text", shuffle=False, delimiter="#")
    said = ["one" if sign == "," else "one, two", 'say "hi"', "three"]
    assert texts(source) == (said, [0, 1, 0])
    (tmp_path / "y.csv").write_text(f"text{sign}label\nx{sign}a\n")
    # What was trained on says how files to predict are parted; their own line goes before it.
    assert source.preparation().delimiter == sign
    assert read_columns(tmp_path / "y.csv", *source.preparation().signs)["text"] == ["x"]
    assert read_columns(path, "%")["text"] == said


def test_a_file_of_that_line_alone_has_no_rows(tmp_path):
    for lines in (["sep=;"], ["sep=;", "text;label"]):
        path = write(tmp_path / f"{len(lines)}.csv", *lines)
        with pytest.raises(Mu2Error, match="has no rows"):
            CSV(path, "label", text="text").splits()


def test_a_column_of_that_name_is_one(tmp_path):
    path = write(tmp_path / "x.csv", "sep=;,label", "1,a", "2,b")
    assert CSV(path, "label").num_features() == 1


@pytest.mark.parametrize(
    ("before", "line"),
    [
        (["# exported by a program", "# on a Tuesday"], 3),
        (["\ufeffReport of 2024", ""], 3),
        (["sep=,", "// a comment"], 3),
        (["height,of trees"], 2),
    ],
)
def test_lines_before_the_table_are_named(tmp_path, before, line):
    path = write(tmp_path / "x.csv", *before, "height,bark,label", *["1,red,a", "2,blue,b"] * 3)
    with pytest.raises(Mu2Error, match=r"in the first line, .*and 3 in 7 of") as caught:
        CSV(path, "label").splits()
    assert f"Line {line} is the first with 3" in caught.value.hint
    assert caught.value.location == f"{path}:{before[0].startswith('sep') + 1}"


def test_a_first_line_of_as_many_values_is_no_header(tmp_path):
    path = write(tmp_path / "x.csv", "# made by me, today", "height,label", "1,a", "2,b")
    with pytest.raises(Mu2Error, match="has no column 'label'") as caught:
        CSV(path, "label").num_classes()
    assert "Line 2 names it" in caught.value.hint
    # But where it names the columns, a sign before their names is part of the first one.
    path = write(tmp_path / "y.csv", "#height,label", "1,a", "2,b")
    assert CSV(path, "label").num_features() == 1


# Quotes.


def test_a_quote_that_opens_a_text_of_a_tsv_is_a_letter(tmp_path):
    rows = [f"film {i} was {'good' if i % 2 else 'bad'}" for i in range(60)]
    rows[10], rows[20] = '"' + rows[10], rows[20] + '"'
    lines = [f"{text}\t{i % 2}" for i, text in enumerate(rows)]
    path = write(tmp_path / "x.tsv", "text\tlabel", *lines)
    source = CSV(path, "label", text="text", shuffle=False)
    assert texts(source) == (rows, [i % 2 for i in range(60)])
    assert any("are letters like others" in each for each in source.guesses())
    # As another option says; nothing is swallowed in silence then either.
    quoted = CSV(path, "label", text="text", quote='"')
    assert any("go on over line ends (they begin in lines 12)" in e for e in quoted.guesses())
    assert quoted.size("train") == 50


@pytest.mark.parametrize("name", ["x.tsv", "x.csv"])
def test_quotes_around_whole_values_are_taken_away(tmp_path, name):
    tab = "\t" if name.endswith("v") and "t" in name[2:] else ","
    lines = [f'"text"{tab}"label"', f'"say ""hi"""{tab}"a"', f"plain{tab}b"]
    source = CSV(write(tmp_path / name, *lines), "label", text="text", shuffle=False)
    assert texts(source) == (['say "hi"', "plain"], [0, 1])
    assert bool(source.guesses()) == (tab == "\t")
    kept = CSV(str(tmp_path / name), '"label"', text='"text"', quote="", shuffle=False)
    assert texts(kept)[0] == ['"say ""hi"""', "plain"]


def test_a_value_of_several_lines_is_one_and_lines_are_counted_on(tmp_path):
    path = write(tmp_path / "x.csv", "text,label", '"one', "two, and", 'three",a', "", "x,b", "x")
    with pytest.raises(Mu2Error, match="1 values, and 2 columns") as caught:
        CSV(path, "label", text="text").splits()
    assert caught.value.location == f"{path}:7"
    path = write(tmp_path / "y.csv", "text,label", '"one', "two, and", 'three",a', "x,b")
    source = CSV(path, "label", text="text", shuffle=False)
    assert texts(source) == (["one\ntwo, and\nthree", "x"], [0, 1])
    assert "begin in lines 2" in source.guesses()[0]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        (r'"she said \"go\" twice",a', "is closed, and the value goes on"),
        ('"red"ish,a', "is closed, and the value goes on"),
        ('"never ends,a', "is never closed"),
        ("'it's',a", "is closed, and the value goes on"),
    ],
)
def test_quotes_of_another_convention_are_refused_with_their_line(tmp_path, line, what):
    path = write(tmp_path / "x.csv", "text,label", "plain,b", line, "more,b")
    with pytest.raises(Mu2Error, match=what) as caught:
        CSV(path, "label", text="text", quote=line[0]).splits()
    assert caught.value.location == f"{path}:3"
    assert "CSV.quote = ''" in caught.value.hint
    assert CSV(path, "label", text="text", quote="").size("train") == 3


def test_rows_of_another_length_are_all_told(tmp_path):
    path = write(tmp_path / "x.csv", "a,label", "1,x", "2", "3,y,z", "4,y", "5,6,7")
    with pytest.raises(Mu2Error, match=r"1 values.*2 rows more \(lines 4, 6\)"):
        CSV(path, "label").splits()


@pytest.mark.parametrize(("sign", "columns"), [(";", 2), ("\t", 3), ("|", 2)])
def test_a_first_line_of_one_value_tells_what_would_part_it(tmp_path, sign, columns):
    head, values = sign.join("ab"[: columns - 1]), sign.join(["1,5"] * (columns - 1))
    dots = f"{values}{sign}x".replace(",", ".")
    commas = write(tmp_path / "x.csv", f"{head}{sign}label", f"{values}{sign}x", f"{values}{sign}y")
    points = write(tmp_path / "y.csv", f"{head}{sign}label", dots)
    for path in (commas, points):
        with pytest.raises(Mu2Error) as caught:
            CSV(path, "label").num_classes()
        assert f"into {columns} columns: CSV.delimiter = {sign!r}" in caught.value.hint
    assert CSV(commas, "label", delimiter=sign, decimal=",").num_features() == columns - 1


def test_rows_of_nothing_are_no_rows(tmp_path):
    path = write(tmp_path / "x.csv", "", "a,label", "1,x", ",", "2,y", ",", "")
    assert CSV(path, "label").size("train") == 2


# Numbers.

RNG = np.random.default_rng(0)
VALUES = RNG.normal(0, 1000, (80, 2))


def numbers(tmp_path, form, delimiter=";", **options):
    lines = [delimiter.join([*(form(v) for v in row), "ny"[i % 2]]) for i, row in enumerate(VALUES)]
    path = write(tmp_path / "x.csv", delimiter.join(["a", "b", "label"]), *lines)
    return CSV(path, "label", delimiter=delimiter, shuffle=False, **options)


def dotted(tmp_path):
    return numbers(tmp_path, "{:.3f}".format).read("train", 2).inputs


def swap(text):
    return text.translate(str.maketrans(",.", ".,"))


@pytest.mark.parametrize(
    ("form", "options"),
    [
        (lambda v: swap(f"{v:.3f}"), {"decimal": ","}),
        (lambda v: swap(f"{v:,.3f}"), {"decimal": ",", "thousands": "."}),
        (lambda v: f"{v:,.3f}", {"thousands": ","}),
        (lambda v: f"{v:,.3f}".replace(",", "'"), {"thousands": "'"}),
        (
            lambda v: swap(f"{v:,.3f}").replace(".", "\u202f"),
            {"decimal": ",", "thousands": "\u202f"},
        ),
    ],
)
def test_numbers_in_other_writings_are_refused_and_read_by_the_option_that_is_named(
    tmp_path, form, options
):
    expected = dotted(tmp_path)
    with pytest.raises(Mu2Error) as caught:
        numbers(tmp_path, form).num_features()
    for name, value in options.items():
        assert f"CSV.{name} = {value!r}" in str(caught.value)
    source = numbers(tmp_path, form, **options)
    np.testing.assert_array_equal(source.read("train", 2).inputs, expected)


@pytest.mark.parametrize("form", ["{:.1f}%", "${:.2f}", "{:.2f} \u20ac", "({:.0f})"])
def test_percents_and_money_are_no_categories(tmp_path, form):
    with pytest.raises(Mu2Error, match=r"looks like a number|and a number in") as caught:
        numbers(tmp_path, lambda v: form.format(abs(v))).num_features()
    assert "Leave percent signs" in caught.value.hint
    both = numbers(tmp_path, lambda v: form.format(abs(v)), categorical=("a", "b"))
    assert both.num_features() > 80  # as somebody said


@pytest.mark.parametrize(
    "words", [("1.2.3", "10.0.1"), ("3_1", "12_40"), ("2020-01-05",), ("A,5",)]
)
def test_words_of_digits_are_categories(tmp_path, words):
    lines = [f"{words[i % len(words)]};{'xy'[i % 2]}" for i in range(20)]
    source = CSV(write(tmp_path / "x.csv", "a;label", *lines), "label", delimiter=";")
    assert source.num_features() == len(words)


def test_a_decimal_comma_among_whole_numbers_names_the_option(tmp_path):
    lines = [f"{i}{',5' * (i % 7 == 0)};{'xy'[i % 2]}" for i in range(1, 30)]
    path = write(tmp_path / "x.csv", "a;label", *lines)
    with pytest.raises(Mu2Error, match="5', and a number in 25") as caught:
        CSV(path, "label", delimiter=";").num_features()
    assert "CSV.decimal = ','" in caught.value.hint
    assert CSV(path, "label", delimiter=";", decimal=",").num_features() == 1


@pytest.mark.parametrize("options", [{"decimal": "x"}, {"thousands": "."}, {"thousands": "1"}])
def test_signs_that_numbers_have_not_are_refused(options):
    with pytest.raises(Mu2Error, match=r"CSV\.(decimal|thousands)"):
        CSV("a.csv", "label", **options)


@pytest.mark.parametrize(
    "options", [{"quote": "''"}, {"delimiter": "§"}, {"delimiter": '"', "quote": '"'}]
)
def test_what_parts_values_is_one_character(options):
    with pytest.raises(Mu2Error, match="one character of ASCII"):
        CSV("a.csv", "label", **options)


# Labels.


@pytest.mark.parametrize("label", ["nan", "NA", "NULL", "<NA>", "#N/A", "n/a", ""])
def test_a_label_that_is_missing_is_no_class(tmp_path, label):
    lines = [f"{i},{label if i % 9 == 0 else 'ny'[i % 2]}" for i in range(80)]
    path = write(tmp_path / "x.csv", "a,label", *lines)
    with pytest.raises(Mu2Error, match=r"the label 'label' is missing.*, in 9 rows") as caught:
        CSV(path, "label").num_classes()
    assert caught.value.location == f"{path}:2"
    if label:
        assert repr(label) in caught.value.message
        assert CSV(path, "label", missing=("",)).class_names() == tuple(sorted((label, "n", "y")))


@pytest.mark.parametrize("label", ["None", "nil", "Nan"])
def test_a_class_that_may_be_no_label_is_told(tmp_path, label):
    path = write(tmp_path / "x.csv", "a,label", *(f"{i},{(label, 'y')[i % 2]}" for i in range(9)))
    told = guesses(Task("t", CSV(path, "label"), "train[4:]", "train[:2]", "train[2:4]"))
    assert f"the class {label!r} may stand for examples without a label." in told


def test_classes_that_look_alike_are_told(tmp_path):
    names = ("Cat", "cat", "caf\u00e9", "cafe\u0301", "dog")
    path = write(tmp_path / "x.csv", "a,label", *(f"{i},{names[i % 5]}" for i in range(20)))
    told = guesses(Task("t", CSV(path, "label"), "train[8:]", "train[:4]", "train[4:8]"))
    assert "the classes 'Cat' and 'cat' look like one." in told
    assert any("'cafe\\u0301' and 'caf\\xe9'" in each for each in told)


# Columns.


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "Unnamed: 0.1", "__index_level_0__", "...1"])
def test_row_numbers_without_a_name_are_left_out_and_told(tmp_path, name):
    lines = [f"{i},{RNG.random():.3f},{'ab'[i >= 40]}" for i in range(80)]
    path = write(tmp_path / "x.csv", f"{name},x,label", *lines)
    source = CSV(path, "label")
    assert source.num_features() == 1
    assert "is not learnt from" in source.guesses()[0]
    assert CSV(path, "label", columns=(name, "x")).num_features() == 2


def test_a_first_line_of_numbers_names_no_columns(tmp_path):
    path = write(tmp_path / "x.csv", "5.1,3.5,0", "4.9,3.0,1")
    with pytest.raises(Mu2Error, match="no column 'label'") as caught:
        CSV(path, "label").num_features()
    assert "should name the columns" in caught.value.hint


# Files.


@pytest.mark.parametrize("length", [140_000, 3_000_000])
def test_a_text_may_have_any_length(tmp_path, length):
    long = ("word " * (length // 5)).strip()
    lines = [f"{long if i == 7 else 'a b'},{i % 2}" for i in range(40)]
    source = CSV(
        write(tmp_path / "x.csv", "text,label", *lines), "label", text="text", shuffle=False
    )
    assert len(texts(source)[0][7]) == len(long)
    assert source.read("train", 16).inputs.shape == (40, 16)


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        ("a,label\n1,x\n2,y\n".encode("utf-16"), "is written in UTF-16", "UTF-8"),
        ("a,label\n1,x\n2,\u00e9\n".encode("cp1252"), "is not written in UTF-8", "iconv"),
        ("a,label\n1,x\n".encode("utf-16-le"), "zero bytes", ""),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "is a pointer of Git LFS",
            "git lfs pull",
        ),
    ],
)
def test_files_that_are_no_csv_say_what_they_are(tmp_path, content, message, hint):
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(Mu2Error, match=message) as caught:
        CSV(str(tmp_path / "x.csv"), "label").splits()
    assert hint in (caught.value.hint or "")


def test_a_name_of_other_code_points_is_explained(tmp_path):
    write(tmp_path / "caf\u00e9.csv", "a,label", "1,x")
    with pytest.raises(Mu2Error, match="there is no") as caught:
        CSV(str(tmp_path / "cafe\u0301.csv"), "label").splits()
    assert "look the same" in caught.value.hint


def test_without_pyarrow_the_command_that_installs_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(Mu2Error, match="needs pyarrow") as caught:
        CSV(write(tmp_path / "x.csv", "a,label", "1,x"), "label").splits()
    assert caught.value.hint == "pip install 'mu2[tables]'"


def test_all_values_that_are_no_numbers_are_counted(tmp_path):
    write(tmp_path / "train.csv", "a,label", *(f"{i},{'xy'[i % 2]}" for i in range(20)))
    path = write(tmp_path / "test.csv", "a,label", "1,x", "two,y", "3,x", "four,y", "1e999,x")
    with pytest.raises(Mu2Error, match=r"'two'.*So are 2 more \(lines 5, 6\)") as caught:
        CSV(str(tmp_path), "label").read("test", 1)
    assert caught.value.location == f"{path}:3"


@pytest.mark.parametrize("word", ["nan", "NULL"])
def test_texts_that_may_be_missing_are_told(tmp_path, word):
    lines = [f"{word if i % 4 == 0 else 'good'},{'xy'[i % 2]}" for i in range(20)]
    source = CSV(write(tmp_path / "x.csv", "text,label", *lines), "label", text="text")
    assert source.guesses() == (f"5 texts of 'text' are learnt from as they stand: {word!r}.",)


# Columns that look like numbers and say something else.


@pytest.mark.parametrize("numbers", [[f"{i}.0" for i in range(40)], [f"{i},0" for i in range(40)]])
def test_row_numbers_in_decimals_are_told(tmp_path, numbers):
    lines = [f"{number};{'n' if i < 20 else 'y'}" for i, number in enumerate(numbers)]
    path = write(tmp_path / "x.csv", "row;label", *lines)
    told = CSV(path, "label", delimiter=";", decimal=numbers[0][1]).guesses()
    assert told[0].startswith("'row' counts the rows, and is learnt from")


@pytest.mark.parametrize(("value", "told"), [("-999", True), ("99999", True), ("-9", False)])
def test_numbers_that_stand_for_a_missing_value_are_told(tmp_path, value, told):
    lines = [f"{value if i % 8 == 0 else i % 7},{'ny'[i % 2]}" for i in range(40)]
    path = write(tmp_path / "x.csv", "a,label", *lines)
    found = [each for each in CSV(path, "label").guesses() if "stands for a missing" in each]
    assert bool(found) == told
    if told:
        assert found[0].startswith(f"'a' is {value} in 5 rows")
        assert not CSV(path, "label", missing=("", value)).guesses()
