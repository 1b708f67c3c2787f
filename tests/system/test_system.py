"""The system: what it holds, read back, and predictions."""

import dataclasses

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.evolution.population import Population
from mu2.report.summary import summarise
from mu2.store.journal import Journal
from mu2.store.sweep import find_reachable
from mu2.store.verify import verify
from mu2.system import System
from mu2.system.changes import Changes
from mu2.system.record import Progress, TaskRecord
from mu2.system.writable import WritableSystem
from tests import shrunken, writers

ONES = np.ones((3, 2), np.float32)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return shrunken.evolved(tmp_path_factory)


@pytest.fixture(scope="module")
def system(run):
    return System.open(run.directory)


def test_an_unknown_task(system):
    for ask in (system.task, system.path):
        with pytest.raises(Mu2Error, match="no task 'digit'") as caught:
            ask("digit")
        assert caught.value.hint == "Did you mean 'digits'?"


def test_records_and_progress_go_through_json(system):
    for name in system.tasks:
        record = system.task(name)
        assert TaskRecord.from_json(record.to_json()) == record
    assert Progress.from_json(system.progress.to_json()) == system.progress
    with pytest.raises(ValueError, match="no iteration of task 'digits'"):
        system.task("digits").current_population.rank()


def test_paths_are_the_roots_and_the_kept_ones(system):
    paths = system.paths()
    kept = [system.path(name).id for name in system.tasks]
    assert list(paths) == ["root/ViT/random", *kept]
    assert all(path.parent in (None, *paths) for path in paths.values())


def test_only_what_lives_is_stored(run, system):
    kept = find_reachable(Journal.open(run.directory)).packs
    live = {c.pack for path in system.paths().values() for c in path.components}
    there = {path.name for path in (run.directory / "components").iterdir()}
    assert there - {"where", "new"} == kept
    assert live <= kept
    made = [line["path"] for line in run.lines if line["retained"]]
    assert len(made) > len(system.tasks)


