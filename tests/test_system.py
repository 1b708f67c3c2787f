"""The system: what it holds, read back, and predictions."""

import dataclasses

import numpy as np
import pytest

from mu2 import system as system_module
from mu2.errors import Mu2Error
from mu2.record import Progress, TaskRecord
from mu2.store.journal import Journal
from mu2.store.sweep import named
from mu2.system import System
from tests import shrunken


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return shrunken.evolved(tmp_path_factory)


@pytest.fixture(scope="module")
def system(run):
    """One system for all predictions, so that they share compiled programs."""
    return System.open(run.directory)


@pytest.fixture(scope="module")
def images(run):
    return run.watch.data["digits"].read("test", (16, 16, 1)).inputs[:8]


def softmax(logits):
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_predictions_are_those_of_the_path(run, system, images):
    classes, probabilities = system.predict("digits", images)
    assert (classes.dtype, classes.shape) == (np.int64, (8,))
    assert (probabilities.dtype, probabilities.shape) == (np.float32, (8, 10))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    logits = run.watch.logits(system, "digits", system.path("digits"))[:8]
    np.testing.assert_array_equal(classes, logits.argmax(axis=1))
    np.testing.assert_array_equal(classes, probabilities.argmax(axis=1))
    np.testing.assert_allclose(probabilities, softmax(logits), rtol=1e-4)
    assert len(np.unique(probabilities.round(6), axis=0)) > 1


def test_one_image_or_none(system, images):
    classes, probabilities = system.predict("digits", images)
    one_class, one = system.predict("digits", images[2:3])
    assert one_class.tolist() == [classes[2]]
    np.testing.assert_allclose(one, probabilities[2:3], rtol=1e-4)
    no_class, none = system.predict("digits", images[:0])
    assert (no_class.dtype, no_class.shape) == (np.int64, (0,))
    assert (none.dtype, none.shape) == (np.float32, (0, 10))


def test_the_next_images_compile_nothing(run, images):
    system = System.open(run.directory)
    system.predict("digits", images)
    (trainer,) = system._trainers.values()
    assert trainer.programs.compiled() == 1
    system.predict("digits", images[:7])
    assert list(system._trainers.values()) == [trainer]
    assert trainer.programs.compiled() == 1


def test_more_images_than_are_predicted_together(system, images, monkeypatch):
    monkeypatch.setattr(system_module, "PREDICTED_TOGETHER", 8)
    _, probabilities = system.predict("digits", images)
    _, twice = system.predict("digits", np.concatenate([images, images[:3]]))
    np.testing.assert_array_equal(twice, np.concatenate([probabilities, probabilities[:3]]))


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        (lambda x: x[:, :8], "reads examples of shape [16, 16, 1], not [8, 16, 1]"),
        (lambda x: np.repeat(x, 3, axis=3), "not [16, 16, 3]"),
        (lambda x: x[0], "not [16, 1]"),
        (lambda x: x / np.float32(255), "reads examples of uint8, not float32"),
    ],
)
def test_images_of_another_form_are_refused(system, images, cut, said):
    with pytest.raises(Mu2Error) as caught:
        system.predict("digits", cut(images))
    assert said in caught.value.message


def test_an_unknown_task(system, images):
    for ask in (system.task, system.path, system.input_shape):
        with pytest.raises(Mu2Error, match="no task 'digit'") as caught:
            ask("digit")
        assert caught.value.hint == "Did you mean 'digits'?"
    with pytest.raises(Mu2Error, match="no task 'digit'"):
        system.predict("digit", images)


def test_records_and_progress_go_through_json(system):
    for name in system.tasks:
        record = system.task(name)
        assert TaskRecord.from_json(record.to_json()) == record
    assert Progress.from_json(system.progress.to_json()) == system.progress
    with pytest.raises(ValueError, match="no iteration of task 'digits'"):
        system.task("digits").under_way.ranked()


def test_paths_are_the_roots_and_the_kept_ones(system):
    paths = system.paths()
    kept = [system.path(name).id for name in system.tasks]
    assert list(paths) == ["root/ViT/random", *kept]
    assert all(path.parent in (None, *paths) for path in paths.values())


