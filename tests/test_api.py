"""The Python interface: a light import, questions, pure functions, and more runs."""

import dataclasses
import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import mu2
from mu2.config.writing import resolved
from mu2.errors import Mu2Error
from mu2.report.progress import LogReporter
from mu2.system import System
from mu2.system.writable import WritableSystem
from mu2.tasks import Digits
from tests import shrunken


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return shrunken.evolved(tmp_path_factory)


@pytest.fixture(scope="module")
def system(run):
    return mu2.open(run.directory)


@pytest.fixture(scope="module")
def images(run):
    return run.watch.data["digits"].read("test", (16, 16, 1)).inputs[:8]


def test_the_import_is_light():
    program = (
        "import sys, mu2; "
        "print([m for m in ('jax', 'numpy', 'flax', 'orbax', 'gin') if m in sys.modules], "
        "hasattr(mu2, 'none'), 'run' in dir(mu2))"
    )
    process = shrunken.python("-c", program)
    assert process.communicate()[0] == "[] False True\n"


def test_every_public_name_is_there():
    assert all(getattr(mu2, name) is not None for name in mu2.__all__)
    assert mu2.Mu2Error is Mu2Error


def test_what_is_in_a_system(run, system):
    assert system.tasks == ("digits", "latin", "greek")
    assert system.class_names("digits") == tuple("0123456789")
    assert system.path("digits") == run.system.path("digits")
    assert system.input_shape("digits") == (16, 16, 1)
    assert repr(system) == f"<mu2 system {run.directory}: 3 tasks>"
    with pytest.raises(Mu2Error, match="no task 'digit'"):
        system.predict("digit", [])
    with pytest.raises(Mu2Error, match="is no mu2 system"):
        mu2.open(run.directory.parent)


def test_an_older_commit(run):
    first = mu2.open(run.directory, at="1")
    assert first.tasks == ()
    with pytest.raises(Mu2Error, match="is open at commit 1") as caught:
        first.extend(shrunken.FILE)
    assert f"--from {run.directory}@1" in caught.value.hint


def test_predictions_and_activations(system, images):
    classes, probabilities = system.predict("digits", images)
    logits = np.asarray(jax.jit(system.apply_fn("digits")[0])(system.apply_fn("digits")[1], images))
    np.testing.assert_array_equal(classes, logits.argmax(axis=1))
    np.testing.assert_allclose(probabilities, jax.nn.softmax(logits), rtol=1e-4)
    together = system.predict_all(images)
    assert tuple(together) == system.tasks
    np.testing.assert_array_equal(together["digits"].probabilities, probabilities)
    assert system.predict_all([], "table") == {}
    assert system.embed("digits", images).shape == (8, 16)


def test_images_of_any_size_are_made_to_fit(system, tmp_path):
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (30, 20, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    _, probabilities = system.predict("digits", [pixels, str(tmp_path / "a.png")])
    np.testing.assert_array_equal(probabilities[0], probabilities[1])
    with pytest.raises(Mu2Error, match="one example was given"):
        system.predict("digits", str(tmp_path / "a.png"))


def test_apply_is_pure_compiled_and_differentiated(system, images):
    apply, params = system.apply_fn("digits")
    assert apply is system.apply_fn("digits")[0]
    labels = jnp.arange(8)

    def loss(params, x):
        chosen = jnp.take_along_axis(jax.nn.log_softmax(apply(params, x)), labels[:, None], axis=1)
        return -chosen.mean()

    logits = jax.jit(apply)(params, images)
    assert (logits.dtype, logits.shape) == (jnp.float32, (8, 10))
    floats = jnp.asarray(images, jnp.float32)
    np.testing.assert_array_equal(logits, jax.jit(apply)(params, floats))
    value, (by_params, by_image) = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))(params, floats)
    assert jax.tree.structure(by_params) == jax.tree.structure(params)
    sizes = [float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(by_params)]
    assert all(np.isfinite(sizes))
    assert sum(size > 0 for size in sizes) >= len(sizes) - 1  # of keys, no bias is felt
    assert by_image.shape == images.shape
    assert float(jnp.abs(by_image).max()) > 0
    # The gradient is the slope: a small step against it lowers the loss by as much.
    step = 1e-3
    nearby = jax.tree.map(lambda p, g: p - step * g, params, by_params)
    expected = step * sum(float((g**2).sum()) for g in jax.tree.leaves(by_params))
    assert float(value - loss(nearby, floats)) == pytest.approx(expected, rel=0.1)


