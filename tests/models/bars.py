"""What small image models are to learn, and what must stay as it was meanwhile."""

import numpy as np


def bars(rng, count, channels):
    """uint8 images [N, 12, 12, C] of noise with a bar in each, and whether it is upright."""
    pictures = rng.integers(0, 60, (count, 12, 12, channels), dtype=np.uint8)
    labels = rng.integers(0, 2, count).astype(np.int32)
    for picture, label in zip(pictures, labels, strict=True):
        at = rng.integers(2, 10)
        picture[(slice(2, 10), at) if label else (at, slice(2, 10))] = 255
    return pictures, labels


def check_what_is_frozen_stays(trainer, job):
    """Trains a child, some of whose components are frozen, with one program in all."""
    result = next(trainer.train([job]))
    assert set(result.arrays) == job.trainable
    for name in job.trainable:
        after, before = result.arrays[name], job.arrays[name]
        assert all((after[leaf] != before[leaf]).any() for leaf in before)
    # One program trains whatever is to be trained, and one validates.
    assert trainer.programs.compiled() == 2
