"""Inference: predictions of a real system, one task or all, and the activations before a head."""

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.models import forest
from mu2.system import System
from mu2.system.changes import Changes
from mu2.system.inference import Inference
from mu2.system.record import TaskRecord
from mu2.system.writable import WritableSystem
from mu2.tasks.user_examples import Form
from tests import shrunken


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return shrunken.evolved(tmp_path_factory)


@pytest.fixture(scope="module")
def inference(run):
    return Inference(System.open(run.directory))


@pytest.fixture(scope="module")
def images(run):
    return run.watch.data["digits"].read("test", (16, 16, 1)).inputs[:8]


def softmax(logits):
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("task", ["digits", "latin", "greek"])
def test_predictions_are_those_of_the_path(run, inference, task):
    system = inference.system
    shape, number = inference.input_shape(task), len(system.task(task).class_names)
    images = run.watch.data[task].read("test", shape).inputs
    classes, probabilities = inference.predict(task, images)
    assert (classes.dtype, classes.shape) == (np.int64, (len(images),))
    assert (probabilities.dtype, probabilities.shape) == (np.float32, (len(images), number))
    logits = run.watch.logits(system, task, system.path(task))
    np.testing.assert_array_equal(classes, logits.argmax(axis=1))
    np.testing.assert_array_equal(classes, probabilities.argmax(axis=1))
    np.testing.assert_allclose(probabilities, softmax(logits), rtol=1e-4)
    assert len(np.unique(probabilities.round(6), axis=0)) > 1


def test_all_tasks_at_once(run, inference, images):
    tasks = inference.tasks("image")
    assert tasks == inference.system.tasks
    assert inference.tasks("table") == ()
    made = inference.predict_all({Form((16, 16, 1)): images}, tasks)
    assert tuple(made) == tasks
    for task in tasks:
        for one, same in zip(made[task], inference.predict(task, images), strict=True):
            np.testing.assert_array_equal(one, same)
    assert inference.predict_all({}, []) == {}


def test_shared_layers_run_once(run, images, monkeypatch):
    ran = []
    program = forest._program
    monkeypatch.setattr(
        forest,
        "_program",
        lambda linen: lambda params, x: ran.append(linen) or program(linen)(params, x),
    )
    inference = Inference(System.open(run.directory))
    paths = [inference.path(task) for task in inference.system.tasks]
    inference.predict_all({Form((16, 16, 1)): images}, inference.system.tasks)
    # A layer runs once for each different way to it.
    ways = {tuple(c.digest for c in p.components[: i + 1]) for p in paths for i in range(9)}
    assert len(ran) == len(ways)
    assert len(ran) < sum(len(path.components) for path in paths)


def test_activations_before_the_head(run, inference, images):
    path = inference.path("digits")
    made = inference.embed("digits", images)
    assert (made.dtype, made.shape) == (np.float32, (8, 16))
    head = inference.system.arrays(path.components[-1])
    logits = made @ head["params/kernel"] + head["params/bias"]
    np.testing.assert_allclose(
        inference.predict("digits", images).probabilities, softmax(logits), rtol=1e-4
    )


def test_one_image_or_none(inference, images):
    classes, probabilities = inference.predict("digits", images)
    one_class, one = inference.predict("digits", images[2:3])
    assert one_class.tolist() == [classes[2]]
    np.testing.assert_allclose(one, probabilities[2:3], rtol=1e-4)
    no_class, none = inference.predict("digits", images[:0])
    assert (no_class.dtype, no_class.shape) == (np.int64, (0,))
    assert (none.dtype, none.shape) == (np.float32, (0, 10))


def test_the_next_images_read_and_compile_nothing(run, images, monkeypatch):
    inference = Inference(System.open(run.directory))
    inference.predict("digits", images)
    programs = forest._program.cache_info().misses
    monkeypatch.setattr(System, "arrays", None)
    inference.predict("digits", images[:7])
    assert forest._program.cache_info().misses == programs


def test_more_images_than_are_predicted_together(inference, images, monkeypatch):
    monkeypatch.setattr(forest, "TOGETHER", 8)
    _, probabilities = inference.predict("digits", images)
    _, twice = inference.predict("digits", np.concatenate([images, images[:3]]))
    np.testing.assert_array_equal(twice, np.concatenate([probabilities, probabilities[:3]]))


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        (lambda x: x[:, :8], "reads examples of shape [16, 16, 1], not [8, 16, 1]"),
        (lambda x: np.repeat(x, 3, axis=3), "not [16, 16, 3]"),
        (lambda x: x[0], "not [16, 1]"),
        (lambda x: x / np.float32(255), "reads examples of uint8, not float32"),
    ],
)
def test_images_of_another_form_are_refused(inference, images, cut, said):
    for ask in (inference.predict, inference.embed):
        with pytest.raises(Mu2Error) as caught:
            ask("digits", cut(images))
        assert said in caught.value.message


def test_unknown_and_unfinished_tasks(inference, images, tmp_path):
    for ask in (inference.path, inference.input_shape):
        with pytest.raises(Mu2Error, match="no task 'digit'") as caught:
            ask("digit")
        assert caught.value.hint == "Did you mean 'digits'?"
    with pytest.raises(Mu2Error, match="no task 'digit'"):
        inference.predict("digit", images)
    with pytest.raises(Mu2Error, match=r"shape \[16, 16, 1\]; none came"):
        inference.predict_all({}, ["digits"])
    with WritableSystem.extend(tmp_path / "system") as system:
        system.start_run("x = 1\n")
        system.commit("a task", Changes(tasks=[TaskRecord("t", ("a", "b"), False)]))
    begun = Inference(System.open(tmp_path / "system"))
    assert begun.tasks("image") == ()
    with pytest.raises(Mu2Error, match="no path yet"):
        begun.predict("t", images)
