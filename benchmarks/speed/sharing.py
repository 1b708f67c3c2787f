"""A generation of eight children of one mature parent, with what they share and without.

From the top of the checkout: python -m benchmarks.speed.sharing [--layers 8] [--rounds 5]

The children have the lower half, or the lower three quarters, of the encoder blocks frozen in
common, and train all above. `together` is how mu2 trains a generation. `apart` is the same step for
each child by itself, from the inputs on, and its validation likewise. The two take turns. Ideal,
with a forward pass counted as 1 and a backward pass as 2: 0.78 and 0.56 of equal blocks; here 0.74
and 0.46, as the last of eight blocks costs 0.22 of another.
"""

import argparse
import functools
import sys
from collections.abc import Callable, Sequence
from unittest import mock

import numpy as np

from benchmarks.speed.history import note, table
from benchmarks.speed.sidebyside import in_turn, medians
from mu2.cli import process
from mu2.models.leaves import to_stored
from mu2.models.vit import ViT
from mu2.random_keys import Key
from mu2.tasks.examples import Examples
from mu2.training import Job, Trainer, Training, cohort
from mu2.training.layout import single

KEY = Key.from_seed(0)
MODEL = ViT(patch=8, width=192, heads=3, mlp_dim=768)
CHILDREN = 8
WANTED = {"half": 0.85, "three quarters": 0.65}
HYPERPARAMETERS = {
    "image_size": 32, "learning_rate": 0.01, "schedule": "cosine", "warmup_ratio": 0.05,
    "momentum": 0.9, "nesterov": False, "crop": True, "area_min": 0.05, "aspect_min": 0.75,
    "flip": True, "brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0,
}  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", type=int, default=8, help="encoder blocks")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=3, help="steps between two validations")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(argv)
    process.keep_freed_memory()
    training = Training(
        batch_size=options.batch,
        intervals=2,
        max_train_examples=options.steps * options.batch,
        max_validation_examples=options.batch,
    )
    trainer = Trainer(training, single())
    shares = {"half": options.layers // 2, "three quarters": 3 * options.layers // 4}
    figures, rows = {}, []
    for name, frozen in shares.items():
        jobs = generation(options.layers, frozen, training)
        ways: dict[str, Callable[[], float | None]] = {
            "together": functools.partial(trained, trainer, jobs),
            "apart": functools.partial(trained_apart, trainer, jobs),
        }
        for way in ways.values():
            way()
        seconds = medians(in_turn(ways, options.rounds))
        ratio = seconds["together"] / seconds["apart"]
        figures[name] = {**seconds, "ratio": ratio}
        rows.append(
            [name, f"{ratio:.2f}", f"<= {WANTED[name]}", *(f"{seconds[way]:.2f}" for way in ways)]
        )
    table(["frozen in common", "together / apart", "wanted", "together s", "apart s"], rows)
    note("sharing", figures)
    return 0


def trained(trainer: Trainer, jobs: Sequence[Job]) -> None:
    """Trains a generation to its end."""
    for _ in trainer.train(jobs):
        pass


def trained_apart(trainer: Trainer, jobs: Sequence[Job]) -> None:
    """The same, where children have nothing frozen in common."""
    with mock.patch.object(cohort, "frozen_prefix", return_value=()):
        trained(trainer, jobs)


def generation(layers: int, frozen: int, training: Training) -> list[Job]:
    """Eight children of one parent; all but the lower blocks are trained."""
    hyperparameters = {**HYPERPARAMETERS, "num_layers": layers}
    network = MODEL.network(hyperparameters, 10)
    names = [component.name for component in network]
    arrays = {c.name: to_stored(c.init(KEY.fold_in(c.name).jax())) for c in network}
    draw = KEY.fold_in("examples").numpy()

    def examples(count: int) -> Examples:
        images = draw.integers(0, 256, (count, 32, 32, 3), np.uint8)
        return Examples(images, draw.integers(0, 10, count).astype(np.int32))

    train = examples(training.max_train_examples)
    validation = examples(training.max_validation_examples)
    return [
        Job(
            network=network,
            arrays=arrays,
            trainable=frozenset(names[names.index(f"encoderblock_{frozen}") :]),
            ids={name: name for name in names},
            hyperparameters=hyperparameters,
            train=train,
            validation=validation,
            num_classes=10,
            key=KEY,
            score_to_reach=None,
            score=float,
        )
        for _ in range(CHILDREN)
    ]


if __name__ == "__main__":
    sys.exit(main())
