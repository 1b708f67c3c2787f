"""The trainer: turns children's plans, with their parameters, into trained components."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mu2.models.component import Arrays, Network
from mu2.tasks.examples import Examples
from mu2.training import evaluate
from mu2.training.cohort import Cohort, in_common
from mu2.training.job import Devices, Job, Trained, Training
from mu2.training.leaves import initial
from mu2.training.program import Batch, Program, Programs, bucket


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

    def train(self, jobs: Sequence[Job]) -> Iterator[Trained]:
        """Trains children of one generation; those with layers in common go through it together.

        Yields:
          What became of each, in the order of the jobs. It depends on the job alone, not on the
          others.
        """
        alike = [in_common(self._program(job), job) for job in jobs]
        results: dict[int, Trained] = {}
        for i, job in enumerate(jobs):
            if i not in results:
                group = [j for j in range(i, len(jobs)) if alike[j] == alike[i]]
                some = [jobs[j] for j in group]
                cohort = Cohort(self._program(job), some, self.training, self.devices)
                results.update(zip(group, cohort.train(), strict=True))
            yield results.pop(i)

    def logits(
        self, network: Network, arrays: Mapping[str, Arrays], inputs: np.ndarray, num_classes: int
    ) -> np.ndarray:
        """float32 logits [N, num_classes] of examples for a path's network and leaves."""
        program = self.programs.of(network.widened(bucket(num_classes)))
        params = initial(program, arrays, self.devices).params
        size = self.training.batch_size
        nothing = self.devices.split(program.no_feature(size))
        pending = [
            program.forward(
                params,
                Batch.plain(self.devices.split(evaluate.filled(block.inputs, size)), nothing),
                program.end,
            )[1]
            for block in Examples(inputs, np.zeros(len(inputs), np.int32)).blocks(size)
        ]
        return evaluate.gathered(pending, len(inputs), num_classes)

    def _program(self, job: Job) -> Program:
        """The program of a child, its head padded so that class counts share programs."""
        return self.programs.of(job.network.widened(bucket(job.num_classes)))
