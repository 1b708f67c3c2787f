"""Images, a table and texts in one system, from Gin alone: each its model, some layers shared."""

import contextlib
import io
import itertools

import jax
import jax.export
import numpy as np
import pytest

import mu2
from mu2 import config
from mu2.config import start
from mu2.errors import Mu2Error
from mu2.evolution import Evolution, engine
from mu2.evolution.live_paths import LivePaths
from mu2.evolution.seeds import layers_of
from mu2.models import restore
from mu2.random_keys import Key
from mu2.report.progress import LogReporter
from mu2.store.verify import verify
from mu2.system import System
from mu2.system.export import export
from mu2.system.inference import Inference
from mu2.tasks.text import pad_texts, to_bytes
from mu2.tasks.user_examples import Form
from tests import shrunken

FILES = (
    "search_spaces/mixed_micro.gin",
    "gin/mutation/mu2net.gin",
    "gin/ranges/v2.gin",
    "gin/budget/papers_large.gin",
    "gin/optimizer/sgd_large.gin",
    "gin/augmentation/crops.gin",
    "gin/stream/mixed.gin",
    "gin/mesh/cpu.gin",
)
# One child a task, made without mutation from the newest of its seeds: digits from the last root,
# which is that of the texts' model, the texts from digits. Networks of one narrow layer.
BINDINGS = (
    "Stream.iterations=1",
    "Evolution.children_per_iteration=1",
    "Evolution.children_per_generation=1",
    "Evolution.seeds_first=True",
    "Training.batch_size=16",
    "Training.intervals=1",
    "Training.max_train_examples=64",
    "Training.max_validation_examples=64",
    "ViT.width=16",
    "ViT.heads=2",
    "ViT.mlp_dim=32",
    "MLP.width=16",
    "MLP.mlp_dim=32",
    "ByteTransformer.width=16",
    "ByteTransformer.heads=2",
    "ByteTransformer.mlp_dim=32",
    "Hyperparameters.text_length=16",
    "Hyperparameters.num_layers=1",
    "Ranges.num_layers=(1,)",
)
MODELS = {"digits": "ViT", "wine": "MLP", "docstrings": "ByteTransformer"}
# What a ViT and a ByteTransformer of equal widths have in common.
COMMON = {"cls", "encoderblock_0", "encoder_norm"}


@pytest.fixture(scope="module")
def made():
    return config.load(FILES, BINDINGS)


@pytest.fixture(scope="module")
def space(made):
    return made.experiment.space


@pytest.fixture(scope="module")
def system(made, tmp_path_factory):
    directory = tmp_path_factory.mktemp("mixed") / "system"
    reporter = contextlib.nullcontext(LogReporter(io.StringIO()))
    with shrunken.shared_programs():
        start.evolve(made.experiment, made.resolved, str(directory), reporter)
    return System.open(directory)


def slots(space, kind):
    """Name and signature of each layer of a kind's model that may be shared."""
    for_input = space.for_input(kind)
    values = {**for_input.defaults(), "num_features": 13}
    slots = for_input.model.slots(values, 3)
    return {(slot.name, slot.signature) for slot in slots if slot.name != "head"}


def test_every_task_is_solved_by_its_own_model(system):
    assert system.progress.complete
    assert set(system.tasks) == set(MODELS)
    for task, model in MODELS.items():
        path = system.path(task)
        assert type(restore(path.model)).__name__ == model
        assert path.test_accuracy is not None
        assert system.task(task).input == restore(path.model).input
    assert verify(system.directory) == []


def test_a_path_has_the_hyperparameters_of_its_kind_alone(system):
    image, table, text = (system.path(task).hyperparameters for task in MODELS)
    assert (image["image_size"], table["num_features"], text["text_length"]) == (16, 13, 16)
    for own, foreign in itertools.permutations([image, table, text], 2):
        assert not {"image_size", "num_features", "text_length"} & set(own) & set(foreign)
    assert "flip" in image
    assert not {"flip", "hue"} & {*table, *text}


@pytest.mark.parametrize("task", MODELS)
def test_predictions_for_each_kind(task, system, made):
    inference = Inference(system)
    source = next(t for t in made.experiment.stream.tasks if t.name == task)
    examples = source.read("test", inference.input_shape(task))
    classes, probabilities = inference.predict(task, examples.inputs)
    assert probabilities.shape == (len(examples), len(system.task(task).class_names))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    accuracy = np.mean(classes == examples.labels)
    assert accuracy == pytest.approx(system.path(task).test_accuracy)


