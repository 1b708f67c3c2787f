"""The children of a finished system, trained again by a bare loop: what mu2 is measured by.

  python -m benchmarks.speed.bare FIGURES LOG FILE ... [--gin.NAME=VALUE ...]

Each child of the log is trained for as many steps, on batches of the same size and augmentation,
and validated as often. Its step is compiled for it alone: only what it trains is differentiated,
and what its settings switch off is not in the program; children that agree in both share one. The
examples lie in memory beforehand, every batch is drawn beforehand, nothing is written or kept, and
parameters are fresh, which takes no other time.

Each is trained twice, in turn: in the network as mu2 computes it (`same`), and in one whose layers
are computed whole, as a plain ViT's are (`whole`): mu2 leaves out of the last block what nobody
reads. FIGURES is the JSON file for the seconds that each spent on steps and
validation, and on compiling.
"""

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mu2 import config
from mu2.cli.main import split_bindings
from mu2.cli.process import keep_freed_memory
from mu2.experiment import Experiment
from mu2.models.component import Component, Network, nest
from mu2.models.inputs import is_image, normalise
from mu2.models.vit import EncoderBlock
from mu2.random_keys import Key
from mu2.system.child_log import ChildLog
from mu2.tasks.data import TaskData
from mu2.tasks.images import DEFAULT
from mu2.tasks.order import batches
from mu2.tasks.originals import InMemoryOriginals
from mu2.tasks.view import Views
from mu2.training import augment
from mu2.training.augment import Augmentation
from mu2.training.optimizer import Optimizer, learning_rate

Params = dict[str, Any]

# Programs that a loop holds: of several hundred the code alone takes more pieces of memory than
# Linux maps for a process (vm.max_map_count).
HELD = 64


class Kind(NamedTuple):
    """What a program is compiled for.

    Attributes:
      network: its components.
      trained: names of those that are trained.
      on: the augmentations that happen.
      nesterov: kind of the momentum.
    """

    network: Network
    trained: frozenset[str]
    on: frozenset[str]
    nesterov: bool


def main(argv: Sequence[str] | None = None) -> int:
    """Trains every child of a log; writes the seconds."""
    words, bindings = split_bindings(sys.argv[1:] if argv is None else argv)
    figures, log, *files = words
    keep_freed_memory()  # as mu2 does
    experiment = config.load(files, bindings).experiment
    loops = {"same": Bare(experiment), "whole": Bare(experiment, whole)}
    for line in ChildLog(Path(log)):
        for loop in loops.values():
            loop.child(line)
    told = {
        name: {"training": loop.training, "compiling": loop.compiling}
        for name, loop in loops.items()
    }
    Path(figures).write_text(json.dumps(told), encoding="utf-8")
    return 0


def whole(network: Network) -> Network:
    """The network with a last block that computes every token, as any other block."""

    def each(component: Component) -> Component:
        if not isinstance(component.module, EncoderBlock):
            return component
        return dataclasses.replace(component, module=component.module.clone(last=False))

    return Network(map(each, network))


def same(network: Network) -> Network:
    """The network itself."""
    return network


