"""What an accelerator gives: step rates of ViTs, populations of small children, whole runs, memory.

From the top of a checkout, on a machine with JAX for its accelerator (`pip install 'jax[cuda12]'`)
and the extra `demo`:
  python -m benchmarks.speed.accelerator [--shapes NAME ...] [--population 16] [--runs FILE ...]

- Steps: mu2's training step of ViTs in bfloat16, everything trained, as a share of the rate of the
  product of two bfloat16 matrices measured in the same run (wanted: 0.45 of B/16 and L/16), and the
  most memory that was in use.
- Attention: forward and backward pass of one layer's attention at each shape, by XLA and, where
  JAX has it, by cuDNN's flash attention; their ratio bounds what that could bring.
- Population: small children one after the other, and all at once by `vmap` of the same step
  (wanted: 3 times as many steps a second).
- Runs: `mu2 run FILE` from start to exit; with --executor PART also with that part, such as
  gin/executor/processes.gin.

It ends on a CPU too, where --shapes tiny is what there is time for.
"""

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.speed.history import note, table, write_text
from benchmarks.speed.roofline import (
    HYPERPARAMETERS,
    SHAPES,
    Shape,
    flops,
    mu2_step,
    train_state,
)
from benchmarks.speed.sidebyside import in_turn, medians, python
from mu2.cli.process import keep_freed_memory
from mu2.models.vit import ViT
from mu2.training.optimizer import Optimizer

Implementation = Literal["xla", "cudnn"]


def _vit(image: int, layers: int, batch: int, wanted: float | None = None, **sizes: Any) -> Shape:
    values = {"image_size": image, "num_layers": layers}
    return Shape(ViT(patch=16, **sizes), values, batch, wanted, "bfloat16")


VITS = {
    "Ti/16 224": _vit(224, 12, 512, width=192, heads=3, mlp_dim=768),
    "S/16 224": _vit(224, 12, 256, width=384, heads=6, mlp_dim=1536),
    "B/16 224": _vit(224, 12, 128, 0.45, width=768, heads=12, mlp_dim=3072),
    "L/16 384": _vit(384, 24, 32, 0.45, width=1024, heads=16, mlp_dim=4096),
    "tiny": _vit(32, 1, 8, width=16, heads=2, mlp_dim=32),
}
LARGE = tuple(name for name in VITS if name != "tiny")
MICRO = "ConvNet micro"

Way = Callable[[], Any]


def seconds(way: Way, rounds: int, least: float = 0.3) -> float:
    """The median time of a call, of several at a time."""
    jax.block_until_ready(way())
    start = time.perf_counter()
    jax.block_until_ready(way())
    calls = max(1, round(least / max(time.perf_counter() - start, 1e-6)))

    def repeated() -> float:
        start = time.perf_counter()
        for _ in range(calls):
            last = way()
        jax.block_until_ready(last)
        return (time.perf_counter() - start) / calls

    return medians(in_turn({"way": repeated}, rounds))["way"]


def product_rate(side: int, rounds: int) -> float:
    """FLOP/s of the product of two bfloat16 matrices."""
    key = jax.random.key(0)
    a, b = (jax.random.normal(k, (side, side), jnp.bfloat16) for k in jax.random.split(key))
    compiled = jax.jit(jnp.matmul)
    return 2.0 * side**3 / seconds(lambda: compiled(a, b), rounds)


def peak_bytes() -> int | None:
    """Most memory of the first device that was in use so far; None where it does not say."""
    told = jax.devices()[0].memory_stats() or {}
    return told.get("peak_bytes_in_use")


def attention(shape: Shape, implementation: Implementation, rounds: int) -> float | None:
    """Seconds of one layer's attention, both passes; None where JAX cannot do it here."""
    model: Any = shape.model
    tokens = (shape.hyperparameters["image_size"] // model.patch) ** 2 + 1
    size = (shape.batch, tokens, model.heads, model.width // model.heads)
    q, k, v = (jax.random.normal(jax.random.key(i), size, jnp.bfloat16) for i in range(3))

    def loss(q: jax.Array, k: jax.Array, v: jax.Array) -> jax.Array:
        made = jax.nn.dot_product_attention(q, k, v, implementation=implementation)
        return made.astype(jnp.float32).sum()

    both = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))
    try:
        return seconds(lambda: both(q, k, v), rounds)
    except (RuntimeError, ValueError, NotImplementedError) as error:
        # No such device, or a shape or size that it does not take: which, is said.
        line = (str(error) or type(error).__name__).splitlines()[0]
        sys.stderr.write(f"attention by {implementation}: {line}\n")
        return None


