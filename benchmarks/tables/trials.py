"""Random search with successive halving for one task: Optuna draws and prunes, mu2 trains.

A trial is a network of the system's own search space: it begins as a copy of the root, all of it is
trained, and each hyperparameter in Ranges or Choices is drawn from its values, all alike, but for
µ, which says nothing of a network. Trials end where Optuna prunes them between two validation
intervals, and the last one where the FLOPs are spent.
"""

import dataclasses
import functools
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import optuna

from mu2.errors import Mu2Error
from mu2.evolution.budget import training_flops
from mu2.evolution.child import child_flops
from mu2.evolution.mutation import mutate
from mu2.evolution.path import Path
from mu2.evolution.plan import Plan
from mu2.evolution.space import MUTATION_PROBABILITY, SearchSpace
from mu2.experiment import Experiment, begin_task_iteration, make_job
from mu2.models import Arrays, Model
from mu2.random_keys import Key
from mu2.system import System
from mu2.tasks import Task
from mu2.tasks.data import TaskData
from mu2.training import Workers, evaluate

# The best 1 / REDUCTION of the trials go on, after 1, 4, 16, … intervals: Optuna's own choice.
REDUCTION = 4


@dataclasses.dataclass(frozen=True)
class Found:
    """What the search of one task came to.

    Attributes:
      task: its name.
      test_accuracy: in [0, 1], of the best trial by validation score.
      score: of its best interval.
      parameters: of its network, all of them its own.
      trials: in all.
      pruned: of them.
      diverged: of them.
      flops: that all trials took, counted as a child's are.
      seconds: wall time, with reading and compiling.
      hyperparameters: of the best trial.
    """

    task: str
    test_accuracy: float
    score: float
    parameters: int
    trials: int
    pruned: int
    diverged: int
    flops: float
    seconds: float
    hyperparameters: Mapping[str, Any]


class Judge:
    """Tells Optuna a trial's score after each interval, and mu2 whether the trial goes on.

    Args:
      trial: of Optuna.
      intervals: that the trial may have; after these it ends, and is not pruned.

    Attributes:
      pruned: Optuna has ended the trial.
    """

    def __init__(self, trial: optuna.Trial, intervals: int):
        self.pruned = False
        self._trial = trial
        self._intervals = intervals

    def __call__(self, intervals: int, scores: Sequence[float | None]) -> tuple[bool]:
        """See `mu2.training.SelectSurvivors`; the trial is the only child of its generation."""
        (score,) = scores
        if score is None or intervals >= self._intervals:
            return (False,)
        self._trial.report(score, step=intervals)
        self.pruned = self._trial.should_prune()
        return (not self.pruned,)


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A trial that has ended.

    Attributes:
      plan: its network.
      arrays: leaves at its best interval, by component name; of no use where it was pruned.
      score: of that interval; None where it was pruned or diverged.
      diverged: a loss was NaN or infinite.
      flops: that it took.
    """

    plan: Plan
    arrays: Mapping[str, Arrays]
    score: float | None
    diverged: bool
    flops: float


class Trials:
    """Makes and trains the trials of one task.

    Args:
      experiment: that the system was made with.
      system: finished; it is only read.
      workers: train the trials.
      task: of the experiment.
      key: the search's; (trial number,) is folded in for batches and augmentation, and
        (trial number, 0, "init", name) for fresh layers.

    Raises:
      Mu2Error: the data are missing, or not those of the system's task.
    """

    def __init__(
        self, experiment: Experiment, system: System, workers: Workers, task: Task, key: Key
    ):
        self._experiment = experiment
        self._system = system
        self._workers = workers
        self._key = key
        self._space = experiment.space.for_input(task.source.input)
        limit = experiment.stream.memory_limit_mb
        self._data = TaskData(task, experiment.training.batch_size, limit, experiment.images)
        self._record = begin_task_iteration(experiment, system, task)
        model = self._space.model.name
        self._roots = {root.id: root for root in system.roots() if root.model == model}

    def train(self, trial: optuna.Trial, left: float) -> Outcome:
        """Draws a trial's hyperparameters and trains it, until it is pruned or `left` is spent.

        Args:
          trial: of Optuna; its sampler is consumed.
          left: FLOPs, above 0; the trial ends with the interval that spends the last of them.
        """
        training = self._experiment.training
        root = self._roots[trial.suggest_categorical("root", tuple(self._roots))]
        values = drawn(trial, self._space, self._data.source_hyperparameters)
        plan = planned(
            self._experiment,
            self._space,
            root,
            self._record.name,
            len(self._record.class_names),
            values,
            trial.number,
        )
        paths = self._system.paths()
        job = make_job(self._experiment, self._system, plan, paths, self._data, self._key)
        interval = training_flops(
            plan,
            training.steps(len(job.train)) * training.batch_size,
            training.validation_examples(len(job.validation)),
        )
        intervals = affordable(left, interval, training.intervals)
        judge = Judge(trial, intervals)
        (trained,) = self._workers.train([job], judge)
        failed = judge.pruned or trained.quality is None
        return Outcome(
            plan,
            trained.arrays,
            None if failed else max(map(job.score, trained.qualities)),
            trained.diverged,
            child_flops(plan, *training.examples_used(job, trained)),
        )

    def test(self, best: Outcome) -> float:
        """Accuracy in [0, 1] of a trial's network on the task's test set, in mu2's evaluation."""
        plan, batch = best.plan, self._experiment.training.batch_size
        network, model = self._experiment.network(plan), self._experiment.model(plan)
        test = self._data.read("test", model.input_shape(plan.hyperparameters))
        classes = plan.num_classes
        answer = functools.partial(self._workers.logits, network, best.arrays, num_classes=classes)
        return evaluate.accuracy(*evaluate.answer_all(answer, test, batch))


