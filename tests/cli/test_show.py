"""`mu2 show --task` and `--tree` of a real run."""

import json

import pytest

from mu2 import cli
from mu2.report.summary import summarise
from tests import shrunken


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return shrunken.evolved(tmp_path_factory)


def test_everything_of_one_task(run, capsys):
    assert cli.main(["show", str(run.directory), "--task", "latin"]) == 0
    text = capsys.readouterr().out
    path = run.system.path("latin")
    assert text.startswith("latin\n  comes from  ")
    assert f"  {path.id}  " in text
    assert "root/ViT/random" in text
    assert " ms for 1 example, " in text
    for line in run.lines:
        if line["task"] == "latin":
            assert line["path"] in text
    for name, value in path.hyperparameters.items():
        assert [name, str(value)] in [line.split() for line in text.splitlines()]


def test_one_task_as_json_goes_back_to_the_root(run, capsys):
    assert cli.main(["show", str(run.directory), "--task", "digits", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [task["name"] for task in document["tasks"]] == ["digits"]
    born = {line["path"]: line for line in run.lines}
    here = run.system.path("digits").id
    for step in document["lineage"]:
        assert step["path"] == here
        here = born[here]["parent"] if here in born else None
    assert here is None
    assert len(document["children"]) == sum(line["task"] == "digits" for line in run.lines)
    path, cost = run.system.path("digits"), document["cost"]
    assert cost["parameters"] == sum(component.size for component in path.components)
    assert cost["flops"] == pytest.approx(path.flops)
    assert all(cost["seconds"][examples] > 0 for examples in ("1", "32"))


def test_the_tree_has_every_task_once(run, capsys):
    assert cli.main(["show", str(run.directory), "--tree"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "root"
    named = sorted(line.strip("│├└─ ").split()[0] for line in lines[1:])
    assert named == sorted(run.system.tasks)


def test_a_wrong_task_is_refused_with_the_nearest(run, capsys):
    assert cli.main(["show", str(run.directory), "--task", "latim"]) == 2
    assert "Did you mean 'latin'?" in capsys.readouterr().err


def test_a_lineage_is_that_of_the_log(run):
    born = {line["path"]: line for line in run.lines}
    for task in summarise(run.system)["tasks"]:
        expected, here = [task["name"]], task["path"]
        while here in born:
            if born[here]["parent_task"] != expected[-1]:
                expected.append(born[here]["parent_task"])
            here = born[here]["parent"]
        assert task["lineage"] == expected[1:]
