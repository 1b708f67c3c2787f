"""LCNetV4: its components, where it is cut, what it does with light ink, and what it learns."""

import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.models import LCNetV4, nest, restore
from mu2.models.ocr import BLOCKS
from mu2.random_keys import Key
from mu2.tasks.examples import Examples
from tests.jobs import job
from tests.models.bars import bars, check_what_is_frozen_stays

KEY = Key.from_seed(3)
MODEL = LCNetV4(channels=1)
HYPERPARAMETERS = {
    "image_size": 12, "num_layers": 4, "learning_rate": 0.05, "schedule": "cosine",
    "warmup_ratio": 0.05, "momentum": 0.9, "nesterov": True,
}  # fmt: skip


def convolve(layer, kernel_size, x, **settings):
    """Flax's own convolution with the weights of one of ours, [height width in, out]."""
    width = x.shape[-1] // settings.get("feature_group_count", 1)
    kernel = layer["kernel"].reshape(*kernel_size, width, -1)
    convolution = nn.Conv(kernel.shape[-1], kernel_size, **settings)
    return convolution.apply({"params": {"kernel": kernel, "bias": layer["bias"]}}, x)


def test_names_shapes_and_sizes():
    network = MODEL.network({**HYPERPARAMETERS, "adapter_dim": 4}, 3)
    stem = 9 * 48 + 48 + 4 * 48 * 24 + 24 + 4 * 24 * 48 + 48 + 9 * 96 * 48 + 48 + 48 * 96 + 96
    block = 9 * 96 + 96 + 96 * 192 + 192 + 192 * 96 + 96
    gate = 96 * 24 + 24 + 24 * 96 + 96
    bare = [c for c in network if not c.optional]
    assert [(c.name, c.size, c.output_shape) for c in bare] == [
        ("stem", stem, (3, 3, 96)),
        ("block_0", block + gate, (3, 3, 96)),
        ("block_1", block, (3, 3, 96)),
        ("block_2", block, (3, 3, 96)),
        ("block_3", 9 * 96 + 96 + 96 * 192 + 192 + 192 * 192 + 192, (2, 3, 192)),
        ("norm", 2 * 4 * 192, (4 * 192,)),
        ("head", 4 * 192 * 3 + 3, (3,)),
    ]
    assert [c.name for c in network if c.optional] == [f"adapter_{i}" for i in range(4)]
    for component, after in itertools.pairwise(network):
        assert component.output_shape == after.input_shape


def test_the_whole_of_it_has_13_blocks():
    network = LCNetV4().network({"image_size": 48, "num_layers": len(BLOCKS)}, 10)
    assert [c.output_shape for c in network][-3] == (3, 12, 384)
    assert sum(c.size for c in network[:-2]) == 2_676_000


@pytest.mark.parametrize("layers", [0, 1, 4, 12])
def test_a_cut_leaves_the_layers_below_what_they_are(layers):
    whole = MODEL.network({"image_size": 12, "num_layers": 13}, 3)
    cut = MODEL.network({"image_size": 12, "num_layers": layers}, 3)
    assert cut[: layers + 1] == whole[: layers + 1]
    assert [c.name for c in cut[layers + 1 :]] == ["norm", "head"]


@pytest.mark.parametrize(("side", "positions"), [(4, 1), (15, 4), (30, 8), (48, 12)])
def test_no_parameter_depends_on_the_image_size(side, positions):
    here, there = (MODEL.network({**HYPERPARAMETERS, "image_size": s}, 3) for s in (12, side))
    assert [c.signature for c in here] == [c.signature for c in there]
    assert there[0].output_shape == (positions, positions, 96)


def test_the_stem_is_made_of_convolutions_and_a_maximum():
    stem = LCNetV4(ink="dark").network({"image_size": 13, "num_layers": 0}, 3)[0]
    params = nest(stem.init(KEY.jax()))
    image = jax.random.uniform(KEY.jax(), (2, 13, 13, 3), minval=-1)
    odd = ((0, 1), (0, 1))
    x = nn.relu(convolve(params["Dense_0"], (3, 3), image, strides=(2, 2), padding=1))
    y = nn.relu(convolve(params["Dense_1"], (2, 2), x, padding=odd))
    y = nn.relu(convolve(params["Dense_2"], (2, 2), y, padding=odd))
    x = jnp.concatenate([nn.max_pool(x, (2, 2), (1, 1), odd), y], axis=-1)
    x = nn.relu(convolve(params["Dense_3"], (3, 3), x, strides=(2, 2), padding=1))
    x = nn.relu(convolve(params["Dense_4"], (1, 1), x))
    np.testing.assert_allclose(stem.apply(params, image), x, atol=1e-5)


