"""The trainer: a shrunken real child, trained, kept at its best interval, and repeatable."""

import dataclasses

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.models import ViT
from mu2.random_keys import Key
from mu2.tasks.examples import Examples
from mu2.tasks.streaming import StreamingExamples
from mu2.training import Trainer, Training
from mu2.training.layout import Layout
from tests import jobs

KEY = Key.from_seed(11)
MODEL = ViT(patch=8, width=16, heads=2, mlp_dim=32)
HYPERPARAMETERS = {**jobs.PLAIN, "image_size": 16, "num_layers": 1}
TRAINING = Training(batch_size=16, intervals=3, max_train_examples=640, max_validation_examples=64)


def colours(count, key):
    """Noisy images whose class is the channel that is bright, or none."""
    rng = key.numpy()
    labels = rng.integers(0, 4, count).astype(np.int32)
    images = rng.integers(0, 120, (count, 16, 16, 4), dtype=np.uint8)
    images[np.arange(count), :, :, labels] += 100
    return Examples(images[..., :3], labels)


@pytest.fixture(scope="module")
def trainer():
    (devices,) = Layout().slices()
    return Trainer(TRAINING, devices)


@pytest.fixture(scope="module")
def job():
    train, validation = colours(640, KEY.fold_in("train")), colours(40, KEY.fold_in("validation"))
    network = MODEL.network(HYPERPARAMETERS, 4)
    return jobs.job(network, HYPERPARAMETERS, train, validation, 4, KEY)


@pytest.fixture(scope="module")
def trained(trainer, job):
    return next(trainer.train([job]))


def test_a_child_learns(trained):
    assert trained.quality > 0.9
    assert trained.steps == 3 * 40
    assert not trained.diverged


def test_quality_is_the_best_interval_and_the_kept_arrays_give_it(trainer, job, trained):
    assert trained.quality == max(trained.qualities)
    y = trainer.logits(job.network, trained.arrays, job.validation.inputs, 4)
    assert y.shape == (40, 4)
    assert y.dtype == np.float32
    assert np.mean(y.argmax(-1) == job.validation.labels) == trained.quality


def test_leaves_have_their_true_shapes_and_a_bfloat16_momentum(job, trained):
    head = trained.arrays["head"]
    assert head["params/kernel"].shape == (16, 4)
    assert head["momentum/kernel"].dtype == "bfloat16"
    assert {k: v.dtype for k, v in head.items() if k.startswith("params")} == {
        "params/kernel": np.float32,
        "params/bias": np.float32,
    }


def test_training_twice_gives_the_same_bits(trainer, job, trained):
    again = next(trainer.train([job]))
    assert again.qualities == trained.qualities
    for name, leaves in trained.arrays.items():
        for leaf, array in leaves.items():
            np.testing.assert_array_equal(array, again.arrays[name][leaf])


def test_frozen_components_are_not_returned_and_never_change(trainer, job):
    before = {k: v.copy() for k, v in job.arrays["encoderblock_0"].items()}
    result = next(
        trainer.train([dataclasses.replace(job, trainable=frozenset({"head", "encoder_norm"}))])
    )
    assert set(result.arrays) == {"head", "encoder_norm"}
    for leaf, array in before.items():
        np.testing.assert_array_equal(array, job.arrays["encoderblock_0"][leaf])


def test_inherited_momentum_changes_the_first_steps(trainer, job, trained):
    arrays = {name: trained.arrays[name] for name in job.arrays}
    bare = {
        name: {k: v for k, v in leaves.items() if k.startswith("params")}
        for name, leaves in arrays.items()
    }
    hot = next(trainer.train([dataclasses.replace(job, arrays=arrays)]))
    cold = next(trainer.train([dataclasses.replace(job, arrays=bare)]))
    leaf = hot.arrays["embedding"]["params/kernel"]
    assert (leaf != cold.arrays["embedding"]["params/kernel"]).any()


def test_the_bar_keeps_equal_scores_and_refuses_lower_ones(trainer, job, trained):
    reached = next(trainer.train([dataclasses.replace(job, score_to_reach=trained.quality)]))
    assert reached.quality == trained.quality
    refused = next(trainer.train([dataclasses.replace(job, score_to_reach=trained.quality + 1e-6)]))
    assert refused.quality == trained.quality
    assert not refused.arrays
    assert refused.qualities == trained.qualities
    strict = next(
        trainer.train([dataclasses.replace(job, score_to_reach=trained.quality, must_improve=True)])
    )
    assert not strict.arrays
    assert strict.qualities == trained.qualities


