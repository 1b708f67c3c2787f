"""Test predictions: kept with the path that made them, and the same as its accuracy."""

import numpy as np
import pytest

from mu2.system import System
from mu2.system.predictions import TestPredictions
from tests import shrunken


@pytest.mark.parametrize("classes", [2, 300, 70_000])
def test_they_come_back_from_json(classes):
    draw = np.random.default_rng(0)
    logits = draw.normal(size=(50, classes)).astype(np.float32)
    logits[0, -1] = 100
    labels = draw.integers(0, classes, 50)
    made = TestPredictions.of("a/0/0", logits, labels)
    back = TestPredictions.from_json(made.to_json())
    for name in ("labels", "classes", "probabilities"):
        np.testing.assert_array_equal(getattr(back, name), getattr(made, name))
    np.testing.assert_array_equal(made.classes, logits.argmax(axis=1))
    exact = np.exp(logits.astype(float)).max(axis=1) / np.exp(logits.astype(float)).sum(axis=1)
    np.testing.assert_allclose(made.probabilities, exact, atol=0.5 / 255 + 1e-6)


def test_a_run_keeps_those_of_every_path(tmp_path_factory):
    run = shrunken.evolved(tmp_path_factory)
    for name in run.system.tasks:
        kept = run.system.predictions(name)
        assert kept.path == run.system.path(name).id
        assert kept.accuracy == run.system.path(name).test_accuracy
        logits = run.watch.logits(run.system, name, run.system.path(name))
        np.testing.assert_array_equal(kept.classes, logits.argmax(axis=1))


def test_they_go_back_in_time_with_the_system(tmp_path_factory):
    run = shrunken.evolved(tmp_path_factory)
    for commit in run.system.history():
        then = System.open(run.directory, at=commit["name"])
        for name in then.tasks:
            path = then.task(name).path
            kept = then.predictions(name)
            assert (kept is None) == (path is None)
            assert kept is None or kept.path == path.id


def test_a_system_that_keeps_none_says_so(tmp_path):
    from tests.report.written import write_system

    write_system(tmp_path / "old", 1, 3)
    assert System.open(tmp_path / "old").predictions("task0") is None