def test_the_python_interface_takes_rows_and_texts(system, made):
    opened = mu2.open(system.directory)
    texts = ["Return the sum.", "Grüße " * 9, ""]
    classes, probabilities = opened.predict("docstrings", texts)
    assert (classes.shape, len(probabilities)) == ((3,), 3)
    together = opened.predict_all(texts, "text")
    np.testing.assert_array_equal(together["docstrings"].probabilities, probabilities)
    assert opened.embed("docstrings", texts).shape == (3, 16)
    apply, params = opened.apply_fn("docstrings")
    read = pad_texts([to_bytes(text) for text in texts], 16)
    np.testing.assert_array_equal(apply(params, read).argmax(axis=1), classes)
    source = next(t for t in made.experiment.stream.tasks if t.name == "wine")
    rows = source.read("test", (13,)).inputs
    assert opened.predict("wine", rows.tolist()).probabilities.shape == (len(rows), 3)
    with pytest.raises(Mu2Error, match="has 12 values, and the task reads 13 columns"):
        opened.predict("wine", rows[:, :12])
    with pytest.raises(Mu2Error, match="'wine' reads tables"):
        Inference(system).predict_all(
            {Form((16,)): read[:1], Form((13,)): rows[:1]}, ["docstrings", "wine"]
        )


@pytest.mark.parametrize("task", MODELS)
def test_each_kind_is_exported(task, system, made, tmp_path):
    pytest.importorskip("flatbuffers")
    inference = Inference(system)
    source = next(t for t in made.experiment.stream.tasks if t.name == task)
    inputs = source.read("test", inference.input_shape(task)).inputs[:3]
    document = export(system, task, "stablehlo", tmp_path / task)
    assert document["input"]["dtype"] == str(inputs.dtype)
    logits = jax.export.deserialize(bytearray((tmp_path / task).read_bytes())).call(inputs)
    expected = inference.predict(task, inputs).probabilities
    np.testing.assert_allclose(jax.nn.softmax(logits), expected, atol=1e-6)


def test_images_and_texts_have_layers_in_common_and_tables_none(space):
    image, table, text = (slots(space, kind) for kind in ("image", "table", "text"))
    assert {name for name, _ in image & text} == COMMON
    assert not table & (image | text)


def test_the_engine_offers_paths_to_whom_they_have_something_for(space, system):
    offered = {
        kind: {
            path.task
            for path in system.paths().heads
            if path.task and layers_of(space.for_input(kind)) & path.layers
        }
        for kind in ("image", "table", "text")
    }
    pair = {"digits", "docstrings"}
    assert offered == {"image": pair, "table": {"wine"}, "text": pair}


def test_live_paths_of_images_and_texts_share_components(system):
    image, table, text = (system.path(task) for task in MODELS)
    assert (image.parent_task, text.parent_task) == (None, "digits")
    shared = {c.id: c.name for c in image.components if c in text.components}
    assert set(shared.values()) == COMMON  # unmutated children clone nothing by force
    assert all(name.startswith("root/ByteTransformer/") for name in shared)
    assert not set(table.components) & {*image.components, *text.components}
    (line,) = (line for line in system.log if line["task"] == "docstrings")
    taken = {name for name, action in line["actions"].items() if action == "share"}
    # What digits have not comes from their ancestor, the root of the texts' model.
    assert taken == COMMON | {"byte_embedding", "posembed_text"}


def test_a_text_freezes_or_clones_what_digits_have_trained(space, system):
    evolution = Evolution(children_per_iteration=32, children_per_generation=32)
    key = Key.from_seed(1)
    for_input, paths = space.for_input("text"), system.paths()
    population = engine.start_population(
        evolution, for_input, LivePaths(p for p in paths.values() if p.task != "docstrings"),
        task="docstrings", private=False, num_classes=8, iteration=0, offspring={}, key=key,
    )  # fmt: skip
    assert population.seeds
    _, plans = engine.plan_generation(evolution, for_input, paths, population, key)
    of_digits = [plan for plan in plans if plan.parent.task == "digits"]
    theirs = {c.name: c for c in system.path("digits").components}
    actions = set()
    for plan in of_digits:
        for component in plan.components:
            if component.name in COMMON:
                assert component.source == theirs[component.name]
            actions.add((component.name, component.action))
    assert {("encoderblock_0", "share"), ("encoderblock_0", "clone")} <= actions
    assert {plan.parent.task for plan in plans} == {None, "digits"}
    assert not any("MLP" in plan.parent.id for plan in plans)
