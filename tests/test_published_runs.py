"""Whole small runs under the rules that need more of the store than µ2Net's own."""

import contextlib
import io
import json

import pytest

from mu2 import config
from mu2.config import start
from mu2.report.progress import LogReporter
from mu2.store import Journal
from mu2.store.sweep import find_reachable
from mu2.store.verify import verify
from mu2.system import System
from tests import shrunken

# A cap of one drops parents all the time; image sizes change, and what is resampled stays frozen
# as in muNet unless the draw says otherwise.
BINDINGS = (
    *shrunken.SMALL,
    "Training.batch_size=16",  # of its own, as runs of equal training count programs together
    "Evolution.population=1",
    "Evolution.children_per_iteration=6",
    "Mutation.train_resampled=False",
    "Mutation.data_from_first=True",
    "Ranges.image_size=(8, 12, 16)",
    "Ranges.mutation_probability=(0.2, 0.5, 0.9)",
    "Hyperparameters.mutation_probability=0.5",
)


def under_way(directory):
    system = System.open(directory)
    return system, [system.task(name).current_population for name in system.progress.under_way]


@pytest.mark.slow
def test_a_run_with_a_cap_and_frozen_positions_is_resumed_to_the_same_bits(tmp_path):
    whole, directory = tmp_path / "whole", tmp_path / "stopped"
    shrunken.evolve(whole, *BINDINGS)
    stops, dropped, resampled = 0, 0, set()
    while True:
        try:
            with shrunken.stopped_at("_commit", after=True):
                shrunken.evolve(directory, *BINDINGS)
            break
        except shrunken.Stopped:
            stops += 1
        assert verify(directory) == []
        system, populations = under_way(directory)
        for population in populations:
            assert len(population.own) <= 1
            for path in population.dropped:
                dropped += 1
                for component in path.components:
                    assert system.arrays(component)
    assert stops >= 12
    assert dropped > 0
    for log in ("log.jsonl", "HEAD"):
        assert (directory / log).read_bytes() == (whole / log).read_bytes()
    for line in map(json.loads, (whole / "log.jsonl").read_text().splitlines()):
        if line["actions"]["posembed_input"] == "resample" and line["retained"]:
            resampled.add(line["path"])
    assert resampled
    # Nothing that the iterations dropped is left behind once they have ended.
    packs = {path.name for path in (whole / "components").iterdir() if len(path.name) == 64}
    assert packs == find_reachable(Journal.open(whole)).packs


def test_a_frozen_component_of_a_childs_own_is_stored_and_not_trained(tmp_path):
    bindings = (
        *shrunken.DIGITS,
        shrunken.ONCE,
        "Training.batch_size=16",
        "Evolution.children_per_iteration=1",
        "Evolution.children_per_generation=1",
        "Mutation.train_resampled=False",
        "Mutation.always_cloned=()",
        "Ranges.mutation_probability=(0.0,)",
        "Hyperparameters.mutation_probability=0.0",
    )
    first = shrunken.evolve(tmp_path / "system", *bindings)
    (root,) = first.roots()
    small = shrunken.evolve(
        tmp_path / "system",
        *bindings[1:],
        "Stream.tasks=(@latin/Task(),)",
        "Hyperparameters.image_size=8",
    )
    path = small.path("latin")
    positions = path.component("posembed_input")
    assert positions.id == "latin/0/0/posembed_input"
    assert set(small.arrays(positions)) == {"params/pos_embedding"}  # no momentum: not trained
    like = shrunken.load(*bindings, "Hyperparameters.image_size=8").experiment
    slot = next(c for c in like.network(path) if c.name == "posembed_input")
    old = small.arrays(root.component("posembed_input"))["params/pos_embedding"]
    expected = like.model(path).resample("posembed_input", {"pos_embedding": old}, slot)
    found = small.arrays(positions)["params/pos_embedding"]
    assert (found == expected["pos_embedding"]).all()
    assert verify(tmp_path / "system") == []


@pytest.mark.parametrize("name", ["munet", "mu2net_plus"])
def test_a_small_run_of_each_method_ends_with_a_full_generation(name, tmp_path):
    files = [shrunken.FILE, "search_spaces/adapters.gin", f"gin/mutation/{name}.gin"]
    bindings = shrunken.merged(
        *(*shrunken.SMALL, shrunken.ONCE, "Evolution.full_generations=True"),
        *("Training.batch_size=16", "Hyperparameters.learning_rate=0.1"),
    )
    loaded = config.load(files, bindings)
    directory = tmp_path / "system"
    reporter = contextlib.nullcontext(LogReporter(io.StringIO()))
    with shrunken.shared_programs():
        start.evolve(loaded.experiment, loaded.resolved, str(directory), reporter)
    system = System.open(directory)
    assert verify(directory) == []
    parents = {line["path"]: line["parent"] for line in system.log}
    # Two generations of two children for three that are asked for.
    assert len(parents) == 2 * 4
    if name == "munet":
        assert parents["latin/0/0"] == system.path("digits").id
        assert parents["latin/0/1"] == "root/ViT/random"
