"""The numbers of continual learning, by hand."""

import dataclasses

import pytest
from ml_collections import FrozenConfigDict

from mu2.evolution.path import Component, Path
from mu2.tables.continual import Visit, continual, matrix


def path(task, accuracy, digest="d", **changes):
    component = Component("head", f"{task}/0/0/head", 3, "float32[3]", digest, "pack")
    made = Path(
        id=f"{task}/0/{digest}",
        task=task,
        parent="root/ViT/random",
        parent_task=None,
        components=(component,),
        hyperparameters=FrozenConfigDict({"learning_rate": 0.1}),
        num_classes=2,
        test_accuracy=accuracy,
        test_digest="t",
    )
    return dataclasses.replace(made, **changes)


A, B, C = path("a", 0.5), path("b", 0.25), path("c", 1.0)
BETTER = path("a", 0.75, "e")
# a, b, c, and a once more, which finds a better path.
VISITS = [
    Visit("a", {"a": A}),
    Visit("b", {"a": A, "b": B}),
    Visit("c", {"a": A, "b": B, "c": C}),
    Visit("a", {"a": BETTER, "b": B, "c": C}),
]


def test_the_matrix_by_hand():
    assert matrix(VISITS) == [
        [0.5, None, None],
        [0.5, 0.25, None],
        [0.5, 0.25, 1.0],
        [0.75, 0.25, 1.0],
    ]


def test_what_stays_is_no_transfer_and_nothing_is_forgotten():
    numbers = continual(VISITS)
    assert numbers["average_accuracy"] == pytest.approx(2 / 3)
    assert (numbers["backward_transfer"], numbers["forgetting"]) == (0, 0)
    assert numbers["revisits"] == pytest.approx(0.25)  # a alone was visited twice
    assert (numbers["proved"], numbers["changed"]) == (True, [])


def test_an_accuracy_that_falls_is_forgetting_and_no_proof():
    worse = dataclasses.replace(B, test_accuracy=0.125)
    visits = [*VISITS[:3], Visit("a", {"a": BETTER, "b": worse, "c": C})]
    numbers = continual(visits)
    # b lost 0.125 and c nothing; a's own iteration was the last.
    assert numbers["backward_transfer"] == pytest.approx(-0.0625)
    assert numbers["forgetting"] == pytest.approx(0.0625)
    assert (numbers["proved"], numbers["changed"]) == (False, ["b"])


@pytest.mark.parametrize(
    "changes",
    [
        {"test_digest": "other"},
        {"id": "b/0/9"},
        {"components": (dataclasses.replace(B.components[0], digest="other"),)},
        {"hyperparameters": FrozenConfigDict({"learning_rate": 0.2})},
    ],
)
def test_the_same_accuracy_by_other_means_is_no_proof(changes):
    other = dataclasses.replace(B, **changes)
    numbers = continual([*VISITS[:3], Visit("a", {"a": BETTER, "b": other, "c": C})])
    assert numbers["forgetting"] == 0
    assert (numbers["proved"], numbers["changed"]) == (False, ["b"])


def test_a_new_parent_of_an_orphan_changes_nothing():
    orphan = dataclasses.replace(B, parent="a/0/0", parent_task="a")
    assert continual([*VISITS[:3], Visit("a", {"a": BETTER, "b": orphan, "c": C})])["proved"]


def test_harmed_bytes_are_no_proof():
    numbers = continual(VISITS, damaged_tasks={"c"})
    assert (numbers["forgetting"], numbers["changed"]) == (0, ["c"])


def test_a_path_that_is_gone_is_no_proof():
    numbers = continual([*VISITS[:2], Visit("c", {"b": B, "c": C, "a": A})])
    assert numbers["proved"]
    lost = [Visit("b", {"b": B}), Visit("a", {"a": A}), Visit("a", {"a": A, "b": B})]
    assert continual(lost)["changed"] == ["b"]


def test_one_task_has_nothing_to_forget():
    numbers = continual(VISITS[:1])
    assert numbers["average_accuracy"] == 0.5
    assert numbers["backward_transfer"] is numbers["forgetting"] is numbers["revisits"] is None
    assert continual([])["average_accuracy"] is None
