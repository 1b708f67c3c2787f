"""SGD, AdamW and Lion, chosen at run time, against optax's own."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mu2.models import MLP
from mu2.models.inputs import bucket
from mu2.models.leaves import MOMENT_STEPS
from mu2.random_keys import Key
from mu2.tasks.examples import Examples
from mu2.training import Trainer, Training
from mu2.training.layout import single
from mu2.training.loss import cross_entropy, mask
from mu2.training.optimizer import OPTIMIZERS, SCHEDULES, Optimizer, learning_rate
from mu2.training.state import extract_leaves, initial
from mu2.training.update import ComponentState, update
from tests.jobs import PLAIN, job

KEY = Key.from_seed(5)
STEPS = 6
SHAPES = {"kernel": (4, 3), "bias": (3,)}


def draw(*purpose):
    random = KEY.fold_in(*purpose).numpy()
    return {name: jnp.float32(random.normal(size=shape)) for name, shape in SHAPES.items()}


def optimizer(**changed):
    return Optimizer.of({**PLAIN, **changed}, 2, STEPS // 2, optimizers=OPTIMIZERS)


def zeros(dtype):
    return {name: jnp.zeros(shape, dtype) for name, shape in SHAPES.items()}


def taken(o, dtype=jnp.float32, steps=STEPS):
    """A component after some steps; its momentum in float32 unless another dtype is given."""
    component = ComponentState(draw("start"), zeros(dtype), zeros(jnp.float32), jnp.int32(0))
    for i in range(steps):
        component = one_step(component, draw("gradient", i), jnp.float32(i), o)
    return component


@jax.jit
def one_step(component, gradient, step, o):
    return update(component, gradient, learning_rate(o, step), o)


def expected(rule, steps=STEPS):
    params = draw("start")
    state = rule.init(params)
    for i in range(steps):
        changes, state = rule.update(draw("gradient", i), state, params)
        params = optax.apply_updates(params, changes)
    return params


def matrices(params):
    return jax.tree.map(lambda leaf: leaf.ndim > 1, params)


def rates(o):
    return lambda step: learning_rate(o, jnp.float32(step))


def rule(o, name, nesterov):
    decay = 0.1
    if name == "lion":
        return optax.lion(rates(o), 0.8, 0.99, weight_decay=decay, mask=matrices)
    if name == "adamw":
        return optax.adamw(rates(o), 0.8, weight_decay=decay, mask=matrices, nesterov=nesterov)
    decayed = optax.add_decayed_weights(decay, matrices)
    scaled = optax.scale_by_learning_rate(rates(o))
    return optax.chain(optax.trace(0.8, nesterov), decayed, scaled)


@pytest.mark.parametrize(("name", "nesterov"), [*itertools.product(OPTIMIZERS, (False, True))])
def test_steps_are_those_of_optax_whatever_the_schedule(name, nesterov):
    for schedule in SCHEDULES:
        check_steps(name, schedule, nesterov)


def check_steps(name, schedule, nesterov):
    o = optimizer(
        optimizer=name, schedule=schedule, momentum=0.8, nesterov=nesterov, weight_decay=0.1
    )
    own, theirs = taken(o).params, expected(rule(o, name, nesterov))
    for leaf in SHAPES:
        np.testing.assert_allclose(own[leaf], theirs[leaf], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", ["adamw", "lion"])
def test_a_factor_scales_steps_and_leaves_weight_decay_alone(name):
    o = optimizer(optimizer=name, weight_decay=0.1, **{f"{name}_factor": 0.25})
    quarter = optimizer(optimizer=name, learning_rate=PLAIN["learning_rate"] / 4, weight_decay=0.4)
    own, other = taken(o).params, taken(quarter).params
    for leaf in SHAPES:
        np.testing.assert_allclose(own[leaf], other[leaf], rtol=1e-5, atol=1e-6)


def test_momentum_is_bfloat16_and_second_moments_float32():
    o = optimizer(optimizer="adamw")
    rounded, exact = taken(o, jnp.bfloat16), taken(o)
    assert {leaf.dtype for leaf in rounded.trace.values()} == {jnp.dtype("bfloat16")}
    assert {leaf.dtype for leaf in rounded.second_moment.values()} == {jnp.dtype("float32")}
    assert rounded.moment_steps == STEPS
    for leaf in SHAPES:
        np.testing.assert_allclose(rounded.params[leaf], exact.params[leaf], atol=5e-3)
        assert not np.array_equal(rounded.params[leaf], exact.params[leaf])


def test_without_other_optimizers_nothing_is_kept_for_them():
    o = Optimizer.of(PLAIN, 1, 4, optimizers=("sgd",))
    assert (o.optimizer, o.adamw_factor, o.weight_decay, o.label_smoothing) == (None,) * 4
    assert len(jax.tree.leaves(o)) == len(jax.tree.leaves(Optimizer.of(PLAIN, 1, 4))) == 9
    assert Optimizer.of({**PLAIN, "weight_decay": 0.1}, 1, 4).weight_decay == np.float32(0.1)


# Children


MODEL = MLP(width=8, mlp_dim=16)
NETWORK = {"num_layers": 1, "num_features": 4}


@pytest.fixture(scope="module")
def examples():
    random = KEY.fold_in("examples").numpy()
    labels = np.arange(48, dtype=np.int32) % 3
    return Examples((random.normal(size=(48, 4)) + labels[:, None]).astype(np.float32), labels)


@pytest.fixture(scope="module")
def trainer():
    return Trainer(Training(batch_size=16, intervals=2), single())


def child(examples, arrays=None, optimizers=OPTIMIZERS, **changed):
    network = MODEL.network(NETWORK, 3)
    made = job(network, {**PLAIN, **changed}, examples, examples, 3, KEY, arrays=arrays)
    return dataclasses.replace(made, optimizers=optimizers)


def train(trainer, *jobs):
    return list(trainer.train(jobs))


def test_children_of_all_optimizers_share_one_program(trainer, examples):
    before = trainer.programs.compiled()
    settings = [{"optimizer": name, "label_smoothing": 0.1} for name in OPTIMIZERS]
    results = train(trainer, *(child(examples, **each) for each in settings))
    assert trainer.programs.compiled() == before + 2
    kernels = [result.arrays["head"]["params/kernel"] for result in results]
    assert not any(np.array_equal(kernels[0], other) for other in kernels[1:])
    kinds = [{name.partition("/")[0] for name in result.arrays["head"]} for result in results]
    assert kinds[0] == kinds[2] == {"params", "momentum"}
    assert kinds[1] == {"params", "momentum", "second_moment", MOMENT_STEPS}
    # The numbers of an SGD child are those of a run that knows nothing of the others.
    (alone,) = train(trainer, child(examples, optimizers=(), optimizer="sgd"))
    (beside,) = train(trainer, child(examples, optimizer="sgd"))
    for name, leaf in alone.arrays["head"].items():
        np.testing.assert_allclose(
            beside.arrays["head"][name].astype(np.float32), leaf.astype(np.float32), atol=1e-5
        )


def test_adamw_goes_on_where_the_original_stopped(trainer, examples):
    """Twice as many steps are those of one child and of its clone."""
    settings = {"optimizer": "adamw", "schedule": "constant", "learning_rate": 0.02}
    (first,) = train(trainer, child(examples, **settings))
    steps = first.arrays["head"][MOMENT_STEPS]
    assert (steps.dtype, steps.shape) == (np.int32, ())
    (clone,) = train(trainer, child(examples, first.arrays, **settings))
    assert clone.arrays["head"][MOMENT_STEPS] > steps
    # What another optimizer made is no first moment; of AdamW's an SGD child takes the momentum.
    (sgd,) = train(trainer, child(examples, optimizer="sgd"))
    network = child(examples).network
    program = trainer.programs.of(network.widen_head(bucket(3)))
    begun = initial(program, sgd.arrays, single(), "adamw", True)
    assert not any(np.asarray(leaf, np.float32).any() for leaf in jax.tree.leaves(begun.trace))
    begun = initial(program, first.arrays, single(), "sgd", True)
    got = np.asarray(begun.trace["head"]["kernel"])[:, :3]
    np.testing.assert_array_equal(got, first.arrays["head"]["momentum/kernel"])
    assert begun.moment_steps["head"] == 0
    # And what is stored is what a state is made of.
    begun = initial(program, first.arrays, single(), "adamw", True)
    back = extract_leaves(begun, network, frozenset(["head"]), "adamw")["head"]
    assert back.keys() == first.arrays["head"].keys()
    for name, leaf in first.arrays["head"].items():
        assert back[name].dtype == leaf.dtype
        np.testing.assert_array_equal(back[name], leaf)


def test_smoothed_targets_are_those_of_optax_over_the_classes_that_exist():
    labels = jnp.arange(8) % 3
    logits = jnp.float32(KEY.fold_in("logits").numpy().normal(size=(8, 64)))

    def own(logits):
        return cross_entropy(mask(logits, 3), labels, jnp.int32(3), jnp.float32(0.3))

    def theirs(logits):
        targets = optax.smooth_labels(jax.nn.one_hot(labels, 3), 0.3)
        return optax.softmax_cross_entropy(logits[:, :3], targets).mean()

    one, other = jax.value_and_grad(own)(logits), jax.value_and_grad(theirs)(logits)
    np.testing.assert_allclose(one[0], other[0], rtol=1e-6)
    np.testing.assert_allclose(one[1], other[1], atol=1e-7)
    assert not one[1][:, 3:].any()


def test_without_adamw_there_are_no_second_moments(examples, trainer):
    made = child(examples, optimizers=("lion", "sgd"), optimizer="lion")
    program = trainer.programs.of(made.network.widen_head(bucket(3)))
    before = program.moment_step._cache_size()
    (result,) = train(trainer, made)
    assert program.moment_step._cache_size() == before
    assert {name.partition("/")[0] for name in result.arrays["head"]} == {"params", "momentum"}
