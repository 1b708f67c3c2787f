"""The summary: what `mu2 show --json` promises, and sums that must agree."""

import collections
import json
import math
import re
from types import SimpleNamespace

import pytest

from mu2 import cli
from mu2.evolution.live_paths import LivePaths
from mu2.evolution.path import Component, Path
from mu2.report.summary import summarise
from tests import shrunken


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return shrunken.evolved(tmp_path_factory)


@pytest.fixture(scope="module")
def shown(run):
    return summarise(run.system)


def promised(text):
    """Key to what the help says of it, of the document that is printed where all is well."""
    body = text.split("One JSON document with --json:\n")[1].split("or, where that fails")[0]
    found = re.findall(r"^  (\w+) {2,}(.*(?:\n {10,}.*)*)", body, re.MULTILINE)
    return {key: " ".join(said.split()) for key, said in found}


def names(said):
    """The keys that a text such as `a list: a, b (null: c)` names."""
    plain = re.sub(r"\([^)]*\)", "", said.split(":", 1)[-1])
    return [name.strip() for name in plain.split(",")]


def test_every_key_of_the_help_is_there(run, capsys):
    assert cli.main(["show", "--help"]) == 0
    told = promised(capsys.readouterr().out)
    assert {"format", "system", "tasks", "run"} <= told.keys()
    assert cli.main(["show", str(run.directory), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert told.keys() - document.keys() == set()
    assert {"name", "path_parameters", "hyperparameters"} <= set(names(told["tasks"]))
    for task in document["tasks"]:
        assert set(names(told["tasks"])) - task.keys() == set()
    assert document["run"] == {"complete": True}
    assert document["system"] == str(run.directory)
    assert document["format"] == 1


def test_the_space_names_the_architectures(shown):
    (model,) = shown["models"]
    assert model["ViT"]["width"] == 16


def test_parameters_are_those_of_the_components(run, shown):
    sizes = {c.id: c.size for path in run.system.paths().values() for c in path.components}
    assert shown["parameters"] == sum(sizes.values())
    users = collections.Counter(
        c.id for name in run.system.tasks for c in run.system.path(name).components
    )
    for task in shown["tasks"]:
        path = run.system.path(task["name"])
        reused = [c for c in path.components if not c.id.startswith(f"{task['name']}/")]
        assert task["path_parameters"] == sum(c.size for c in path.components)
        added = task["path_parameters"] - sum(c.size for c in reused)
        assert task["added_parameters"] == added
        assert task["activated_share"] == task["path_parameters"] / shown["parameters"]
        assert (task["components"], task["reused_components"]) == (
            len(path.components),
            len(reused),
        )
        owners = {"root" if c.id.startswith("root/") else c.id.split("/")[0] for c in reused}
        assert task["reused_from"] == sorted(owners)
        assert math.isclose(
            task["accounted_parameters"], sum(c.size / users[c.id] for c in path.components)
        )
    assert any(task["reused_components"] for task in shown["tasks"])
    # Every parameter is accounted for once, but for those of roots that nobody uses.
    used = sum(sizes[component] for component in users)
    assert math.isclose(sum(task["accounted_parameters"] for task in shown["tasks"]), used)


def test_tasks_are_told_as_they_are_stored(run, shown):
    assert [task["name"] for task in shown["tasks"]] == ["digits", "latin", "greek"]
    assert [task["private"] for task in shown["tasks"]] == [False, False, True]
    assert [task["classes"] for task in shown["tasks"]] == [10, 26, 24]
    born = {line["path"]: line for line in run.lines}
    for task in shown["tasks"]:
        line, path = born[task["path"]], run.system.path(task["name"])
        assert task["iterations"] == 2
        assert task["validation_accuracy"] == line["quality"] == path.quality
        assert task["score"] == line["score"]
        assert task["parent_task"] == line["parent_task"]
        assert task["test_accuracy"] == path.test_accuracy
        assert task["hyperparameters"] == line["hyperparameters"]
        seconds = [x["seconds"] for x in run.system.times if x["task"] == task["name"]]
        assert len(seconds) == 6
        assert task["seconds"] == round(sum(seconds), 1)


# By hand


def component(component_id, size):
    return Component(component_id.rsplit("/", 1)[-1], component_id, size, "s")


def path(path_id, task, components, **changes):
    return Path(
        id=path_id,
        task=task,
        parent="root/M/random",
        parent_task=None,
        components=tuple(components),
        hyperparameters={"b": 2, "a": 1},
        num_classes=2,
        model='{"M": {}}',
        **changes,
    )


BODY, SPARE = component("root/M/random/body", 100), component("root/M/random/spare", 1000)
ROOT = path("root/M/random", None, [BODY, SPARE])


def record(name, kept=None, population=None, **changes):
    return SimpleNamespace(
        **{
            "name": name,
            "title": name,
            "class_names": ("x", "y"),
            "private": False,
            "input": "image",
            "iterations": 0 if kept is None else 1,
            "path": kept,
            "population": population,
            **changes,
        }
    )


class EmptyLog(tuple):
    def ancestors(self, paths):
        return {}


def system(*records, complete=True, times=()):
    return SimpleNamespace(
        directory="systems/x",
        progress=SimpleNamespace(complete=complete, log_lines=len(times)),
        check_log=lambda: None,
        times=times,
        log=EmptyLog(),
        records=lambda: records,
        roots=lambda: (ROOT,),
        paths=lambda: LivePaths([ROOT, *(each.path for each in records if each.path)]),
    )


def test_shared_and_own_parameters_by_hand():
    own, shared = component("a/0/1/head", 10), component("a/0/1/mid", 30)
    a = record("a", path("a/0/1", "a", [BODY, shared, own], quality=0.5, score=0.5))
    b = record("b", path("b/0/0", "b", [BODY, shared, component("b/0/0/head", 20)]))
    document = summarise(system(a, b, times=[{"task": "b", "seconds": 1.26}]))
    assert document["parameters"] == 1160
    first, second = document["tasks"]
    assert (first["path_parameters"], first["added_parameters"]) == (140, 40)
    assert (second["path_parameters"], second["added_parameters"]) == (150, 20)
    assert first["accounted_parameters"] == 100 / 2 + 30 / 2 + 10
    assert second["accounted_parameters"] == 100 / 2 + 30 / 2 + 20
    assert (first["reused_from"], second["reused_from"]) == (["root"], ["a", "root"])
    assert (first["reused_components"], second["reused_components"]) == (1, 2)
    assert second["activated_share"] == 150 / 1160
    assert (first["seconds"], second["seconds"]) == (None, 1.3)
    assert list(first["hyperparameters"]) == ["a", "b"]


def test_a_task_without_a_path_and_where_the_run_stands():
    under_way = SimpleNamespace(task="a", iteration=0, generation=3)
    document = summarise(system(record("a", population=under_way), complete=False))
    assert document["run"] == {"complete": False, "task": "a", "iteration": 0, "generation": 3}
    (task,) = document["tasks"]
    assert task["reused_from"] == []
    nothing = ("path", "test_accuracy", "score", "components", "added_parameters", "seconds")
    assert [task[key] for key in nothing] == [None] * len(nothing)
    assert summarise(system(complete=False))["run"] == {"complete": False}
