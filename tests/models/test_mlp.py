"""The MLP of tables: its components, growth that changes nothing, and what it learns."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.models import MLP, Network, nest, restore
from mu2.random_keys import Key
from mu2.tasks.examples import Examples
from mu2.training import Trainer, Training
from mu2.training.layout import Layout
from tests.jobs import job

KEY = Key.from_seed(5)
MODEL = MLP(width=32, mlp_dim=64)
HYPERPARAMETERS = {
    "num_features": 6, "num_layers": 2, "learning_rate": 0.1, "schedule": "cosine",
    "warmup_ratio": 0.05, "momentum": 0.9, "nesterov": True,
}  # fmt: skip


def parameters(network, key=KEY):
    return {c.name: nest(c.init(key.fold_in(c.name).jax())) for c in network}


def corners(count, key):
    """Rows whose class is the exclusive or of the signs of two columns: no linear task."""
    rows = key.numpy().normal(size=(count, 6)).astype(np.float32)
    return Examples(rows, ((rows[:, 0] > 0) ^ (rows[:, 3] > 0)).astype(np.int32))


def corner_job(trained=None, **changes):
    network, h = MODEL.network(HYPERPARAMETERS, 2), {**HYPERPARAMETERS, **changes}
    train, validation = corners(2048, KEY.fold_in("train")), corners(512, KEY.fold_in("validation"))
    return job(network, h, train, validation, 2, KEY, trained)


@pytest.fixture(scope="module")
def trainer():
    (devices,) = Layout().slices()
    return Trainer(Training(batch_size=64, intervals=4), devices)


def test_names_shapes_and_sizes():
    network = MODEL.network({"num_features": 6, "num_layers": 2}, 3)
    assert [(c.name, c.size) for c in network] == [
        ("embedding", 6 * 32 + 32),
        ("block_0", 2 * 32 + 32 * 64 + 64 + 64 * 32 + 32),
        ("block_1", 2 * 32 + 32 * 64 + 64 + 64 * 32 + 32),
        ("norm", 2 * 32),
        ("head", 32 * 3 + 3),
    ]
    assert MODEL.input_shape({"num_features": 6}) == network[0].input_shape == (6,)
    for component, after in itertools.pairwise(network):
        assert component.output_shape == after.input_shape


def test_only_the_embedding_depends_on_the_columns():
    few, many = (MODEL.network({"num_features": n, "num_layers": 1}, 3) for n in (2, 9))
    differ = [a.name for a, b in zip(few, many, strict=True) if a.signature != b.signature]
    assert differ == ["embedding"]


def test_a_fresh_network_answers_zero_and_grows_without_a_change():
    short, long = (MODEL.network({"num_features": 6, "num_layers": n}, 3) for n in (0, 3))
    x = jax.random.normal(KEY.jax(), (4, 6))
    params = parameters(long)
    assert not long.apply(params, x).any()
    params["head"]["kernel"] = jax.random.normal(KEY.jax(), (32, 3))
    np.testing.assert_array_equal(short.apply(params, x), long.apply(params, x))


def test_it_learns_what_no_linear_model_can(trainer):
    assert next(trainer.train([corner_job()])).quality > 0.95


def test_what_is_frozen_stays(trainer):
    frozen = corner_job(trained=("block_1", "head"))
    trained = next(trainer.train([frozen]))
    assert set(trained.arrays) == {"block_1", "head"}
    before = frozen.arrays["block_1"]["params/Dense_1/kernel"]
    assert (trained.arrays["block_1"]["params/Dense_1/kernel"] != before).any()
    assert trainer.programs.compiled() == 2


def test_bfloat16_keeps_float32_parameters_and_logits():
    network = MODEL.network({"num_features": 6, "num_layers": 1}, 3, "bfloat16")
    params = parameters(network)
    params["head"]["kernel"] = jax.random.normal(KEY.jax(), (32, 3))
    y = network.apply(params, jax.random.normal(KEY.jax(), (4, 6)))
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    assert y.dtype == jnp.float32
    assert jnp.isfinite(y).all()
    assert network[:2]
    assert Network(network[:2]).apply(params, jnp.ones((1, 6))).dtype == "bfloat16"


def test_a_path_names_it():
    assert restore(MODEL.name) == MODEL


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: MLP(width=0), "MLP.width is 0"),
        (lambda: MLP(mlp_dim=-1), "MLP.mlp_dim is -1"),
        (lambda: MODEL.network({"num_layers": 1}, 2), "num_features has no value"),
        (lambda: MODEL.network({"num_features": 0, "num_layers": 1}, 2), "num_features is 0"),
        (lambda: MODEL.network({"num_features": 4, "num_layers": -1}, 2), "num_layers is -1"),
    ],
)
def test_what_cannot_be_built_is_refused(build, words):
    with pytest.raises(Mu2Error, match=words):
        build()
