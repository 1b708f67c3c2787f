"""Children whose head is solved: one forward pass over the training examples, and no gradient."""

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from mu2.errors import Mu2Error
from mu2.models.component import Component
from mu2.models.leaves import to_stored
from mu2.tasks.examples import Examples
from mu2.tasks.originals import Originals
from mu2.training.cohort import Cohort, Prefix
from mu2.training.job import Job
from mu2.training.prepare import Batch
from mu2.training.ridge import Regression
from mu2.training.state import replace_component


def check_linear(head: Component) -> None:
    """Refuses a head that is more than a kernel and a bias.

    Raises:
      Mu2Error: it cannot be solved.
    """
    inner, (classes,) = head.input_shape, head.output_shape
    shapes = {leaf: like.shape for leaf, like in head.shapes.items()}
    if len(inner) != 1 or shapes != {"kernel": (*inner, classes), "bias": (classes,)}:
        raise Mu2Error(
            f"the head of this network ({type(head.module).__name__}) is no linear layer of a "
            "vector, with a kernel and a bias: it cannot be solved.",
            hint="Set Evolution.closed_form_children = 0.",
        )


def probe_jobs(jobs: Sequence[Job], split: Callable[[int, int], tuple[int, int]]) -> list[Job]:
    """The jobs with a few training examples, and a few others in place of those that validate.

    Jobs that have their examples in common still have. Draws them from (generation, "probe").

    Args:
      jobs: whose heads are to be solved.
      split: numbers of training examples and of classes to how many examples are solved on, and
        how many are others.
    """
    made: dict[int, tuple[Examples, Examples]] = {}
    for job in jobs:
        if id(job.train) in made:
            continue
        if isinstance(job.train, Originals):
            raise ValueError("a head is solved of examples as they are")
        solved, others = split(len(job.train), job.num_classes)
        (drawn,) = job.train.batches(solved + others, 1, job.key.fold_in("probe"))
        made[id(job.train)] = (
            Examples(drawn.inputs[:solved], drawn.labels[:solved]),
            Examples(drawn.inputs[solved:], drawn.labels[solved:]),
        )
    return [
        dataclasses.replace(job, train=train, validation=validation)
        for job in jobs
        for train, validation in (made[id(job.train)],)
    ]


class SolvedCohort(Cohort):
    """A cohort whose heads are solved in place of its first interval; there is no other.

    As many training examples are looked at as a child would train on in all its intervals, each
    once and as it is, without augmentation. Draws their order from (generation, "solve").
    """

    def advance(self) -> None:
        """Solves the heads, and validates them."""
        children = [child for child in self.children if not child.done]
        if not children:
            return
        start = time.perf_counter()
        self._solve()
        self._validate(children)
        for child in children:
            child.done = True
        self._seconds += time.perf_counter() - start

    def _read(self, job: Job) -> Iterator[Examples]:
        """The training examples in batches, each once."""
        if isinstance(job.train, Originals):
            raise ValueError("a head is solved of examples as they are")
        size = self._training.batch_size
        steps = math.ceil(self._training.solved_examples(len(job.train)) / size)
        return job.train.batches(size, steps, job.key.fold_in("solve"))

    def _solve(self) -> None:
        job, t, split = self.children[0].job, self._training, self._devices.split
        if job.ridge is None:
            raise ValueError("nothing says how its head is solved")
        head = self._program.network[-1]
        examples, width = t.solved_examples(len(job.train)), head.output_shape[0]
        solvers = [Regression(job.ridge, examples, job.num_classes, width) for _ in self.children]
        for batch in self._batches:
            prepared = self._prepared(Batch(split(batch.inputs)))
            begun = self._nothing._replace(prepared_Bx=prepared)
            labels = split(batch.labels)
            features: dict[Prefix, Any] = {}
            for child, solver in zip(self.children, solvers, strict=True):
                inputs = self._inputs(child, begun, features)
                made = self._program.forward(child.state.params, inputs, self._program.end)
                solver.add(made.head_input_Bx, labels)
        for child, solver in zip(self.children, solvers, strict=True):
            kernel, bias = solver.solve()
            leaves = to_stored({"kernel": kernel, "bias": bias})
            child.state = replace_component(
                child.state, self._program, head.name, leaves, self._devices
            )
