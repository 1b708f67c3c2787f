"""Children whose head is solved: one forward pass, shared, and the same bits whoever shares it."""

import collections
import dataclasses

import flax.linen as nn
import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.models import MLP, ConvNet, ViT
from mu2.models.component import Component
from mu2.models.ocr import LCNetV4
from mu2.models.text import ByteTransformer
from mu2.training import Trainer
from mu2.training.closed_form import check_linear
from mu2.training.layout import single
from mu2.training.race import Race
from mu2.training.ridge import Ridge
from tests.training.test_cohort import KEY, NETWORK, TRAINING, counted, examples, job, same

RIDGE = Ridge((1e-4, 1e-2, 1.0), 5)


def separable(count, name):
    """Images of one colour, which is the class."""
    made = examples(count, KEY.fold_in(name))
    images = np.repeat(made.labels * 60, 16 * 16 * 3).reshape(made.inputs.shape)
    noise = made.inputs // 16
    return dataclasses.replace(made, inputs=(images + noise).astype(np.uint8))


TRAIN, VALIDATION = separable(100, "solved train"), separable(40, "solved validation")


def to_solve(child):
    made = dataclasses.replace(job(child), trainable=frozenset({"head"}), ridge=RIDGE)
    return dataclasses.replace(made, train=TRAIN, validation=VALIDATION)


@pytest.fixture(scope="module")
def trainer():
    return Trainer(TRAINING, single())


def test_a_head_is_solved_and_nothing_is_trained(trainer):
    (solved,) = trainer.train([to_solve("all")])
    assert solved.arrays.keys() == {"head"}
    assert (solved.steps, len(solved.qualities), solved.stopped) == (0, 1, False)
    assert solved.quality > 0.9
    assert trainer.programs.compiled() == 1  # the forward pass
    arrays = {**to_solve("all").arrays, **solved.arrays}
    logits = trainer.logits(NETWORK, arrays, VALIDATION.inputs, 4)
    assert np.mean(logits.argmax(1) == VALIDATION.labels) == solved.quality
    assert arrays["head"]["params/kernel"].shape == (16, 4)


def test_bits_do_not_depend_on_who_else_is_solved_and_the_pass_is_shared(trainer, monkeypatch):
    jobs = [to_solve(child) for child in ("all", "other block2", "norm")]
    alone = [next(trainer.train([each])) for each in jobs]
    made = counted(monkeypatch)
    together = list(Trainer(TRAINING, single()).train(jobs))
    for one, other in zip(together, alone, strict=True):
        same(one, other)
    same(together[0], together[2])
    # 7 batches of training examples and 3 of validation, each computed to where the first two
    # part, then to the last feature of both, and to the logits of all three.
    assert collections.Counter(made) == {(0, 3): 10, (3, 5): 20, (5, 8): 30}


def test_in_a_race_it_is_over_at_once(trainer):
    race = trainer.race([to_solve("all"), to_solve("other block2")])
    assert isinstance(race, Race)
    assert race.advance() == [None, None]
    race.stop([False, False])
    assert race.advance() == [None, None]
    for one in race.results():
        assert (len(one.qualities), one.stopped, one.diverged) == (1, False, False)


def test_no_more_examples_than_its_intervals_would_see():
    seen = []
    made = to_solve("all")

    class Watched:
        def __len__(self):
            return len(TRAIN)

        def batches(self, size, steps, key):
            seen.append((size, steps))
            return TRAIN.batches(size, steps, key)

    few = dataclasses.replace(TRAINING, max_train_examples=20)
    watched = dataclasses.replace(made, train=Watched())
    next(Trainer(few, single()).train([watched]))
    assert seen == [(16, 3)]  # 2 intervals of 20


@pytest.mark.parametrize(
    ("model", "hyperparameters"),
    [
        (ViT(patch=8, width=16, heads=2, mlp_dim=32), {"image_size": 16, "num_layers": 1}),
        (ConvNet(), {"image_size": 16, "num_layers": 1}),
        (LCNetV4(), {"image_size": 16, "num_layers": 1}),
        (MLP(), {"num_features": 3, "num_layers": 1}),
        (ByteTransformer(), {"text_length": 8, "num_layers": 1}),
    ],
)
def test_heads_of_all_models_can_be_solved(model, hyperparameters):
    check_linear(model.network(hyperparameters, 5)[-1])


def test_another_head_is_refused():
    class Deep(nn.Module):
        num_classes: int

        @nn.compact
        def __call__(self, x):
            return nn.Dense(self.num_classes)(nn.relu(nn.Dense(7)(x)))

    with pytest.raises(Mu2Error, match=r"Deep.*no linear layer"):
        check_linear(Component("head", Deep(3), (5,)))
