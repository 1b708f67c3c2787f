"""One generation: the examples it sees, and the lines it leaves in the log."""

from typing import Any

from mu2.errors import Mu2Error
from mu2.evolution.budget import training_flops
from mu2.evolution.mutation import Plan
from mu2.evolution.population import Population
from mu2.tasks import ExampleStream, Part, Task
from mu2.training import Job, Trained, Training


class TaskData:
    """The examples of the task under way; nothing is held for any other task.

    Args:
      task: the task.
      batch_size: training examples needed at least.
      memory_limit_mb: see `Stream.memory_limit_mb`.
    """

    def __init__(self, task: Task, batch_size: int, memory_limit_mb: int):
        self._task = task
        self._batch_size = batch_size
        self._memory_limit_mb = memory_limit_mb
        self._read: dict[tuple[str, tuple[int, ...]], ExampleStream] = {}

    @property
    def given(self) -> dict[str, int]:
        """The hyperparameters that the data set by themselves."""
        return self._task.given()

    def read(self, part: Part, shape: tuple[int, ...]) -> ExampleStream:
        """One part, brought to the shape of one example at its first use.

        Raises:
          Mu2Error: there are fewer training examples than a batch holds.
        """
        if (part, shape) not in self._read:
            examples = self._task.stream(part, shape, self._memory_limit_mb)
            if part == "train":
                check_batch(self._task.name, len(examples), self._batch_size)
            self._read[part, shape] = examples
        return self._read[part, shape]


def check_batch(task: str, examples: int, batch_size: int) -> None:
    """Refuses a batch larger than the data."""
    if examples < batch_size:
        raise Mu2Error(
            f"Training.batch_size is {batch_size}, but task {task!r} has {examples} training "
            "examples.",
            hint=f"Set Training.batch_size to {examples} or less.",
        )


def child_flops(plan: Plan, job: Job, trained: Trained, training: Training) -> float:
    """Floating-point operations that a child took."""
    validated = training.validation_examples(len(job.validation)) * len(trained.qualities)
    return training_flops(plan, trained.steps * training.batch_size, validated)


def child_record(
    plan: Plan, job: Job, trained: Trained, population: Population, training: Training
) -> dict[str, Any]:
    """The log line of one child."""
    sizes = {component.name: component.size for component in plan.components}
    best = population.best
    return {
        "task": plan.task,
        "iteration": population.iteration,
        "generation": plan.generation,
        "child": plan.child,
        "path": plan.id,
        "parent": plan.parent.id,
        "parent_task": plan.parent.task,
        "quality": trained.quality,
        "qualities": list(trained.qualities),
        "score": None if trained.quality is None else job.score(trained.quality),
        "bar": plan.bar,
        "best": None if best is None else best.quality,
        "retained": any(path.id == plan.id for path in population.own),
        "diverged": trained.diverged,
        "stopped": trained.stopped,
        "actions": {component.name: component.action for component in plan.components},
        "trained_parameters": sum(sizes[name] for name in job.trained),
        "parameters": sum(sizes.values()),
        "steps": trained.steps,
        "flops": child_flops(plan, job, trained, training),
        "hyperparameters": dict(sorted(plan.hyperparameters.items())),
    }