class Bare:
    """The loop.

    Args:
      experiment: of the children.
      computed: makes of a child's network the one that is trained.

    Attributes:
      training: seconds of steps and validation so far.
      compiling: seconds of compiling so far.
    """

    def __init__(self, experiment: Experiment, computed: Callable[[Network], Network] = same):
        self.training = self.compiling = 0.0
        self._computed = computed
        self._experiment = experiment
        self._batch_size = experiment.training.batch_size
        self._clip = experiment.training.clip_norm
        self._data: dict[str, TaskData] = {}
        self._examples: dict[Any, Any] = {}
        self._programs: dict[Any, Any] = {}

    def child(self, line: Mapping[str, Any]) -> None:
        """Trains one child as its line of the log says."""
        settings, intervals = line["hyperparameters"], len(line["qualities"])
        (model,) = self._experiment.space.models
        everything = model.network(settings, self._classes(line["task"]))
        network = self._computed(everything.select(line["actions"]))
        kind = Kind(
            network,
            frozenset(name for name, action in line["actions"].items() if action != "share"),
            frozenset(_on(settings)),
            bool(settings["nesterov"]),
        )
        shape = model.input_shape(settings)
        ranges = Augmentation.of(settings)
        images, labels, sizes = self._read_training(line["task"], shape, settings)
        validation, _ = self._read(line["task"], "validation", shape)
        steps, seed = line["steps"], Key.from_seed(0).fold_in(line["path"])
        drawn = list(batches(len(images), self._batch_size, steps, seed))
        order, boxes = jnp.asarray(np.stack(drawn).astype(np.int32)), None
        if sizes is not None:
            views = Views(seed, settings["area_min"], settings["aspect_min"])
            shown = [views.draw(i, len(d)).boxes(sizes[d]) for i, d in enumerate(drawn)]
            boxes = jnp.asarray(np.stack(shown), jnp.float32)
        optimizer = Optimizer.of(settings, intervals, steps // intervals)
        rated = jax.vmap(lambda step: learning_rate(optimizer, step))(jnp.arange(steps) * 1.0)
        rates, momentum = np.asarray(rated), np.float32(settings["momentum"])
        key = seed.jax()
        params = {c.name: nest(c.init(jax.random.key(0))) for c in network}
        params = jax.tree.map(jnp.array, params)
        own = {name: params.pop(name) for name in list(params) if name in kind.trained}
        trace = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, jnp.bfloat16), own)

        def arguments(i: int) -> tuple[Any, ...]:
            read = (images, labels, order, boxes)
            return (own, trace, params, *read, np.int32(i), rates[i], momentum)

        step = self._compiled(kind, step_of(kind, self._clip), (*arguments(0), ranges, key))
        forward = self._compiled(network, forward_of(kind), (own, params, validation[0]))
        start = time.perf_counter()
        for interval in range(intervals):
            for i in range(interval * (steps // intervals), (interval + 1) * (steps // intervals)):
                own, trace = step(*arguments(i), ranges, key)
            jax.device_get([forward(own, params, block) for block in validation])
        self.training += time.perf_counter() - start

    def _compiled(self, kind: Any, function: Callable[..., Any], arguments: Any) -> Any:
        """The program of a function; compiled where there is none for its kind and shapes."""
        shapes = [(leaf.shape, str(leaf.dtype)) for leaf in jax.tree.leaves(arguments)]
        key = (kind, jax.tree.structure(arguments), tuple(shapes))
        if key not in self._programs:
            start = time.perf_counter()
            donated = (0, 1) if isinstance(kind, Kind) else ()
            jitted = jax.jit(function, donate_argnums=donated)
            self._programs[key] = jitted.lower(*arguments).compile()
            self.compiling += time.perf_counter() - start
            if len(self._programs) > HELD:
                del self._programs[next(iter(self._programs))]
        return self._programs[key]

    def _classes(self, task: str) -> int:
        (found,) = (each for each in self._experiment.stream.tasks if each.name == task)
        return len(found.source.class_names())

    def _read_training(
        self, task: str, shape: tuple[int, ...], settings: Mapping[str, Any]
    ) -> tuple[Any, Any, np.ndarray | None]:
        """Training images on the device, their labels and, where parts are shown, their sizes."""
        named = (task, "originals", shape)
        if not Augmentation.of(settings).crops:
            return (*self._read(task, "train", shape), None)
        if named not in self._examples:
            self._read(task, "train", shape)
            held = self._data[task].originals(shape).read()
            if not isinstance(held, InMemoryOriginals):
                raise RuntimeError(f"the images of {task} are not held in memory")
            if (held.sizes != held.stored_sizes).any():
                raise RuntimeError(f"the images of {task} are not held at their own size")
            self._examples[named] = (jnp.asarray(held.images), jnp.asarray(held.labels), held.sizes)
        return self._examples[named]

    def _read(self, task: str, part: Any, shape: tuple[int, ...]) -> tuple[Any, Any]:
        """A part of a task on the device; the validation set in batches, filled up with zeros."""
        if (task, part, shape) not in self._examples:
            training = self._experiment.training
            if task not in self._data:
                (found,) = (each for each in self._experiment.stream.tasks if each.name == task)
                self._data[task] = TaskData(found, training.batch_size, 4096)
            stream = self._data[task].read(part, shape)
            (block,) = stream.blocks(len(stream))
            inputs, labels = block.inputs, block.labels
            if part == "validation":
                inputs = inputs[: training.validation_examples(len(inputs))]
                missing = -len(inputs) % self._batch_size
                inputs = np.pad(inputs, [(0, missing), *[(0, 0)] * (inputs.ndim - 1)])
                blocks = np.split(inputs, len(inputs) // self._batch_size)
                self._examples[task, part, shape] = ([jnp.asarray(b) for b in blocks], labels)
            else:
                self._examples[task, part, shape] = (jnp.asarray(inputs), jnp.asarray(labels))
        return self._examples[task, part, shape]


def step_of(kind: Kind, clip_norm: float) -> Callable[..., Any]:
    """The training step of children of a kind."""
    clip = optax.clip_by_global_norm(clip_norm)

    def step(
        own: Params,
        trace: Params,
        frozen: Params,
        images: jax.Array,
        labels: jax.Array,
        order: jax.Array,
        boxes: jax.Array | None,
        number: jax.Array,
        rate: jax.Array,
        momentum: jax.Array,
        ranges: Augmentation,
        key: jax.Array,
    ) -> Any:
        x, box = images[order[number]], None if boxes is None else boxes[number]
        shape = kind.network[0].input_shape
        x = augmented(jax.random.fold_in(key, number), x, ranges, box, shape, kind.on)

        def loss(own: Params) -> jax.Array:
            logits = kind.network.apply({**frozen, **own}, x)
            losses = optax.softmax_cross_entropy_with_integer_labels
            return jnp.mean(losses(logits, labels[order[number]]))

        gradients = jax.grad(loss)(own)
        sgd = optax.trace(momentum, kind.nesterov, jnp.bfloat16)
        changes, _ = clip.update(gradients, clip.init(own))
        changes, state = sgd.update(changes, optax.TraceState(trace))
        return optax.apply_updates(own, jax.tree.map(lambda u: -rate * u, changes)), state.trace

    return step


def forward_of(kind: Kind) -> Callable[..., Any]:
    """The forward pass of children of a kind."""
    return lambda own, frozen, x: kind.network.apply({**frozen, **own}, normalise(x))


def augmented(
    key: jax.Array,
    x: jax.Array,
    ranges: Augmentation,
    box: jax.Array | None,
    shape: tuple[int, ...],
    on: frozenset[str],
) -> jax.Array:
    """What `mu2.training.augment` does, without what is off."""
    if not on or not is_image(x):
        return normalise(x)
    settled = {
        name: np.bool_(name in on)
        if name in ("crop", "flip")
        else getattr(ranges, name)
        if name in on or name in ("area_min", "aspect_min")
        else np.float32(0)
        for name in Augmentation._fields
    }
    made = augment.augment(key, x, Augmentation(**settled), box, size=shape[0], images=DEFAULT)
    return made if made.shape[-1] == shape[2] else jnp.repeat(made, shape[2], axis=-1)


def _on(settings: Mapping[str, Any]) -> list[str]:
    """The augmentations that settings ask for."""
    if not settings.get("crop") or settings["area_min"] >= 1:
        settings = {**settings, "crop": False}
    bounds = ("area_min", "aspect_min", "jpeg_quality")
    return [name for name in Augmentation._fields if name not in bounds and settings.get(name)]


if __name__ == "__main__":
    sys.exit(main())
