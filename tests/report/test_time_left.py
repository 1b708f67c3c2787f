import pytest

from mu2.report.time_left import TimeLeft


def test_nothing_is_said_before_the_first_child():
    assert TimeLeft().estimate({"a": 3}) is None


def test_a_slow_first_child_weighs_little():
    left = TimeLeft()
    for generation, seconds in enumerate([60.0, 2.0, 2.0, 2.1, 1.9]):
        left.observe("a", 0, generation, seconds)
    assert left.estimate({"a": 10}) == pytest.approx(20)


def test_the_second_child_already_counts_for_more_than_a_slow_first():
    left = TimeLeft()
    left.observe("a", 0, 0, 60.0)
    left.observe("a", 0, 1, 2.0)
    assert left.estimate({"a": 10, "b": 5}) == pytest.approx(30)


def test_tasks_count_with_their_own_time_and_new_ones_with_the_median():
    left = TimeLeft()
    for generation in range(3):
        left.observe("a", 0, generation, 1.0)
    left.observe("b", 0, 0, 5.0)
    assert left.estimate({"a": 2, "b": 2, "c": 2}) == pytest.approx(2 + 10 + 2)


def test_children_that_train_at_once_share_their_generations_time():
    left = TimeLeft()
    for seconds in (8.0, 8.01, 8.02, 8.0):
        left.observe("a", 0, 0, seconds)
    assert left.estimate({"a": 4}) == pytest.approx(8.0)
