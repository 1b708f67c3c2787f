"""FLOP/s of the training step, against the machine's rate of matrix products in the same run.

From the top of the checkout:
  python -m benchmarks.speed.roofline [--shapes NAME ...] [--rounds 7] [--batch N] [--profile]

mu2's step (as it is, and without augmentation) and a plain step of the same layers (flax.linen,
optax; nothing augmented, everything trained) take turns with the product of two float32 matrices
of 2048 x 2048. Freed memory is kept, as `mu2 run` keeps it. --profile says, instead, which
operations the time of each step goes to, as JAX's own profiler tells it. Shares are of wall time;
those by CPU time tell the same of a busy machine.

Where the time goes (--profile, commit 3cb0e11, 2 cores of an Intel Xeon, 2026-11-26; shares of all
threads' time): in the step of ViT-Ti/16 0.66 is matrix products and what XLA fuses with them
(ynn_fusion, dot), 0.13 copies and transposes, the rest mostly rounding, normalisation and
activation. In the ConvNet's step 0.50 is products, 0.11 the pads and slices of the nine shifts of
its depthwise convolutions, 0.10 copies. A plain step has the same parts, in shares that differ by
0.04 at most: 0.70 products in the ViT, 0.54 in the ConvNet. In the same
run mu2's step took 1.04 and 1.02 times as long as the plain one.

FLOPs are counted by hand, two for a multiplication with its addition, matrix products and
convolutions alone. A layer's forward pass counts once and its backward pass twice (the gradient of
the input, the gradient of the weights); the first layer's input needs none. For an image, forward:

  ViT, N patches of p pixels a side, T = N + 1 tokens, width D, inner width M, L blocks, C classes
    embedding  2 N 3p² D             block  8 T D² + 4 T² D + 4 T D M             head  2 D C
    last block, of which the class token alone goes on  4 (T + 1) D² + 4 T D + 4 D M
  ConvNet, side S, stem W, width D, inner width M, L blocks
    stem  2 (S/2)² 36c W             reduction  2 (S/4)² 4W D      head  2 4D C    c channels
    block  2 (S/4)² (9 D + 2 D M)
"""

import argparse
import collections
import dataclasses
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.speed.history import note, table, write_text
from benchmarks.speed.sidebyside import steps_in_turn
from mu2.cli.process import keep_freed_memory
from mu2.models.component import Model, Network, nest
from mu2.models.convnet import ConvNet
from mu2.models.inputs import bucket, normalise
from mu2.models.vit import ViT
from mu2.random_keys import Key
from mu2.tasks.images import DEFAULT
from mu2.tasks.view import Views
from mu2.training.augment import Augmentation
from mu2.training.layout import single
from mu2.training.optimizer import Optimizer
from mu2.training.prepare import Batch, Preparation
from mu2.training.program import Program, State

SIDE = 2048
CLASSES = bucket(10)
BACKWARD = 2  # in forward passes
HOLDERS = ("conditional", "cond", "call", "while")
HYPERPARAMETERS = {
    "learning_rate": 0.01,
    "schedule": "cosine",
    "warmup_ratio": 0.05,
    "momentum": 0.9,
    "nesterov": False,
}
AUGMENTED = {"crop": True, "area_min": 0.05, "aspect_min": 0.75, "flip": True}


@dataclasses.dataclass(frozen=True)
class Shape:
    """A network and its batch.

    Attributes:
      model: its architecture.
      hyperparameters: what shapes it.
      batch: examples a step.
      wanted: the share of the matrix product's rate that mu2's step should reach.
      dtype: of the arithmetic.
      micro_batch: examples that mu2's step takes at a time; None for what the network says.
    """

    model: Model
    hyperparameters: Mapping[str, int]
    batch: int
    wanted: float | None = None
    dtype: str = "float32"
    micro_batch: int | None = None


VIT = {"image_size": 32, "num_layers": 3}
# The sizes of search_spaces/vit_ti16.gin, convnet.gin and convnet_micro.gin.
SHAPES = {
    "ViT-Ti/16": Shape(ViT(patch=16), VIT, 512, 0.6),
    "ViT-Ti/4": Shape(ViT(patch=4), VIT, 64),
    "ConvNet": Shape(ConvNet(), {"image_size": 28, "num_layers": 2}, 128, 0.35),
    "ConvNet micro": Shape(
        ConvNet(stem_width=16, width=32, mlp_dim=64, channels=1),
        {"image_size": 16, "num_layers": 2},
        128,
        0.35,
    ),
}


