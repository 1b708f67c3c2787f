"""The time of a training step by micro-batches of several sizes, on one core.

From the top of the checkout:
  python -m benchmarks.speed.micro_batches [--rounds 5]

On CPUs a step takes the examples of a batch a few at a time, so that what convolutions make of
them stays in a core's cache. Everything is trained, nothing augmented, of 32 examples:
EfficientNet-Lite0 (15 blocks, 64 pixels), the network of PP-OCRv6 (six blocks, 32 pixels) and the
ConvNet (two blocks, 28 pixels). Each network's sizes take turns.
"""

import argparse
import dataclasses
import os
import sys
from collections.abc import Sequence

import jax

from benchmarks.speed.history import note, table
from benchmarks.speed.roofline import SHAPES, Shape, mu2_step
from benchmarks.speed.sidebyside import steps_in_turn
from mu2.cli.process import keep_freed_memory
from mu2.models import EfficientNetLite0, LCNetV4

BATCH = 32
NETWORKS = {
    "EfficientNet-Lite0": Shape(EfficientNetLite0(), {"image_size": 64, "num_layers": 15}, BATCH),
    "PP-OCRv6": Shape(LCNetV4(channels=1), {"image_size": 32, "num_layers": 6}, BATCH),
    "ConvNet": dataclasses.replace(SHAPES["ConvNet"], batch=BATCH),
}
SIZES = (32, 16, 8, 4, 2)


def measured(shape: Shape, sizes: Sequence[int], rounds: int) -> dict[str, float]:
    """Milliseconds of a step, of processor and of wall time, by the size of its micro-batches."""
    steps = {
        str(size): mu2_step(dataclasses.replace(shape, micro_batch=size), False) for size in sizes
    }
    for step in steps.values():
        jax.block_until_ready(step())  # compiles
    wall, cpu = steps_in_turn(steps, dict.fromkeys(steps, 2), rounds)
    return {
        **{f"{size} CPU ms": 1e3 * seconds for size, seconds in cpu.items()},
        **{f"{size} ms": 1e3 * seconds for size, seconds in wall.items()},
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the processor time of a step of each network."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(argv)
    if hasattr(os, "sched_setaffinity"):  # before JAX counts the cores
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    keep_freed_memory()
    found = {
        name: measured(NETWORKS[name], options.sizes, options.rounds) for name in options.networks
    }
    rows = [
        [name, *(f"{figures[f'{size} CPU ms']:.0f}" for size in options.sizes)]
        for name, figures in found.items()
    ]
    table(["CPU ms of a step, by", *map(str, options.sizes)], rows)
    note("micro_batches", found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
