"""The plain data of a report, against the system that it was read from."""

import dataclasses

import pytest

from mu2.errors import Mu2Error
from mu2.report.reading import read_history, tell_apart
from mu2.system import System
from tests import shrunken


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return shrunken.evolved(tmp_path_factory)


@pytest.fixture(scope="module")
def history(run):
    return read_history(run.directory)


def test_it_holds_the_tasks_and_paths_of_the_system(run, history):
    assert [task.name for task in history.tasks] == list(run.system.tasks)
    for name, path in history.kept_paths.items():
        there = run.system.path(name)
        assert (path.id, path.test_accuracy) == (there.id, there.test_accuracy)
        assert path.components == tuple(c.id for c in there.components)
    assert history.complete
    assert history.settings["Experiment.seed"] == "0"
    assert history.settings["Ranges.num_layers"].startswith("(0, 1")


def test_children_are_the_lines_of_the_log(run, history):
    lines = list(run.system.log)
    assert [child.path for child in history.children] == [line["path"] for line in lines]
    assert [child.seconds for child in history.children] == [t["seconds"] for t in run.system.times]


def test_commits_lead_to_the_paths_that_are_kept(history):
    now = {}
    for commit in history.commits:
        now.update(commit.paths)
    assert now == {task.name: task.path for task in history.tasks}
    assert [commit.task for commit in history.commits if commit.task] == 2 * [
        task.name for task in history.tasks
    ]


def test_lineages_end_at_a_root(history):
    for path in history.kept_paths.values():
        line = history.lineage(path.id)
        assert line[0] == path.id
        assert history.paths[line[-1]].task is None


def test_sources_of_components_are_those_of_the_parents(run, history):
    """A layer that was cloned descends from the parent's of the same name."""
    paths = {path.id: path for path in run.system.paths().values()}
    checked = 0
    for component in history.components.values():
        maker = component.id.rpartition("/")[0]
        child = history.by_path.get(maker)
        if child is None or child.actions[component.name] not in ("clone", "resample"):
            assert component.source is None
            continue
        source = history.components[component.source]
        assert source.name == component.name
        assert source.id.rpartition("/")[0] in history.lineage(maker)
        if child.parent in paths:
            there = paths[child.parent].component(component.name)
            checked += there is not None and there.id == source.id
    assert checked


def test_what_no_commit_knows_is_left_out(run, tmp_path):
    copy = shrunken.copy(run.directory, tmp_path / "copy")
    with (copy / "log.jsonl").open("a") as file:
        file.write('{"task": "half of a li')
    assert read_history(copy) == read_history(run.directory).__class__(
        **{**vars_of(read_history(run.directory)), "name": "copy"}
    )


def vars_of(history):
    return {name: getattr(history, name) for name in history.__dataclass_fields__}


def test_it_can_be_read_as_it_stood(run):
    middle = System.open(run.directory).history()[3]
    then = read_history(run.directory, at=middle["name"])
    assert then.commits[-1].number == middle["number"]
    assert len(then.children) == then.commits[-1].children < 18


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda log: log.replace(b'"child": 1,', b'"child": 9,', 1), "the log has changed"),
        (
            lambda log: log.replace(b'"child": 1,', b'"child": 1' + b"0" * 12 + b",", 1),
            "another one",
        ),
        (lambda log: log[: len(log) // 2], "the log is shortened"),
    ],
)
def test_a_log_of_other_lines_is_refused_with_its_place(run, tmp_path, change, said):
    copy = shrunken.copy(run.directory, tmp_path / "copy")
    (copy / "log.jsonl").write_bytes(change((copy / "log.jsonl").read_bytes()))
    with pytest.raises(Mu2Error, match=said) as caught:
        read_history(copy)
    assert caught.value.location == str(copy / "log.jsonl")


def test_systems_whose_folders_are_called_alike_are_told_apart(run):
    history = read_history(run.directory)
    folders = ["/a/run/system", "/b/run/system", "/b/other", "/c/system"]
    given = [dataclasses.replace(history, name=each.split("/")[-1]) for each in folders]
    names = [each.name for each in tell_apart(given, folders)]
    assert names == ["a/run/system", "b/run/system", "other", "c/system"]
    assert [each.name for each in tell_apart(given[:1] * 2, folders[:1] * 2)] == [
        "a/run/system"
    ] * 2
    assert tell_apart(given[2:], folders[2:]) == tuple(given[2:])