@pytest.mark.parametrize("i", [0, 1, 3])
def test_a_block_is_a_convolution_of_channels_a_gate_and_an_mlp(i):
    block = MODEL.network({"image_size": 20, "num_layers": 4}, 3)[1 + i]
    params = nest(block.init(KEY.jax()))
    x = jax.random.normal(KEY.jax(), (2, *block.input_shape))
    strides = (2, 1) if i == 3 else (1, 1)
    x = convolve(
        params["DepthwiseConv_0"], (3, 3), x, strides=strides, padding=1, feature_group_count=96
    )
    if i == 0:
        gate = params["Gate_0"]
        y = nn.relu(x.mean((1, 2)) @ gate["Dense_0"]["kernel"] + gate["Dense_0"]["bias"])
        y = y @ gate["Dense_1"]["kernel"] + gate["Dense_1"]["bias"]
        x = x * nn.hard_sigmoid(y)[:, None, None]
    y = x @ params["Dense_0"]["kernel"] + params["Dense_0"]["bias"]
    y = nn.gelu(y, approximate=False) @ params["Dense_1"]["kernel"] + params["Dense_1"]["bias"]
    here = block.apply(params, jax.random.normal(KEY.jax(), (2, *block.input_shape)))
    np.testing.assert_allclose(here, y if i == 3 else x + y, atol=1e-4)


def ink_of(model, image):
    stem = model.network({"image_size": 12, "num_layers": 0}, 3)[0]
    params = nest(stem.init(KEY.jax()))
    return np.asarray(jax.jit(stem.apply)(params, image))


@pytest.mark.parametrize("channels", [1, 3])
def test_light_ink_is_read_as_dark_ink(channels):
    paper = np.ones((2, 12, 12, channels), np.float32)
    paper[0, 3:9, 5:7] = -1  # a stroke
    paper[1, 1:11, 1:11] = -1  # so much ink that most of the image is dark
    dark, light, either = (LCNetV4(ink, channels) for ink in ("dark", "light", "either"))
    expected = ink_of(dark, paper)
    assert (ink_of(dark, -paper) != expected).any((1, 2, 3)).all()
    np.testing.assert_array_equal(ink_of(light, -paper), expected)
    both = np.concatenate([paper, -paper])  # each image is judged by itself
    np.testing.assert_allclose(ink_of(either, both), np.concatenate([expected] * 2), atol=1e-6)


def test_a_path_names_it():
    assert restore(MODEL.name) == MODEL


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: LCNetV4(ink="drak"), "LCNetV4.ink is 'drak'.\n.*'dark'"),
        (lambda: LCNetV4(channels=4), "LCNetV4.channels is 4"),
        (lambda: MODEL.network({"image_size": 3, "num_layers": 1}, 2), "image_size is 3"),
        (lambda: MODEL.network({"image_size": 8, "num_layers": -1}, 2), "num_layers is -1"),
        (lambda: MODEL.network({"image_size": 8, "num_layers": 14}, 2), "after 0 to 13 blocks"),
    ],
)
def test_what_cannot_be_built_is_refused(build, words):
    with pytest.raises(Mu2Error, match=words):
        build()


def ink_bars(count, key):
    """Bars in dark ink or in light ink."""
    rng = key.numpy()
    pictures, labels = bars(rng, count, 1)
    light = rng.integers(0, 2, count).astype(bool)
    pictures[light] = 255 - pictures[light]
    return Examples(pictures, labels)


def bars_job(trained=None):
    train, validation = (
        ink_bars(count, KEY.fold_in(part)) for part, count in (("train", 1024), ("validation", 256))
    )
    settings = {**HYPERPARAMETERS, "num_layers": 1}
    return job(MODEL.network(settings, 2), settings, train, validation, 2, KEY, trained)


def test_it_learns_bars(trainer):
    assert next(trainer.train([bars_job()])).quality > 0.95


@pytest.mark.parametrize("trained", [("norm", "head"), ("block_0", "head")])
def test_what_is_frozen_stays(trained, trainer):
    check_what_is_frozen_stays(trainer, bars_job(trained))
