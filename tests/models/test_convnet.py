"""The ConvNet: its components, growth that changes nothing, and what it learns."""

import itertools
import os

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.models import ConvNet, Network, nest, restore
from mu2.random_keys import Key
from mu2.tasks import Task
from mu2.tasks.examples import Examples
from mu2.tasks.sources.tfds import TFDS
from mu2.training import Trainer, Training
from mu2.training.layout import Layout
from tests.jobs import job
from tests.models.bars import check_what_is_frozen_stays

KEY = Key.from_seed(3)
MODEL = ConvNet(stem_width=8, width=16, mlp_dim=24, channels=1)
HYPERPARAMETERS = {
    "image_size": 12, "num_layers": 2, "learning_rate": 0.2, "schedule": "cosine",
    "warmup_ratio": 0.05, "momentum": 0.9, "nesterov": True,
}  # fmt: skip
ADAPTED = {"image_size": 12, "num_layers": 2, "adapter_dim": 4}


def parameters(network, key=KEY):
    """Fresh parameters, the head's drawn at random: where it is zero, nothing can be told."""
    params = {c.name: nest(c.init(key.fold_in(c.name).jax())) for c in network}
    head = params["head"]
    head["kernel"] = jax.random.normal(key.jax(), head["kernel"].shape)
    return params


def images(side=12):
    return jax.random.uniform(KEY.jax(), (4, side, side, 1), minval=-1)


def apply(network, params, side=12):
    """What a network answers to four images; as one program, which compiles sooner."""
    return jax.jit(network.apply)(params, images(side))


def strokes(count, key):
    """Faint grey noise, and in it one stroke: level, upright, rising or falling."""
    rng = key.numpy()
    pictures = rng.integers(0, 120, (count, 12, 12), dtype=np.uint8)
    labels = rng.integers(0, 4, count).astype(np.int32)
    for picture, label in zip(pictures, labels, strict=True):
        steps = np.arange(5)
        top, left = rng.integers(0, 8, 2)
        rows = top + (np.full(5, 2), steps, steps[::-1], steps)[label]
        columns = left + (steps, np.full(5, 2), steps, steps)[label]
        picture[rows, columns] = 255
    return Examples(pictures[..., None], labels)


def stroke_job(trained=None):
    train = strokes(2048, KEY.fold_in("train"))
    validation = strokes(512, KEY.fold_in("validation"))
    network = MODEL.network(HYPERPARAMETERS, 4)
    return job(network, HYPERPARAMETERS, train, validation, 4, KEY, trained)


@pytest.fixture(scope="module")
def trainer():
    (devices,) = Layout().slices()
    return Trainer(Training(batch_size=64, intervals=4), devices)


def test_names_shapes_and_sizes():
    network = MODEL.network(ADAPTED, 3)
    adapter = 2 * 16 + 16 * 4 + 4 + 4 * 16 + 16
    block = 9 * 16 + 16 + 2 * 16 + 16 * 24 + 24 + 24 * 16 + 16
    assert [(c.name, c.size, c.output_shape) for c in network] == [
        ("stem", 9 * 2 * 2 * 8 + 8, (6, 6, 8)),
        ("reduction", 2 * 8 + 2 * 2 * 8 * 16 + 16, (3, 3, 16)),
        ("adapter_0", adapter, (3, 3, 16)),
        ("block_0", block, (3, 3, 16)),
        ("adapter_1", adapter, (3, 3, 16)),
        ("block_1", block, (3, 3, 16)),
        ("norm", 2 * 16 + 2 * 64, (64,)),
        ("head", 64 * 3 + 3, (3,)),
    ]
    assert MODEL.input_shape(ADAPTED) == network[0].input_shape == (12, 12, 1)
    for component, after in itertools.pairwise(network):
        assert component.output_shape == after.input_shape


@pytest.mark.parametrize(("side", "positions"), [(4, 1), (15, 3), (28, 7), (32, 8)])
def test_no_parameter_depends_on_the_image_size(side, positions):
    here, there = (MODEL.network({**ADAPTED, "image_size": s}, 3) for s in (12, side))
    assert [c.signature for c in here] == [c.signature for c in there]
    assert there[-2].input_shape == (positions, positions, 16)
    y = apply(there, parameters(here), side)
    assert y.shape == (4, 3)
    assert jnp.isfinite(y).all()


def test_the_stem_is_a_convolution_of_6x6_pixels():
    stem = MODEL.network(HYPERPARAMETERS, 3)[0]
    params = nest(stem.init(KEY.jax()))
    # Nine squares of 2x2 pixels: [3, 3, 2, 2, C, D], joined to [6, 6, C, D].
    kernel = params["Dense_0"]["kernel"].reshape(3, 3, 2, 2, 1, 8)
    kernel = kernel.transpose(0, 2, 1, 3, 4, 5).reshape(6, 6, 1, 8)
    convolution = nn.Conv(8, (6, 6), strides=(2, 2), padding=2)
    expected = convolution.apply({"params": {"kernel": kernel, "bias": jnp.zeros(8)}}, images())
    np.testing.assert_allclose(stem.apply(params, images()), expected, atol=1e-5)


