"""Predictions and evaluations on new files of a user's own: images, rows and texts."""

import csv
import json

import jax
import numpy as np
import pyarrow
import pytest
from pyarrow import parquet

import mu2
from mu2 import cli
from mu2.errors import Mu2Error
from mu2.system import System
from mu2.system.inference import Inference
from mu2.system.true_labels import find_labels
from mu2.tasks import CSV, Folder, Npz, Sklearn, Task, TextLines
from mu2.tasks.preparation import Preparation
from tests import own_data


@pytest.fixture
def trees(tmp_path):
    return own_data.write_csv(tmp_path / "new.csv", own_data.rows(20, seed=5))


def frame(lines):
    """Rows as a pandas data frame and a pyarrow table, numbers as numbers."""
    columns = {name: [line[name] for line in lines] for name in lines[0]}
    for name in ("height", "grams"):
        columns[name] = [float(value) if value else None for value in columns[name]]
    columns["bark"] = [None if value == "NA" else value for value in columns["bark"]]
    table = pyarrow.table(columns)
    return table.to_pandas(), table


def ask(command, made, *words):
    return cli.main([command, str(made.directory), *map(str, words)])


def answer(capsys, command, made, *words):
    assert ask(command, made, *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def logits_of_the_task(made, name, part="test"):
    """What the network makes of a part of the task, read as a run reads it."""
    (task,) = [t for t in mu2.load(made.file).stream.tasks if t.name == name]
    inference = Inference(System.open(made.directory))
    examples = task.read(part, inference.input_shape(name))
    return examples, inference.predict(name, examples.inputs)


def test_rows_become_what_they_were_in_training(made, system):
    whole = CSV(str(made.folder / "trees.csv"), "kind", ignore=("plot",))
    (task,) = [t for t in mu2.load(made.file).stream.tasks if t.name == "trees"]
    columns, labels = whole.raw_rows(task.splits().test)
    examples, expected = logits_of_the_task(made, "trees")
    np.testing.assert_array_equal(labels, examples.labels)
    kept = Preparation.from_json(System.open(made.directory).task("trees").preparation)
    np.testing.assert_array_equal(kept.rows(columns, "rows"), examples.inputs)
    predicted = system.predict("trees", columns)
    np.testing.assert_array_equal(predicted.probabilities, expected.probabilities)
    assert set(predicted.names) <= {"birch", "oak"}
    assert system.columns("trees") == ("height", "grams", "bark")


def test_a_table_in_every_form(made, system, trees, tmp_path, capsys):
    lines = own_data.rows(20, seed=5)
    expected = system.predict("trees", str(trees)).probabilities
    assert np.ptp(expected[:, 0]) > 0.01  # rows differ, so that the comparison says something
    pandas, arrow = frame(lines)
    parquet.write_table(arrow, tmp_path / "new.parquet")
    ordered = [[line[name] for name in ("height", "grams", "bark")] for line in lines]
    given = (pandas, pandas[["bark", "grams", "height"]], arrow, lines, ordered, trees)
    for each in (*given, tmp_path / "new.parquet"):
        np.testing.assert_array_equal(system.predict("trees", each).probabilities, expected)
    for file in (trees, tmp_path / "new.parquet"):
        document = answer(capsys, "predict", made, "--task", "trees", file, "--top", 2)
        assert [*document] == ["format", "system", "task", "examples", "skipped"]
        assert [each["row"] for each in document["examples"]] == [*range(1, 21)]
        for example, row in zip(document["examples"], expected, strict=True):
            best = int(row.argmax())
            assert example["file"] == str(file)
            assert example["class"] == ("birch", "oak")[best]
            assert example["probability"] == pytest.approx(float(row[best]), rel=1e-6)
            assert len(example["top"]) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda line: line.pop("grams"), "lacks 'grams': 1 of the 3 columns"),
        (lambda line: line.update(hight=line.pop("height")), "Did you mean 'hight'?"),
        (lambda line: line.update(grams="heavy"), "'grams' is 'heavy' in row 1 and in 19 more"),
        (lambda line: line.update(grams="1,5"), "decimal comma"),
        (lambda line: line.update(grams="inf"), "'grams' is 'inf' in row 1"),
        (lambda line: line.update(bark="Rough"), "none of its values is one of the 2 categories"),
    ],
)
def test_columns_that_do_not_fit_are_refused(made, system, change, said, tmp_path, capsys):
    lines = own_data.rows(20)
    for line in lines:
        change(line)
    file = own_data.write_csv(tmp_path / "bad.csv", lines)
    assert ask("predict", made, "--task", "trees", file) == 2
    assert said in capsys.readouterr().err
    with pytest.raises(Mu2Error) as caught:
        system.predict("trees", lines)
    assert said in str(caught.value)


