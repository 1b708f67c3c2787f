"""Which examples of a run stay in memory: of the task under way, and of few that come again."""

import numpy as np
import pytest

from mu2.tasks import Sklearn, Task
from mu2.tasks import data as data_module
from mu2.tasks.data import RunData
from mu2.tasks.originals import load_originals
from mu2.tasks.reader import Arrays

TASKS = {name: Task(name, Sklearn(name)) for name in ("wine", "iris", "breast_cancer")}


def shape(task):
    return (task.source_hyperparameters()["num_features"],)


def visit(run, name, *later):
    data = run.of(TASKS[name], later)
    data.read("train", shape(TASKS[name]))
    return data


def test_a_task_that_comes_again_is_read_once():
    run = RunData(8, 4096)
    wine = visit(run, "wine", "iris", "wine")
    assert wine.memory_bytes == wine.read("train", shape(TASKS["wine"])).inputs.nbytes > 0
    iris = visit(run, "iris", "wine")
    assert run.of(TASKS["wine"], ()) is wine
    # Nothing comes after it, and so nothing else is held.
    assert run.of(TASKS["iris"], ()) is not iris


@pytest.mark.parametrize(("kept", "first", "second"), [(2, True, True), (1, False, True)])
def test_the_newest_is_held_where_not_all_have_room(monkeypatch, kept, first, second):
    run = RunData(8, 4096)
    everything = ("wine", "iris", "breast_cancer")
    wine, iris = (visit(run, name, *everything) for name in everything[:2])
    room = iris.memory_bytes + (kept - 1) * wine.memory_bytes
    monkeypatch.setattr(data_module, "WAITING_BYTES", room)
    visit(run, "breast_cancer", *everything)
    assert (run.of(TASKS["iris"], everything) is iris) == second
    assert (run.of(TASKS["wine"], everything) is wine) == first


def test_what_is_read_as_it_is_needed_is_not_held():
    run = RunData(8, 4096)
    data = visit(run, "wine", "wine")
    (unread,) = data._examples.values()
    vars(unread)["_read"] = iter(())
    assert data.memory_bytes is None
    visit(run, "iris", "wine")
    assert run.of(TASKS["wine"], ()) is not data


def test_visits_go_along_a_schedule():
    schedule = [(i, TASKS[name]) for i in range(2) for name in ("wine", "iris")]
    made = []
    for _, task, data in RunData(8, 4096).visits(schedule):
        data.read("train", shape(task))
        made.append(data)
    assert made[0] is made[2]
    assert made[1] is made[3]


def test_images_of_one_size_are_held_as_those_of_many():
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (600, 9, 7, 1), np.uint8)
    labels = np.arange(600, dtype=np.int32) % 3
    held = load_originals(Arrays(images, labels), 16, 3, 1 << 30)
    assert held.images.dtype == np.uint8
    np.testing.assert_array_equal(held.images, images)
    np.testing.assert_array_equal(held.labels, labels)
    assert (held.sizes == (9, 7)).all()
    assert (held.stored_sizes == (9, 7)).all()
    # One of another size among them, in a later block.
    some = [*images]
    some[300] = draw.integers(0, 256, (3, 11, 1), np.uint8)
    mixed = load_originals(Arrays(some, labels), 16, 3, 1 << 30)
    assert mixed.images.shape == (600, 9, 11, 1)
    for i, image in enumerate(some):
        assert tuple(mixed.sizes[i]) == image.shape[:2]
        np.testing.assert_array_equal(mixed.images[i, : image.shape[0], : image.shape[1]], image)
