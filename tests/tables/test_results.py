"""Results over seeds beside what is reported, by hand."""

import math

import pytest

from mu2.system.prices import Accelerator
from mu2.tables.reported import ReportedAccuracy, accuracies
from mu2.tables.results import Result, column, stat

CHIP = Accelerator("chip", {"float32": 1e9, "bfloat16": 2e9}, 0.5, 2.0, 500, (), "a test")
FREE = Accelerator("own", {"float32": 1e9, "bfloat16": 2e9}, 0.5, None, None, (), "a test")


def result(seed, accuracy, devices=4):
    numbers = {"added_parameters": 10, "accounted_parameters": 20.0, "activated_share": 0.5}
    tasks = [
        {"name": "a", "test_accuracy": accuracy, **numbers},
        {"name": "b", "test_accuracy": 0.5, **numbers, "added_parameters": 30},
    ]
    spent = {
        "a": {"children": 2, "steps": 4, "flops": 1e6, "seconds": 1800.0},
        "b": {"children": 3, "steps": 6, "flops": 2e6, "seconds": 900.0},
    }
    continual = {
        "tasks": ["a", "b"],
        "visits": ["a", "b"],
        "matrix": [[accuracy, None], [accuracy, 0.5]],
        "average_accuracy": (accuracy + 0.5) / 2,
        "backward_transfer": 0.0,
        "forgetting": 0.0,
        "revisits": None,
        "proved": seed == 0,
        "changed": [] if seed == 0 else ["b"],
    }
    return Result(seed, {"parameters": 100, "tasks": tasks}, spent, devices, "cpu", continual)


TOLD = {"a": ReportedAccuracy(0.9, "secondary", "µ2Net", "a list")}


def test_without_a_price_hours_stand_alone():
    made = column([result(0, 0.8)], ("a",), {}, {"another": CHIP}.get)
    assert made["whole"]["device_hours"]["mean"] == pytest.approx(2)
    assert (made["whole"]["money"]["mean"], made["whole"]["kwh"]["mean"]) == (None, None)


def test_two_seeds_by_hand():
    made = column([result(0, 0.8), result(1, 0.6)], ("a", "b"), TOLD, {"cpu": CHIP}.get)
    a, b = made["tasks"]
    assert a["test_accuracy"]["mean"] == pytest.approx(0.7)
    assert a["test_accuracy"]["spread"] == pytest.approx(math.sqrt(0.02))  # n - 1
    assert (a["reported"], a["evidence"], a["source"]) == (0.9, "secondary", "µ2Net: a list")
    assert a["difference"] == pytest.approx(-0.2)
    assert (b["reported"], b["evidence"], b["difference"]) == (None, None, None)
    # Half an hour on each of four devices, at 2 an hour and 500 W.
    assert a["device_hours"]["mean"] == pytest.approx(2)
    assert a["money"]["mean"] == pytest.approx(4)
    assert a["kwh"]["mean"] == pytest.approx(1)
    whole = made["whole"]
    assert whole["test_accuracy"]["values"] == pytest.approx([0.65, 0.55])
    assert whole["added_parameters"]["mean"] == 20  # a mean, as of accuracies
    assert whole["children"]["mean"] == 5  # a sum
    assert whole["device_hours"]["mean"] == pytest.approx(3)
    assert whole["parameters_per_task"]["mean"] == 50
    learned = made["continual"]
    assert (learned["proved"], learned["changed"]) == (False, ["b"])
    assert learned["revisits"]["mean"] is None
    assert [one["seed"] for one in learned["matrices"]] == [0, 1]


def test_what_has_no_price_costs_nothing_that_is_known():
    made = column([result(0, 0.8)], ("a", "b"), {}, {"cpu": FREE}.get)
    assert made["tasks"][0]["money"]["mean"] is None
    assert made["whole"]["kwh"]["mean"] is None
    assert made["whole"]["test_accuracy"]["spread"] is None


def test_a_segment_tells_of_its_own_tasks():
    made = column([result(0, 0.8)], ("b",), {}, {"cpu": CHIP}.get)
    assert [task["task"] for task in made["tasks"]] == ["b"]
    assert made["whole"]["children"]["mean"] == 3
    assert made["whole"]["parameters_per_task"]["mean"] == 50  # of the whole system


def test_without_a_result_only_what_is_reported_is_told():
    made = column([], ("a", "b"), TOLD, {"cpu": CHIP}.get)
    assert (made["whole"], made["continual"]) == (None, None)
    (task,) = made["tasks"]
    assert (task["task"], task["reported"], task["difference"]) == ("a", 0.9, None)
    assert task["money"] == {"mean": None, "spread": None, "values": []}


def test_a_missing_value_is_not_left_out_of_a_mean():
    assert stat([0.5, None]) == {"mean": None, "spread": None, "values": [0.5, None]}
    assert stat([]) == {"mean": None, "spread": None, "values": []}


def entry(task, value, metric="test accuracy", evidence="primary", **more):
    fixed = {"system": "s", "unit": "%", "source": metric}
    return {"task": task, "value": value, "metric": metric, "evidence": evidence, **fixed, **more}


def test_the_best_known_accuracy_of_a_task_is_taken():
    values = [
        entry("a", 99.0, evidence="secondary"),
        entry("a", 98.0),
        entry("b", 7.0, "top-1 error", "secondary"),
        entry("c", None, evidence="unverified"),
        entry("d", 97.0, "validation accuracy"),
        entry("e", 96.0, comparator=True),
        entry("f", 5.0, unit="points"),
    ]
    found = accuracies({"tables": {"t": {"values": values}}}, "t")
    assert {task: (r.value, r.evidence) for task, r in found.items()} == {
        "a": (0.98, "primary"),
        "b": (pytest.approx(0.93), "secondary"),
    }
    assert accuracies({"tables": {}}, "t") == {}
