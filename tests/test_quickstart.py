"""The quickstart, shrunken: what holds in every run of it, after every task iteration."""

import collections
import dataclasses
import math

import numpy as np
import pytest

from mu2 import config
from mu2.planning import preview
from mu2.store.verify import verify
from mu2.training import evaluate
from tests import shrunken


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return shrunken.evolved(tmp_path_factory)


def test_every_task_is_visited_and_solved(run):
    assert run.system.tasks == ("digits", "latin", "greek")
    assert run.system.progress.position == len(run.watch.locked) == 6
    assert run.system.progress.complete
    for name in run.system.tasks:
        record = run.system.task(name)
        assert (record.iterations, record.population) == (2, None)
        assert 0 <= record.path.test_accuracy <= 1
    assert verify(run.directory) == []


def test_locked_paths_never_change_a_bit_of_their_logits(run):
    digests = collections.defaultdict(list)
    for visit, locked in enumerate(run.watch.locked):
        assert len(locked) == min(visit + 1, 3)
        for name, path, digest in locked:
            assert digest == path.test_digest, f"{name} after visit {visit}"
            digests[name].append((path.id, digest))
    # Between its own iterations a task keeps its path; digits have two, in visits 0 and 3.
    assert len(set(digests["digits"][:3])) == len(set(digests["digits"][3:])) == 1
    assert len(set(digests["latin"][:3])) == len(set(digests["latin"][3:])) == 1


def test_a_digest_would_tell_one_changed_bit(run):
    path = run.system.path("digits")
    logits = run.watch.logits(run.system, "digits", path)
    assert evaluate.digest(logits) == path.test_digest
    logits[0, 0] = np.nextafter(logits[0, 0], np.float32(np.inf))
    assert evaluate.digest(logits) != path.test_digest


def test_the_test_accuracy_is_that_of_the_stored_path(run):
    for name in run.system.tasks:
        path = run.system.path(name)
        labels = run.watch.data[name].read("test", (16, 16, 1)).labels
        classes = run.watch.logits(run.system, name, path).argmax(axis=1)
        assert path.test_accuracy == np.mean(classes == labels)


def test_shared_components_are_the_very_same_bytes(run):
    by_id = {}
    for path in run.system.paths().values():
        for component in path.components:
            assert by_id.setdefault(component.id, component) == component
    owners = {c.owner for c in run.system.path("digits").components}
    assert owners <= {None, "digits", "latin"}


def test_private_tasks_are_nobodys_parent(run):
    parents = {(line["task"], line["parent_task"]) for line in run.lines}
    assert ("greek", "greek") in parents
    assert {task for task, parent in parents if parent == "greek"} == {"greek"}
    for name in ("digits", "latin"):
        assert all(c.owner != "greek" for c in run.system.path(name).components)
        assert not run.system.path(name).private
    assert run.system.path("greek").private


def test_the_seeds_are_the_roots_and_the_public_paths_of_the_others(run):
    tasks = collections.defaultdict(set)
    for task, seeds in run.watch.seeds:
        assert "root/ViT/random" in seeds
        tasks[task] |= {seed.rsplit("/", 2)[0] for seed in seeds} - {"root"}
    assert tasks == {"digits": {"latin"}, "latin": {"digits"}, "greek": {"digits", "latin"}}


def test_one_line_a_child_in_the_log_and_in_the_times(run):
    expected = [
        (task, iteration, child)
        for iteration in range(2)
        for task in ("digits", "latin", "greek")
        for child in range(3)
    ]
    assert [(x["task"], x["iteration"], x["child"]) for x in run.lines] == expected
    assert [x["path"] for x in run.lines] == [f"{t}/{i}/{c}" for t, i, c in expected]
    times = list(run.system.times)
    assert [(x["path"], x["task"]) for x in times] == [(x["path"], x["task"]) for x in run.lines]
    assert all(x["seconds"] >= 0 for x in times)
    assert not any("seconds" in line for line in run.lines)
    assert run.system.progress.log_lines == len(run.lines)


def test_children_are_retained_where_they_reach_their_parent(run):
    by_path = {line["path"]: line for line in run.lines}
    barred = [line for line in run.lines if line["bar"] is not None]
    assert barred
    assert {line["retained"] for line in barred} == {True, False}
    for line in run.lines:
        same_task = line["parent_task"] == line["task"]
        assert line["bar"] == (by_path[line["parent"]]["score"] if same_task else None)
        assert line["retained"] == (not same_task or line["score"] >= line["bar"])


