"""The compiled step: gates, momentum, clipping, and one program whatever is trained."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mu2.key import Key
from mu2.mesh import single
from mu2.models import ViT, nest
from mu2.training.augment import Augmentation, normalise
from mu2.training.optimizer import Optimizer
from mu2.training.program import Programs, State, bucket, gated, mask

KEY = Key.from_seed(3)
MODEL = ViT(patch=8, width=16, heads=2, mlp_dim=32)
SPACE = {"image_size": 16, "num_layers": 2}
HYPERPARAMETERS = {
    "learning_rate": 0.1,
    "schedule": "constant",
    "warmup_ratio": 0.1,
    "momentum": 0.9,
    "nesterov": False,
}
CLASSES = 5
PLAIN = Augmentation(
    np.bool_(False), np.float32(1), np.float32(1), np.bool_(False), *[np.float32(0)] * 4
)


@pytest.fixture(scope="module")
def program():
    return Programs(clip_norm=1.0, sharding=single().sharding).of(
        MODEL.network(SPACE, bucket(CLASSES))
    )


@pytest.fixture(scope="module")
def batch():
    rng = KEY.fold_in("batch").numpy()
    images = rng.integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    return images, rng.integers(0, CLASSES, 8).astype(np.int32)


def initial(program):
    network = program.network
    params = {c.name: nest(c.init(KEY.fold_in(c.name).jax())) for c in network}
    params["head"]["kernel"] = 0.1 * jax.random.normal(KEY.jax(), (16, 64))
    trace = jax.tree.map(lambda x: jnp.zeros(x.shape, jnp.bfloat16), params)
    state = State(params, trace, jnp.int32(0), jnp.bool_(True))
    return single().place(state, program.shardings)


def step(program, batch, trained, steps=1, **changed):
    state = initial(program)
    flags = {c.name: np.int32(c.name in trained) for c in program.network}
    optimizer = Optimizer.of({**HYPERPARAMETERS, **changed}, 1, 4)
    for _ in range(steps):
        state = program.train_step(
            state, flags, optimizer, PLAIN, *batch, np.int32(CLASSES), KEY.jax()
        )
    return state


def reference(program, batch, trained, steps=1, momentum=0.9, nesterov=False):
    """The same steps through optax and plain gradients."""
    params = initial(program).params
    x, labels = normalise(jnp.asarray(batch[0])), batch[1]
    free = {k: v for k, v in params.items() if k in trained}
    optimizer = optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.sgd(0.05, momentum, nesterov, accumulator_dtype=jnp.bfloat16),
    )

    def loss(free):
        y = program.network.apply({**params, **free}, x)[:, :CLASSES]
        return optax.softmax_cross_entropy_with_integer_labels(y, labels).mean()

    slots = optimizer.init(free)
    for _ in range(steps):
        updates, slots = optimizer.update(jax.grad(loss)(free), slots)
        free = optax.apply_updates(free, updates)
    return {**params, **free}


@pytest.mark.parametrize(
    "trained",
    [
        {"head"},
        {"encoderblock_0"},
        {"embedding", "encoderblock_1", "head"},
        {"cls", "posembed_input", "encoder_norm"},
        {"embedding", "cls", "posembed_input", "encoderblock_0", "encoderblock_1",
         "encoder_norm", "head"},
    ],
)  # fmt: skip
def test_any_trained_set_equals_plain_gradients_through_optax(program, batch, trained):
    got = step(program, batch, trained).params
    expected = reference(program, batch, trained)
    for name in got:
        for a, b in zip(jax.tree.leaves(got[name]), jax.tree.leaves(expected[name]), strict=True):
            if name in trained:
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
            else:
                np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_and_nesterov_equal_optax(program, batch, nesterov):
    trained = {"head", "encoder_norm"}
    got = step(program, batch, trained, steps=4, momentum=0.5, nesterov=nesterov).params["head"]
    expected = reference(program, batch, trained, 4, 0.5, nesterov)["head"]
    # The bfloat16 trace rounds either way where float32 sums differ in their last bit.
    np.testing.assert_allclose(got["kernel"], expected["kernel"], rtol=1e-2, atol=3e-4)


def test_one_program_serves_every_trained_set_and_hyperparameter(program, batch):
    names = [c.name for c in program.network]
    step(program, batch, set(names))
    before = program.train_step._cache_size()
    for count in range(len(names)):
        step(program, batch, set(names[:count]), learning_rate=0.01 * count, schedule="restarts")
    assert program.train_step._cache_size() == before == 1


def test_padded_classes_are_never_predicted_and_never_trained(program, batch):
    state = step(program, batch, {"head"}, steps=2)
    head = initial(program).params["head"]["kernel"]
    np.testing.assert_array_equal(state.params["head"]["kernel"][:, CLASSES:], head[:, CLASSES:])
    masked = mask(jnp.full((2, 64), 9.0).at[:, 0].set(-9.0), jnp.int32(1))
    assert masked.argmax(-1).tolist() == [0, 0]


@pytest.mark.parametrize(
    ("classes", "width"), [(1, 64), (64, 64), (65, 128), (1000, 1024), (1623, 2048)]
)
def test_bucket(classes, width):
    assert bucket(classes) == width


def test_a_loss_that_is_not_finite_is_remembered(program, batch):
    assert bool(step(program, batch, {"head"}).finite)
    assert not bool(step(program, batch, {"head"}, steps=4, learning_rate=np.inf).finite)


@pytest.mark.parametrize(("trained", "below"), list(itertools.product([0, 1], repeat=2)))
def test_gate_gives_the_gradients_asked_for_and_zeros_for_the_rest(trained, below):
    layer = gated(lambda w, x: jnp.tanh(x @ w))
    w, x = jnp.ones((3, 2)), jnp.arange(6.0).reshape(2, 3) / 6

    def total(w, x):
        return layer(w, x, jnp.int32(trained), jnp.int32(below)).sum()

    dw, dx = jax.grad(total, (0, 1))(w, x)
    full_w, full_x = jax.grad(lambda w, x: jnp.tanh(x @ w).sum(), (0, 1))(w, x)
    np.testing.assert_allclose(dw, full_w * trained, rtol=1e-6)
    np.testing.assert_allclose(dx, full_x * below, rtol=1e-6)


def test_the_backward_pass_is_really_skipped():
    """Arithmetic that XLA is left with for each pair of flags: forward, then 0, 1, 1 or 2 more."""
    layer = gated(lambda w, x: jnp.tanh(x @ w))
    w, x = jnp.ones((64, 64)), jnp.ones((64, 64))

    def products(trained, below):
        def gradients(w, x):
            return jax.grad(lambda w, x: layer(w, x, trained, below).sum(), (0, 1))(w, x)

        cost = jax.jit(gradients).lower(w, x).compile().cost_analysis()
        return round(cost.get("flops", 0.0) / (2 * 64**3))

    forward = products(jnp.int32(0), jnp.int32(0))
    assert forward <= 1
    assert products(jnp.int32(0), jnp.int32(1)) == 2
    assert products(jnp.int32(1), jnp.int32(0)) == 2
    assert products(jnp.int32(1), jnp.int32(1)) == 3
