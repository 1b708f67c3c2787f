"""The programs of benchmarks/speed, shrunken: each ends, prints a table and adds to a history."""

import pkgutil
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.speed import (
    accelerator,
    bare,
    convnet,
    efficiency,
    growth,
    history,
    inference,
    memory,
    micro_batches,
    programs,
    roofline,
    sidebyside,
    simulation,
    start,
    watched,
)
from benchmarks.speed import images as images_
from benchmarks.speed import input as input_
from mu2 import config
from mu2.models.component import Network
from mu2.random_keys import Key
from mu2.tasks.images import DEFAULT
from mu2.tasks.view import Views
from mu2.training.augment import Augmentation
from mu2.training.layout import single
from mu2.training.optimizer import Optimizer, learning_rate
from mu2.training.prepare import Batch, Preparation
from mu2.training.program import Program, State
from tests import shrunken

ONE = "ConvNet micro"


@pytest.fixture(autouse=True)
def noted(tmp_path, monkeypatch):
    """The file that takes the place of the history."""
    monkeypatch.setattr(history, "HISTORY", tmp_path / "history.jsonl")
    return tmp_path / "history.jsonl"


def only(noted, kind):
    """The figures of the one line there is."""
    (line,) = history.read(file=noted)
    assert line["kind"] == kind
    return line["figures"]


def test_ways_take_turns_and_may_count_by_themselves():
    order = []
    ways = {"a": lambda: order.append("a"), "b": lambda: float(order.append("b") or len(order))}
    seconds = sidebyside.in_turn(ways, 2)
    assert order == ["a", "b", "a", "b"]
    assert seconds["b"] == [2.0, 4.0]
    assert sidebyside.medians({"x": [3.0, 1.0, 2.0]}) == {"x": 2.0}


def test_a_process_that_fails_is_told():
    with pytest.raises(RuntimeError, match="what it said"):
        sidebyside.python("-c", "import sys; sys.exit('what it said')")


@pytest.mark.parametrize("place", watched.PARTS)
def test_what_is_watched_is_there(place):
    assert callable(pkgutil.resolve_name(place))


@pytest.mark.slow
def test_growth_adds_tasks_to_a_system_and_asks_it(tmp_path, monkeypatch):
    monkeypatch.chdir(shrunken.ROOT)
    small = ("ViT.width = 16", "ViT.heads = 2", "ViT.mlp_dim = 32", "Training.intervals = 1")
    layers = ("Hyperparameters.num_layers = 0", "Ranges.num_layers = (0,)")
    lines = [line for line in growth.HEAD.splitlines() if not line.startswith(("Ranges", "Train"))]
    monkeypatch.setattr(growth, "HEAD", "\n".join([*lines, *small, *layers]))
    growth.npz(tmp_path)
    for task in ("one", "two"):
        growth.run(tmp_path, tmp_path / "system", [task])
        growth.predict(tmp_path / "system", task)
    assert growth.System.open(tmp_path / "system").tasks == ("one", "two")


def test_compiling_within_compiling_counts_once():
    assert watched.union([(3, 4), (0, 2), (1, 1.5), (1.9, 2.5)]) == [(0, 2.5), (3, 4)]
    clock = watched.Clock(watched.time.monotonic())
    with clock.part("one"):
        clock.duration(watched.COMPILED, 0.0)
        with clock.part("two"):
            watched.time.sleep(0.02)
    figures = clock.figures()
    assert figures["compiled"] == 1
    assert figures["seconds"]["two"] >= 0.02 > figures["seconds"]["one"]


@pytest.mark.parametrize("name", roofline.SHAPES)
def test_operations_counted_by_hand_are_the_matrix_products_that_xla_counts(name):
    shape = roofline.SHAPES[name]
    network = shape.model.network(shape.hyperparameters, roofline.CLASSES)
    first, *others = network
    counted = shape.batch * (2 * first.flops + 3 * sum(component.flops for component in others))
    # XLA counts what lies between the products too: norms, activations, softmax.
    assert 0.7 * counted < roofline.flops(shape) < counted


@pytest.mark.slow
def test_roofline(noted, capsys):
    assert roofline.main(["--shapes", ONE, "--rounds", "1", "--batch", "16"]) == 0
    figures = only(noted, "roofline")[ONE]
    assert 0 < figures["mu2"] < 1.5
    assert 0 < figures["plain"] < 1.5
    assert ONE in capsys.readouterr().out


