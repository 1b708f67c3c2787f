"""What a process holds after many children, and the most that one child takes.

From the top of the checkout: python -m benchmarks.speed.memory [--children 200] [--batch 512]

Held: one run of 200 children of the same shapes, on images of noise; what the process holds after
the 200th against what it held after the 20th. Peak: one child of ViT-Ti/16 (3 layers, 32 px)
that trains everything, on 4,096 images, in a process that has trained such a child before, above
what an empty mu2 process holds; against the sum of what it cannot do without:

  data           the examples, uint8
  parameters     float32
  gradients      float32, of what is trained
  momentum       bfloat16, of what is trained
  activations    what jax.vjp keeps of a batch for the backward pass of the plain network

`above before` is the same without what the process had in use when the child began (compiled
programs among it), but with the data. Linux with glibc only: read from /proc.
"""

import argparse
import ctypes
import gc
import io
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.speed.growth import memory, npz
from benchmarks.speed.history import note, table, write_text
from benchmarks.speed.sidebyside import ROOT
from mu2 import config, experiment
from mu2.cli.process import keep_freed_memory
from mu2.config import start
from mu2.models.component import Network, nest
from mu2.models.inputs import normalise
from mu2.models.leaves import to_stored
from mu2.models.vit import ViT
from mu2.random_keys import Key
from mu2.report.progress import LogReporter
from mu2.tasks.examples import Examples
from mu2.training import Job, Trainer, Training
from mu2.training.layout import single

GIN = """
include 'search_spaces/vit_micro.gin'
include 'gin/mutation/mu2net.gin'
include 'gin/ranges/v2.gin'
include 'gin/budget/papers_large.gin'
include 'gin/optimizer/sgd_large.gin'
include 'gin/augmentation/crops.gin'
include 'gin/mesh/cpu.gin'
Evolution.children_per_generation = 1
Ranges.num_layers = (1,)
Hyperparameters.num_layers = 1
Training.batch_size = 64
Training.intervals = 1
Training.max_train_examples = 64
Training.max_validation_examples = 64
Experiment.stream = @Stream()
Stream.iterations = 1
Stream.tasks = (@noise/Task(),)
noise/Task.name = 'noise'
noise/Task.source = @Npz()
"""
EARLY = 20
WANTED = {"held": 1.1, "peak": 1.3}
MODEL = ViT(patch=16)
HYPERPARAMETERS = {
    "image_size": 32, "num_layers": 3, "learning_rate": 0.01, "schedule": "cosine",
    "warmup_ratio": 0.05, "momentum": 0.9, "nesterov": False, "crop": True, "area_min": 0.05,
    "aspect_min": 0.75, "flip": True, "brightness": 0.0, "contrast": 0.0, "saturation": 0.0,
    "hue": 0.0,
}  # fmt: skip
EXAMPLES = 4096
MIB = 1 << 20


def main(argv: Sequence[str] | None = None) -> int:
    """Prints both; each is measured in a process of its own."""
    words = list(sys.argv[1:] if argv is None else argv)
    keep_freed_memory()
    if words[:1] == ["--held"]:
        write_text(json.dumps(held(int(words[1]))))
        return 0
    if words[:1] == ["--peak"]:
        write_text(json.dumps(peak(int(words[1]))))
        return 0
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--children", type=int, default=200, help=f"more than {EARLY}")
    parser.add_argument("--batch", type=int, default=512)
    options = parser.parse_args(words)
    found = {"held": told("--held", options.children), "peak": told("--peak", options.batch)}
    one, other = found["held"], found["peak"]
    needed = other["needed"]
    rows = [
        [
            f"after {options.children} children : after {EARLY}",
            f"{one['late'] / one['early']:.2f}",
            f"<= {WANTED['held']}",
            f"{one['late']:.0f}",
            f"{one['early']:.0f}",
        ],
        *(
            [
                f"peak of one child, {name} : needed",
                f"{other[name] / needed:.2f}",
                f"<= {WANTED['peak']}",
                f"{other[name]:.0f}",
                f"{needed:.0f}",
            ]
            for name in ("above an empty process", "above before")
        ),
    ]
    table(["memory", "ratio", "wanted", "MiB", "MiB"], rows)
    note("memory", found)
    return 0