@pytest.mark.parametrize("cache_limit_mb", [0, 1024])
def test_what_no_commit_names_is_not_written(tmp_path, cache_limit_mb):
    writers.create(tmp_path)
    record = TaskRecord("a", writers.CLASSES, False)
    with WritableSystem.extend(tmp_path, cache_limit_mb) as system:
        system.begin_edit()
        (root,) = system.roots()
        children = []
        for seed in (1, 2, 3):
            child = writers.made(f"a/0/{seed}", "a", root, ("head",), seed / 4)
            child = dataclasses.replace(
                child, components=(root.component("layer"), *child.components)
            )
            children.append(system.stage(child, {"head": writers.leaves(seed // 2, 2)}))
        heads = [child.component("head") for child in children]
        assert heads[1].pack == heads[2].pack  # the very same layer
        assert all(system.arrays(head) for head in heads)
        population = Population("a", 0, False, 2, (children[0], children[2]), (root.id,), {})
        under_way = dataclasses.replace(record, population=population)
        system.commit("generation", Changes(tasks=[under_way]), passing=True)
        again = system.stage(writers.made("a/0/4", "a", root, ("head",)), {"head": {"w": ONES}})
        system.commit(
            "end",
            Changes(tasks=[dataclasses.replace(record, path=children[2], iterations=1)]),
        )
        packs = {root.component("layer").pack, heads[2].pack}
        # Without room for them they were written, and removed by the commit.
        assert system._store.packs() == packs
        again = system.stage(writers.made("a/0/4", "a", root, ("head",)), {"head": {"w": ONES}})
        system._put_named([again])
        system._background.wait()
        assert system._store.packs() == {*packs, again.component("head").pack}
        assert system._store.read([(c.digest, c.pack) for c in again.components])
    assert verify(tmp_path) == []


def test_reading_changes_nothing(run):
    before = shrunken.files(run.directory)
    system = System.open(run.directory)
    summarise(system)
    for path in system.paths().values():
        for component in path.components:
            assert system.arrays(component)
    assert shrunken.files(run.directory) == before


def test_arrays_kept_in_memory_are_bounded_and_the_same(run, tmp_path):
    directory = shrunken.copy(run.directory, tmp_path / "system")
    with WritableSystem.extend(directory, cache_limit_mb=0) as system:
        for path in system.paths().values():
            for component in path.components:
                fresh = System.open(run.directory).arrays(component)
                read = system.arrays(component)
                assert read is not system.arrays(component)
                assert read.keys() == fresh.keys()
                assert all((read[leaf] == fresh[leaf]).all() for leaf in read)


def test_one_writer_at_a_time_and_many_readers(run, tmp_path):
    directory = shrunken.copy(run.directory, tmp_path / "system")
    with WritableSystem.extend(directory):
        with pytest.raises(Mu2Error, match="is being written by process"):
            WritableSystem.extend(directory)
        assert System.open(directory).tasks == ("digits", "latin", "greek")
    with WritableSystem.extend(directory) as system:
        assert system.progress.complete


def test_what_is_no_system(tmp_path):
    with pytest.raises(Mu2Error, match="is no mu2 system"):
        System.open(tmp_path / "none")
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(Mu2Error, match="not empty"):
        WritableSystem.extend(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_a_task_whose_first_iteration_is_not_finished(tmp_path):
    directory = tmp_path / "system"
    with WritableSystem.extend(directory) as system:
        system.start_run("x = 1\n")
        system.commit("a task", Changes(tasks=[TaskRecord("t", ("a", "b"), False)]))
    system = System.open(directory)
    assert (system.tasks, system.paths()) == (("t",), {})
    with pytest.raises(Mu2Error, match="no path yet") as caught:
        system.path("t")
    assert "same `mu2 run` command" in caught.value.hint


def test_runs_are_counted_and_their_settings_kept(tmp_path):
    with WritableSystem.extend(tmp_path / "system") as system:
        assert system.progress == Progress()
        system.start_run("x = 1\n")
        system.start_run("x = 1\n")
        with pytest.raises(Mu2Error, match=r"It has: x = 1\. Now there is: x = 2\."):
            system.start_run("x = 2\n")
        system.commit("one more", Changes(finished="t"))
        system.start_run("x = 3\n", ["t", "u"], accept_changes=True)
        assert (system.progress.runs, system.progress.position) == (1, 1)
        system.complete()
        system.start_run("x = 4\n")
        assert (system.progress.runs, system.progress.position) == (2, 0)
        assert not system.progress.complete
        assert [system.gin_file(n).read_text() for n in (0, 1)] == ["x = 3\n", "x = 4\n"]


@pytest.mark.parametrize(
    ("schedule", "position"),
    [("ab", 2), ("abc", 2), ("abab", 2), ("a", 0), ("ba", 0), ("aab", 0), ("", 0)],
)
def test_other_settings_go_on_where_the_stream_begins_with_what_is_finished(schedule, position):
    progress = Progress().start_run("x", "abab").finish_task("a").finish_task("b")
    assert (progress.runs, progress.position) == (1, 2)
    again = progress.start_run("y", schedule)
    assert (again.runs, again.position, again.complete) == (1, position, False)
    assert again.finish_task("c").start_run("z", [*"ab"[:position], "c"]).position == position + 1
    done = dataclasses.replace(progress, complete=True)
    assert (done.start_run("x", "abab").runs, done.start_run("x", "abab").position) == (2, 0)


def test_an_unfinished_run_goes_on_where_its_numbers_come_from_the_same(tmp_path):
    here, there = {"jax": "1", "cpu": "a"}, {"jax": "2", "cpu": "a"}
    with WritableSystem.extend(tmp_path / "system") as system:
        system.start_run("x = 1\n", "ab", here)
        system.commit("a", Changes(finished="a"))
        system.start_run("x = 1\n", "ab", here)
        with pytest.raises(Mu2Error, match=r"others here: jax was 1, is 2\.") as caught:
            system.start_run("x = 1\n", "ab", there)
        assert "--accept-changes" in caught.value.hint
        system.start_run("x = 1\n", "ab", there, accept_changes=True)
        assert (system.progress.runs, system.progress.position) == (1, 1)
        system.start_run("x = 1\n", "ab", there)
        system.complete()
        system.start_run("x = 1\n", "ab", here)  # complete: nothing is left to compute
        system.start_run("x = 2\n", "ab", here)
        assert system.progress.runs == 2