def test_the_block_convolves_each_channel_by_itself():
    block = MODEL.network(HYPERPARAMETERS, 3)[2]
    params = nest(block.init(KEY.jax()))
    last = params["Dense_1"]
    last["kernel"] = jax.random.normal(KEY.jax(), last["kernel"].shape)
    x = jax.random.normal(KEY.jax(), (2, 3, 3, 16))
    depthwise = nn.Conv(16, (3, 3), feature_group_count=16)
    own = params["DepthwiseConv_0"]
    y = depthwise.apply({"params": {**own, "kernel": own["kernel"].reshape(3, 3, 1, 16)}}, x)
    y = nn.LayerNorm().apply({"params": params["LayerNorm_0"]}, y)
    y = nn.relu(y @ params["Dense_0"]["kernel"]) @ last["kernel"]
    np.testing.assert_allclose(block.apply(params, x), x + y, atol=1e-4)


def test_a_network_grows_without_a_change():
    short, long = (MODEL.network({"image_size": 12, "num_layers": n}, 3) for n in (0, 3))
    params = parameters(long)
    assert apply(short, params).any()
    np.testing.assert_array_equal(apply(short, params), apply(long, params))


def test_a_fresh_network_answers_zero():
    network = MODEL.network(ADAPTED, 3)
    params = {c.name: nest(c.init(KEY.jax())) for c in network}
    assert not apply(network, params).any()


def test_adapters_are_optional_and_leave_the_function_unchanged():
    network = MODEL.network(ADAPTED, 3)
    assert [c.name for c in network if c.optional] == ["adapter_0", "adapter_1"]
    assert not any(c.optional for c in MODEL.network(HYPERPARAMETERS, 3))
    params = parameters(network)
    # Blocks that do something, so that an adapter before one could be noticed.
    for name in ("block_0", "block_1"):
        last = params[name]["Dense_1"]
        last["kernel"] = jax.random.normal(KEY.fold_in(name).jax(), last["kernel"].shape)
    bare = network.select([c.name for c in network if not c.optional])
    without_blocks = network.select(["stem", "reduction", "norm", "head"])
    y = apply(network, params)
    np.testing.assert_array_equal(y, apply(bare, params))
    assert (y != apply(without_blocks, params)).all()


def test_it_learns_strokes_wherever_they_are(trainer):
    assert next(trainer.train([stroke_job()])).quality > 0.95


@pytest.mark.parametrize("trained", [("head",), ("block_1", "norm", "head"), ("stem", "head")])
def test_what_is_frozen_stays(trained, trainer):
    check_what_is_frozen_stays(trainer, stroke_job(trained))


def test_bfloat16_keeps_float32_parameters_and_logits():
    network = MODEL.network(ADAPTED, 3, "bfloat16")
    params = parameters(network)
    y = apply(network, params)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    assert y.dtype == jnp.float32
    assert jnp.isfinite(y).all()
    for end in range(1, len(network)):
        body = Network(network[:end])
        assert jax.eval_shape(body.apply, params, images()).dtype == "bfloat16"
    exact = apply(MODEL.network(ADAPTED, 3), params)
    np.testing.assert_allclose(y, exact, atol=0.05 * np.abs(exact).max())


def test_a_path_names_it():
    assert restore(MODEL.name) == MODEL


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: ConvNet(stem_width=0), "ConvNet.stem_width is 0"),
        (lambda: ConvNet(width=0), "ConvNet.width is 0"),
        (lambda: ConvNet(mlp_dim=-1), "ConvNet.mlp_dim is -1"),
        (lambda: ConvNet(channels=0), "ConvNet.channels is 0"),
        (lambda: MODEL.network({"image_size": 3, "num_layers": 1}, 2), "image_size is 3"),
        (lambda: MODEL.network({"image_size": 8, "num_layers": -1}, 2), "num_layers is -1"),
    ],
)
def test_what_cannot_be_built_is_refused(build, words):
    with pytest.raises(Mu2Error, match=words):
        build()


@pytest.mark.slow
def test_mnist_in_three_epochs():
    """Measured with this and three other seeds: 99.1, 99.2, 99.2 and 99.1% of the test set."""
    if "TFDS_DATA_DIR" not in os.environ:
        pytest.skip("TFDS_DATA_DIR is not set: it names a folder of prepared TFDS data sets")
    model = ConvNet(channels=1)
    hyperparameters = {**HYPERPARAMETERS, "image_size": 28}
    task = Task("mnist", TFDS("mnist"))
    train, validation, test = (
        task.read(part, model.input_shape(hyperparameters))
        for part in ("train", "validation", "test")
    )
    budget = Training(
        batch_size=64, intervals=3, max_train_examples=len(train), max_validation_examples=3000
    )
    (devices,) = Layout().slices()
    trainer = Trainer(budget, devices)
    result = next(
        trainer.train(
            [job(model.network(hyperparameters, 10), hyperparameters, train, validation, 10, KEY)]
        )
    )
    logits = trainer.logits(model.network(hyperparameters, 10), result.arrays, test.inputs, 10)
    assert max(result.qualities) > 0.983
    assert np.mean(logits.argmax(axis=1) == test.labels) > 0.989