def test_of_intervals_that_score_the_same_the_last_is_kept_or_the_first_where_it_must_improve(
    trainer, job, trained
):
    rising = iter(range(1, 100))
    runs = {
        "first": {"score": lambda _: 0.5, "must_improve": True},
        "last": {"score": lambda _: 0.5},
        "best": {"score": lambda _: float(next(rising))},
    }
    kept = {
        name: next(trainer.train([dataclasses.replace(job, **fields)])).arrays["head"]
        for name, fields in runs.items()
    }
    leaf = "params/kernel"
    assert len(trained.qualities) > 1
    np.testing.assert_array_equal(kept["last"][leaf], kept["best"][leaf])
    assert (kept["first"][leaf] != kept["last"][leaf]).any()


def test_a_child_that_diverges_scores_nothing(trainer, job):
    wild = {**HYPERPARAMETERS, "learning_rate": float("inf"), "schedule": "constant"}
    result = next(trainer.train([dataclasses.replace(job, hyperparameters=wild)]))
    assert result.diverged
    assert result.quality is None
    assert not result.arrays


def test_children_of_a_race_are_those_trained_alone_as_far_as_they_come(trainer, job, trained):
    wild = {**HYPERPARAMETERS, "learning_rate": float("inf"), "schedule": "constant"}
    other = dataclasses.replace(job, key=KEY.fold_in("other"), trainable=frozenset({"head"}))
    race = trainer.race([other, job, dataclasses.replace(job, hyperparameters=wild)])
    scores = [race.advance()]
    race.stop([False, True, True])
    scores += [race.advance(), race.advance()]
    stopped, whole, diverged = race.results()
    assert scores == [
        [stopped.qualities[0], trained.qualities[0], None],
        [None, trained.qualities[1], None],
        [None, trained.qualities[2], None],
    ]
    assert (stopped.stopped, whole.stopped, diverged.stopped) == (True, False, False)
    assert (stopped.steps, whole.steps, diverged.diverged) == (40, 120, True)
    assert stopped.arrays.keys() == {"head"}
    for name, leaves in trained.arrays.items():
        for leaf, array in leaves.items():
            np.testing.assert_array_equal(array, whole.arrays[name][leaf])


def test_all_of_this_compiled_two_programs(trainer, trained):
    assert trainer.programs.compiled() == 2
    assert len(trainer.programs) == 1


def test_epochs_see_every_example_once_before_any_twice():
    examples = Examples(np.zeros((10, 1, 1, 1), np.uint8), np.arange(10, dtype=np.int32))
    labels = np.concatenate([b.labels for b in examples.batches(4, 5, KEY)])
    assert sorted(labels[:10]) == sorted(labels[10:]) == list(range(10))
    assert list(labels[:10]) != list(labels[10:])


@pytest.mark.parametrize(("available", "used"), [(40, 40), (64, 64), (100, 64), (70, 64)])
def test_validation_examples(available, used):
    assert TRAINING.validation_examples(available) == used


def test_steps_are_one_epoch_or_the_cap():
    assert TRAINING.steps(33) == 3
    assert TRAINING.steps(10_000) == 40
    assert Training().steps(4000) == 8


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"batch_size": 0}, "Training.batch_size is 0"),
        ({"clip_norm": 0.0}, "Training.clip_norm"),
        ({"dtype": "float16"}, "Training.dtype is 'float16'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values, words):
    with pytest.raises(Mu2Error, match=words):
        Training(**values)


def test_examples_read_as_they_are_needed_train_the_same_bits(trainer, job, trained):
    def streamed(examples):
        def read(indices):
            chosen = list(indices)
            return Examples(examples.inputs[chosen], examples.labels[chosen])

        return StreamingExamples(read, len(examples), examples.inputs[0].nbytes, memory=1)

    train, validation = streamed(job.train), streamed(job.validation)
    again = next(trainer.train([dataclasses.replace(job, train=train, validation=validation)]))
    assert again.qualities == trained.qualities
    for name, leaves in trained.arrays.items():
        for leaf, array in leaves.items():
            np.testing.assert_array_equal(array, again.arrays[name][leaf])