def flops(shape: Shape) -> float:
    """Floating-point operations of a training step, as told above."""
    h, model = shape.hyperparameters, shape.model
    side, layers = h["image_size"], h["num_layers"]
    if isinstance(model, ViT):
        n, d, m = (side // model.patch) ** 2, model.width, model.mlp_dim
        t = n + 1
        first = 2 * n * model.channels * model.patch**2 * d
        others = (layers - 1) * (8 * t * d * d + 4 * t * t * d + 4 * t * d * m)
        others += 4 * (t + 1) * d * d + 4 * t * d + 4 * d * m + 2 * d * CLASSES
    elif isinstance(model, ConvNet):
        half, quarter, d = (side // 2) ** 2, (side // 4) ** 2, model.width
        first = 2 * half * 36 * model.channels * model.stem_width
        others = 2 * quarter * 4 * model.stem_width * d
        others += layers * 2 * quarter * (9 * d + 2 * d * model.mlp_dim) + 2 * 4 * d * CLASSES
    else:
        raise ValueError(f"nobody has counted the operations of {model.name}")
    return float(shape.batch * (first * BACKWARD + others * (1 + BACKWARD)))


Step = Callable[[], Any]


def mu2_step(shape: Shape, augmented: bool) -> Step:
    """mu2's own training step, everything trained, on one batch; each call does the next step."""
    program, state = train_state(shape)
    flags = {component.name: np.int32(1) for component in program.network}
    optimizer = Optimizer.of(HYPERPARAMETERS, 4, 1000)
    images, labels = map(jnp.asarray, _batch(shape))
    prepare = Preparation(single().sharding)
    nothing = program.empty_inputs(shape.batch, jnp.asarray)
    batch = Batch(images)
    if augmented:
        ranges, key = Augmentation.of(AUGMENTED), jax.random.key(0, impl="threefry2x32")
        view = Views(Key.from_seed(0), AUGMENTED["area_min"], AUGMENTED["aspect_min"])
        sizes = np.full((shape.batch, 2), images.shape[1])
        boxes = jnp.asarray(view.draw(0, shape.batch).boxes(sizes), jnp.float32)
        batch = Batch(images, ranges, key, np.int32(0), boxes)

    def step() -> Any:
        nonlocal state
        prepared = prepare(batch, program.input_shape, DEFAULT)
        given = nothing._replace(prepared_Bx=prepared)
        state = program.train_step(state, flags, optimizer, given, labels, np.int32(10))
        return state.params

    return step


def train_state(shape: Shape) -> tuple[Program, State]:
    """The program of a shape, and a child's state before its first step."""
    network = _network(shape)
    program = Program(network, 1.0, single().sharding)
    params = _params(network)
    trace = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, jnp.bfloat16), params)
    state = State(params, trace, np.int32(0), np.bool_(True))
    return program, single().place(state, program.shardings)


def plain_step(shape: Shape) -> Step:
    """The same layers trained as one would by hand: value_and_grad, clip, SGD with momentum."""
    network = _network(shape)
    params = _params(network)
    sgd = optax.sgd(0.01, momentum=0.9, accumulator_dtype=jnp.bfloat16)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), sgd)
    state = optimizer.init(params)
    images, labels = map(jnp.asarray, _batch(shape))

    def update(params: Any, state: Any, images: jax.Array, labels: jax.Array) -> Any:
        def loss(params: Any) -> Any:
            logits = network.apply(params, normalise(images))
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

        changes, state = optimizer.update(jax.grad(loss)(params), state, params)
        return optax.apply_updates(params, changes), state

    compiled = jax.jit(update, donate_argnums=(0, 1))

    def step() -> Any:
        nonlocal params, state
        params, state = compiled(params, state, images, labels)
        return params

    return step


def _network(shape: Shape) -> Network:
    network = shape.model.network(shape.hyperparameters, CLASSES, shape.dtype)
    if shape.micro_batch is None:
        return network
    size = shape.micro_batch
    return Network([dataclasses.replace(each, micro_batch=size) for each in network])


def _params(network: Network) -> dict[str, Any]:
    keys = jax.random.split(jax.random.key(0), len(network))
    fresh = {c.name: c.init(key) for c, key in zip(network, keys, strict=True)}
    return {name: jax.tree.map(jnp.array, nest(leaves)) for name, leaves in fresh.items()}