def test_only_what_lives_is_stored(run, system):
    kept = named(Journal.open(run.directory)).packs
    live = {c.pack for path in system.paths().values() for c in path.components}
    there = {path.name for path in (run.directory / "components").iterdir()}
    assert there - {"where", "new"} == kept
    assert live <= kept
    made = [line["path"] for line in run.lines if line["retained"]]
    assert len(made) > len(system.tasks)


def test_reading_changes_nothing(run, images):
    before = shrunken.files(run.directory)
    system = System.open(run.directory)
    system.summary()
    system.predict("digits", images[:0])
    for path in system.paths().values():
        for component in path.components:
            assert system.arrays(component)
    assert shrunken.files(run.directory) == before


def test_arrays_kept_in_memory_are_bounded_and_the_same(run, tmp_path):
    directory = shrunken.copy(run.directory, tmp_path / "system")
    with System.extend(directory, cache_limit_mb=0) as system:
        for path in system.paths().values():
            for component in path.components:
                fresh = System.open(run.directory).arrays(component)
                read = system.arrays(component)
                assert read is not system.arrays(component)
                assert read.keys() == fresh.keys()
                assert all((read[leaf] == fresh[leaf]).all() for leaf in read)


def test_one_writer_at_a_time_and_many_readers(run, tmp_path):
    directory = shrunken.copy(run.directory, tmp_path / "system")
    with System.extend(directory):
        with pytest.raises(Mu2Error, match="is being written by process"):
            System.extend(directory)
        assert System.open(directory).tasks == ("digits", "latin", "greek")
    with System.extend(directory) as system:
        assert system.progress.complete


def test_what_is_no_system(tmp_path):
    with pytest.raises(Mu2Error, match="is no mu2 system"):
        System.open(tmp_path / "none")
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(Mu2Error, match="not empty"):
        System.extend(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["letters.txt"]


def test_a_task_whose_first_iteration_is_not_finished(tmp_path):
    directory = tmp_path / "system"
    with System.extend(directory) as system:
        system.begin("x = 1\n")
        system.commit("a task", tasks=[TaskRecord("t", ("a", "b"), False)])
    system = System.open(directory)
    assert (system.tasks, system.paths()) == (("t",), {})
    with pytest.raises(Mu2Error, match="no path yet") as caught:
        system.path("t")
    assert "same `mu2 run` command" in caught.value.hint


def test_runs_are_counted_and_their_settings_kept(tmp_path):
    with System.extend(tmp_path / "system") as system:
        assert system.progress == Progress()
        system.begin("x = 1\n")
        system.begin("x = 1\n")
        with pytest.raises(Mu2Error, match=r"It has: x = 1\. Now there is: x = 2\."):
            system.begin("x = 2\n")
        system.commit("one more", finished="t")
        system.begin("x = 3\n", ["t", "u"], accept_changes=True)
        assert (system.progress.runs, system.progress.position) == (1, 1)
        system.complete()
        system.begin("x = 4\n")
        assert (system.progress.runs, system.progress.position) == (2, 0)
        assert not system.progress.complete
        assert [system.gin_file(n).read_text() for n in (0, 1)] == ["x = 3\n", "x = 4\n"]


@pytest.mark.parametrize(
    ("schedule", "position"),
    [("ab", 2), ("abc", 2), ("abab", 2), ("a", 0), ("ba", 0), ("aab", 0), ("", 0)],
)
def test_other_settings_go_on_where_the_stream_begins_with_what_is_finished(schedule, position):
    progress = Progress().begun("x", "abab").after("a").after("b")
    assert (progress.runs, progress.position) == (1, 2)
    again = progress.begun("y", schedule)
    assert (again.runs, again.position, again.complete) == (1, position, False)
    assert again.after("c").begun("z", [*"ab"[:position], "c"]).position == position + 1
    done = dataclasses.replace(progress, complete=True)
    assert (done.begun("x", "abab").runs, done.begun("x", "abab").position) == (2, 0)
