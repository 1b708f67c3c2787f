"""EfficientNetLite0: its components, where it is cut, and what its layers compute."""

import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.models import EfficientNetLite0, nest, restore
from mu2.models.efficientnet_lite import LAYERS
from mu2.random_keys import Key
from mu2.tasks.examples import Examples
from tests.jobs import job
from tests.models.bars import bars, check_what_is_frozen_stays

KEY = Key.from_seed(3)
MODEL = EfficientNetLite0()
HYPERPARAMETERS = {
    "image_size": 12, "num_layers": 2, "learning_rate": 0.1, "schedule": "cosine",
    "warmup_ratio": 0.05, "momentum": 0.9, "nesterov": True,
}  # fmt: skip


def convolve(layer, side, x, groups=1, stride=1):
    """Flax's own convolution with the weights of one of ours, [height width in, out]."""
    kernel = layer["kernel"].reshape(side, side, x.shape[-1] // groups, -1)
    made = nn.Conv(kernel.shape[-1], (side, side), stride, "SAME", feature_group_count=groups)
    return made.apply({"params": {"kernel": kernel, "bias": layer["bias"]}}, x)


def test_names_shapes_and_sizes():
    network = MODEL.network({**HYPERPARAMETERS, "num_layers": 4, "adapter_dim": 4}, 3)
    bare = [c for c in network if not c.optional]
    assert [(c.name, c.size, c.output_shape) for c in bare] == [
        ("stem", 27 * 32 + 32, (6, 6, 32)),
        ("block_0", 10 * 32 + 32 * 16 + 16, (6, 6, 16)),
        ("block_1", 17 * 96 + 10 * 96 + 96 * 24 + 24, (3, 3, 24)),
        ("block_2", 25 * 144 + 10 * 144 + 144 * 24 + 24, (3, 3, 24)),
        ("block_3", 25 * 144 + 26 * 144 + 144 * 40 + 40, (2, 2, 40)),
        ("norm", 2 * 40, (40,)),
        ("head", 40 * 3 + 3, (3,)),
    ]
    assert [c.name for c in network if c.optional] == [f"adapter_{i}" for i in range(4)]
    for component, after in itertools.pairwise(network):
        assert component.output_shape == after.input_shape


def test_the_whole_of_it_ends_in_its_features():
    network = MODEL.network({"image_size": 224, "num_layers": LAYERS}, 1000)
    *_, last, features, norm, head = network
    assert (last.name, last.output_shape) == ("block_15", (7, 7, 320))
    assert (features.name, features.output_shape) == ("features_16", (7, 7, 1280))
    # 4,652,008 published: each of 21,008 channels has a BatchNorm's scale and bias, one bias here.
    assert sum(c.size for c in network) - norm.size == 4_652_008 - 21_008
    assert head.size == 1280 * 1000 + 1000


@pytest.mark.parametrize("layers", [0, 1, 15])
def test_a_cut_leaves_the_layers_below_what_they_are(layers):
    whole = MODEL.network({"image_size": 12, "num_layers": LAYERS}, 3)
    cut = MODEL.network({"image_size": 12, "num_layers": layers}, 3)
    assert cut[: layers + 1] == whole[: layers + 1]
    assert [c.name for c in cut[layers + 1 :]] == ["norm", "head"]


@pytest.mark.parametrize("side", [4, 15, 33])
def test_no_parameter_depends_on_the_image_size(side):
    here, there = (MODEL.network({"image_size": s, "num_layers": LAYERS}, 3) for s in (12, side))
    assert [c.signature for c in here] == [c.signature for c in there]


@pytest.mark.parametrize("side", [12, 13])
def test_the_stem_is_a_convolution_of_images_on_the_old_scale(side):
    stem = MODEL.network({"image_size": side, "num_layers": 0}, 3)[0]
    params = nest(stem.init(KEY.jax()))
    pixels = jax.random.randint(KEY.jax(), (2, side, side, 3), 0, 256).astype(jnp.float32)
    expected = convolve(params["Dense_0"], 3, (pixels - 127) / 128, stride=2)
    here = stem.apply(params, pixels / 127.5 - 1)
    np.testing.assert_allclose(here, jnp.clip(expected, 0, 6), atol=1e-5)


# Both kernels, both strides, a residual sum, and rows of 12, 6 and 2 positions.
@pytest.mark.parametrize("i", [0, 2, 3, 11])
def test_a_block_is_three_convolutions(i):
    block = MODEL.network({"image_size": 24, "num_layers": 13}, 3)[1 + i]
    params = nest(block.init(KEY.jax()))
    given = jax.random.normal(KEY.jax(), (2, *block.input_shape))
    shape = block.module.shape
    x = given
    if i > 0:
        x = jnp.clip(convolve(params["Dense_0"], 1, x), 0, 6)
    y = convolve(params["SameDepthwiseConv_0"], shape.side, x, x.shape[-1], shape.stride)
    y = convolve(params["Dense_1"], 1, jnp.clip(y, 0, 6))
    expected = given + y if i == 2 else y
    np.testing.assert_allclose(block.apply(params, given), expected, atol=1e-4)


def test_a_path_names_it():
    assert restore(MODEL.name) == MODEL


@pytest.mark.parametrize(
    ("size", "layers", "words"),
    [(3, 1, "image_size is 3"), (8, -1, "num_layers is -1"), (8, 18, "after 0 to 17 layers")],
)
def test_what_cannot_be_built_is_refused(size, layers, words):
    with pytest.raises(Mu2Error, match=words):
        MODEL.network({"image_size": size, "num_layers": layers}, 2)


def bars_job(trained=None):
    train, validation = (
        Examples(*bars(KEY.fold_in(part).numpy(), count, 3))
        for part, count in (("train", 1024), ("validation", 256))
    )
    return job(
        MODEL.network(HYPERPARAMETERS, 2), HYPERPARAMETERS, train, validation, 2, KEY, trained
    )


def test_it_learns_bars(trainer):
    assert next(trainer.train([bars_job()])).quality > 0.95


@pytest.mark.parametrize("trained", [("norm", "head"), ("block_0", "head")])
def test_what_is_frozen_stays(trained, trainer):
    check_what_is_frozen_stays(trainer, bars_job(trained))
