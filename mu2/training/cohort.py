"""A cohort: children of a generation that go through their steps together.

They see the same batches, so what they have frozen in common is computed once a batch for all of
them; and what each has frozen, once for the validation set. A child's bits do not depend on who
else is in its cohort: frozen layers are run by the same program, alone or for others.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from mu2.models.component import Arrays
from mu2.tasks import colours
from mu2.tasks.examples import Examples
from mu2.tasks.originals import Originals
from mu2.tasks.unread import Unread
from mu2.tasks.view import Views
from mu2.training import evaluate
from mu2.training.augment import Augmentation
from mu2.training.job import Job, Training, TrainingResult
from mu2.training.layout import Slice
from mu2.training.optimizer import Optimizer, optimizer_name
from mu2.training.prepare import Batch, Preparation
from mu2.training.program import BatchInputs, Program, State
from mu2.training.state import extract_leaves, initial

Prefix = tuple[str, ...]  # ids of frozen components, from the first on


class Child:
    """One child while it is trained.

    Attributes:
      job: what it was given.
      state: its parameters and what its optimizer remembers, on the devices.
      prefix: see `frozen_prefix`.
      done: it diverged or was stopped.
      scores: after each interval.
    """

    def __init__(self, job: Job, program: Program, state: State, training: Training):
        steps = training.steps(len(job.train))
        self.job = job
        self.state = state
        self.prefix = frozen_prefix(program, job)
        self.done = False
        self._flags = {c.name: np.int32(c.name in job.trainable) for c in program.network}
        self._optimizer = Optimizer.of(
            job.hyperparameters,
            training.intervals,
            steps,
            training.initial_rate,
            training.final_rate,
            job.optimizers,
        )
        self._score_to_reach = -math.inf if job.score_to_reach is None else job.score_to_reach
        self.scores: list[float] = []
        self._qualities: list[float] = []
        self._best: dict[str, Arrays] = {}
        self._diverged = False

    def compile(
        self, program: Program, inputs: BatchInputs, labels: Any, prepare: Callable[[], Any]
    ) -> None:
        """Compiles what the child's steps need, where no child has had it compiled."""
        classes = np.int32(self.job.num_classes)
        program.compile(self.state, self._flags, self._optimizer, inputs, labels, classes, prepare)

    def step(self, program: Program, inputs: BatchInputs, labels: Any) -> None:
        """Trains on one batch."""
        if jax.default_backend() == "cpu":
            # Steps that stand in line hold their memory meanwhile, and start no sooner.
            jax.block_until_ready(self.state)
        classes = np.int32(self.job.num_classes)
        self.state = program.step_of(self.state)(
            self.state, self._flags, self._optimizer, inputs, labels, classes
        )

    def validated(self, logits: np.ndarray, labels: np.ndarray) -> None:
        """Takes note of an interval's outcome; keeps the parameters if they are the best so far.

        An interval is kept if its score reaches the bar and every earlier interval's score, or lies
        above them where the child `must_improve` (docs/method.md, Retention and the
        end). A loss that is not finite ends the child: it scores nothing.
        """
        self._diverged = not (bool(self.state.finite) and np.isfinite(logits).all())
        if self._diverged:
            self.done = True
            return
        self._qualities.append(evaluate.accuracy(logits, labels))
        self.scores.append(self.job.score(self._qualities[-1]))
        score, bar = self.scores[-1], self._score_to_reach
        if score > bar or (score == bar and not self.job.must_improve):
            self._score_to_reach = score
            used = optimizer_name(self.job.hyperparameters)
            self._best = extract_leaves(self.state, self.job.network, self.job.trainable, used)

    def result(self, seconds: float) -> TrainingResult:
        """What became of it."""
        return TrainingResult(
            quality=None if self._diverged else max(self._qualities),
            qualities=tuple(self._qualities),
            arrays={} if self._diverged else self._best,
            diverged=self._diverged,
            stopped=self.done and not (self._diverged or self.job.ridge),
            steps=int(self.state.step),
            seconds=seconds,
        )


def initial_of(job: Job, program: Program, devices: Slice) -> State:
    """The state that a child begins with."""
    own = optimizer_name(job.hyperparameters)
    return initial(program, job.arrays, devices, own, "adamw" in (own, *job.optimizers))


def frozen_prefix(program: Program, job: Job) -> Prefix:
    """The ids of a child's frozen components from the first on, up to one that puts out a feature.

    Raises:
      KeyError: a frozen component has no id.
    """
    names = [component.name for component in program.network]
    lowest = next((i for i, name in enumerate(names) if name in job.trainable), len(names))
    return tuple(job.ids[name] for name in names[: program.feature_before(lowest)])


def shared_prefix(program: Program, job: Job) -> Any:
    """A key, equal for children that have the same batches and a first feature in common."""
    first = next((i + 1 for i, output in enumerate(program.outputs) if output.is_feature), 0)
    ranges = tuple(float(value) for value in Augmentation.of(job.hyperparameters))
    read = (job.key, ranges, job.images, id(job.train), id(job.validation), job.ridge)
    prefix = frozen_prefix(program, job)[:first]
    return (program.network, prefix or id(job), read)