def drawn(
    trial: optuna.Trial, space: SearchSpace[Any], source_values: Mapping[str, Any]
) -> dict[str, Any]:
    """A value for each hyperparameter that may move, each of its values as likely as any other.

    Args:
      trial: of Optuna; its sampler is consumed.
      space: says which values there are.
      source_values: hyperparameters that the data set by themselves; they are returned as they are.
    """
    values = {**space.ranges, **space.choices}
    names = [n for n in space.mutable if n != MUTATION_PROBABILITY and n not in source_values]
    return {**{n: trial.suggest_categorical(n, values[n]) for n in names}, **source_values}


def planned(
    experiment: Experiment,
    space: SearchSpace[Model],
    root: Path,
    task: str,
    num_classes: int,
    values: Mapping[str, Any],
    number: int,
) -> Plan:
    """The plan of a trial: a child of the root that shares nothing with it.

    Args:
      experiment: says which optional components there are.
      space: the search space, narrowed to the task's kind of examples.
      root: that it begins as.
      task: its name.
      num_classes: width of the head.
      values: hyperparameters; the others are the root's.
      number: of the trial.
    """
    child = f"{task}/trial/{number}"
    hyperparameters, components, probabilities = mutate(
        dataclasses.replace(experiment.evolution.mutation, clone_roots=True),
        space,
        root,
        (),
        child_id=child,
        task=task,
        num_classes=num_classes,
        data=values,
        trainable=(),
        random=Key.from_seed(0).numpy(),  # nothing is drawn from it, as nothing else mutates
        unmutated=True,
    )
    return Plan(
        id=child,
        task=task,
        parent=root,
        hyperparameters=hyperparameters,
        components=components,
        num_classes=num_classes,
        model=space.model.name,
        private=False,
        score_to_reach=None,
        generation=number,
        child=0,
        probabilities=probabilities,
    )


def affordable(left: float, interval: float, intervals: int) -> int:
    """Intervals a trial may have: all, or as many as spend what is left, the last in part.

    Args:
      left: FLOPs, above 0.
      interval: FLOPs of one, validation included.
      intervals: of a whole training.
    """
    return min(intervals, math.ceil(left / interval))


def search(
    experiment: Experiment,
    system: System,
    workers: Workers,
    task: Task,
    budget: float,
    seed: int,
) -> Found:
    """Searches for one task until its budget is spent, and tests the best trial once.

    The FLOPs are at least the budget, and exceed it by less than one interval of one trial.

    Args:
      experiment: that the system was made with.
      system: finished; it is only read.
      workers: train the trials.
      task: of the experiment.
      budget: FLOPs, above 0.
      seed: all draws follow from it and the task's name: Optuna's ("sampler"), and those of
        `Trials` ("trials").

    Raises:
      Mu2Error: the data are missing, or no trial reached its end.
    """
    start = time.perf_counter()
    key = Key.from_seed(seed).fold_in("random search", task.name)
    study = optuna.create_study(
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(
            int(key.fold_in("sampler").numpy().integers(2**32, dtype=np.uint32))
        ),
        pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=REDUCTION),
    )
    trials = Trials(experiment, system, workers, task, key.fold_in("trials"))
    best: Outcome | None = None
    spent = 0.0
    while spent < budget:
        trial = study.ask()
        outcome = trials.train(trial, budget - spent)
        spent += outcome.flops
        if outcome.score is not None:
            study.tell(trial, outcome.score)
            if best is None or best.score is None or outcome.score > best.score:
                best = outcome
            continue
        state = optuna.trial.TrialState
        study.tell(trial, state=state.FAIL if outcome.diverged else state.PRUNED)
    if best is None or best.score is None:
        raise Mu2Error(
            f"no trial of task {task.name!r} reached its end: all {len(study.trials)} diverged or "
            "were pruned.",
            hint="Another --seed draws other hyperparameters.",
        )
    accuracy = trials.test(best)
    states = [trial.state for trial in study.trials]
    return Found(
        task.name,
        accuracy,
        best.score,
        sum(component.size for component in best.plan.components),
        len(states),
        states.count(optuna.trial.TrialState.PRUNED),
        states.count(optuna.trial.TrialState.FAIL),
        spent,
        time.perf_counter() - start,
        dict(sorted(best.plan.hyperparameters.items())),
    )