def test_a_profile_names_operations():
    shape = roofline.dataclasses.replace(roofline.SHAPES[ONE], batch=16)
    found = roofline.profile(roofline.plain_step(shape), calls=2)
    assert sum(found.values()) > 0
    assert not set(found) & set(roofline.HOLDERS)


@pytest.mark.slow
def test_input(noted):
    assert input_.main(["--no-disk", "--batch", "16", "--steps", "1", "--rounds", "1"]) == 0
    assert only(noted, "input").keys() == {input_.STEP, *input_.MEMORY}


def test_images(noted):
    pytest.importorskip("cv2")
    assert images_.main(["--images", "3", "--rounds", "1"]) == 0
    figures = only(noted, "images")
    # A photograph of ImageNet takes about 110 KB.
    assert 80_000 < figures["bytes a file"] < 150_000
    assert all(figures[f"{way}, {side}"] > 0 for way in ("mu2", "OpenCV") for side in (224, 384))


@pytest.mark.slow
def test_the_bare_step_does_what_mu2_does():
    shape = roofline.dataclasses.replace(roofline.SHAPES[ONE], batch=16)
    network = shape.model.network(shape.hyperparameters, roofline.CLASSES)
    trained = frozenset({"block_1", "norm", "head"})
    settings = {**roofline.HYPERPARAMETERS, **roofline.AUGMENTED}
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (16, 16, 16, 1), np.uint8)
    labels = np.arange(16, dtype=np.int32) % roofline.CLASSES
    ranges, key = Augmentation.of(settings), jax.random.key(0, impl="threefry2x32")
    optimizer, params = Optimizer.of(settings, 1, 4), roofline._params(network)

    program = Program(network, 1.0, single().sharding)
    trace = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, jnp.bfloat16), params)
    state = State(params, trace, np.int32(0), np.bool_(True))
    state = single().place(jax.tree.map(np.asarray, state), program.shardings)
    flags = {c.name: np.int32(c.name in trained) for c in network}
    prepare = Preparation(single().sharding)
    view = Views(Key.from_seed(0), settings["area_min"], settings["aspect_min"]).draw(0, 16)
    boxes = jnp.asarray(view.boxes(np.full((16, 2), 16)), jnp.float32)
    batch = Batch(images, ranges, key, np.int32(0), boxes)
    nothing = program.empty_inputs(16, jnp.asarray)

    kind = bare.Kind(network, trained, frozenset(bare._on(settings)), False)
    step = jax.jit(bare.step_of(kind, 1.0))
    frozen = {name: leaf for name, leaf in params.items() if name not in trained}
    own = {name: leaf for name, leaf in params.items() if name in trained}
    moved = {name: leaf for name, leaf in trace.items() if name in trained}
    order = jnp.arange(16)[None].repeat(4, 0)
    for i in range(4):
        rate, momentum = learning_rate(optimizer, jnp.float32(i)), np.float32(0.9)
        some = (jnp.asarray(images), jnp.asarray(labels), order, boxes[None].repeat(4, 0))
        own, moved = step(own, moved, frozen, *some, np.int32(i), rate, momentum, ranges, key)
        classes = np.int32(roofline.CLASSES)
        drawn = batch._replace(step=np.int32(i))
        prepared = prepare(drawn, program.input_shape, DEFAULT)
        given = nothing._replace(prepared_Bx=prepared)
        state = program.train_step(state, flags, optimizer, given, labels, classes)
    for name in trained:
        for a, b in zip(
            jax.tree.leaves(own[name]), jax.tree.leaves(state.params[name]), strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_a_whole_network_is_the_same_function():
    shape = roofline.SHAPES["ViT-Ti/16"]
    network = Network(shape.model.network(shape.hyperparameters, roofline.CLASSES)[:-1])
    params, x = roofline._params(network), jax.random.normal(jax.random.key(0), (2, 32, 32, 3))
    whole = bare.whole(network)
    assert [c.module.last for c in network[3:6]] == [False, False, True]
    assert [c.module.last for c in whole[3:6]] == [False, False, False]
    made, expected = whole.apply(params, x), network.apply(params, x)
    assert float(jnp.abs(expected).max()) > 0.1
    np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_inference(noted):
    assert inference.main(["--tasks", "3", "--layers", "2", "--rounds", "3"]) == 0
    figures = only(noted, "inference")
    assert figures["components"] == 3 * 7
    assert 7 < figures["unique components"] < 21
    assert 0 < figures["unique / all"] < 1


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory(noted):
    assert memory.main(["--children", "22", "--batch", "32"]) == 0
    figures = only(noted, "memory")
    assert figures["held"]["late"] > 0
    assert figures["peak"]["activations"] > figures["peak"]["parameters"]


@pytest.mark.slow
def test_start(noted):
    assert start.main(["--rounds", "1"]) == 0
    figures = only(noted, "start")
    assert figures["python"] < figures[start.HELP] < figures[start.FIRST]


FLAGS = [
    f"--gin.{binding}"
    for binding in shrunken.merged(*shrunken.DIGITS, shrunken.ONCE)
    if not binding.startswith("Evolution.children_per_iteration")  # --children says it
]


@pytest.mark.slow
def test_efficiency(noted):
    assert efficiency.main([shrunken.FILE, "--children", "2", "--rounds", "1", *FLAGS]) == 0
    figures = only(noted, "efficiency")
    assert figures["children"] == 2
    assert 0 < figures["same / mu2"] < 1
    assert figures["plain / mu2"] > 0
    assert figures["compiling s"] > 0


@pytest.mark.slow
def test_programs(noted):
    assert programs.main([shrunken.FILE, "--children", "2", *FLAGS]) == 0
    figures = only(noted, "programs")
    cold, cached = figures["cold"], figures["cached"]
    assert cold["compiled"] == cached["from cache"] > 0
    assert cached["compiled"] == 0
    assert cold["from cache"] == 0
    assert cold["wall s"] == pytest.approx(sum(cold["seconds"].values()))


@pytest.mark.slow
def test_accelerator_on_a_cpu(noted, capsys):
    words = ["--shapes", "tiny", "--side", "64", "--population", "2", "--rounds", "1", "--runs"]
    assert accelerator.main(words) == 0
    figures = only(noted, "accelerator")
    assert figures["steps"]["tiny"]["of the product"] > 0
    assert figures["steps"]["tiny"]["flash ms"] is None
    assert figures["population"]["vmap / loop"] > 0
    said = capsys.readouterr().out
    assert "TFLOP/s" in said
    assert "vmap / loop" in said


def test_the_large_vits_are_those_of_the_search_spaces():
    for name, file in (("B/16 224", "vit_b16"), ("S/16 224", "vit_s16"), ("L/16 384", "vit_l16")):
        shape = accelerator.VITS[name]
        parts = ["gin/mutation/mu2net.gin", "gin/budget/laptop.gin", "gin/optimizer/sgd_large.gin"]
        parts += ["gin/augmentation/crops.gin", "gin/stream/scripts.gin"]
        space = config.load([f"search_spaces/{file}.gin", *parts], []).experiment.space
        sizes = ("patch", "width", "heads", "mlp_dim")
        assert [getattr(shape.model, s) for s in sizes] == [getattr(space.model, s) for s in sizes]
        assert shape.hyperparameters["num_layers"] == space.hyperparameters["num_layers"]


@pytest.mark.slow
def test_convnet_beside_pytorch(noted):
    pytest.importorskip("torch")
    figures = convnet.measured(8, 1)
    assert figures["mu2 / torch"] > 0
    assert figures["torch CPU ms"] > 0


@pytest.mark.slow
def test_micro_batches(noted, capsys):
    words = ["--networks", "ConvNet", "--sizes", "32", "8", "--rounds", "1"]
    assert micro_batches.main(words) == 0
    figures = only(noted, "micro_batches")["ConvNet"]
    assert figures.keys() == {"32 CPU ms", "8 CPU ms", "32 ms", "8 ms"}
    assert min(figures.values()) > 0
    assert "ConvNet" in capsys.readouterr().out


@pytest.mark.slow
def test_a_simulation_says_where_the_time_of_a_run_goes(noted, tmp_path_factory, capsys):
    run = shrunken.evolved(tmp_path_factory)
    words = ["--tasks", "4", "--workers", "3", "--measure", "1"]
    assert simulation.main([str(run.directory), *words]) == 0
    figures = only(noted, "simulation")
    assert 0 < figures["planning and committing"] < figures["driver's share"] < 1
    assert 0 <= figures["idle without the driver"] <= figures["idle"] < 1
    assert "committing, ms a child" in capsys.readouterr().out