def test_texts_in_every_form(made, system, tmp_path, capsys):
    words = [text for text, _ in own_data.texts(12, seed=7)]
    examples, expected = logits_of_the_task(made, "mood")
    assert len(examples) == len(expected)
    expected = system.predict("mood", words).probabilities
    (tmp_path / "a.txt").write_text("\n\n".join(words) + "\n")
    table = pyarrow.table({"text": words, "more": words[::-1]})
    parquet.write_table(table, tmp_path / "a.parquet")
    own_data.write_csv(tmp_path / "only.csv", [{"x": each} for each in words])
    for given in (tmp_path / "a.txt", tmp_path / "a.parquet", tmp_path / "only.csv", table):
        np.testing.assert_array_equal(system.predict("mood", given).probabilities, expected)
    document = answer(capsys, "predict", made, "--task", "mood", tmp_path / "a.txt")
    got = [each["class"] for each in document["examples"]]
    assert got == list(system.predict("mood", words).names)
    own_data.write_csv(tmp_path / "b.csv", [{"say": each, "n": "1"} for each in words])
    assert ask("predict", made, "--task", "mood", tmp_path / "b.csv") == 2
    assert "has no column 'text' with texts" in capsys.readouterr().err
    document = answer(
        capsys, "predict", made, "--task", "mood", tmp_path / "b.csv", "--column", "say"
    )
    assert [each["class"] for each in document["examples"]] == got
    # Of a task that was trained from a column, that is the column.
    own_data.write_csv(tmp_path / "c.csv", [{"n": "1", "words": each} for each in words])
    document = answer(capsys, "predict", made, "--task", "reviews", tmp_path / "c.csv")
    named = system.predict("reviews", words).names
    assert [each["class"] for each in document["examples"]] == list(named)


