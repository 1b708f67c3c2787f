"""A stream: which tasks it takes, and the order in which they are visited."""

import dataclasses

import pytest

from mu2.config import read
from mu2.errors import Mu2Error
from mu2.random_keys import Key
from mu2.tasks import Digits, Stream, Task

A, B, C = (Task(name, Digits()) for name in ("a", "b/1", "c"))


def test_all_tasks_are_visited_once_and_then_all_again():
    schedule = Stream((B, A, C), iterations=2).schedule()
    assert schedule == ((0, B), (0, A), (0, C), (1, B), (1, A), (1, C))
    assert Stream((A,), iterations=3).schedule() == ((0, A), (1, A), (2, A))
    assert Stream((A, B), iterations=1).schedule() == ((0, A), (0, B))


def test_a_shuffled_stream_has_an_order_of_the_key_whatever_order_its_tasks_stand_in():
    tasks = [Task(name, Digits()) for name in "abcdefgh"]
    one, other = (Stream(tasks).shuffled(Key.from_seed(seed)) for seed in range(2))
    assert one.tasks == Stream(tasks[::-1], shuffle=True).shuffled(Key.from_seed(0)).tasks
    assert {*one.tasks} == {*other.tasks} == {*tasks}
    assert one.tasks != other.tasks
    with pytest.raises(Mu2Error, match="shuffle"):
        Stream(tasks, shuffle=1)


def test_an_experiment_visits_a_shuffled_stream_in_its_seeds_order():
    def order(*bindings):
        experiment = read(["gin/quickstart.gin"], bindings).load().experiment
        names = [task.name for _, task in dataclasses.replace(experiment).stream.schedule()]
        assert names == [task.name for _, task in experiment.stream.schedule()]
        return names[:4]

    assert order() == ["digits", "latin", "greek", "cyrillic"]
    orders = {seed: order("Stream.shuffle=True", f"Experiment.seed={seed}") for seed in range(4)}
    assert len({*map(tuple, orders.values())}) > 1
    assert {tuple(sorted(each)) for each in orders.values()} == {tuple(sorted(order()))}


def test_a_list_of_tasks_becomes_a_tuple():
    tasks = [A, B]
    stream = Stream(tasks)
    tasks.append(C)
    assert stream.tasks == (A, B)
    assert stream == Stream((A, B))
    assert hash(stream) == hash(Stream((A, B)))


@pytest.mark.parametrize("tasks", [(), []])
def test_a_stream_needs_a_task(tasks):
    with pytest.raises(Mu2Error, match="at least one task"):
        Stream(tasks)


def test_a_task_named_twice_is_refused_even_where_it_differs():
    other = Task("a", Digits(), train="train[10%:]")
    with pytest.raises(Mu2Error, match="names 'a' twice") as caught:
        Stream((A, B, other))
    assert "Stream.iterations" in caught.value.hint
    with pytest.raises(Mu2Error, match="'a', 'b/1'"):
        Stream((A, B, A, B))


@pytest.mark.parametrize("tasks", [A, "a", None, {A}, {"a": A}])
def test_what_is_no_sequence_is_refused(tasks):
    with pytest.raises(Mu2Error, match="must be a tuple") as caught:
        Stream(tasks)
    assert "with the comma" in caught.value.hint


@pytest.mark.parametrize("task", ["a", None, Digits(), Task])
def test_what_is_no_task_is_refused(task):
    with pytest.raises(Mu2Error, match="must be tasks") as caught:
        Stream((A, task))
    assert "with parentheses" in caught.value.hint


@pytest.mark.parametrize("iterations", [0, -1, 1.0, "2", None, True])
def test_iterations_are_a_count(iterations):
    with pytest.raises(Mu2Error, match="iterations must be"):
        Stream((A,), iterations)


@pytest.mark.parametrize("limit", [0, -1, 1.0, "2", None, True])
def test_the_memory_limit_is_a_count_of_mebibytes(limit):
    with pytest.raises(Mu2Error, match="memory_limit_mb must be"):
        Stream((A,), memory_limit_mb=limit)