def _batch(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    size = (shape.batch, *shape.model.input_shape(shape.hyperparameters))
    images = draw.integers(0, 256, size, np.uint8)
    return images, np.arange(shape.batch, dtype=np.int32) % 10


def product() -> Step:
    """The product of two matrices, the rate that a step is measured by."""
    draw = np.random.default_rng(0)
    a, b = (jnp.asarray(draw.standard_normal((SIDE, SIDE), np.float32)) for _ in range(2))
    compiled = jax.jit(jnp.matmul)
    return lambda: compiled(a, b)


def steps(shape: Shape) -> dict[str, Step]:
    """The steps that are set side by side."""
    return {
        "mu2": mu2_step(shape, True),
        "not augmented": mu2_step(shape, False),
        "plain": plain_step(shape),
    }


def measured(shape: Shape, rounds: int) -> dict[str, float]:
    """Shares of the matrix product's rate that a shape's steps reach, and the seconds behind."""
    ways = {"product": product(), **steps(shape)}
    calls = {name: _calls(way) for name, way in ways.items()}
    wall, used = steps_in_turn(ways, calls, rounds)
    work, product_work = flops(shape), 2.0 * SIDE**3
    figures = {"GFLOP a step": work / 1e9, "product GFLOP/s": product_work / wall["product"] / 1e9}
    for kind, seconds in (("", wall), (", CPU", used)):
        rate = product_work / seconds.pop("product")
        figures |= {f"{name}{kind}": work / each / rate for name, each in seconds.items()}
    figures |= {f"{name} ms": 1e3 * each for name, each in wall.items()}
    return figures


def _calls(step: Step, seconds: float = 0.3) -> int:
    """How often a step fits into some time; compiles it."""
    jax.block_until_ready(step())
    start = time.perf_counter()
    jax.block_until_ready(step())
    return max(1, round(seconds / (time.perf_counter() - start)))


def profile(step: Step, calls: int = 10) -> dict[str, float]:
    """Milliseconds of a step by kind of operation, of all threads together.

    The kind is XLA's name of an operation without its number; what only holds others is left out.
    """
    jax.block_until_ready(step())
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            for _ in range(calls):
                last = step()
            jax.block_until_ready(last)
        (file,) = Path(folder).rglob("*.xplane.pb")
        traced = jax.profiler.ProfileData.from_file(str(file))
        found: collections.Counter[str] = collections.Counter()
        for event in (e for plane in traced.planes for line in plane.lines for e in line.events):
            kind = event.name.rstrip(".0123456789")
            if kind not in HOLDERS and "hlo_op" in dict(event.stats):
                found[kind] += event.duration_ns / 1e6 / calls
    return dict(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the shares, or where the time goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--batch", type=int, help="examples a step, in place of each shape's own")
    parser.add_argument("--profile", action="store_true", help="where the time goes, instead")
    options = parser.parse_args(argv)
    keep_freed_memory()
    shapes = {
        name: dataclasses.replace(SHAPES[name], batch=options.batch or SHAPES[name].batch)
        for name in options.shapes
    }
    if options.profile:
        for name, shape in shapes.items():
            _show_profile(name, shape)
        return 0
    found = {name: measured(shape, options.rounds) for name, shape in shapes.items()}
    rows = []
    for name, figures in found.items():
        wanted = f"≥ {shapes[name].wanted}" if shapes[name].wanted else ""
        shares = [f"{figures[each]:.2f}" for each in ("mu2", "not augmented", "plain")]
        by_cpu = [f"{figures[each]:.2f}" for each in ("mu2, CPU", "plain, CPU")]
        rest = [f"{figures[each]:,.0f}" for each in ("mu2 ms", "plain ms", "product GFLOP/s")]
        rows.append([name, *shares, wanted, *by_cpu, *rest, f"{figures['GFLOP a step']:.1f}"])
    columns = ["of the product's rate", "mu2", "not augmented", "plain", "wanted for mu2"]
    columns += ["mu2, CPU", "plain, CPU", "mu2 ms", "plain ms", "product GFLOP/s", "GFLOP a step"]
    table(columns, rows)
    note("roofline", found)
    return 0


def _show_profile(name: str, shape: Shape) -> None:
    for way, step in steps(shape).items():
        found = profile(step)
        write_text(f"\n{name}, {way}: {sum(found.values()):.1f} ms of all threads a step")
        longest = sorted(found.items(), key=lambda each: -each[1])
        rows = [[op, f"{ms:.2f}", f"{ms / sum(found.values()):.3f}"] for op, ms in longest[:25]]
        table(["kind of operation", "ms", "share"], rows)


if __name__ == "__main__":
    sys.exit(main())