def population(children: int, rounds: int) -> dict[str, float]:
    """Steps a second of small children, one after the other and by vmap."""
    shape = SHAPES[MICRO]
    program, state = train_state(shape)
    flags = {component.name: np.int32(1) for component in program.network}
    o = Optimizer.of(HYPERPARAMETERS, 4, 1000)
    given = program.empty_inputs(shape.batch, jnp.asarray)
    labels = jnp.arange(shape.batch, dtype=jnp.int32) % 10
    more = (flags, o, given, labels, np.int32(10))
    states = [jax.tree.map(jnp.array, state) for _ in range(children)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *states)
    batched = jax.jit(jax.vmap(program.train_step, (0, *[None] * len(more))), donate_argnums=0)

    def loop() -> Any:
        states[:] = [program.train_step(each, *more) for each in states]
        return states

    def together() -> Any:
        nonlocal stacked
        stacked = batched(stacked, *more)
        return stacked

    ways = {"loop": loop, "vmap": together}
    return {f"{name} steps/s": children / seconds(way, rounds) for name, way in ways.items()}


def whole_run(file: str, *more: str) -> float:
    """Seconds of `mu2 run` from start to exit, programs compiled anew."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["-m", "mu2", "run", file, *more, "--system", Path(folder) / "system"]
        return python(*words, JAX_COMPILATION_CACHE_DIR=str(Path(folder) / "programs"))


def step_figures(shape: Shape, rate: float, rounds: int) -> dict[str, Any]:
    """What a shape's step and its attention take."""
    took = seconds(mu2_step(shape, False), rounds)
    names: tuple[Implementation, ...] = ("xla", "cudnn")
    xla, flash = (attention(shape, name, rounds) for name in names)
    return {
        "batch": shape.batch,
        "images/s": shape.batch / took,
        "of the product": flops(shape) / took / rate,
        "wanted": shape.wanted,
        "peak bytes": peak_bytes(),
        "attention ms": None if xla is None else 1e3 * xla,
        "flash ms": None if flash is None else 1e3 * flash,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", nargs="*", choices=VITS, default=list(LARGE))
    parser.add_argument("--batch", type=int, help="examples a step, in place of each shape's own")
    parser.add_argument("--side", type=int, default=8192, help="of the matrices of the product")
    parser.add_argument("--population", type=int, default=16, help="small children")
    parser.add_argument("--runs", nargs="*", default=["gin/quickstart.gin"], metavar="FILE")
    parser.add_argument("--executor", metavar="PART", help="also run with this part")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(argv)
    keep_freed_memory()
    device = jax.devices()[0]
    rate = product_rate(options.side, options.rounds)
    write_text(f"{device.device_kind} ({device.platform}): product {rate / 1e12:.2f} TFLOP/s")
    steps = {
        name: step_figures(
            dataclasses.replace(VITS[name], batch=options.batch or VITS[name].batch),
            rate,
            options.rounds,
        )
        for name in options.shapes
    }
    children = population(options.population, options.rounds)
    ways = {"": (), **({options.executor: (options.executor,)} if options.executor else {})}
    runs = {
        f"{file} {way}".strip(): whole_run(file, *more)
        for file in options.runs
        for way, more in ways.items()
    }
    if steps:
        columns = list(next(iter(steps.values())))
        table(
            ["step", *columns],
            [[name, *(_shown(each[c]) for c in columns)] for name, each in steps.items()],
        )
    gain = children["vmap steps/s"] / children["loop steps/s"]
    table(
        [f"{options.population} children", *children, "vmap / loop", "wanted"],
        [[MICRO, *map(_shown, children.values()), _shown(gain), "≥ 3"]],
    )
    if runs:
        table(["run", "s"], [[name, _shown(each)] for name, each in runs.items()])
    note(
        "accelerator",
        {
            "device": device.device_kind,
            "product FLOP/s": rate,
            "steps": steps,
            "population": {"children": options.population, **children, "vmap / loop": gain},
            "runs": runs,
        },
    )
    return 0


def _shown(figure: float | None) -> str:
    return "–" if figure is None else f"{figure:,.3g}" if figure < 100 else f"{figure:,.0f}"


if __name__ == "__main__":
    sys.exit(main())
