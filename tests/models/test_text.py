"""The byte Transformer: padding that changes nothing, blocks that are ViT's, what it learns."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.models import ByteTransformer, ViT, nest, restore
from mu2.random_keys import Key
from mu2.tasks.examples import Examples
from mu2.training import Trainer, Training
from mu2.training.layout import Layout
from tests.jobs import job

KEY = Key.from_seed(9)
MODEL = ByteTransformer(width=32, heads=2, mlp_dim=64)
HYPERPARAMETERS = {
    "text_length": 12, "num_layers": 1, "learning_rate": 0.1, "schedule": "cosine",
    "warmup_ratio": 0.1, "momentum": 0.9, "nesterov": True,
}  # fmt: skip


def parameters(network, key=KEY):
    params = {c.name: nest(c.init(key.fold_in(c.name).jax())) for c in network}
    head = params["head"]
    head["kernel"] = jax.random.normal(key.jax(), head["kernel"].shape)
    return params


def as_bytes(length, *texts):
    return np.stack([np.frombuffer(t.ljust(length, b"\0"), np.uint8) for t in texts])


def words(count, key):
    """Two to twelve letters; the class is which of three capitals is among them."""
    rng = key.numpy()
    texts = rng.integers(97, 123, (count, 12), dtype=np.uint8)
    labels = rng.integers(0, 3, count).astype(np.int32)
    lengths = rng.integers(2, 13, count)
    texts[np.arange(12)[None] >= lengths[:, None]] = 0
    texts[np.arange(count), rng.integers(0, lengths)] = 65 + labels
    return Examples(texts, labels)


def word_job(trained=None):
    network = MODEL.network(HYPERPARAMETERS, 3)
    train, validation = words(2048, KEY.fold_in("train")), words(256, KEY.fold_in("validation"))
    return job(network, HYPERPARAMETERS, train, validation, 3, KEY, trained)


@pytest.fixture(scope="module")
def trainer():
    (devices,) = Layout().slices()
    return Trainer(Training(batch_size=64, intervals=4), devices)


def test_names_and_sizes():
    network = MODEL.network({"text_length": 12, "num_layers": 2}, 3)
    block = 4 * 32 + 4 * (32 * 32 + 32) + 2 * 32 * 64 + 64 + 32
    assert [(c.name, c.size) for c in network] == [
        ("byte_embedding", 256 * 32),
        ("cls", 32),
        ("posembed_text", 13 * 32),
        ("encoderblock_0", block),
        ("encoderblock_1", block),
        ("encoder_norm", 2 * 32),
        ("head", 32 * 3 + 3),
    ]
    assert MODEL.input_shape({"text_length": 12}) == (12,)
    for component, after in itertools.pairwise(network):
        assert component.output_shape == after.input_shape


def test_blocks_are_those_of_the_vit():
    text = MODEL.network({"text_length": 12, "num_layers": 2}, 3)
    image = ViT(4, 32, 2, 64).network({"image_size": 16, "num_layers": 2}, 3)
    shared = {(c.name, c.signature) for c in text} & {(c.name, c.signature) for c in image}
    blocks = {"encoderblock_0", "encoderblock_1"}
    assert {name for name, _ in shared} == {"cls", *blocks, "encoder_norm", "head"}
    x = jax.random.normal(KEY.jax(), (2, 5, 32))
    for i in (3, 4):
        params = parameters(image)[image[i].name]
        np.testing.assert_array_equal(text[i].apply(params, x), image[i].apply(params, x))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_padding_changes_nothing(dtype):
    hyperparameters = {"text_length": 20, "num_layers": 2}
    long = MODEL.network(hyperparameters, 3, dtype)
    short = MODEL.network({**hyperparameters, "text_length": 6}, 3, dtype)
    params = parameters(long)
    y = long.apply(params, as_bytes(20, b"mu", b"square", b""))
    assert len({row.tobytes() for row in np.asarray(y)}) == 3
    old = {"pos_embedding": params["posembed_text"]["pos_embedding"]}
    cut = {**params, "posembed_text": MODEL.resample("posembed_text", old, short[2])}
    tolerance = 1e-5 if dtype == "float32" else 0.1
    np.testing.assert_allclose(
        short.apply(cut, as_bytes(6, b"mu", b"square", b"")), y, atol=tolerance, rtol=tolerance
    )


def test_padding_stays_zero_and_the_order_of_bytes_counts():
    network = MODEL.network({"text_length": 6, "num_layers": 1}, 3)
    params, x = parameters(network), as_bytes(6, b"ab", b"ba")
    for component in network[:4]:
        x = component.apply(params[component.name], x)
    assert not x[:, 3:].any()
    assert x[:, :3].any(-1).all()
    assert (x[0, 0] != x[1, 0]).any()


def test_positions_are_cut_and_repeated():
    short, long = (MODEL.network({"text_length": n, "num_layers": 0}, 2)[2] for n in (3, 7))
    rows = np.arange(4, dtype=np.float32)[None, :, None] * np.ones(32, np.float32)
    longer = MODEL.resample("posembed_text", {"pos_embedding": rows}, long)["pos_embedding"]
    assert longer[0, :, 0].tolist() == [0, 1, 2, 3, 1, 2, 3, 1]
    again = MODEL.resample("posembed_text", {"pos_embedding": longer}, short)["pos_embedding"]
    np.testing.assert_array_equal(again, rows)
    assert [c.name for c in MODEL.network(HYPERPARAMETERS, 2) if MODEL.resamples(c.name)] == [
        "posembed_text"
    ]


def test_it_learns_to_find_a_letter(trainer):
    assert next(trainer.train([word_job()])).quality > 0.95


def test_what_is_frozen_stays(trainer):
    trained = next(trainer.train([word_job(trained=("encoder_norm", "head"))]))
    assert set(trained.arrays) == {"encoder_norm", "head"}
    assert not trained.diverged
    assert trainer.programs.compiled() == 2


def test_a_fresh_head_answers_zero_and_bfloat16_gives_float32_logits():
    network = MODEL.network(HYPERPARAMETERS, 3, "bfloat16")
    text = as_bytes(12, b"text", b"another")
    params = parameters(network)
    y = network.apply(params, text)
    assert y.dtype == jnp.float32
    assert jnp.isfinite(y).all()
    params["head"] = nest(network[-1].init(KEY.jax()))
    assert not network.apply(params, text).any()


def test_a_path_names_it():
    assert restore(MODEL.name) == MODEL


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: ByteTransformer(width=0), "ByteTransformer.width is 0"),
        (lambda: ByteTransformer(width=10, heads=3), "heads must divide"),
        (lambda: MODEL.network({"text_length": 0, "num_layers": 1}, 2), "text_length is 0"),
        (lambda: MODEL.network({"text_length": 8, "num_layers": -1}, 2), "num_layers is -1"),
    ],
)
def test_what_cannot_be_built_is_refused(build, words):
    with pytest.raises(Mu2Error, match=words):
        build()