def test_running_and_extending(tmp_path):
    quiet = LogReporter(io.StringIO())
    with shrunken.shared_programs():
        bindings = shrunken.merged(*shrunken.DIGITS, shrunken.ONCE)
        system = mu2.run(shrunken.FILE, tmp_path / "system", bindings, reporter=quiet)
        assert system.tasks == ("digits",)
        before = system.predict("digits", np.zeros((1, 16, 16, 1), np.uint8))
        experiment = mu2.load([shrunken.FILE], shrunken.merged(*shrunken.SMALL, shrunken.ONCE))
        stream = dataclasses.replace(experiment.stream, tasks=experiment.stream.tasks[1:])
        system.extend(dataclasses.replace(experiment, stream=stream), reporter=quiet)
    assert system.tasks == ("digits", "latin")
    after = system.predict("digits", np.zeros((1, 16, 16, 1), np.uint8))
    np.testing.assert_array_equal(before.probabilities, after.probabilities)
    # What was run in Python runs again from what the system keeps.
    kept = System.open(tmp_path / "system").gin_file(1)
    assert mu2.load(kept) == dataclasses.replace(experiment, stream=stream)


def test_a_run_is_checked_and_locked(tmp_path):
    with pytest.raises(mu2.Mu2Error, match="there is no such Gin file"):
        mu2.run("none.gin", tmp_path / "system")
    with pytest.raises(mu2.Mu2Error) as caught:
        mu2.run(shrunken.FILE, tmp_path / "system", ["Training.batch_sise=3"])
    assert "batch_size" in caught.value.faults[0].hint
    assert not (tmp_path / "system").exists()
    experiment = shrunken.load(*shrunken.DIGITS).experiment
    with pytest.raises(Mu2Error, match="bindings go with Gin files"):
        mu2.run(experiment, tmp_path / "system", ["Training.batch_size=3"])
    with (
        WritableSystem.extend(tmp_path / "system"),
        pytest.raises(Mu2Error, match="is being written by process"),
    ):
        mu2.run(experiment, tmp_path / "system")


MIXED = (
    "search_spaces/mixed_micro.gin",
    "gin/mutation/mu2net.gin",
    "gin/ranges/v2.gin",
    "gin/budget/papers_large.gin",
    "gin/optimizer/sgd_large.gin",
    "gin/augmentation/crops.gin",
    "gin/stream/mixed.gin",
    "gin/mesh/cpu.gin",
)


@pytest.mark.parametrize("files", [("gin/quickstart.gin",), MIXED])
def test_an_experiment_becomes_gin_and_comes_back(files, tmp_path):
    experiment = mu2.load(files)
    (tmp_path / "again.gin").write_text(resolved(experiment))
    assert mu2.load(tmp_path / "again.gin") == experiment


def test_an_experiment_that_gin_cannot_say():
    experiment = shrunken.load().experiment

    class Own(Digits):
        """A source that no Gin file can name."""

    task = dataclasses.replace(experiment.stream.tasks[0], source=Own())
    stream = dataclasses.replace(experiment.stream, tasks=(task,))
    with pytest.raises(Mu2Error, match=r"of the class Own") as caught:
        resolved(dataclasses.replace(experiment, stream=stream))
    assert "Gin files" in caught.value.hint
