"""`mu2 predict --all` on tables and texts: every task whose data they are answers."""

import csv
import json
import shutil

import pytest

import mu2
from mu2 import cli
from tests import own_data


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return own_data.system(tmp_path_factory)


@pytest.fixture
def trees(tmp_path):
    return own_data.write_csv(tmp_path / "new.csv", own_data.rows(20, seed=5))


def ask(made, *words):
    return cli.main(["predict", str(made.directory), "--all", *map(str, words)])


def answer(capsys, made, *words):
    assert ask(made, *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_every_task_of_the_kind_answers(made, trees, tmp_path, capsys):
    system = mu2.open(made.directory)
    table = answer(capsys, made, trees)
    assert [*table] == ["format", "system", "tasks", "examples", "unfit", "skipped"]
    assert (table["tasks"], table["unfit"]) == (["trees"], [])
    named = system.predict("trees", str(trees)).names
    assert [each["answers"][0]["class"] for each in table["examples"]] == list(named)
    words = [text for text, _ in own_data.texts(6, seed=2)]
    (tmp_path / "a.txt").write_text("\n".join(words))
    own_data.write_csv(tmp_path / "b.csv", [{"say": each} for each in words])
    for given in ([tmp_path / "a.txt"], [tmp_path / "b.csv", "--column", "say"]):
        document = answer(capsys, made, *given)
        assert document["tasks"] == ["mood", "reviews"]
        for task in document["tasks"]:
            got = [
                a["class"] for e in document["examples"] for a in e["answers"] if a["task"] == task
            ]
            assert got == list(system.predict(task, words).names)
    assert ask(made, tmp_path / "a.txt", trees) == 2
    assert "data of one kind, and " in capsys.readouterr().err
    assert ask(made, tmp_path / "b.csv") == 2
    assert (
        "has the columns of none of the tasks that read tables: 'trees'" in capsys.readouterr().err
    )


def test_tasks_whose_columns_a_table_has_not_are_told(made, tmp_path, capsys):
    other = shutil.copytree(made.directory, tmp_path / "other")
    lines = [{"depth": f"{n % 9}", "grams": f"{n}.5", "kind": "ab"[n % 2]} for n in range(60)]
    soil = own_data.write_csv(tmp_path / "soil.csv", lines)
    bindings = [
        "Stream.tasks=(@soil/Task(),)",
        *("soil/Task.name='soil'", "soil/Task.source=@soil/CSV()", "soil/CSV.label='kind'"),
        f"soil/CSV.path='{soil}'",
    ]
    mu2.run(str(made.file), other, bindings)
    target = tmp_path / "answers.csv"
    words = ["predict", str(other), "--all", str(soil), "--to", str(target)]
    assert cli.main(words) == 0
    assert capsys.readouterr().err.endswith(
        f"mu2: task 'trees' is not asked: {soil} lacks 'height', 'bark'\n"
    )
    with open(target, newline="") as file:
        assert {line["task"] for line in csv.DictReader(file)} == {"soil"}
