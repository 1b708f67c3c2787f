"""The ConvNet's training step against PyTorch's of the same layers, on one core.

From the top of the checkout, with the extra `parity`:
  python -m benchmarks.speed.convnet [--batches 32 256] [--rounds 7]

The layers are those of search_spaces/convnet.gin (28 pixels, two blocks), everything is trained,
nothing is augmented. Both clip the gradient and take a step of SGD with momentum, which PyTorch
keeps in float32 and mu2 in bfloat16. PyTorch's convolutions are its own, in its faster layout of
memory (channels last). They take turns, on one core; ratios are of the medians of wall and of CPU
time, as a busy machine leaves the second alone.
"""

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from benchmarks.speed.history import note, table
from benchmarks.speed.roofline import CLASSES, SHAPES, mu2_step
from benchmarks.speed.sidebyside import steps_in_turn
from mu2.cli.process import keep_freed_memory


def torch_step(batch: int) -> Callable[[], Any]:
    """PyTorch's training step; each call does the next."""
    import torch
    from torch import nn
    from torch.nn import functional

    torch.set_num_threads(1)
    shape = SHAPES["ConvNet"]
    model: Any = shape.model

    class LayerNorm(nn.Module):
        """Over the channels of [B, C, H, W]."""

        def __init__(self, width: int) -> None:
            super().__init__()
            self.norm = nn.LayerNorm(width, eps=1e-6)

        def forward(self, x: Any) -> Any:
            return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    class Block(nn.Module):
        """As mu2's ConvBlock."""

        def __init__(self, width: int, inner: int) -> None:
            super().__init__()
            self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width)
            self.norm = nn.LayerNorm(width, eps=1e-6)
            self.up, self.down = nn.Linear(width, inner), nn.Linear(inner, width)

        def forward(self, x: Any) -> Any:
            y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
            return x + self.down(functional.relu(self.up(y))).permute(0, 3, 1, 2)

    class Net(nn.Module):
        """As mu2's ConvNet: a stem of 6x6 pixels is a 3x3 convolution of squares of 2x2."""

        def __init__(self) -> None:
            super().__init__()
            stem, width = model.stem_width, model.width
            self.stem = nn.Conv2d(model.channels, stem, 6, stride=2, padding=2)
            self.stem_norm = LayerNorm(stem)
            self.reduction = nn.Conv2d(stem, width, 2, stride=2)
            layers = shape.hyperparameters["num_layers"]
            self.blocks = nn.Sequential(*(Block(width, model.mlp_dim) for _ in range(layers)))
            self.norm, self.last = LayerNorm(width), nn.LayerNorm(4 * width, eps=1e-6)
            self.head = nn.Linear(4 * width, CLASSES)

        def forward(self, x: Any) -> Any:
            x = self.reduction(functional.relu(self.stem_norm(self.stem(x))))
            x = functional.relu(self.norm(self.blocks(x)))
            near, far = (x.shape[2] + 1) // 2, x.shape[2] // 2
            parts = [x[:, :, i, j] for i in _ends(near, far) for j in _ends(near, far)]
            pooled = torch.cat([part.mean((2, 3)) for part in parts], 1)
            return self.head(self.last(pooled))

    net: Any = Net()  # torch's own types know no memory format
    net.to(memory_format=torch.channels_last)
    sgd = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9)
    size = (batch, *model.input_shape(shape.hyperparameters))
    images = torch.from_numpy(np.random.default_rng(0).integers(0, 256, size, np.uint8))
    labels = torch.arange(batch) % 10

    def step() -> Any:
        x = images.permute(0, 3, 1, 2).float() * (2 / 255) - 1
        sgd.zero_grad()
        functional.cross_entropy(net(x), labels).backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        sgd.step()

    return step


def _ends(near: int, far: int) -> tuple[slice, slice]:
    return slice(near), slice(far, None)


def measured(batch: int, rounds: int) -> dict[str, float]:
    """Milliseconds of a step each way, wall and CPU, and what mu2's takes of PyTorch's."""
    shape = dataclasses.replace(SHAPES["ConvNet"], batch=batch)
    ways = {"mu2": mu2_step(shape, False), "torch": torch_step(batch)}
    for step in ways.values():
        jax.block_until_ready(step())  # compiles
    calls = dict.fromkeys(ways, max(1, 512 // batch))
    wall, used = steps_in_turn(ways, calls, rounds)
    return {
        "mu2 / torch": wall["mu2"] / wall["torch"],
        "mu2 / torch, CPU": used["mu2"] / used["torch"],
        **{f"{name} ms": 1e3 * seconds for name, seconds in wall.items()},
        **{f"{name} CPU ms": 1e3 * seconds for name, seconds in used.items()},
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 256])
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(argv)
    if hasattr(os, "sched_setaffinity"):  # before JAX counts the cores
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    keep_freed_memory()
    found = {str(batch): measured(batch, options.rounds) for batch in options.batches}
    names = list(next(iter(found.values())))
    rows = [
        [batch, *(f"{figures[name]:.2f}" for name in names)] for batch, figures in found.items()
    ]
    table(["examples a step", *names], rows)
    note("convnet", found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
