"""A generation of children of one task, for the tests of executors, and what comes of them."""

import dataclasses
import functools

import numpy as np

from mu2.execution import LocalWorkers
from mu2.models import MLP
from mu2.random_keys import Key
from mu2.tasks import Sklearn, Task
from mu2.tasks.data import TaskData
from mu2.training import Layout, Training
from tests import jobs

KEY = Key.from_seed(5)
TRAINING = Training(batch_size=32, intervals=3, max_train_examples=64)
HYPERPARAMETERS = {**jobs.PLAIN, "num_features": 13, "num_layers": 0}


@functools.cache
def local():
    return LocalWorkers(Layout(), TRAINING)


@functools.cache
def generation():
    """Four children of one task; two begin with the same stored component, one with another."""
    network = MLP(width=8).network(HYPERPARAMETERS, 3)
    data = TaskData(Task("wine", Sklearn("wine")), 32, 64)
    made = []
    for number, stored in enumerate((None, "a", "b", "a")):
        key = KEY.fold_in(stored or "own")
        train, validation = (data.examples(part, (13,)) for part in ("train", "validation"))
        first, *others = (component.name for component in network)
        job = jobs.job(network, HYPERPARAMETERS, train, validation, 3, key, trained=others)
        given = {} if stored is None else {first: stored}
        ids = {**job.ids, first: stored or f"own {number}"}
        made.append(
            dataclasses.replace(job, key=KEY, stored=given, ids=ids, score_to_reach=0.1 * number)
        )
    return made


@functools.cache
def trained():
    return list(local().train(generation()))


def better_half(intervals, scores):
    known = sorted((score for score in scores if score is not None), reverse=True)
    return [score is not None and score in known[: -(-len(known) // 2)] for score in scores]


def assert_same(results, others):
    assert len(results) == len(others)
    for one, other in zip(results, others, strict=True):
        without = [dataclasses.replace(each, seconds=0.0, arrays={}) for each in (one, other)]
        assert without[0] == without[1]
        assert one.arrays.keys() == other.arrays.keys()
        for name, leaves in one.arrays.items():
            for leaf, values in leaves.items():
                np.testing.assert_array_equal(values, other.arrays[name][leaf], strict=True)
