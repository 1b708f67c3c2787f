"""Predictions are proved by kept test examples: without the data, and without any Gin."""

import json
import shutil

import numpy as np
import pytest

from mu2.cli import main
from mu2.planning import verification
from mu2.planning.verification import prove, prove_samples
from mu2.system import System
from mu2.system.changes import Changes
from mu2.system.sample import MOST, SAMPLE, Sample, examples_kept
from mu2.system.writable import WritableSystem
from tests import shrunken
from tests.shrunken import ONCE, SMALL


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    directory = tmp_path_factory.mktemp("sample") / "system"
    shrunken.evolve(directory, *SMALL, ONCE, "latin/Task.private=True")
    return directory


@pytest.fixture
def system(made, tmp_path):
    return shutil.copytree(made, tmp_path / "system")


def test_predictions_are_proved_without_running_anything_of_the_system(system, monkeypatch, capsys):
    def ran(*_, **__):
        raise AssertionError("Gin of the system was read")

    monkeypatch.setattr("mu2.planning.verification.load", ran)
    assert main(["verify", str(system), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {p["task"]: p["same"] for p in told["predictions"]} == {"digits": True, "latin": None}


def test_a_private_task_keeps_no_example(system):
    made = System.open(system)
    assert made.sample("latin") is None
    assert len(made.sample("digits").inputs) == MOST


def test_predictions_that_have_changed_are_told(system):
    made = System.open(system)
    sample = made.sample("digits")
    off = Sample(sample.path, sample.inputs, sample.logits + 1.0)
    with WritableSystem.extend(system) as written:
        written._check_log(accept_changes=False)
        written.commit("another sample", Changes(samples={"digits": off}))
    proofs = {proof.task: proof.same for proof in prove_samples(System.open(system))}
    assert proofs["digits"] is False
    assert main(["verify", str(system)]) == 2


def test_samples_are_read_as_they_were_written():
    draw = np.random.default_rng(0)
    inputs = draw.normal(size=(3, 5)).astype(np.float32)
    sample = Sample("a/0/1", inputs, draw.normal(size=(3, 2)).astype(np.float32))
    document = json.loads(json.dumps(sample.to_json()))
    read = Sample.from_json(document)
    np.testing.assert_array_equal(read.inputs, sample.inputs)
    np.testing.assert_array_equal(read.logits, sample.logits)
    for change in ({"shape": [4, 5]}, {"dtype": "object"}, {"inputs": "?"}, {"shape": []}):
        with pytest.raises(ValueError, match=r".+"):
            Sample.from_json({**document, **change})
    assert [examples_kept(shape, 1) for shape in ((4,), (224, 224, 3), (9000, 9000, 3))] == [
        8,
        1,
        1,
    ]
    assert SAMPLE == "sample/"


def test_other_bits_prove_nothing_where_the_hardware_or_a_library_is_another(system, monkeypatch):
    exact = verification.predict_test_set

    def other_bits(*arguments):
        accuracy, _, predictions = exact(*arguments)
        return accuracy, "0" * 64, predictions

    monkeypatch.setattr(verification, "predict_test_set", other_bits)
    now = verification.run_environment()
    monkeypatch.setattr(System, "run_environment", lambda *_: {**now, "code": "an older one"})
    assert [proof.same for proof in prove(System.open(system))] == [False, False]
    for name, value in (("threads", "77"), ("jax", "0.1")):
        monkeypatch.setattr(verification, "run_environment", lambda: {**now, name: value})  # noqa: B023
        for proof in prove(System.open(system)):
            assert proof.same is None
            assert f"{name} was {now[name]}, is {value} (" in proof.reason
