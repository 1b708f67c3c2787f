"""What a run will cost, before anything runs: operations, steps and bytes of each task."""

import dataclasses
from collections.abc import Sequence

from mu2.evolution.closed_form import solving_flops
from mu2.evolution.probing import probe_examples
from mu2.evolution.rules import HEAD, Mutation
from mu2.evolution.space import MUTATION_PROBABILITY, corners
from mu2.evolution.stopping import Halving
from mu2.experiment import Experiment
from mu2.models import Network
from mu2.planning.preview import PARAMETER, count_probes, count_solved
from mu2.tasks import Task


@dataclasses.dataclass(frozen=True)
class Bounds:
    """A figure between two bounds.

    Attributes:
      least: every child comes from a seed, clones each layer with probability µ, and has the
        default shape.
      most: every layer of every child is trained, and the child is of the largest shape.
    """

    least: float = 0.0
    most: float = 0.0

    def __add__(self, other: "Bounds") -> "Bounds":
        return Bounds(self.least + other.least, self.most + other.most)

    def __mul__(self, factor: float) -> "Bounds":
        return Bounds(self.least * factor, self.most * factor)

    def document(self) -> dict[str, float]:
        """The two by name."""
        return {"least": self.least, "most": self.most}


@dataclasses.dataclass(frozen=True)
class TaskForecast:
    """What one task takes, all its visits together.

    Attributes:
      task: its name.
      visits: task iterations.
      children: of all visits.
      solved: those of them whose head is solved, all in the first visit.
      intervals: another child has, where none is stopped.
      steps: of one interval.
      flops: of one interval of one child, validation included.
      solving: floating-point operations of a child whose head is solved.
      probing: of all probes before its first child.
      parameters: that its path adds to the system.
    """

    task: str
    visits: int
    children: int
    solved: int
    intervals: int
    steps: int
    flops: Bounds
    solving: Bounds
    probing: Bounds
    parameters: Bounds

    def total(self, stopping: Halving | None) -> Bounds:
        """Floating-point operations of all its children, and of the probes before them."""
        children = self.flops * self._intervals(stopping) + self.solving * self.solved
        return children + self.probing

    def total_steps(self, stopping: Halving | None) -> float:
        """Training steps of all its children."""
        return float(self.steps * self._intervals(stopping))

    def _intervals(self, stopping: Halving | None) -> int:
        if stopping is None:
            return (self.children - self.solved) * self.intervals
        children = self.children // self.visits
        first = children - self.solved
        revisits = (self.visits - 1) * sum(stopping.expected(children, self.intervals))
        return revisits + (sum(stopping.expected(first, self.intervals)) if first else 0)


def forecast_run(experiment: Experiment) -> tuple[TaskForecast, ...]:
    """What each task of an experiment will take, in the order of the stream.

    Augmentation, the update, the test set and compiling are not counted, nor are the adapters
    that mutations insert in `least`.

    Args:
      experiment: sound (see `mu2.planning.preview.preview_run`); its data may be described only.

    Raises:
      Mu2Error: data are missing of which nobody knows what they hold.
    """
    tasks = experiment.stream.tasks
    return tuple(_task(experiment, task, number) for number, task in enumerate(tasks))


def _task(experiment: Experiment, task: Task, number: int) -> TaskForecast:
    training, evolution = experiment.training, experiment.evolution
    sizes = task.check()
    steps = training.steps(sizes["train"])
    trained_on = steps * training.batch_size
    validated_on = training.validation_examples(sizes["validation"])
    space = experiment.space.for_input(task.source.input)
    model, classes = space.model, task.source.num_classes()
    source_values, dtype = task.source_hyperparameters(), training.dtype
    defaults = {**space.defaults(), **source_values}
    probability = float(defaults[MUTATION_PROBABILITY])
    mutation = evolution.mutation

    plain = _with_adapters(model.network(defaults, classes, dtype), mutation.adapters == "every")
    chances = training_probabilities(plain, mutation, probability)
    largest = [
        _with_adapters(model.network(values, classes, dtype), mutation.adapters != "none")
        for values in corners(space, source_values)
    ]
    least = training_flops(plain, chances, trained_on, validated_on)
    most = max(
        training_flops(network, [1.0] * len(network), trained_on, validated_on)
        for network in (plain, *largest)
    )

    def solve(solved_on: int, validated_on: int) -> Bounds:
        """The cost of a child whose head is solved."""
        costs = [
            solving_flops(
                sum(c.flops for c in network), network[-1].size, classes, solved_on, validated_on
            )
            for network in (plain, *largest)
        ]
        return Bounds(costs[0], max(costs))

    some, others = probe_examples(sizes["train"], classes)
    added = sum(c.size * chance for c, chance in zip(plain, chances, strict=True))
    return TaskForecast(
        task.name,
        experiment.stream.iterations,
        experiment.stream.iterations * evolution.children,
        count_solved(experiment, number),
        training.intervals,
        steps,
        Bounds(least, most),
        solve(training.solved_examples(sizes["train"]), validated_on),
        solve(training.solved_examples(some), training.validation_examples(others))
        * count_probes(experiment, number),
        Bounds(added, max(sum(c.size for c in network) for network in (plain, *largest))),
    )


def _with_adapters(network: Network, there: bool) -> Network:
    return network if there else Network(c for c in network if not c.optional)


def training_probabilities(network: Network, mutation: Mutation, probability: float) -> list[float]:
    """With which probability each component of a seed's child is trained.

    Args:
      network: the child's.
      mutation: says what is always cloned.
      probability: µ.
    """
    above = mutation.above_bottom(network)
    return [
        1.0 if c.name == HEAD or c.optional or mutation.clones(c.name, above=above) else probability
        for c in network
    ]


def training_flops(
    network: Network, chances: Sequence[float], trained_on: float, validated_on: float
) -> float:
    """The expected floating-point operations of training a network, counted as for a child.

    As `mu2.evolution.budget.training_flops`, whose rule this is where all chances are 0 or 1.

    Args:
      network: its components in forward order.
      chances: with which probability each is trained, independently.
      trained_on: training examples seen, each time counted.
      validated_on: validation examples seen, each time counted.
    """
    forward = backward = 0.0
    none_below = 1.0
    for component, chance in zip(network, chances, strict=True):
        flops = component.flops
        forward += flops
        backward += flops * (chance + 1 - none_below)
        none_below *= 1 - chance
    return (forward + backward) * trained_on + forward * validated_on


def root_parameters(experiment: Experiment, tasks: Sequence[Task]) -> int:
    """Parameters of all roots of the default shape, the head aside."""
    total = 0
    for kind in dict.fromkeys(task.source.input for task in tasks):
        space = experiment.space.for_input(kind)
        source_values = next(
            task.source_hyperparameters() for task in tasks if task.source.input == kind
        )
        network = space.model.network({**space.defaults(), **source_values}, 1)
        total += sum(c.size for c in network if not c.optional and c.name != HEAD)
    return total * len(experiment.roots)


def store_bytes(parameters: Bounds, roots: int, stored: int) -> Bounds:
    """Bytes of a system once a run has ended: kept parameters with their momentum, and roots.

    Args:
      parameters: that all tasks add.
      roots: parameters of the roots, which have no momentum.
      stored: bytes of a trained parameter (see `mu2.planning.preview.stored_bytes`).
    """
    return parameters * stored + Bounds(1.0, 1.0) * float(PARAMETER * roots)
