"""The trainer: turns a child's plan, with its parameters, into trained components and a quality."""

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import ml_dtypes
import numpy as np

from mu2.errors import Mu2Error
from mu2.key import Key
from mu2.models.component import Arrays, Axes, Network, flatten, nest
from mu2.tasks.examples import Examples, ExampleStream
from mu2.training import evaluate
from mu2.training.augment import Augmentation
from mu2.training.optimizer import Optimizer
from mu2.training.program import Program, Programs, State, bucket

PARAMS, TRACE = "params", "momentum"


@dataclasses.dataclass(frozen=True)
class Training:
    """The training budget of one child (paper/README 3.3 and 3.5).

    Attributes:
      batch_size: examples a step.
      intervals: validation intervals; the child is validated at the end of each.
      max_train_examples: largest number of examples trained on between two validations; a
        smaller set is seen once.
      max_validation_examples: largest number of validation examples used.
      clip_norm: largest global norm of the gradient.
      final_rate: share of the learning rate below which cosine and linear schedules do not fall
        (0 in µ2Net, 0.001 in µ2Net+; paper/README 4.1).
      dtype: dtype of the arithmetic, `float32` or `bfloat16`; parameters stay float32.
    """

    batch_size: int = 512
    intervals: int = 4
    max_train_examples: int = 51200
    max_validation_examples: int = 5120
    clip_norm: float = 1.0
    final_rate: float = 0.0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for name in ("batch_size", "intervals", "max_train_examples", "max_validation_examples"):
            if getattr(self, name) < 1:
                raise Mu2Error(f"Training.{name} is {getattr(self, name)}; it must be 1 or more.")
        if not self.clip_norm > 0:
            raise Mu2Error(f"Training.clip_norm is {self.clip_norm}; it must be above 0.")
        if not 0 <= self.final_rate <= 1:
            raise Mu2Error(f"Training.final_rate is {self.final_rate}; it must be from 0 to 1.")
        if self.dtype not in ("float32", "bfloat16"):
            raise Mu2Error(
                f"Training.dtype is {self.dtype!r}.", hint="Set it to 'float32' or 'bfloat16'."
            )

    def steps(self, train_examples: int) -> int:
        """Steps of one interval: ceil(min(examples, max_train_examples) / batch_size)."""
        return math.ceil(min(train_examples, self.max_train_examples) / self.batch_size)

    def validation_examples(self, available: int) -> int:
        """Validation examples used: all, or whole batches up to the cap where there are more."""
        cap = self.max_validation_examples
        if available <= cap:
            return available
        return max(self.batch_size * (cap // self.batch_size), min(cap, self.batch_size))


class Devices(Protocol):
    """Where a child's arrays live; `mesh.Slice` is one."""

    def sharding(self, axes: Axes) -> Any:
        """The `jax.sharding.Sharding` of an array of these logical axes."""

    def place(self, tree: Any, shardings: Any) -> Any:
        """The tree's arrays where a tree of shardings says, in buffers that may be donated."""

    def split(self, array: np.ndarray) -> Any:
        """A batch on the devices, shared out along its first axis."""


@dataclasses.dataclass(frozen=True)
class Job:
    """Everything one child needs to be trained, and nothing that ties it to a process.

    Attributes:
      network: its components in forward order, the head at its true width.
      arrays: component name to flat leaves: `params/<leaf>` float32, `momentum/<leaf>` bfloat16
        where momentum is inherited.
      trained: names of the components to train.
      hyperparameters: the child's.
      train: training examples.
      validation: validation examples.
      num_classes: classes of the task.
      key: the generation's key for batches and augmentation, shared by its children.
      bar: score an interval must reach to be kept; None if any will do.
      floors: for each interval but the last, the score without which training ends after it; None
        where any will do. Empty: no child is stopped.
      score: quality to score.
    """

    network: Network
    arrays: Mapping[str, Arrays]
    trained: frozenset[str]
    hyperparameters: Mapping[str, Any]
    train: ExampleStream
    validation: ExampleStream
    num_classes: int
    key: Key
    bar: float | None
    score: Callable[[float], float]
    floors: tuple[float | None, ...] = ()


@dataclasses.dataclass(frozen=True)
class Trained:
    """What training made of a child.

    Attributes:
      quality: best validation accuracy in [0, 1]; None if it diverged.
      qualities: validation accuracy after each interval.
      arrays: leaves of the trained components at the best interval, by component name; none if
        no interval reached the bar.
      diverged: a loss was NaN or infinite.
      stopped: it fell below a floor before its last interval.
      steps: training steps done.
      seconds: wall time.
    """

    quality: float | None
    qualities: tuple[float, ...]
    arrays: Mapping[str, Arrays]
    diverged: bool
    stopped: bool
    steps: int
    seconds: float


class Trainer:
    """Trains children and answers for paths on one set of devices.

    Attributes:
      training: the budget.
      devices: where it trains.
      programs: the compiled programs, kept for the life of the trainer.
    """

    def __init__(self, training: Training, devices: Devices):
        self.training = training
        self.devices = devices
        self.programs = Programs(training.clip_norm, devices.sharding)

    def train(self, job: Job) -> Trained:
        """Trains one child for all its intervals and keeps the best of them.

        An interval is kept if its score reaches the bar and every earlier interval's score
        (paper/README 3.3). A loss that is not finite ends the child: it scores nothing.
        """
        start, t = time.perf_counter(), self.training
        program = self._program(job.network, job.num_classes)
        steps = t.steps(len(job.train))
        validated = t.validation_examples(len(job.validation))
        state = self._initial(program, job.arrays)
        flags = {c.name: np.int32(c.name in job.trained) for c in program.network}
        optimizer = Optimizer.of(job.hyperparameters, t.intervals, steps, t.final_rate)
        ranges = augmentation(job.hyperparameters)
        batch_key = job.key.fold_in("augment").jax()
        order = job.key.fold_in("batches")
        batches = job.train.batches(t.batch_size, t.intervals * steps, order)
        best_arrays: dict[str, Arrays] = {}
        qualities: list[float] = []
        bar = -math.inf if job.bar is None else job.bar
        diverged = stopped = False
        for interval in range(t.intervals):
            for _ in range(steps):
                batch = next(batches)
                state = program.train_step(
                    state,
                    flags,
                    optimizer,
                    ranges,
                    self.devices.split(batch.inputs),
                    self.devices.split(batch.labels),
                    np.int32(job.num_classes),
                    batch_key,
                )
            validation = job.validation.blocks(t.batch_size, validated)
            y, labels = evaluate.predictions(
                program, state.params, validation, job.num_classes, t.batch_size
            )
            diverged = not (bool(state.finite) and np.isfinite(y).all())
            if diverged:
                break
            qualities.append(evaluate.accuracy(y, labels))
            score = job.score(qualities[-1])
            if score >= bar:
                bar = score
                best_arrays = self._extract(state, job)
            floor = job.floors[interval] if interval < len(job.floors) else None
            stopped = floor is not None and score < floor
            if stopped:
                break
        return Trained(
            quality=None if diverged else max(qualities),
            qualities=tuple(qualities),
            arrays={} if diverged else best_arrays,
            diverged=diverged,
            stopped=stopped,
            steps=int(state.step),
            seconds=time.perf_counter() - start,
        )

    def logits(
        self, network: Network, arrays: Mapping[str, Arrays], inputs: np.ndarray, num_classes: int
    ) -> np.ndarray:
        """float32 logits [N, num_classes] of examples for a path's network and leaves."""
        program = self._program(network, num_classes)
        params = self._initial(program, arrays).params
        batch = self.training.batch_size
        blocks = Examples(inputs, np.zeros(len(inputs), np.int32)).blocks(batch)
        return evaluate.predictions(program, params, blocks, num_classes, batch)[0]

    def _program(self, network: Network, num_classes: int) -> Program:
        """The program of a network, its head padded so that class counts share programs."""
        return self.programs.of(network.widened(bucket(num_classes)))

    def _initial(self, program: Program, arrays: Mapping[str, Arrays]) -> State:
        """The state before the first step; a missing momentum is zero, the head is padded."""
        params, trace = {}, {}
        for component in program.network:
            own = arrays[component.name]
            leaves, momentum = {}, {}
            for name, like in component.shapes.items():
                leaves[name] = _pad(own[f"{PARAMS}/{name}"], like.shape)
                old = own.get(f"{TRACE}/{name}")
                zero = np.zeros(like.shape, ml_dtypes.bfloat16)
                momentum[name] = zero if old is None else _pad(old, like.shape)
            params[component.name] = nest(leaves)
            trace[component.name] = nest(momentum)
        state = State(params, trace, np.int32(0), np.bool_(True))
        return self.devices.place(state, program.shardings)

    def _extract(self, state: State, job: Job) -> dict[str, Arrays]:
        """Copies of the trained components' leaves, the head cut to its true width."""
        kept: dict[str, Arrays] = {}
        for component in job.network:
            if component.name not in job.trained:
                continue
            leaves = {}
            for kind, tree in ((PARAMS, state.params), (TRACE, state.trace)):
                for name, leaf in flatten(tree[component.name]).items():
                    window = tuple(slice(n) for n in component.shapes[name].shape)
                    leaves[f"{kind}/{name}"] = np.array(np.asarray(leaf)[window])
            kept[component.name] = leaves
        return kept


def augmentation(hyperparameters: Mapping[str, Any]) -> Augmentation:
    """A path's augmentation ranges as run-time scalars; none where it has no images."""
    h = {**dict.fromkeys(Augmentation._fields, 0.0), **hyperparameters}
    return Augmentation(
        crop=np.bool_(h["crop"]),
        area_min=np.float32(h["area_min"]),
        aspect_min=np.float32(h["aspect_min"]),
        flip=np.bool_(h["flip"]),
        brightness=np.float32(h["brightness"]),
        contrast=np.float32(h["contrast"]),
        saturation=np.float32(h["saturation"]),
        hue=np.float32(h["hue"]),
    )


def _pad(leaf: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The leaf with zeros behind it up to `shape`; the leaf itself where it fits."""
    if leaf.shape == shape:
        return leaf
    return np.pad(leaf, [(0, n - m) for m, n in zip(leaf.shape, shape, strict=True)])


def as_stored(params: Arrays) -> Arrays:
    """Bare parameters under the names that stored leaves have."""
    return {f"{PARAMS}/{name}": leaf for name, leaf in params.items()}


def of_stored(leaves: Arrays) -> Arrays:
    """The parameters among stored leaves, under their bare names."""
    prefix = f"{PARAMS}/"
    return {k.removeprefix(prefix): v for k, v in leaves.items() if k.startswith(prefix)}
