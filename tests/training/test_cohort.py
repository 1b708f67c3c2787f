"""Children that share frozen layers: computed once for all of them, and to the same bits."""

import dataclasses

import numpy as np
import pytest

from mu2.models import ViT
from mu2.random_keys import Key
from mu2.tasks.examples import Examples
from mu2.training import Trainer, Training
from mu2.training.cohort import frozen_prefix, meeting_points, shared_prefix
from mu2.training.layout import single
from mu2.training.program import Program
from tests import jobs

KEY = Key.from_seed(5)
MODEL = ViT(patch=8, width=16, heads=2, mlp_dim=32)
HYPERPARAMETERS = {
    **jobs.PLAIN,
    "image_size": 16,
    "num_layers": 3,
    "crop": True,
    "area_min": 0.5,
    "flip": True,
    "brightness": 0.1,
}
TRAINING = Training(batch_size=16, intervals=2, max_train_examples=64, max_validation_examples=64)
NETWORK = MODEL.network(HYPERPARAMETERS, 4)
NAMES = [component.name for component in NETWORK]
# The lowest trained component of each child, and those above it that are frozen all the same.
CHILDREN = {
    "all": ("embedding", ()),
    "posembed": ("posembed_input", ("encoderblock_0",)),
    "block1": ("encoderblock_1", ()),
    "block2": ("encoderblock_2", ()),
    "block2 again": ("encoderblock_2", ()),
    "other block2": ("encoderblock_2", ()),
    "norm": ("encoder_norm", ()),
}


def examples(count, key):
    rng = key.numpy()
    images = rng.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8)
    return Examples(images, rng.integers(0, 4, count).astype(np.int32))


TRAIN, VALIDATION = examples(64, KEY.fold_in("train")), examples(40, KEY.fold_in("validation"))


def leaves(name, owner):
    component = NETWORK[NAMES.index(name)]
    draw = KEY.fold_in("init", name, owner).jax()
    return {f"params/{leaf}": array for leaf, array in component.init(draw).items()}


def job(child):
    lowest, frozen = CHILDREN[child]
    trained = set(NAMES[NAMES.index(lowest) :]) - set(frozen)
    # One child has another first block than the rest.
    owners = {n: "b" if (child, n) == ("other block2", "encoderblock_0") else "a" for n in NAMES}
    arrays = {name: leaves(name, owners[name]) for name in NAMES}
    made = jobs.job(NETWORK, HYPERPARAMETERS, TRAIN, VALIDATION, 4, KEY, trained, arrays)
    return dataclasses.replace(made, ids={name: f"{owners[name]}/{name}" for name in NAMES})


@pytest.fixture(scope="module")
def trainer():
    return Trainer(TRAINING, single())


@pytest.fixture(scope="module")
def program(trainer):
    return trainer._program(job("all"))


def counted(monkeypatch):
    """Notes from where to where every forward pass goes."""
    made, init = [], Program.__init__

    def watch(program, *arguments):
        init(program, *arguments)
        forward = program.forward

        def count(params, given, stop):
            made.append((int(given.start), int(stop)))
            return forward(params, given, stop)

        count.lower = forward.lower
        program.forward = count

    monkeypatch.setattr(Program, "__init__", watch)
    return made


def same(one, other):
    assert (one.qualities, one.steps, one.diverged) == (other.qualities, other.steps, False)
    assert one.arrays.keys() == other.arrays.keys()
    for name, arrays in one.arrays.items():
        for leaf, array in arrays.items():
            np.testing.assert_array_equal(array, other.arrays[name][leaf])


def test_a_childs_bits_do_not_depend_on_who_else_is_trained(trainer):
    jobs = [job(child) for child in CHILDREN]
    together = list(trainer.train(jobs))
    alone = [next(trainer.train([each])) for each in jobs]
    some = list(trainer.train(jobs[4:1:-1]))[::-1]
    for one, other in zip(together, alone, strict=True):
        same(one, other)
    for one, other in zip(together[2:5], some, strict=True):
        same(one, other)
    same(together[3], together[4])
    assert together[3].qualities != together[5].qualities or any(
        (together[3].arrays["head"][leaf] != array).any()
        for leaf, array in together[5].arrays["head"].items()
    )


def test_prefixes_end_at_features(program):
    lengths = {child: len(frozen_prefix(program, job(child))) for child in CHILDREN}
    assert lengths == {
        "all": 0, "posembed": 2, "block1": 4, "block2": 5, "block2 again": 5, "other block2": 5,
        "norm": 5,
    }  # fmt: skip
    alike = [shared_prefix(program, each) for each in map(job, CHILDREN)]
    assert len(set(alike)) == 2  # the one that trains everything, and the others


def test_prefixes_meet_where_they_part(program):
    prefixes = [frozen_prefix(program, job(child)) for child in CHILDREN]
    ends = meeting_points(program, prefixes)
    assert [ends[prefix] for prefix in prefixes] == [
        (), (2,), (2, 3, 4), (2, 3, 4, 5), (2, 3, 4, 5), (2, 3, 5), (2, 3, 4, 5),
    ]  # fmt: skip


def test_what_is_shared_is_computed_once_and_validation_features_are_kept(monkeypatch):
    made = counted(monkeypatch)
    trainer = Trainer(TRAINING, single())
    n = len(NAMES)
    list(trainer.train([job("block2"), job("block2 again")]))
    # Training: 2 intervals of 4 steps. Validation: 3 batches, whose features stay for the second.
    assert made.count((0, 5)) == 8 + 3
    assert made.count((5, n)) == 2 * 2 * 3
    assert len(made) == 23
    made.clear()
    frugal = Trainer(dataclasses.replace(TRAINING, features_limit_mb=0), single())
    list(frugal.train([job("block2"), job("block2 again")]))
    assert made.count((0, 5)) == 8 + 6
    made.clear()
    list(trainer.train([job("all")]))
    # The validation set goes through everything.
    assert made.count((0, n)) == 6
    assert len(made) == 6
