"""What sharing brought, by hand and of a run."""

import pytest

from mu2.report.sharing import sharing, sharing_lines
from mu2.report.summary import summarise
from tests import shrunken
from tests.evolution import toys

ROOT = toys.path("root/Toy/a")
BODY = sum(component.size for component in ROOT.components)
HEAD = 100  # parameters of the toy's head of 10 classes


def line(task, steps, flops, whole):
    return {"task": task, "steps": steps, "flops": flops, "whole_flops": whole}


def test_by_hand():
    shared = toys.path("a/0/0", parent=ROOT.id, shares=ROOT.components)
    own = toys.path("b/0/0", parent=ROOT.id)
    log = [
        line("a", 8, 100.0, 300.0),
        line("a", 4, 50.0, 150.0),
        line("a", 0, 10.0, 10.0),  # solved
        line("b", 8, 300.0, 300.0),
        line("gone", 8, 300.0, 300.0),
    ]
    found = sharing([shared, own], [ROOT], log)
    assert found == {
        "tasks": 2,
        "parameters": (2 * BODY + 2 * HEAD) / 2,
        "finetuned_parameters": (3 * BODY + 2 * HEAD) / 2,
        "flops": 230.0,
        "finetuned_flops": 300.0,
    }
    parameters, flops = sharing_lines(found)
    assert f"({100 * (1 - found['parameters'] / found['finetuned_parameters']):.1f}% fewer)" in (
        parameters
    )
    assert "(0.77 times)" in flops


def test_without_tasks_or_trained_children_nothing_is_claimed():
    assert list(sharing_lines(sharing([], [ROOT], []))) == []
    own = toys.path("b/0/0", parent=ROOT.id)
    solved = sharing([own], [ROOT], [line("b", 0, 10.0, 10.0)])
    assert solved["finetuned_flops"] is None
    assert len(list(sharing_lines(solved))) == 1
    older = {"task": "b", "steps": 3, "flops": 5.0}
    assert sharing([own], [ROOT], [older])["finetuned_flops"] is None


def test_of_a_run(tmp_path_factory):
    run = shrunken.evolved(tmp_path_factory)
    found = summarise(run.system)["sharing"]
    assert found["tasks"] == 3
    assert found["parameters"] == pytest.approx(summarise(run.system)["parameters"] / 3)
    assert found["parameters"] <= found["finetuned_parameters"]
    assert all(line["flops"] <= line["whole_flops"] for line in run.lines)
    assert found["flops"] == pytest.approx(sum(line["flops"] for line in run.lines) / 3)
    longest = {}
    for each in run.lines:
        longest[each["task"]] = max(longest.get(each["task"], 0), each["whole_flops"])
    assert found["finetuned_flops"] == pytest.approx(sum(longest.values()) / 3)
