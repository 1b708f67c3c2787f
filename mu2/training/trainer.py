"""The trainer: turns children's plans, with their parameters, into trained components."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mu2.models.component import Arrays, Network
from mu2.models.inputs import bucket
from mu2.tasks.examples import Examples
from mu2.tasks.images import Images
from mu2.training import evaluate
from mu2.training.closed_form import SolvedCohort
from mu2.training.cohort import Cohort, shared_prefix
from mu2.training.job import Job, Training, TrainingResult
from mu2.training.layout import Slice
from mu2.training.prepare import Batch
from mu2.training.program import Program, Programs
from mu2.training.race import Race
from mu2.training.state import initial


class Trainer:
    """Trains children and answers for paths on one set of devices.

    Attributes:
      training: the budget.
      devices: where it trains.
      programs: the compiled programs, kept for the life of the trainer.
    """

    def __init__(self, training: Training, devices: Slice):
        self.training = training
        self.devices = devices
        self.programs = Programs(training.clip_norm, devices.sharding)

    def train(self, jobs: Sequence[Job]) -> Iterator[TrainingResult]:
        """Trains children of one generation; those with layers in common go through it together.

        Yields:
          What became of each, in the order of the jobs. It depends on the job alone, not on the
          others.
        """
        results: dict[int, TrainingResult] = {}
        groups = self._groups(jobs)
        for i in range(len(jobs)):
            if i not in results:
                group = next(group for group in groups if i in group)
                results.update(zip(group, self._cohort(jobs, group).train(), strict=True))
            yield results.pop(i)

    def race(self, jobs: Sequence[Job]) -> Race:
        """The children of one generation, to be trained interval by interval."""
        groups = self._groups(jobs)
        return Race(tuple((group, self._cohort(jobs, group)) for group in groups))

    def _groups(self, jobs: Sequence[Job]) -> tuple[tuple[int, ...], ...]:
        """Which jobs are a cohort, by their places."""
        alike: dict[Any, tuple[int, ...]] = {}
        for i, job in enumerate(jobs):
            common = shared_prefix(self._program(job), job)
            alike[common] = (*alike.get(common, ()), i)
        return tuple(alike.values())

    def _cohort(self, jobs: Sequence[Job], group: Sequence[int]) -> Cohort:
        program = self._program(jobs[group[0]])
        chosen = [jobs[i] for i in group]
        kind = Cohort if chosen[0].ridge is None else SolvedCohort
        return kind(program, self.programs.prepare, chosen, self.training, self.devices)

    def logits(
        self, network: Network, arrays: Mapping[str, Arrays], inputs: np.ndarray, num_classes: int
    ) -> np.ndarray:
        """float32 logits [N, num_classes] of examples for a path's network and leaves."""
        program = self.programs.of(network.widen_head(bucket(num_classes)))
        params = initial(program, arrays, self.devices).params
        size = self.training.batch_size
        nothing, split = program.empty_inputs(size, self.devices.split), self.devices.split
        pending = []
        for block in Examples(inputs, np.zeros(len(inputs), np.int32)).blocks(size):
            batch = Batch(split(evaluate.fill_batch(block.inputs, size)))
            # What is not augmented, no choice of the run changes.
            prepared = self.programs.prepare(batch, program.input_shape, Images())
            whole = nothing._replace(prepared_Bx=prepared)
            pending.append(program.forward(params, whole, program.end).logits_BxC)
        return evaluate.gather(pending, len(inputs), num_classes)

    def _program(self, job: Job) -> Program:
        """The program of a child, its head padded so that class counts share programs."""
        return self.programs.of(job.network.widen_head(bucket(job.num_classes)))
