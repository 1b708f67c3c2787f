"""Images a second: augmented from memory, and read from ArrayRecord on disk.

From the top of the checkout, with TFDS_DATA_DIR set: python -m benchmarks.speed.input [--rounds 5]

`augmented` takes uint8 images of 32 x 32 in memory, picks a batch by index and augments it as the
training step does, as in benchmarks/tables/cmaterdb_ti0.gin and then with every kind switched on.
`ArrayRecord` reads batches of cmaterdb/bangla through grain, as a run does whose data do not fit
into memory. All take turns with the training step that is to be fed (ViT-Ti/16, 3 layers, batch
512, not augmented); the ratio says how many such steps each could feed.
"""

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from benchmarks.speed.history import note, table
from benchmarks.speed.roofline import AUGMENTED, SHAPES, mu2_step
from benchmarks.speed.sidebyside import in_turn, medians
from mu2.cli.process import keep_freed_memory
from mu2.random_keys import Key
from mu2.tasks import ExampleStream, Task
from mu2.tasks.examples import Examples
from mu2.tasks.images import DEFAULT
from mu2.tasks.originals import InMemoryOriginals
from mu2.tasks.sources.tfds import TFDS
from mu2.tasks.streaming import StreamingExamples
from mu2.tasks.view import Views
from mu2.training.augment import Augmentation
from mu2.training.layout import single
from mu2.training.prepare import Batch, Preparation

SIDE = 32
COLOURS = {"brightness": 0.1, "contrast": 0.1, "saturation": 0.1, "hue": 0.1}
MEMORY = {"augmented: crop, flip": AUGMENTED, "augmented: all": {**AUGMENTED, **COLOURS}}
STEP, DISK = "training step", "ArrayRecord"


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the rates."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--steps", type=int, default=8, help="batches a round")
    parser.add_argument("--no-disk", action="store_true", help="without cmaterdb/bangla")
    options = parser.parse_args(argv)
    keep_freed_memory()
    batch, steps = options.batch, options.steps
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (8 * batch, SIDE, SIDE, 3), np.uint8)
    held = Examples(images, np.zeros(len(images), np.int32))
    shape = dataclasses.replace(SHAPES["ViT-Ti/16"], batch=batch)
    ways: dict[str, Callable[[], Any]] = {STEP: repeated(mu2_step(shape, False), steps)}
    for name, settings in MEMORY.items():
        ways[name] = augmenting(held, settings, batch, steps)
    if not options.no_disk:
        ways[DISK] = reading(streamed(), batch, steps)
    for way in ways.values():
        way()
    seconds = medians(in_turn(ways, options.rounds))
    rates = {name: batch * steps / each for name, each in seconds.items()}
    rows = [[name, f"{rate / rates[STEP]:.1f}", f"{rate:,.0f}"] for name, rate in rates.items()]
    table(["", "steps it could feed", "images a second"], rows)
    note("input", rates)
    return 0


def repeated(step: Callable[[], Any], steps: int) -> Callable[[], None]:
    """A step, taken several times."""

    def way() -> None:
        for _ in range(steps):
            last = step()
        jax.block_until_ready(last)

    return way


def augmenting(
    examples: Examples, settings: dict[str, Any], batch: int, steps: int
) -> Callable[[], None]:
    """Batches drawn as in a run, and augmented in one program."""
    ranges, key = Augmentation.of(settings), jax.random.key(0)
    prepare = Preparation(single().sharding)
    sizes = np.full((len(examples), 2), SIDE, np.int32)
    held = InMemoryOriginals(examples.inputs, sizes, sizes, examples.labels)

    def way() -> None:
        seed = Key.from_seed(time.monotonic_ns())
        views = Views(seed, settings["area_min"], settings["aspect_min"])
        for step, drawn in enumerate(held.batches(batch, steps, seed, views)):
            parts = jax.device_put((drawn.inputs, drawn.boxes))
            made = Batch(parts[0], ranges, key, np.int32(step), parts[1])
            last = prepare(made, (SIDE, SIDE, 3), DEFAULT)
        jax.block_until_ready(last)

    return way


def streamed() -> StreamingExamples:
    """The training examples of a set that lies in ArrayRecord, not held in memory."""
    task = Task("bangla", TFDS("cmaterdb/bangla"), train="train", validation="test", test="test")
    stream = task.stream("train", (SIDE, SIDE, 3), memory_limit_mb=1)
    if not isinstance(stream, StreamingExamples):
        raise RuntimeError("the set is held in memory; nothing is read from disk")
    return stream


def reading(stream: ExampleStream, batch: int, steps: int) -> Callable[[], None]:
    """Batches read, decoded and brought to size."""

    def way() -> None:
        for _ in stream.batches(batch, steps, Key.from_seed(time.monotonic_ns())):
            pass

    return way


if __name__ == "__main__":
    sys.exit(main())