def test_the_survivor_is_the_best_that_was_retained(run):
    for name in run.system.tasks:
        scores = [x["score"] for x in run.lines if x["task"] == name and x["retained"]]
        path = run.system.path(name)
        assert path.score == max(scores)
        newest = [x["path"] for x in run.lines if x["score"] == path.score and x["retained"]]
        assert path.id == [made for made in newest if made.startswith(f"{name}/")][-1]


def test_children_train_what_they_do_not_share(run):
    for line in run.lines:
        assert line["actions"]["head"] == (
            "clone" if line["parent_task"] == line["task"] else "new"
        )
        assert line["actions"]["encoder_norm"] == "clone"
        assert 0 < line["trained_parameters"] <= line["parameters"]
        shares = "share" in line["actions"].values()
        assert shares == (line["trained_parameters"] < line["parameters"])
    assert any("share" in line["actions"].values() for line in run.lines)


def test_two_programs_for_each_depth(run):
    depths = {line["hyperparameters"]["num_layers"] for line in run.lines}
    # More than one of each of these, and still no program more.
    assert len({str(line["hyperparameters"]) for line in run.lines}) > 2 * len(depths)
    assert len({str(line["actions"]) for line in run.lines}) > 1
    assert 2 <= run.watch.compiled <= 2 * len(depths | {0})


def test_the_preview_told_what_the_run_did(run):
    told = preview.preview_run(run.experiment)
    assert told["children"] == len(run.lines)
    assert told["training_steps"] == sum(line["steps"] for line in run.lines)
    assert run.watch.compiled <= told["programs"]
    for line in run.lines:
        assert told["parameters"]["smallest"] <= line["parameters"]
        assert line["parameters"] <= told["parameters"]["largest"]


def test_the_stored_settings_run_again_as_they_stand(run):
    again = config.load([str(run.system.gin_file(0))], [])
    assert again.resolved == run.system.gin_file(0).read_text() == shrunken.load().resolved
    assert dataclasses.asdict(again.experiment) == dataclasses.asdict(run.experiment)


def test_another_seed_is_another_run(run, tmp_path):
    system = shrunken.evolve(tmp_path / "system", *shrunken.DIGITS, shrunken.ONCE)
    other = shrunken.evolve(
        tmp_path / "other", *shrunken.DIGITS, shrunken.ONCE, "Experiment.seed=1"
    )
    (root,), (other_root,) = system.roots(), other.roots()
    assert root.id == other_root.id
    digests, others = ({c.digest for c in path.components} for path in (root, other_root))
    assert digests != others
    assert list(system.log) != list(other.log)


def test_the_whole_quickstart_can_begin():
    loaded = config.load([shrunken.FILE], [])
    told = preview.preview_run(loaded.experiment)
    assert [(t["name"], t["classes"]) for t in told["tasks"]] == [
        *(("digits", 10), ("latin", 26), ("greek", 24), ("cyrillic", 33)),
    ]
    children = loaded.experiment.evolution.children_per_iteration
    assert told["children"] == 2 * 4 * children
    assert told["programs"] == 2 * 3
    steps = sum(loaded.experiment.training.steps(task["train"]) for task in told["tasks"])
    assert told["training_steps"] == 2 * children * loaded.experiment.training.intervals * steps


@pytest.mark.slow
def test_more_children_of_more_depths(tmp_path):
    """Nine times the children of the shared run, in generations of two; the same must hold."""
    shrunken.workers.cache_clear()
    watch = shrunken.Watch()
    bindings = (
        "Evolution.children_per_iteration=9",
        "Evolution.children_per_generation=2",
        "Stream.iterations=3",
        "Hyperparameters.num_layers=2",
        "Ranges.num_layers=(0, 1, 2)",
        "Training.intervals=2",
        "Scoring.scale=0.9",
        "Scoring.num_parameters=10000",
    )
    system = shrunken.evolve(tmp_path / "system", *bindings, reporter=watch)
    lines = list(system.log)
    assert len(lines) == 9 * 9
    for locked in watch.locked:
        assert all(digest == path.test_digest for _, path, digest in locked)
    depths = {line["hyperparameters"]["num_layers"] for line in lines}
    assert len(depths) > 1
    assert watch.compiled <= 2 * len(depths)
    assert {x["task"] for x in lines if x["parent_task"] == "greek"} == {"greek"}
    for line in lines:
        assert line["quality"] == max(line["qualities"])
        assert not line["retained"] or line["bar"] is None or line["score"] >= line["bar"]
        assert not math.isclose(line["score"], line["quality"]) or line["quality"] == 0
    assert verify(tmp_path / "system") == []