def told(*words: object) -> dict[str, float]:
    """What this program says of itself in another process."""
    line = [sys.executable, "-m", "benchmarks.speed.memory", *map(str, words)]
    out = subprocess.run(line, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return dict(json.loads(out.splitlines()[-1]))


class Watch(LogReporter):
    """Notes what the process holds after some children."""

    def __init__(self, children: int):
        super().__init__(io.StringIO())
        self.seen: list[float] = []
        self._children = children

    def child_done(self, record: dict[str, Any]) -> None:
        """Counts a child."""
        super().child_done(record)
        self.seen.append(memory("VmRSS"))


def held(children: int) -> dict[str, float]:
    """MiB that the process holds after the 20th and after the last child of a run."""
    watch = Watch(children)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        npz(folder, train=128)
        (folder / "run.gin").write_text(GIN + f"Npz.path = '{folder / 'noise.npz'}'\n")
        bindings = [f"Evolution.children_per_iteration={children}"]
        loaded = config.load([str(folder / "run.gin")], bindings)
        with start.open_for_run(
            loaded.experiment, loaded.resolved, str(folder / "system")
        ) as system:
            experiment.run(loaded.experiment, system, start.start_workers(loaded.experiment), watch)
    return {"early": watch.seen[EARLY - 1], "late": watch.seen[-1]}


def peak(batch: int) -> dict[str, float]:
    """MiB at the peak of one child, and what it needs."""
    jax.block_until_ready(jnp.zeros(1) + 1)
    empty = memory("VmRSS")
    key, draw = Key.from_seed(0), np.random.default_rng(0)
    network = MODEL.network(HYPERPARAMETERS, 64)
    examples = [
        Examples(draw.integers(0, 256, (n, 32, 32, 3), np.uint8), np.arange(n, dtype=np.int32) % 10)
        for n in (EXAMPLES, batch)
    ]
    names = [component.name for component in network]
    job = Job(
        network=MODEL.network(HYPERPARAMETERS, 10),
        arrays={
            c.name: to_stored(c.init(key.fold_in(c.name).jax()))
            for c in MODEL.network(HYPERPARAMETERS, 10)
        },
        trainable=frozenset(names),
        ids={},
        hyperparameters=HYPERPARAMETERS,
        train=examples[0],
        validation=examples[1],
        num_classes=10,
        key=key,
        score_to_reach=None,
        score=float,
    )
    training = Training(batch_size=batch, intervals=2, max_train_examples=EXAMPLES)
    trainer = Trainer(training, single())
    list(trainer.train([job]))
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free goes back, so that it counts when used again
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here on
    list(trainer.train([job]))
    highest = memory("VmHWM")
    data = sum(each.inputs.nbytes + each.labels.nbytes for each in examples) / MIB
    parameters = sum(component.size for component in network) * 4 / MIB
    parts = {
        "data": data,
        "parameters": parameters,
        "gradients": parameters,
        "momentum": parameters / 2,
        "activations": activations(network, batch) / MIB,
    }
    return {
        **parts,
        "needed": sum(parts.values()),
        "above an empty process": highest - empty,
        "above before": highest - before + data,
    }


def activations(network: Network, batch: int) -> int:
    """Bytes of a batch that the plain network keeps for its backward pass; computes nothing."""
    params = {component.name: nest(component.shapes) for component in network}
    image = jax.ShapeDtypeStruct((batch, *network[0].input_shape), jnp.uint8)

    def kept(params: Any, image: jax.Array) -> Any:
        return jax.vjp(lambda params: network.apply(params, normalise(image)), params)[1]

    leaves = jax.tree.leaves(jax.eval_shape(kept, params, image))
    return sum(
        math.prod(leaf.shape) * leaf.dtype.itemsize
        for leaf in leaves
        if leaf.shape[:1] == (batch,)  # the others are parameters
    )


if __name__ == "__main__":
    sys.exit(main())
