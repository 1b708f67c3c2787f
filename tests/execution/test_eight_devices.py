"""Runs on eight simulated devices: where arrays lie, when children train, and what comes out.

The runs are those of a process of its own, as the number of devices is set before jax begins.
"""

import json
import time
import warnings
from pathlib import Path

import jax
import numpy as np
import pytest

from mu2.models import flatten
from mu2.planning.verification import prove
from mu2.system import System
from mu2.system.inference import Inference
from mu2.training import Trainer, cohort
from mu2.training.layout import Slice
from tests import shrunken

pytestmark = pytest.mark.slow

# Digits once, a generation of children from the root, one layer each, all of it trained.
RUN = (
    "Stream.tasks=(@digits/Task(),)",
    "Stream.iterations=1",
    "Evolution.children_per_iteration=3",
    "Evolution.children_per_generation=3",
    "Mutation.always_cloned=('*',)",
    "Ranges.num_layers=(1,)",
)
LAYOUTS = {
    "population": (8, 1, 1),
    "data": (1, 8, 1),
    "matrices": (1, 4, 2),
    "all": (2, 2, 2),
}
# Leaves of an encoder block of width 16, MLP 32 and 2 heads, and their pieces of two.
HALVES = {
    "MlpBlock_3/Dense_0/kernel": [16, 16],
    "MlpBlock_3/Dense_0/bias": [16],
    "MlpBlock_3/Dense_1/kernel": [16, 16],
    **{
        f"MultiHeadDotProductAttention_1/{name}/{leaf}": shape
        for name in ("query", "key", "value")
        for leaf, shape in (("kernel", [16, 1, 8]), ("bias", [1, 8]))
    },
    "MultiHeadDotProductAttention_1/out/kernel": [1, 8, 16],
}


def bindings(population, data, model):
    axes = {"population": population, "data": data, "model": model}
    return [f"Layout.{name}={size}" for name, size in axes.items()]


def lies(array):
    """The devices of an array, and the shapes of its pieces."""
    assert isinstance(array, jax.Array)
    shards = array.addressable_shards
    return {
        "devices": sorted(shard.device.id for shard in shards),
        "shapes": sorted({shard.data.shape for shard in shards}),
        "whole": array.shape,
    }


def watch(directory, name):
    """Evolves under a layout; returns where its arrays lay and when its children trained."""
    seen = {"states": [], "batches": [], "children": []}
    extract_leaves, split, train = cohort.extract_leaves, Slice.split, Trainer.train

    def note_state(state, network, names, optimizer):
        leaves = {}
        for kind, tree in (("params", state.params), ("momentum", state.trace)):
            for component, inner in tree.items():
                leaves |= {f"{kind}/{component}/{k}": lies(x) for k, x in flatten(inner).items()}
        seen["states"].append(leaves)
        kept = extract_leaves(state, network, names, optimizer)
        arrays = [array for leaves in kept.values() for array in leaves.values()]
        assert all(type(array) is np.ndarray for array in arrays)
        return kept

    def note_batch(devices, array):
        placed = split(devices, array)
        seen["batches"].append(lies(placed))
        return placed

    def note_time(trainer, jobs):
        start = time.perf_counter()
        trained = list(train(trainer, jobs))
        devices = sorted(device.id for device in trainer.devices.mesh.devices.flat)
        end = time.perf_counter()
        child = {"devices": devices, "start": start, "end": end, "children": len(trained)}
        seen["children"].append(child)
        return trained

    cohort.extract_leaves, Slice.split, Trainer.train = note_state, note_batch, note_time
    try:
        shrunken.evolve(Path(directory) / name, *RUN, *bindings(*LAYOUTS[name]))
    finally:
        cohort.extract_leaves, Slice.split, Trainer.train = extract_leaves, split, train
    return seen


def on_eight_devices(directory):
    """What the process of its own does: every layout, and its proofs."""
    warnings.filterwarnings("error", message="Some donated buffers were not usable")
    assert len(jax.devices()) == 8
    seen = {name: watch(directory, name) for name in LAYOUTS}
    for name in LAYOUTS:
        seen[name]["proofs"] = [proof.same for proof in prove(System.open(f"{directory}/{name}"))]
    Path(directory, "seen.json").write_text(json.dumps(seen))


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("eight")
    process = shrunken.python(
        "-c",
        f"from {__name__} import on_eight_devices as run; run({str(directory)!r})",
        JAX_PLATFORMS="cpu",
        XLA_FLAGS="--xla_force_host_platform_device_count=8",
        PYTHONPATH=str(shrunken.ROOT),
    )
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    return directory


@pytest.fixture(scope="module")
def seen(directory):
    return json.loads((directory / "seen.json").read_text())


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """The same run on one device."""
    return shrunken.evolve(tmp_path_factory.mktemp("one") / "system", *RUN)


