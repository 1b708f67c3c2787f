"""The compiled step: gates, momentum, clipping, and one program whatever is trained."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mu2.models import ViT, nest
from mu2.models.inputs import bucket, normalise
from mu2.random_keys import Key
from mu2.tasks.images import DEFAULT
from mu2.training.layout import single
from mu2.training.loss import mask
from mu2.training.optimizer import Optimizer
from mu2.training.prepare import Batch
from mu2.training.program import Programs, State

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
    images, labels = batch
    given = prepared(program, images)
    for _ in range(steps):
        state = program.train_step(state, flags, optimizer, given, labels, np.int32(CLASSES))
    return state


def nothing(program, images):
    """For a pass over a batch that is not prepared yet."""
    return program.empty_inputs(len(images), single().split)


def prepared(program, images):
    """The batch as the first component takes it."""
    prepare = Programs(clip_norm=1.0, sharding=single().sharding).prepare
    made = prepare(Batch(single().split(images)), program.input_shape, DEFAULT)
    return nothing(program, images)._replace(prepared_Bx=made)


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


def test_what_is_compiled_beforehand_is_what_a_child_calls(batch):
    made = Programs(clip_norm=1.0, sharding=single().sharding)
    program = made.of(MODEL.network({"image_size": 16, "num_layers": 0}, bucket(CLASSES)))
    images, labels = batch[0][:7], batch[1][:7]  # of a size that nothing was compiled for
    given = nothing(program, images)
    state, optimizer = initial(program), Optimizer.of(HYPERPARAMETERS, 1, 4)
    flags = {c.name: np.int32(1) for c in program.network}
    read, classes = Batch(single().split(images)), np.int32(CLASSES)

    def prepare():
        return made.prepare(read, program.input_shape, DEFAULT)

    compiled = []

    def listen(event, duration, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(duration)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        program.compile(state, flags, optimizer, given, labels, classes, prepare)
        assert len(compiled) == 3
        assert made.compiled() == 0  # called so far
        program.compile(state, flags, optimizer, given, labels, classes, prepare)
        given = given._replace(prepared_Bx=prepare())
        program.forward(state.params, given, program.end)
        program.train_step(state, flags, optimizer, given, labels, classes)
        assert len(compiled) == 3
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert made.compiled() == 2


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


# Features

BODY = ["embedding", "cls", "posembed_input", "encoderblock_0"]


def test_features_are_what_most_layers_put_out(program):
    assert [o.component.name for o in program.outputs if o.is_feature] == BODY[1:]
    assert [program.feature_before(i) for i in range(8)] == [0, 0, 2, 3, 4, 4, 4, 4]


@pytest.mark.parametrize("stops", [[0], [2], [4], [2, 3, 4], [0, 3, 4]])
def test_a_forward_pass_in_pieces_is_the_whole_one_bit_for_bit(program, batch, stops):
    params, given = initial(program).params, prepared(program, batch[0])
    expected, logits, _ = program.forward(params, given, program.end)
    for stop in stops:
        feature, *_ = program.forward(params, given, np.int32(stop))
        given = given._replace(feature_Bx=feature, start=np.int32(stop))
    if stops[-1] == 4:
        np.testing.assert_array_equal(feature, expected)
    np.testing.assert_array_equal(program.forward(params, given, program.end)[1], logits)
    np.testing.assert_allclose(
        logits,
        program.network.apply(params, normalise(jnp.asarray(batch[0]))),
        rtol=1e-4,
        atol=1e-5,
    )
    assert program.forward._cache_size() == 1


def test_a_step_from_a_feature_is_the_step_from_the_inputs(program, batch):
    trained = {"encoderblock_1", "encoder_norm", "head"}
    images, labels = batch
    whole = prepared(program, images)
    feature, *_ = program.forward(initial(program).params, whole, np.int32(4))
    # What is not read may be anything.
    blank = whole.prepared_Bx + np.nan
    begun = whole._replace(prepared_Bx=blank, feature_Bx=feature, start=np.int32(4))
    flags = {c.name: np.int32(c.name in trained) for c in program.network}
    optimizer = Optimizer.of(HYPERPARAMETERS, 1, 4)
    one, other = (
        program.train_step(initial(program), flags, optimizer, each, labels, np.int32(CLASSES))
        for each in (whole, begun)
    )
    jax.tree.map(np.testing.assert_array_equal, one.params, other.params)
    jax.tree.map(np.testing.assert_array_equal, one.trace, other.trace)