class Cohort:
    """Children of one program that have batches, and a first feature, in common.

    Attributes:
      children: in the order of the jobs.

    Args:
      program: of their networks.
      prepare: of their batches.
      jobs: at least one.
      training: the budget.
      devices: where they are trained.
    """

    def __init__(
        self,
        program: Program,
        prepare: Preparation,
        jobs: Sequence[Job],
        training: Training,
        devices: Slice,
    ):
        for examples in (jobs[0].train, jobs[0].validation):
            if isinstance(examples, Unread):
                examples.read()  # before the children's time begins
        self._program = program
        self._prepare = prepare
        self._images = jobs[0].images
        self._training = training
        self._devices = devices
        self.children = [
            Child(job, program, initial_of(job, program, devices), training) for job in jobs
        ]
        self._ends = meeting_points(program, [child.prefix for child in self.children])
        self._nothing = program.empty_inputs(training.batch_size, devices.split)
        self._ranges = Augmentation.of(jobs[0].hyperparameters)
        self._key = jobs[0].key.fold_in("augment").jax()
        self._steps = training.steps(len(jobs[0].train))
        self._batches = self._read(jobs[0])
        self._step_number = 0
        self._kept: dict[tuple[Prefix, int], Any] = {}
        self._seconds = 0.0

    def train(self) -> list[TrainingResult]:
        """Trains the children for all their intervals."""
        for _ in range(self._training.intervals):
            self.advance()
        return self.results()

    def advance(self) -> None:
        """Trains the children that are not done for one interval, and validates them."""
        children = [child for child in self.children if not child.done]
        if not children:
            return
        start = time.perf_counter()
        for _ in range(self._steps):
            self._step(children, next(self._batches))
        self._validate(children)
        self._seconds += time.perf_counter() - start

    def results(self) -> list[TrainingResult]:
        """What became of each, in the order of the jobs; the wall time is shared out evenly."""
        seconds = self._seconds / len(self.children)
        return [child.result(seconds) for child in self.children]

    def _read(self, job: Job) -> Iterator[Examples]:
        """The training batches of the cohort."""
        t, key = self._training, job.key.fold_in("batches")
        steps = t.intervals * self._steps
        if not isinstance(job.train, Originals):
            return job.train.batches(t.batch_size, steps, key)
        a = self._ranges
        recoloured = {name: float(getattr(a, name)) for name in colours.NAMES}
        views = Views(
            job.key.fold_in("views"),
            area_min=float(a.area_min) if a.crops else 1.0,
            aspect_min=float(a.aspect_min),
            jpeg_quality=float(a.jpeg_quality),
            colours=recoloured if job.images.colours_before_resize else {},
        )
        return job.train.batches(t.batch_size, steps, key, views)

    def _prepared(self, batch: Batch) -> jax.Array:
        return self._prepare(batch, self._program.input_shape, self._images)

    def _step(self, children: Sequence[Child], examples: Examples) -> None:
        split, boxes = self._devices.split, examples.boxes
        batch = Batch(
            split(examples.inputs),
            self._ranges,
            self._key,
            np.int32(self._step_number),
            None if boxes is None else split(boxes),
        )
        labels = split(examples.labels)
        children[0].compile(self._program, self._nothing, labels, lambda: self._prepared(batch))
        self._step_number += 1
        features: dict[Prefix, Any] = {}
        begun = self._nothing._replace(prepared_Bx=self._prepared(batch))
        for child in children:
            child.step(self._program, self._inputs(child, begun, features), labels)

    def _validate(self, children: Sequence[Child]) -> None:
        """Looks at the validation set; keeps the children's features where there is room."""
        t, job = self._training, children[0].job
        validated = t.validation_examples(len(job.validation))
        prefixes = {child.prefix for child in self.children if child.prefix}
        size = validated * self._nothing.feature_Bx.nbytes // t.batch_size * len(prefixes)
        pending: list[list[Any]] = [[] for _ in children]
        labels = []
        for number, block in enumerate(job.validation.blocks(t.batch_size, validated)):
            labels.append(block.labels)
            known = {p for p in prefixes if (p, number) in self._kept}
            features = {p: self._kept[p, number] for p in known}
            batch = Batch(self._devices.split(evaluate.fill_batch(block.inputs, t.batch_size)))
            begun = self._nothing
            if any(child.prefix not in known for child in children):
                begun = begun._replace(prepared_Bx=self._prepared(batch))
            for child, logits in zip(children, pending, strict=True):
                inputs = self._inputs(child, begun, features)
                params, end = child.state.params, self._program.end
                logits.append(self._program.forward(params, inputs, end).logits_BxC)
            if size <= t.features_limit_mb << 20:
                self._kept |= {(p, number): features[p] for p in prefixes if p in features}
        for child, logits in zip(children, pending, strict=True):
            y = evaluate.gather(logits, validated, child.job.num_classes)
            child.validated(y, np.concatenate(labels))

    def _inputs(self, child: Child, begun: BatchInputs, features: dict[Prefix, Any]) -> BatchInputs:
        """The feature of a child's prefix, which is computed if it is new.

        Args:
          child: one of the cohort.
          begun: the batch, prepared; returned where the child has no prefix.
          features: of this batch, by prefix; those that are computed are added.
        """
        inputs, known = begun, child.prefix in features
        for end in (len(child.prefix),) if known else self._ends[child.prefix]:
            prefix = child.prefix[:end]
            if prefix not in features:
                made = self._program.forward(child.state.params, inputs, np.int32(end))
                features[prefix] = made.feature_Bx
            inputs = inputs._replace(feature_Bx=features[prefix], start=np.int32(end))
        return inputs


def meeting_points(program: Program, prefixes: Sequence[Prefix]) -> dict[Prefix, tuple[int, ...]]:
    """Through which features each prefix is computed: where it parts from others, and its own.

    Args:
      program: whose features they are.
      prefixes: of children.
    """
    return {
        one: tuple(sorted({program.feature_before(_agree(one, other)) for other in prefixes} - {0}))
        for one in prefixes
    }


def _agree(one: Prefix, other: Prefix) -> int:
    """Components from the first on that two prefixes have in common."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))