def test_a_folder_of_files_and_what_is_none(made, trees, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("none")
    assert ask("predict", made, "--task", "trees", tmp_path) == 0
    printed = capsys.readouterr()
    assert "skipped, no examples by their names: " in printed.err
    assert len(printed.out.splitlines()) == 2 + 20
    for words, said in (
        ([tmp_path / "notes.txt"], "task 'trees' reads tables, and "),
        ([tmp_path / "none.csv"], "there is no "),
        (["-"], "holds images or texts, and no table"),
        ([trees, "--column", "x"], "--column names a column of texts"),
    ):
        assert ask("predict", made, "--task", "trees", *words) == 2
        assert said in capsys.readouterr().err


def test_answers_are_written_as_csv(made, system, trees, tmp_path, capsys):
    target = tmp_path / "out.csv"
    assert ask("predict", made, "--task", "trees", trees, "--to", target, "--top", 3) == 0
    assert capsys.readouterr().out == f"{target}: 20 answers\n"
    with open(target, newline="") as file:
        lines = list(csv.DictReader(file))
    best = system.predict("trees", str(trees)).top(3)
    assert [*lines[0]] == [
        *("file", "row", "class", "class_index", "probability", "class_2", "probability_2")
    ]
    for line, guesses in zip(lines, best, strict=True):
        assert (line["class"], line["class_2"]) == tuple(each.name for each in guesses)
        assert float(line["probability"]) == guesses[0].probability
    assert ask("predict", made, "--task", "trees", trees, "--to", target) == 2
    assert "is there already" in capsys.readouterr().err
    assert ask("predict", made, "--task", "trees", trees, "--to", tmp_path / "out.txt") == 2
    assert "written as CSV" in capsys.readouterr().err
    images = tmp_path / "images.csv"
    assert ask("predict", made, "--all", made.folder / "shapes", "--to", images) == 0
    with open(images, newline="") as file:
        assert {line["task"] for line in csv.DictReader(file)} == {"shapes"}


def expected_evaluation(labels, prediction):
    """Accuracy and calibration error, counted anew bin by bin."""
    confidence = prediction.probabilities.max(axis=1)
    right = prediction.classes == labels
    error = 0.0
    for number in range(15):
        inside = (confidence > number / 15) & (confidence <= (number + 1) / 15)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return right.mean(), error


@pytest.mark.parametrize("kind", ["shapes", "trees", "mood", "reviews"])
def test_an_evaluation_counts_right(made, system, kind, tmp_path, capsys):
    data = tmp_path / "new"
    if kind == "shapes":
        own_data.write_images(data, 30, seed=3)
        source = Folder(str(data))
        examples = source.read("train", 16)
        given = Inference(System.open(made.directory)).input_shape("shapes")
        inputs = Task("t", source, test="train", validation="train").read("test", given).inputs
        prediction, labels = system._inference.predict("shapes", inputs), examples.labels
    elif kind == "trees":
        lines = own_data.rows(30, seed=3)
        data = own_data.write_csv(tmp_path / "new.csv", lines)
        prediction = system.predict("trees", lines)
        labels = np.array([("birch", "oak").index(line["kind"]) for line in lines])
    else:
        found = own_data.texts(30, seed=3)
        prediction = system.predict(kind, [text for text, _ in found])
        labels = np.array([("blame", "praise").index(each) for _, each in found])
        if kind == "mood":
            own_data.write_lines(data, found)
        else:
            lines = [{"words": text, "stars": each} for text, each in found]
            data = own_data.write_csv(tmp_path / "new.csv", lines)
    accuracy, error = expected_evaluation(labels, prediction)
    document = answer(capsys, "evaluate", made, "--task", kind, data)
    assert document["examples"] == 30
    assert document["accuracy"] == pytest.approx(accuracy)
    assert document["calibration_error"] == pytest.approx(error, abs=1e-6)
    confusion = np.zeros((2, 2), int)
    np.add.at(confusion, (labels, prediction.classes), 1)
    assert document["confusion"] == confusion.tolist()
    assert sum(each["examples"] for each in document["classes"]) == 30
    assert system.evaluate(kind, str(data)).to_json()["confusion"] == confusion.tolist()
    if kind in ("trees", "reviews"):
        for table in (lines, *(frame(lines) if kind == "trees" else ())):
            given = system.evaluate(kind, table)
            assert given.to_json()["confusion"] == confusion.tolist()
    assert ask("evaluate", made, "--task", kind, data) == 0
    assert f"accuracy {100 * accuracy:.2f}%" in capsys.readouterr().out


def test_a_run_and_an_evaluation_agree(made, system):
    tasks = {task.name: task for task in mu2.load(made.file).stream.tasks}
    for name, task in tasks.items():
        found = system.evaluate(name, task.source, split=task.splits().test)
        assert found.accuracy == pytest.approx(system.path(name).test_accuracy)


def test_classes_are_told_by_name(made, system, tmp_path, capsys):
    own_data.write_images(tmp_path / "some", 6)
    (tmp_path / "some" / "dark").rename(tmp_path / "some" / "zdark")
    assert ask("evaluate", made, "--task", "shapes", tmp_path / "some") == 2
    assert "the data: 'zdark' is no class of task 'shapes'" in capsys.readouterr().err
    # A class more, sorted before the others, would shift numbers.
    only = tmp_path / "only"
    own_data.write_images(only, 6)
    for file in (only / "dark").iterdir():
        file.unlink()
    (only / "dark").rmdir()
    found = system.evaluate("shapes", str(only))
    assert found.confusion.sum(axis=1).tolist() == [0, 3]
    assert found.to_json()["classes"][0]["recall"] is None


def test_whole_numbers_are_names_where_one_is():
    names = ("1", "2", "3")
    assert find_labels([3, 1.0], names, "stars").numbers.tolist() == [2, 0]
    # 0 is no class, and none of the others is meant by its number.
    with pytest.raises(Mu2Error, match="'0' is no class"):
        find_labels([0, 1, 2], names, "stars")
    assert find_labels([1, 0], ("ash", "oak"), "trees").numbers.tolist() == [1, 0]
    # A word for what is missing is a class where one is called so.
    assert find_labels(["NA", "oak"], ("NA", "oak"), "trees").numbers.tolist() == [0, 1]


def test_labels_in_python(system):
    words = [text for text, _ in own_data.texts(8)]
    names = [kind for _, kind in own_data.texts(8)]
    numbers = [("blame", "praise").index(name) for name in names]
    by_name, by_number = (system.evaluate("mood", words, each) for each in (names, numbers))
    np.testing.assert_array_equal(by_name.confusion, by_number.confusion)
    for labels, said in (
        ([2] * 8, "2 is no class"),
        (["good"] * 8, "'good' is no class"),
        (names[:7], "8 examples and 7 labels"),
        ([None, *names[1:]], "1 labels are missing, the first in row 1"),
    ):
        with pytest.raises(Mu2Error) as caught:
            system.evaluate("mood", words, labels)
        assert said in str(caught.value)


def test_a_gin_file_names_any_source(made, tmp_path, capsys):
    document = answer(
        capsys, "evaluate", made, "--task", "trees", made.file, "--split", "train[:10]"
    )
    assert (document["examples"], document["split"]) == (10, "train[:10]")
    lone = tmp_path / "lone.gin"
    lone.write_text(
        "Experiment.stream = @Stream()\nStream.tasks = (@Task(),)\n"
        f"Task.name = 'new'\nTask.source = @TextLines()\nTextLines.path = '{made.folder}/mood'\n"
    )
    document = answer(capsys, "evaluate", made, "--task", "mood", lone)
    assert document["examples"] == 80
    assert ask("evaluate", made, "--task", "trees", lone) == 2
    assert "task 'trees' reads tables, and the data are texts" in capsys.readouterr().err
    assert ask("evaluate", made, "--task", "mood", made.folder / "nothing") == 2
    assert "there is no " in capsys.readouterr().err


def test_tables_without_names_go_by_their_order(tmp_path):
    rows = np.random.default_rng(0).normal(50, 9, (40, 3))
    rows[3, 1] = np.nan
    np.savez(tmp_path / "t.npz", x=rows, y=np.arange(40) % 2)
    task = Task("t", Npz(str(tmp_path / "t.npz")))
    prepared = Preparation.from_json(json.loads(json.dumps(task.preparation().to_json())))
    columns, _ = task.fit_source().raw_rows(task.splits().test)
    size = task.source_hyperparameters()["num_features"]
    np.testing.assert_array_equal(prepared.rows(columns, "x"), task.read("test", (size,)).inputs)
    with pytest.raises(Mu2Error, match="has 2 columns besides the label, and the task reads 3"):
        prepared.rows({"a": [1], "b": [2]}, "x")


@pytest.mark.parametrize("name", ["wine", "iris", "breast_cancer"])
def test_tables_of_scikit_learn_by_name(name):
    task = Task("t", Sklearn(name))
    prepared = Preparation.from_json(json.loads(json.dumps(task.preparation().to_json())))
    columns, labels = task.fit_source().raw_rows("test")
    examples = task.read("test", (len(columns),))
    np.testing.assert_array_equal(prepared.rows(columns, "x"), examples.inputs)
    np.testing.assert_array_equal(labels, examples.labels)


def test_values_of_data_frames_are_those_of_files():
    prepared = Preparation(missing=("", "NA"))
    assert [prepared.is_missing(v) for v in ("", " NA", None, float("nan"), 0, "0")] == [
        *(True, True, True, True, False, False)
    ]
    # Categories that pandas has made floats, as it does where one is missing.
    assert prepared._category(1.0, ("0", "1")) == "1"
    assert prepared._category(True, ("false", "true")) == "true"


def test_a_system_of_an_earlier_mu2(made, tmp_path):
    """Its records say nothing of columns: rows are given as they always were."""
    document = System.open(made.directory).task("trees").to_json()
    from mu2.system.record import TaskRecord

    del document["preparation"]
    assert TaskRecord.from_json(document).preparation is None
    inference = Inference(System.open(made.directory))
    inference.preparation = lambda task: None
    shape = inference.input_shape("trees")
    assert inference.examples("trees", np.zeros((2, *shape))).shape == (2, *shape)
    with pytest.raises(Mu2Error, match="does not say how this task's columns become numbers"):
        inference.examples("trees", {"height": [1.0]})


def test_an_export_says_how_rows_are_made(made, tmp_path):
    from mu2.system.export import export

    document = export(System.open(made.directory), "trees", "safetensors", tmp_path / "trees")
    columns = document["preprocessing"]["columns"]
    assert columns["encoding"]["columns"] == ["height", "grams", "bark"]
    assert columns["encoding"]["categories"] == {"bark": ["rough", "smooth"]}
    assert (columns["label"], columns["text"]) == ("kind", None)


def test_sources_that_hold_texts_name_their_columns(made):
    assert TextLines(str(made.folder / "mood")).num_classes() == 2
    kept = System.open(made.directory).task("reviews").preparation
    assert (kept["text"], kept["label"]) == ("words", "stars")


@pytest.mark.parametrize("task", own_data.TASKS)
def test_what_a_path_costs(system, task):
    cost = system.cost(task)
    path = system.path(task)
    _, parameters = system.apply_fn(task)
    assert cost.parameters == sum(leaf.size for leaf in jax.tree.leaves(parameters))
    assert cost.bytes == 4 * cost.parameters
    assert cost.flops == pytest.approx(path.flops)
    assert cost.seconds.keys() == {1, 32}
    assert all(0 < seconds < 60 for seconds in cost.seconds.values())
