"""A run whose children have several optimizers is resumed bit for bit."""

import json
import signal
import time

import pytest

from mu2.store.verify import verify
from mu2.system import System
from tests import shrunken

BINDINGS = (
    *shrunken.SMALL,
    shrunken.ONCE,
    "Evolution.children_per_generation=1",
    "Hyperparameters.mutation_probability=0.3",
    "Hyperparameters.optimizer='adamw'",
    "Hyperparameters.adamw_factor=0.01",
    "Hyperparameters.lion_factor=0.003",
    "Hyperparameters.weight_decay=0.0005",
    "Hyperparameters.label_smoothing=0.1",
    "Choices.optimizer=('sgd', 'adamw', 'lion')",
)


def optimizers(directory):
    lines = (directory / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["hyperparameters"]["optimizer"] for line in lines]


@pytest.mark.slow
def test_a_killed_run_of_several_optimizers_ends_as_one_that_nothing_stopped(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    shrunken.evolve(whole, *BINDINGS)
    process = shrunken.python("-m", "mu2", *shrunken.words(killed, *BINDINGS))
    deadline = time.monotonic() + 600
    while not (killed / "log.jsonl").exists() or len(optimizers(killed)) < 3:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not System.open(killed).progress.complete
    shrunken.evolve(killed, *BINDINGS)
    for name in ("log.jsonl", "HEAD"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    assert verify(killed) == []
    used = optimizers(whole)
    assert {"adamw"} < {*used}, used
    system = System.open(whole)
    kinds = {
        (path.hyperparameters["optimizer"], "moment_steps" in system.arrays(component))
        for path in system.paths().values()
        if path.task is not None
        for component in path.components
        if component.name == "head"
    }
    assert kinds
    assert all(has == (name == "adamw") for name, has in kinds), kinds
