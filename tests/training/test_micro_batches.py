"""A training step by micro-batches is the step at once, but for rounding."""

import dataclasses

import jax
import numpy as np
import pytest

from mu2.models import ConvNet, Network
from mu2.models.convnet import MICRO_BATCH
from mu2.random_keys import Key
from mu2.training.layout import single
from mu2.training.optimizer import Optimizer
from mu2.training.program import Programs
from mu2.training.state import initial
from tests.jobs import PLAIN

KEY = Key.from_seed(2)
MODEL = ConvNet(stem_width=4, width=4, mlp_dim=4, channels=1)
NETWORK = MODEL.network({"image_size": 8, "num_layers": 0}, 64)


def after_a_step(micro_batch, labels):
    network = Network(dataclasses.replace(c, micro_batch=micro_batch) for c in NETWORK)
    program = Programs(1.0, single().sharding).of(network)
    arrays = {
        c.name: {f"params/{k}": np.asarray(v) for k, v in c.init(KEY.fold_in(c.name).jax()).items()}
        for c in network
    }
    arrays["head"]["params/kernel"] = np.full((16, 64), 0.01, np.float32)
    arrays["head"]["params/kernel"][:, 1::2] *= np.linspace(-1, 1, 16)[:, None]
    state = initial(program, arrays, single())
    flags = {c.name: np.int32(1) for c in network}
    given = program.empty_inputs(len(labels), single().split)
    images = KEY.fold_in("images").numpy().normal(size=(len(labels), 8, 8, 1)).astype(np.float32)
    o = Optimizer.of({**PLAIN, "schedule": "constant"}, 1, 1)
    given = given._replace(prepared_Bx=images)
    lowered = program.train_step.lower(state, flags, o, given, labels, np.int32(3)).as_text()
    return program.train_step(state, flags, o, given, labels, np.int32(3)), lowered


@pytest.mark.parametrize(("examples", "pieces"), [(8, 2), (6, 2), (7, 1)])
def test_a_step_is_that_of_the_whole_batch(examples, pieces):
    labels = np.arange(examples, dtype=np.int32) % 3
    whole, one = after_a_step(None, labels)
    parts, several = after_a_step(4, labels)
    # One loop more, where a divisor of the batch is near.
    assert several.count("stablehlo.while") - one.count("stablehlo.while") == pieces - 1
    assert (several == one) == (pieces == 1)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6),
        parts.params,
        whole.params,
    )
    assert parts.finite


def test_batches_that_fit_are_left_whole():
    program = Programs(1.0, single().sharding).of(NETWORK)
    taken = {batch: program._micro_batch(batch) for batch in (16, 32, 64, 65, 67, 96, 100, 256)}
    assert taken == {16: 16, 32: 32, 64: 32, 65: 65, 67: 67, 96: 32, 100: 25, 256: MICRO_BATCH}
