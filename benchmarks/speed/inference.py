"""One image through all tasks of a system, against one separate network a task.

From the top of the checkout: python -m benchmarks.speed.inference [--tasks 8] [--layers 12]

A system of tasks of noise is evolved in ViT-Ti/16 at 32 pixels, a few steps a child: only who
shares what counts. `system` is what `mu2 predict` does for all tasks, through mu2.system.inference;
`separate` is a compiled network a task, its parameters on the device beforehand. Each component is
then timed by itself: the time of those that are unique, over that of all with repeats, is the share
of the separate networks' time that is left when nothing is computed twice. Wanted: at most 1.15 of
that.
"""

import argparse
import io
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.speed.history import note, table
from benchmarks.speed.sidebyside import in_turn, medians
from mu2 import config, experiment
from mu2.cli.process import keep_freed_memory
from mu2.config import start
from mu2.models.inputs import normalise
from mu2.report.progress import LogReporter
from mu2.system import System
from mu2.system.inference import Inference, network_of, parameters_of
from mu2.tasks.user_examples import Form

GIN = """
include 'search_spaces/vit_ti16.gin'
include 'gin/mutation/mu2net.gin'
include 'gin/ranges/v2.gin'
include 'gin/budget/papers_large.gin'
include 'gin/optimizer/sgd_large.gin'
include 'gin/augmentation/crops.gin'
include 'gin/mesh/cpu.gin'
Evolution.children_per_iteration = 2
Evolution.children_per_generation = 1
Hyperparameters.image_size = 32
Hyperparameters.mutation_probability = 0.02
Ranges.mutation_probability = (0.02,)
Training.batch_size = 16
Training.intervals = 1
Training.max_train_examples = 32
Training.max_validation_examples = 16
Experiment.stream = @Stream()
Stream.iterations = 1
"""
WANTED = 1.15


def main(argv: Sequence[str] | None = None) -> int:
    """Evolves a system and asks it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=8)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--images", type=int, default=1, help="images at a time")
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args(argv)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as name:
        system = evolved(Path(name), options.tasks, options.layers)
        figures = measured(system, options.images, options.rounds)
    row = [
        f"{figures['system / separate']:.2f}",
        f"<= {WANTED * figures['unique / all']:.2f}",
        f"{figures['unique / all']:.2f}",
        *(f"{1e3 * figures[each]:.1f}" for each in ("system s", "separate s")),
    ]
    columns = ["tasks", "system / separate", "wanted", "unique / all", "system ms", "separate ms"]
    table(columns, [[str(options.tasks), *row]])
    note("inference", {"tasks": options.tasks, "images": options.images, **figures})
    return 0


def evolved(folder: Path, tasks: int, layers: int) -> System:
    """A system whose tasks share what their children did not change."""
    draw = np.random.default_rng(0)
    np.savez(
        folder / "noise.npz",
        x_train=draw.integers(0, 256, (64, 32, 32, 3), np.uint8),
        y_train=np.arange(64) % 4,
        x_test=draw.integers(0, 256, (16, 32, 32, 3), np.uint8),
        y_test=np.arange(16) % 4,
    )
    names = [f"task{i}" for i in range(tasks)]
    lines = [GIN, f"Hyperparameters.num_layers = {layers}", f"Npz.path = '{folder}/noise.npz'"]
    lines.append(f"Stream.tasks = ({' '.join(f'@{name}/Task(),' for name in names)})")
    for name in names:
        lines += [f"{name}/Task.name = '{name}'", f"{name}/Task.source = @Npz()"]
    (folder / "run.gin").write_text("\n".join(lines) + "\n")
    loaded = config.load([str(folder / "run.gin")], [])
    with start.open_for_run(loaded.experiment, loaded.resolved, str(folder / "system")) as system:
        experiment.run(
            loaded.experiment,
            system,
            start.start_workers(loaded.experiment),
            LogReporter(io.StringIO()),
        )
    return System.open(folder / "system")


def measured(system: System, images: int, rounds: int) -> dict[str, float]:
    """Seconds of both, and their ratio beside the one that the components give."""
    inference = Inference(system)
    shape = inference.input_shape(system.tasks[0])
    x = np.random.default_rng(0).integers(0, 256, (images, *shape), np.uint8)
    networks = [separate(system, task) for task in system.tasks]

    def all_tasks() -> None:
        inference.predict_all({Form(shape): x}, system.tasks)

    def one_by_one() -> None:
        # One after the other, as somebody would ask them: each answer is waited for.
        for network in networks:
            np.asarray(network(x))

    ways = {"system": all_tasks, "separate": one_by_one}
    parts, counts = components(system, x)
    for way in (*ways.values(), *parts.values()):
        way()
    seconds = medians(in_turn({**ways, **parts}, rounds))
    unique = sum(seconds[name] for name in parts)
    everything = sum(seconds[name] * counts[name] for name in parts)
    return {
        "system / separate": seconds["system"] / seconds["separate"],
        "unique / all": unique / everything,
        "system s": seconds["system"],
        "separate s": seconds["separate"],
        "components": sum(counts.values()),
        "unique components": len(parts),
    }


def separate(system: System, task: str) -> Callable[[np.ndarray], Any]:
    """A task's network by itself."""
    path = system.path(task)
    network = network_of(path)
    params = jax.tree.map(jnp.asarray, parameters_of(system, path))
    program = jax.jit(lambda params, x: jax.nn.softmax(network.apply(params, normalise(x))))
    return lambda x: program(params, x)


def components(
    system: System, x: np.ndarray
) -> tuple[dict[str, Callable[[], None]], dict[str, int]]:
    """Each unique component of all paths as a way by itself, and how many paths have it.

    A component counts as another one where something beneath it is: what it reads differs.
    """
    ways: dict[str, Callable[[], None]] = {}
    counts: dict[str, int] = {}
    for task in system.tasks:
        path = system.path(task)
        params, beneath = parameters_of(system, path), ""
        ids = {component.name: component.id for component in path.components}
        y: Any = normalise(jnp.asarray(x))
        for component in network_of(path):
            beneath += f"/{ids[component.name]}"
            counts[beneath] = counts.get(beneath, 0) + 1
            program = jax.jit(component.apply)
            own = jax.tree.map(jnp.asarray, params[component.name])
            if beneath not in ways:
                ways[beneath] = _waited(program, own, y)
            y = program(own, y)
    return ways, counts


def _waited(program: Callable[..., Any], *arguments: Any) -> Callable[[], None]:
    def way() -> None:
        jax.block_until_ready(program(*arguments))

    return way


if __name__ == "__main__":
    sys.exit(main())