def test_children_on_devices_of_their_own_have_the_same_bits(directory, one):
    eight = System.open(directory / "population")
    assert eight.paths() == one.paths()
    logs = [Path(system.directory, "log.jsonl").read_bytes() for system in (eight, one)]
    assert logs[0] == logs[1]
    for component in one.path("digits").components:
        assert {k: v.tobytes() for k, v in eight.arrays(component).items()} == {
            k: v.tobytes() for k, v in one.arrays(component).items()
        }


@pytest.mark.parametrize("name", ["data", "matrices", "all"])
def test_parameters_are_those_of_one_device_to_the_documented_tolerance(name, directory, one):
    split = System.open(directory / name)
    ids = [component.id for component in one.path("digits").components]
    assert [component.id for component in split.path("digits").components] == ids
    for component in one.path("digits").components:
        old, new = one.arrays(component), split.arrays(same(split, component))
        assert old.keys() == new.keys()
        for leaf in old:
            relative = 1e-5 if leaf.startswith("params/") else 2**-7  # a bit of bfloat16
            a, b = new[leaf].astype(np.float32), old[leaf].astype(np.float32)
            np.testing.assert_allclose(a, b, rtol=relative, atol=1e-6, err_msg=leaf)


def same(system, component):
    """The component of this id of a system's only path."""
    components = system.path("digits").components
    return next(each for each in components if each.id == component.id)


@pytest.mark.parametrize("name", ["data", "matrices", "all"])
def test_qualities_are_close_to_those_of_one_device(name, directory, one):
    lines = [*System.open(directory / name).log]
    assert [line["path"] for line in lines] == [line["path"] for line in one.log]
    for line, alone in zip(lines, one.log, strict=True):
        assert line["quality"] == pytest.approx(alone["quality"], abs=2 / 64)


@pytest.mark.parametrize("name", LAYOUTS)
def test_large_matrices_and_their_momentum_stay_split_after_the_steps(name, seen):
    _, data, model = LAYOUTS[name]
    assert seen[name]["states"]
    blocks = 0
    for state in seen[name]["states"]:
        for leaf, where in state.items():
            _, component, inner = leaf.split("/", 2)
            assert len(where["devices"]) == data * model
            halved = model > 1 and component.startswith("encoderblock") and inner in HALVES
            blocks += halved
            assert where["shapes"] == [HALVES[inner] if halved else where["whole"]], leaf
    assert (blocks > 0) == (model > 1)


@pytest.mark.parametrize("name", LAYOUTS)
def test_batches_are_split_over_data(name, seen):
    _, data, model = LAYOUTS[name]
    assert seen[name]["batches"]
    for where in seen[name]["batches"]:
        (shape,) = where["shapes"]
        assert [shape[0] * data, *shape[1:]] == where["whole"]
        assert where["whole"][0] == 32
        assert len(where["devices"]) == data * model


@pytest.mark.parametrize("name", LAYOUTS)
def test_children_on_separate_slices_train_at_the_same_time(name, seen):
    population, *_ = LAYOUTS[name]
    children = seen[name]["children"]
    assert sum(child["children"] for child in children) == 3
    assert population == 1 or all(child["children"] == 1 for child in children)
    overlaps = [
        (a["devices"], b["devices"])
        for i, a in enumerate(children)
        for b in children[:i]
        if a["start"] < b["end"] and b["start"] < a["end"]
    ]
    assert bool(overlaps) == (population > 1)
    assert all(set(a).isdisjoint(b) for a, b in overlaps)


def test_where_children_trained(seen):
    slices = {
        name: {tuple(child["devices"]) for child in seen[name]["children"]} for name in LAYOUTS
    }
    everything = tuple(range(8))
    assert slices["data"] == slices["matrices"] == {everything}
    assert slices["all"] == {everything[:4], everything[4:]}
    assert len(slices["population"]) == 3


def test_a_system_proves_itself_where_it_was_made(seen):
    assert {name: seen[name]["proofs"] for name in LAYOUTS} == {name: [True] for name in LAYOUTS}


def test_a_system_opens_on_one_device(directory, one):
    alone = Inference(one)
    inputs = np.zeros((3, *alone.input_shape("digits")), np.uint8)
    inputs += np.arange(3, dtype=np.uint8)[:, None, None, None] * 90
    expected = alone.predict("digits", inputs).probabilities
    for name in LAYOUTS:
        system = System.open(directory / name)
        probabilities = Inference(system).predict("digits", inputs).probabilities
        np.testing.assert_allclose(probabilities, expected, atol=1e-3)
        (proof,) = prove(system)
        if name == "population":
            np.testing.assert_array_equal(probabilities, expected)
            assert proof.same
        elif not proof.same:
            assert proof.same is None
            assert "which add up in another order (test accuracy" in proof.reason
