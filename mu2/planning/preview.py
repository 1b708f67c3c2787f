"""What a run would do, told before anything is spent."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mu2.config.linter import Faults, in_order
from mu2.config.validation import Place, unknown_place, validate
from mu2.errors import Mu2Error
from mu2.evolution.closed_form import solving_flops
from mu2.evolution.probing import probe_examples
from mu2.evolution.space import SearchSpace, corners
from mu2.experiment import Experiment
from mu2.models import HasGuesses, Model, Network
from mu2.models.inputs import bucket
from mu2.tasks import Part, Task, describe, find_missing, guesses
from mu2.tasks.inspect import inspect

# Bytes of a parameter: float32, its bfloat16 momentum, its gradient, and AdamW's second moment.
PARAMETER, MOMENTUM, GRADIENT, SECOND_MOMENT = 4, 2, 4, 4
# Floating-point operations of a training step, in forward passes.
STEP = 3


def preview_run(experiment: Experiment, place: Place = unknown_place) -> dict[str, Any]:
    """Looks at every task, every model at every value of its ranges, and the devices.

    Nothing is decoded, and no array is made.

    Args:
      experiment: what would be done.
      place: where what is said of a part of the experiment is set.

    Returns:
      A JSON document: `tasks` (each with name, classes, train, validation, test, and the `rule`
      that made splits which nobody named, if one did), `iterations`,
      `children`, `training_steps` and `programs` (at most), `devices`, and each for the smallest
      and the largest network: `parameters`, `forward_flops` of one example, `run_flops` of all
      children (a training step counted as three forward passes, a solved head as what it takes);
      `device_bytes` of the largest network: float32 parameters and gradients, bfloat16 momentum,
      float32 second moments where a child can have AdamW, and a batch of float32 examples,
      activations aside; `disk_bytes` while it `runs` and once it has `ended`, if every child were
      the largest network, all of it trained, and kept; `missing`, a list: data and weights that
      are not there although it is known what they hold, each with message, location and hint;
      `guesses`, a list: what was assumed of data and weights and may be wrong, each with message
      and location.

    Raises:
      Faults: other data are missing, or data do not fit, a model cannot be built, or the layout
        is not made for the devices.
    """
    sizes: dict[str, Mapping[Part, int]] = {}
    absent: list[Mu2Error] = []
    validate((), (experiment,), place, sizes, absent)
    told = _guesses(experiment, place)
    experiment = with_described_data(experiment)
    training, evolution, stream = experiment.training, experiment.evolution, experiment.stream
    tasks: list[dict[str, Any]] = []
    spans: dict[str, list[_Span]] = {}
    steps = 0
    flops = {"smallest": 0.0, "largest": 0.0}
    visits = stream.iterations * evolution.children
    for number, task in enumerate(stream.tasks):
        size = sizes[task.name]
        parts = {str(part): size[part] for part in size}
        tasks.append({"name": task.name, "classes": task.source.num_classes(), **parts})
        if rule := task.splits().rule:
            tasks[-1]["rule"] = rule
        span = _Span.of(experiment, task)
        spans.setdefault(task.source.input, []).append(span)
        solved = count_solved(experiment, number)
        intervals = (visits - solved) * training.intervals
        validated = training.validation_examples(size["validation"])
        steps += intervals * training.steps(size["train"])
        examples = STEP * training.steps(size["train"]) * training.batch_size + validated
        solved_on = training.solved_examples(size["train"])
        for which, one in span.flops.items():
            head, classes = span.head[which], task.source.num_classes()
            solving = solving_flops(one, head, classes, solved_on, validated)
            flops[which] += intervals * examples * one + solved * solving
            some, others = probe_examples(size["train"], classes)
            others = training.validation_examples(others)
            probing = solving_flops(one, head, classes, some, others)
            flops[which] += count_probes(experiment, number) * probing
    every = [span for each in spans.values() for span in each]
    largest = max(every, key=lambda span: span.parameters["largest"])
    heads = {bucket(task["classes"]) for task in tasks}
    shapes = sum(shape_count(experiment.space.for_input(kind)) for kind in spans)
    batch = training.batch_size // experiment.layout.pieces(("batch",))[0]
    parameters = largest.parameters["largest"]
    roots = sum(max(s.parameters["largest"] for s in each) for each in spans.values())
    stored = stored_bytes(experiment.space)
    kept = len(tasks) * parameters * stored + len(experiment.roots) * roots * PARAMETER
    under_way = evolution.children * parameters * stored

    def both(attribute: str, choose: dict[str, Callable[[Iterable[float]], float]]) -> Any:
        return {w: pick(getattr(s, attribute)[w] for s in every) for w, pick in choose.items()}

    ends: dict[str, Callable[[Iterable[float]], float]] = {"smallest": min, "largest": max}
    return {
        "tasks": tasks,
        "iterations": stream.iterations,
        "children": experiment.children,
        "training_steps": steps,
        "programs": 2 * shapes * len(heads) * experiment.layout.population,
        "parameters": both("parameters", ends),
        "forward_flops": both("flops", ends),
        "run_flops": flops,
        "device_bytes": max(s.device_parameters for s in every) * (stored + GRADIENT)
        + max(s.example for s in every) * batch * 4,
        "disk_bytes": {"runs": kept + under_way, "ended": kept},
        "devices": sum(part.mesh.size for part in experiment.layout.slices()),
        "missing": [
            {"message": each.message, "location": each.location, "hint": each.hint}
            for each in in_order(absent)
        ],
        "guesses": told,
    }


def stored_bytes(space: SearchSpace[Model]) -> int:
    """Bytes of a trained parameter on disk, at most: with what an optimizer remembers of it."""
    adamw = "adamw" in space.values("optimizer")
    return PARAMETER + MOMENTUM + (SECOND_MOMENT if adamw else 0)


def inspect_data(experiment: Experiment) -> dict[str, dict[str, Any]]:
    """What a look at every example of every task finds, by task (see `mu2.tasks.inspect`).

    Raises:
      Faults: everything that cannot be read, of all tasks.
    """
    data: dict[str, dict[str, Any]] = {}
    faults: list[Mu2Error] = []
    for task in experiment.stream.tasks:
        try:
            data[task.name] = inspect(task, faults)
        except Mu2Error as fault:
            faults.append(fault)
    if faults:
        raise Faults(in_order(faults))
    return data


def _guesses(experiment: Experiment, place: Place) -> list[dict[str, str | None]]:
    """What was assumed of the data and weights that are there, each once, with its place."""
    told: dict[str, str | None] = {}
    for task in experiment.stream.tasks:
        for guess in () if find_missing(task) else guesses(task):
            told.setdefault(f"{task.name}: {guess}", place(task, "Task.source"))
    for root in (each for each in experiment.roots if isinstance(each, HasGuesses)):
        for model in experiment.space.models:
            for guess in root.guesses(model):
                told.setdefault(guess, place(root, guess))
    return [{"message": message, "location": where} for message, where in told.items()]


def with_described_data(experiment: Experiment) -> Experiment:
    """The experiment, its data that are not there replaced by what is known of them."""
    tasks = tuple(map(describe, experiment.stream.tasks))
    stream = dataclasses.replace(experiment.stream, tasks=tasks)
    return dataclasses.replace(experiment, stream=stream)


@dataclasses.dataclass(frozen=True)
class _Span:
    """The smallest and the largest network that a task may have.

    Attributes:
      parameters: of each, its optional components included in the largest if mutations insert any.
      flops: of a forward pass for one example.
      head: parameters of the head.
      example: numbers in the largest example.
      device_parameters: parameters of the largest that one device holds.
    """

    parameters: Mapping[str, int]
    flops: Mapping[str, float]
    head: Mapping[str, int]
    example: int
    device_parameters: int

    @classmethod
    def of(cls, experiment: Experiment, task: Task) -> "_Span":
        space = experiment.space.for_input(task.source.input)
        model, classes, dtype = space.model, task.source.num_classes(), experiment.training.dtype
        parameters, flops, heads, examples, on_device = [], [], [], [], []
        for values in corners(space, task.source_hyperparameters()):
            network = model.network(values, classes, dtype)
            bare = Network(c for c in network if not c.optional)
            whole = bare if experiment.evolution.mutation.adapters == "none" else network
            examples.append(math.prod(model.input_shape(values)))
            for each in {bare, whole}:
                parameters.append(sum(c.size for c in each))
                flops.append(sum(c.flops for c in each))
                heads.append(each[-1].size)
                on_device.append(sum(experiment.layout.device_parameters(c) for c in each))
        return cls(
            {"smallest": min(parameters), "largest": max(parameters)},
            {"smallest": min(flops), "largest": max(flops)},
            {"smallest": min(heads), "largest": max(heads)},
            max(examples),
            max(on_device),
        )


def count_solved(experiment: Experiment, number: int) -> int:
    """Children of a new task whose head is solved: at most one of each seed.

    Args:
      experiment: what would be done.
      number: of the task in the stream; those before it are seeds, if roots alone are not.
    """
    evolution = experiment.evolution
    others = 0 if evolution.roots_alone else number
    return min(evolution.closed_form_children, len(experiment.roots) + others)


def count_probes(experiment: Experiment, number: int) -> int:
    """Seeds that are probed before a new task's first child.

    Args:
      experiment: what would be done.
      number: of the task in the stream; those before it are seeds.
    """
    evolution = experiment.evolution
    seeds = min(evolution.probes, len(experiment.roots) + number)
    return seeds if evolution.parents == "probed" and seeds > 1 else 0


def shape_count(space: SearchSpace[Model]) -> int:
    """How many networks of different shapes the space holds, optional layers aside."""
    count = 1
    for name, values in {**space.ranges, **space.choices}.items():
        count *= len(values) if name in space.model.hyperparameter_names() else 1
    return count
