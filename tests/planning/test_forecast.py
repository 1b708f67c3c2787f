"""The forecast, against costs worked out by hand and against what the engine counts."""

import dataclasses

import numpy as np
import pytest

from mu2.evolution.budget import training_flops as counted
from mu2.evolution.rules import Mutation
from mu2.planning.forecast import (
    Bounds,
    forecast_run,
    root_parameters,
    store_bytes,
    training_flops,
    training_probabilities,
)
from mu2.planning.preview import stored_bytes
from tests import shrunken


@dataclasses.dataclass(frozen=True)
class Part:
    """A component as far as costs go; trained or not, as a plan has it."""

    name: str
    flops: float
    trainable: bool = False
    optional: bool = False


@dataclasses.dataclass(frozen=True)
class Planned:
    components: tuple[Part, ...]


BODY = (
    Part("embedding", 100.0),
    Part("block", 1000.0),
    Part("encoder_norm", 10.0),
    Part("head", 1.0),
)


def test_operations_by_hand():
    # Forward 1,111. Nothing below the block is trained with chance 1/2.
    chances = [0.5, 0.5, 1.0, 1.0]
    backward = 100 * 0.5 + 1000 * (0.5 + 0.5) + 10 * (1 + 0.75) + 1 * (1 + 1)
    assert training_flops(BODY, chances, 3, 0) == pytest.approx(3 * (1111 + backward))
    assert training_flops(BODY, chances, 0, 7) == pytest.approx(7 * 1111)


@pytest.mark.parametrize("flags", [*np.ndindex(2, 2, 2, 2)])
def test_without_chance_it_is_the_engines_rule(flags):
    parts = tuple(
        dataclasses.replace(p, trainable=bool(f)) for p, f in zip(BODY, flags, strict=True)
    )
    chances = [float(f) for f in flags]
    assert training_flops(BODY, chances, 64, 9) == counted(Planned(parts), 64, 9)


def test_it_is_the_mean_of_what_the_engine_counts():
    chances, random = (0.2, 0.3, 1.0, 1.0), np.random.default_rng(0)
    drawn = [
        counted(
            Planned(
                tuple(
                    dataclasses.replace(p, trainable=bool(random.random() < c))
                    for p, c in zip(BODY, chances, strict=True)
                )
            ),
            5,
            2,
        )
        for _ in range(4000)
    ]
    assert training_flops(BODY, chances, 5, 2) == pytest.approx(np.mean(drawn), rel=0.01)


def test_what_is_always_cloned_and_the_head_are_certain():
    assert training_probabilities(BODY, Mutation(), 0.2) == [0.2, 0.2, 1.0, 1.0]
    assert training_probabilities(BODY, Mutation(always_cloned=("*",)), 0.0) == [1.0] * 4
    assert training_probabilities(BODY, Mutation(always_cloned=()), 0.0) == [0.0, 0.0, 0.0, 1.0]


def test_bytes_of_a_system_by_hand():
    # Kept: float32 and its bfloat16 momentum; roots: float32.
    plain, adamw = shrunken.load(), shrunken.load("Hyperparameters.optimizer='adamw'")
    stored = stored_bytes(plain.experiment.space)
    assert store_bytes(Bounds(10, 20), 100, stored) == Bounds(460.0, 520.0)
    # AdamW keeps second moments in float32 as well.
    assert stored_bytes(adamw.experiment.space) - stored == 4


def test_children_steps_and_bounds_of_a_run():
    experiment = shrunken.load().experiment
    tasks = forecast_run(experiment)
    assert [t.task for t in tasks] == ["digits", "latin", "greek"]
    for each in tasks:
        assert (each.visits, each.children, each.intervals) == (2, 6, 1)
        assert each.steps == 2  # 64 examples in batches of 32
        assert 0 < each.flops.least <= each.flops.most
        assert 0 < each.parameters.least <= each.parameters.most
        assert each.total_steps(None) == 12
    network = experiment.space.model.network(experiment.space.defaults(), 10)
    roots = sum(c.size for c in network if not c.optional and c.name != "head")
    assert root_parameters(experiment, experiment.stream.tasks) == roots


def test_a_run_lies_between_the_bounds(tmp_path_factory):
    # A child may lose its only layer, so that the lower bound is soft.
    run = shrunken.evolved(tmp_path_factory)
    for each in forecast_run(run.experiment):
        spent = sum(line["flops"] for line in run.lines if line["task"] == each.task)
        assert 0.5 * each.total(None).least <= spent <= each.total(None).most * (1 + 1e-9)
