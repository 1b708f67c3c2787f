"""Proof of no forgetting: every path still gives the test predictions it gave when locked."""

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np

from mu2.config import load
from mu2.config.start import start_workers
from mu2.errors import Mu2Error
from mu2.experiment import Experiment, predict_test_set
from mu2.models import restore
from mu2.system import System
from mu2.system.environment import describe_changes, run_environment
from mu2.system.inference import Inference, network_of
from mu2.tasks import DigestStream, Task

# Share of the largest logit by which a logit may be off, by whether the arithmetic is float32.
TOLERANCE: Mapping[bool, float] = {True: 1e-3, False: 5e-2}


@dataclasses.dataclass(frozen=True)
class Proof:
    """What became of one task's predictions.

    Attributes:
      task: its name.
      same: the test logits are those it was locked with, bit for bit; None: it could not be tried.
      reason: why not, or what differs; empty where they are the same.
    """

    task: str
    same: bool | None
    reason: str = ""


def prove_samples(system: System) -> Iterator[Proof]:
    """Computes the logits of the examples that a system keeps of each task, and compares them.

    Nothing but the system is read, and none of its Gin. The program is that of predictions, which
    may differ from training's in the last bits, so logits are compared within a tolerance.

    Args:
      system: open for reading.

    Yields:
      One proof a task, in order of introduction.
    """
    inference = Inference(system)
    for name in system.tasks:
        try:
            yield _sample_proof(inference, name)
        except Mu2Error as error:
            yield Proof(name, None, error.message)


def _sample_proof(inference: Inference, name: str) -> Proof:
    path = inference.system.path(name)
    restore(path.model)  # what is not installed proves nothing
    try:
        network_of(path)
        sample = inference.system.sample(name)
        if sample is None or sample.path != path.id:
            return Proof(name, None, "no sample of its test examples is kept; --data needs none.")
        logits = inference.logits(name, sample.inputs)
    except Mu2Error as error:
        return Proof(name, False, error.message)
    if logits.shape != sample.logits.shape:
        return Proof(name, False, "its sample has logits of another number of classes.")
    bound = TOLERANCE[path.dtype == "float32"] * max(1.0, float(np.abs(sample.logits).max()))
    off = float(np.abs(logits - sample.logits).max())
    if off <= bound:
        return Proof(name, True)
    reason = f"logits of {len(logits)} kept test examples are off by up to {off:.3g}."
    return Proof(name, False, reason)


def prove(system: System) -> Iterator[Proof]:
    """Computes the test logits of every task's path again, and compares their digests.

    The examples come from the sources that the system's own runs name. Bits are compared, so the
    hardware, its threads and the libraries have to be those that the path was locked with: of
    others, other bits prove nothing. Where the devices do not fit a run's layout, the first one
    computes: the same bits if the layout split no batch and no matrix.

    Args:
      system: open for reading.

    Yields:
      One proof a task, in order of introduction.
    """
    runs, now = range(system.progress.runs), run_environment()
    experiments = [_experiment(system, run) for run in runs]
    elsewhere = [_elsewhere(system.run_environment(run), now) for run in runs]
    for name in system.tasks:
        try:
            yield _proof(system, name, experiments, elsewhere)
        except Mu2Error as error:
            yield Proof(name, None, error.message)


def _experiment(system: System, run: int) -> Experiment | Mu2Error:
    """The experiment of a run of the system, or why there is none."""
    try:
        return load([str(system.gin_file(run))], []).experiment
    except Mu2Error as error:
        return error


def _elsewhere(made_with: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What a run was made with that is not as now; mu2's own code may not change predictions."""
    known = [name for name in made_with if name != "code"]
    return describe_changes(
        {n: made_with[n] for n in known}, {n: now[n] for n in known if n in now}
    )


def _proof(
    system: System,
    name: str,
    experiments: list[Experiment | Mu2Error],
    made_elsewhere: list[str],
) -> Proof:
    path = system.path(name)
    tried = [
        (experiment, where)
        for experiment, where in reversed([*zip(experiments, made_elsewhere, strict=True)])
        if isinstance(experiment, Experiment)
        and _task(experiment, name)
        and path.model in {model.name for model in experiment.space.models}
    ]
    if not tried:
        failed = [str(e) for e in experiments if isinstance(e, Mu2Error)]
        reason = failed[-1].splitlines()[0] if failed else "no run of the system names it"
        return Proof(name, None, reason)
    elsewhere, changed = None, False
    for experiment, _ in tried:
        task = _task(experiment, name)
        if task is None:
            continue
        shape = experiment.model(path).input_shape(path.hyperparameters)
        test = DigestStream(
            task.stream("test", shape, experiment.stream.memory_limit_mb, path.resize)
        )
        try:
            workers, fits = start_workers(experiment), True
        except Mu2Error:
            workers, fits = start_workers(experiment, one_device=True), False
        with contextlib.closing(workers):
            accuracy, digest, _ = predict_test_set(experiment, system, workers, path, test)
        if digest == path.test_digest:
            return Proof(name, True)
        changed = path.test_examples not in (None, test.digest)
        if not (fits or experiment.layout.is_like_one_device()):
            elsewhere = experiment.layout
    accuracies = f"test accuracy {accuracy:.4f}, then {path.test_accuracy:.4f}"
    if changed:
        reason = "the data changed: its test examples are not those it was locked with"
        return Proof(name, None, f"{reason} ({accuracies}).")
    if elsewhere is not None:
        split = f"data {elsewhere.data} x model {elsewhere.model}"
        kind = f" {elsewhere.platform}" if elsewhere.platform else ""
        reason = f"it was locked on{kind} slices of {split}, which add up in another order"
        return Proof(name, None, f"{reason} ({accuracies}).")
    differences = [where for _, where in tried]
    if all(differences):
        reason = f"it was locked with something else: {differences[0]}"
        return Proof(name, None, f"{reason} ({accuracies}).")
    return Proof(name, False, f"its test logits are not those it was locked with ({accuracies}).")


def _task(experiment: Experiment, name: str) -> Task | None:
    return next((task for task in experiment.stream.tasks if task.name == name), None)
