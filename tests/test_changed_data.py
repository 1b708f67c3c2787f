"""Data that changed under a system: told as such, and never as predictions or classes at large."""

import json
from pathlib import Path

import numpy as np
import pytest

from mu2 import cli

RUN = """
include 'search_spaces/mlp.gin'
include 'gin/mutation/mu2net.gin'
include 'gin/budget/laptop.gin'
include 'gin/optimizer/sgd_laptop.gin'
include 'gin/augmentation/none.gin'
include 'gin/mesh/cpu.gin'
Experiment.stream = @Stream()
Stream.tasks = (@a/Task(),)
Stream.iterations = 1
Evolution.children_per_iteration = 1
Training.batch_size = 8
Training.intervals = 1
Training.max_train_examples = 16
a/Task.name = 'a'
a/Task.source = @CSV()
CSV.path = 'data'
CSV.label = 'label'
"""


def rows(split, classes="xy", shift=0.0):
    random = np.random.default_rng(len(split))
    values = random.normal(size=(40, 2)) + shift
    lines = [f"{a:.4f},{b:.4f},{classes[i % len(classes)]}" for i, (a, b) in enumerate(values)]
    Path("data", f"{split}.csv").write_text("\n".join(["a,b,label", *lines]) + "\n")


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """The folder that a run was made in, with its data in `data` and its system in `s`."""
    folder = tmp_path_factory.mktemp("changed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("data").mkdir()
        for split in ("train", "validation", "test"):
            rows(split)
        Path("run.gin").write_text(RUN)
        assert cli.main(["run", "run.gin", "--system", "s"]) == 0
    return folder


def verified(capsys):
    capsys.readouterr()
    code = cli.main(["verify", "s", "--data", "--json"])
    return code, json.loads(capsys.readouterr().out)["predictions"]


@pytest.mark.parametrize("change", [{"shift": 0.5}, {"classes": "yx"}, {}])
def test_other_test_examples_are_told_as_data_that_changed(system, monkeypatch, capsys, change):
    monkeypatch.chdir(system)
    rows("test", **change)
    code, (proof,) = verified(capsys)
    rows("test")
    if not change:
        assert (code, proof["same"], proof["reason"]) == (0, True, "")
    elif "shift" in change:
        assert (code, proof["same"]) == (0, None)
        assert "the data changed: its test examples are not those" in proof["reason"]
    else:  # the same rows under other labels: predictions are what they were
        assert (code, proof["same"]) == (0, True)


@pytest.mark.parametrize(
    ("classes", "words"),
    [("xyz", "2 classes, now 3, with 'z'"), ("xz", "without 'y' and with 'z'")],
)
def test_other_classes_are_named(system, monkeypatch, capsys, classes, words):
    monkeypatch.chdir(system)
    rows("train", classes)
    rows("validation", classes)
    rows("test", classes)
    Path("more.gin").write_text(RUN.replace("iterations = 1", "iterations = 2"))
    capsys.readouterr()
    code = cli.main(["run", "more.gin", "--system", "s", "--accept-changes"])
    for split in ("train", "validation", "test"):
        rows(split)
    assert code == 2
    assert f"s knows task 'a' with other classes: {words}" in capsys.readouterr().err
