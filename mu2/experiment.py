"""An experiment, and the story of a run."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from ml_collections import FrozenConfigDict

from mu2.errors import Mu2Error
from mu2.evolution import engine
from mu2.evolution.engine import Evolution
from mu2.evolution.living import Living
from mu2.evolution.mutation import Plan
from mu2.evolution.path import Component, Path
from mu2.evolution.population import Population
from mu2.evolution.space import SearchSpace
from mu2.evolution.stopping import recorded
from mu2.generation import TaskData, child_flops, child_record
from mu2.key import Key
from mu2.mesh import Executor, Layout, LocalExecutor
from mu2.models import Arrays, Model, Network, RandomRoot, Root
from mu2.record import TaskRecord
from mu2.report.progress import Reporter
from mu2.system import System
from mu2.tasks import ExampleStream, Stream, Task
from mu2.training import Job, Trained, Training, as_stored, evaluate, of_stored
from mu2.writable import WritableSystem

EVALUATED_TOGETHER = 8192


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Everything a run needs, as one Gin file declares it.

    Attributes:
      stream: tasks in order, and how often each is visited.
      space: the architectures, the hyperparameters and their ranges.
      evolution: children, mutation, scoring.
      training: the budget of one child.
      roots: where evolution begins.
      layout: how the devices are shared out.
      seed: every random draw of the run follows from it.
      cache_limit_mb: MiB of components that stay in memory once they were read or written, so
        that a parent's layers are not read again for each of its children.
    """

    stream: Stream
    space: SearchSpace[Model]
    evolution: Evolution = Evolution()
    training: Training = Training()
    roots: tuple[Root, ...] = (RandomRoot(),)
    layout: Layout = Layout()
    seed: int = 0
    cache_limit_mb: int = 1024

    def __post_init__(self) -> None:
        if not self.roots:
            raise Mu2Error("Experiment.roots is empty; evolution needs a root to begin with.")
        if self.cache_limit_mb < 0:
            raise Mu2Error(
                f"Experiment.cache_limit_mb is {self.cache_limit_mb}; it must be 0 or more."
            )
        names = [root.name for root in self.roots]
        if twice := [name for name in names if names.count(name) > 1]:
            raise Mu2Error(f"Experiment.roots names {twice[0]!r} twice.")

    @property
    def children(self) -> int:
        """Children the whole run trains."""
        return len(self.stream.schedule()) * self.evolution.children_per_iteration

    def model(self, path: Path | Plan) -> Model:
        """The architecture of a path or of a planned child."""
        return next(model for model in self.space.models if model.name == path.model)

    def network(self, path: Path | Plan) -> Network:
        """The network of a path or of a planned child, the head at its true width."""
        names = {component.name for component in path.components}
        dtype = self.training.dtype
        whole = self.model(path).network(path.hyperparameters, path.num_classes, dtype)
        return whole.select(names)

    def key(self, task: str, iteration: int) -> Key:
        """The key of a task iteration."""
        return Key.from_seed(self.seed).fold_in(task, iteration)


def run(experiment: Experiment, system: WritableSystem, reporter: Reporter) -> None:
    """Evolves a system over the stream, from wherever its last commit stands.

    Every generation and every task iteration ends in a commit, so a run that is stopped at any
    moment goes on from the last one and draws what it would have drawn.

    Args:
      experiment: what to do.
      system: open for writing, its run begun.
      reporter: told of every child and every task.

    Raises:
      Mu2Error: data are missing or do not fit, devices do not fit the layout, the store fails.
    """
    executor = LocalExecutor(experiment.layout, experiment.training)
    introduce_roots(experiment, system)
    reporter.run_started(experiment, system)
    schedule = experiment.stream.schedule()
    for visit, task in schedule[system.progress.position :]:
        data = TaskData(task, experiment.training.batch_size, experiment.stream.memory_limit_mb)
        record = begin_task_iteration(experiment, system, task)
        reporter.task_started(task.name, visit)
        while not experiment.evolution.finished(record.under_way, len(schedule)):
            record = evolve_generation(experiment, system, executor, record, data, reporter)
        record = end_task_iteration(experiment, system, executor, record, data)
        reporter.task_done(record)
    system.complete()
    reporter.run_done(executor.compiled())


def introduce_roots(experiment: Experiment, system: WritableSystem) -> None:
    """Creates the roots that the system does not have yet, and commits them.

    The others take on the present defaults, so that a child of a root begins with these.

    Raises:
      Mu2Error: the system's roots are of another search space.
    """
    known, defaults = {root.id: root for root in system.roots()}, experiment.space.defaults()
    new = []
    for model in experiment.space.models:
        for root in experiment.roots:
            path_id = f"root/{type(model).__name__}/{root.name}"
            if path_id in known:
                check_same_space(system, known[path_id], model)
                renewed = with_settings(known[path_id], model, defaults)
                new += [renewed] if renewed != known[path_id] else []
                continue
            key = Key.from_seed(experiment.seed).fold_in(*path_id.split("/"))
            made = root.components(model, defaults, key)
            path = Path(
                id=path_id,
                task=None,
                parent=None,
                parent_task=None,
                components=tuple(
                    Component(c.name, f"{path_id}/{c.name}", c.size, c.signature) for c, _ in made
                ),
                hyperparameters=defaults,
                num_classes=0,
                model=model.name,
                dtype=experiment.training.dtype,
            )
            if made:
                new.append(system.write(path, {c.name: as_stored(leaves) for c, leaves in made}))
    if new:
        system.commit("roots", roots=new)


def with_settings(root: Path, model: Model, defaults: Mapping[str, Any]) -> Path:
    """A root with the given defaults, but for the hyperparameters that shape its layers."""
    shaping = {
        k: root.hyperparameters[k] for k in model.hyperparameters if k in root.hyperparameters
    }
    return dataclasses.replace(root, hyperparameters=FrozenConfigDict({**defaults, **shaping}))


def check_same_space(system: System, root: Path, model: Model) -> None:
    """Refuses a model whose layers would not fit those of the system."""
    if root.model != model.name:
        raise Mu2Error(
            f"{system.directory} belongs to another search space: its layers are those of "
            f"{root.model}, this experiment's are those of {model.name}.",
            hint="Choose another --system folder, or the search space it was made with "
            f"({system.directory}/runs).",
        )


def begin_task_iteration(experiment: Experiment, system: System, task: Task) -> TaskRecord:
    """The task's record with the population of the iteration under way, or of a new one.

    Raises:
      Mu2Error: the system knows the task with other classes.
    """
    record = TaskRecord(task.name, task.source.class_names(), task.private, task.source.input)
    if system.knows(task.name):
        record = system.task(task.name)
    check_same_task(system, record, task)
    if record.population is not None:
        living = engine.without_the_gone(record.population, system.paths())
        return dataclasses.replace(record, population=living)
    population = engine.begin(
        experiment.evolution,
        experiment.space.narrowed(task.source.input),
        system.paths(),
        task=task.name,
        private=task.private,
        num_classes=len(record.class_names),
        iteration=record.iterations,
        offspring=record.offspring,
        key=experiment.key(task.name, record.iterations),
    )
    return dataclasses.replace(record, private=task.private, population=population)


def check_same_task(system: System, record: TaskRecord, task: Task) -> None:
    """Refuses a task that bears the name of another one."""
    classes = task.source.class_names()
    if (record.class_names, record.input) != (classes, task.source.input):
        raise Mu2Error(
            f"{system.directory} knows task {task.name!r} with {len(record.class_names)} classes "
            f"of {record.input} examples, and they are not the {len(classes)} of "
            f"{task.source.input} examples of this stream.",
            hint="Give the new task a name of its own.",
        )


def evolve_generation(
    experiment: Experiment,
    system: WritableSystem,
    executor: Executor,
    record: TaskRecord,
    data: TaskData,
    reporter: Reporter,
) -> TaskRecord:
    """Plans a generation, trains its children, keeps those that reach their bar, commits."""
    paths, key = system.paths(), experiment.key(record.name, record.iterations)
    population, plans = engine.plan_generation(
        experiment.evolution,
        experiment.space.narrowed(record.input),
        paths,
        record.under_way,
        key,
        data.given,
    )
    jobs = [make_job(experiment, system, record, plan, paths, data, key) for plan in plans]
    results = executor.train(jobs, experiment.evolution.going_on(population))
    for plan, job, trained in zip(plans, jobs, results, strict=True):
        population = keep(experiment, system, population, plan, trained, paths)
        population = accounted_for(experiment, population, plan, job, trained)
        line = child_record(plan, job, trained, population, experiment.training)
        system.log_child(line, trained.seconds)
        reporter.child_done({**line, "seconds": trained.seconds})
    record = dataclasses.replace(record, population=population)
    message = f"{record.name} generation {population.generation}"
    system.commit(message, tasks=[record], passing=True)
    return record


def end_task_iteration(
    experiment: Experiment,
    system: WritableSystem,
    executor: Executor,
    record: TaskRecord,
    data: TaskData,
) -> TaskRecord:
    """Lets the best path survive alone, looks at the test set once, locks and commits.

    Raises:
      Mu2Error: every child diverged, so that the task has no path.
    """
    paths = system.paths()
    best = engine.finish(record.under_way, paths)
    if best is None:
        given_up = dataclasses.replace(record, population=None)
        system.commit(f"{record.name} gives up", tasks=[given_up])
        raise Mu2Error(
            f"no child of task {record.name!r} reached a quality: all "
            f"{record.under_way.children} diverged.",
            hint="Lower Hyperparameters.learning_rate or the top of Ranges.learning_rate, and go "
            "on with --accept-changes; the system is as it was before this task.",
        )
    if best.test_digest is None:
        test = data.read("test", experiment.model(best).input_shape(best.hyperparameters))
        logits, labels = test_logits(experiment, system, executor, best, test)
        best = dataclasses.replace(
            best,
            test_accuracy=evaluate.accuracy(logits, labels),
            test_digest=evaluate.digest(logits),
        )
    changed = []
    if record.path is not None and record.path.id != best.id:
        for orphan in engine.orphans(paths, record.path):
            if orphan.task is not None and orphan.task != record.name:
                changed.append(dataclasses.replace(system.task(orphan.task), path=orphan))
    record = dataclasses.replace(
        record,
        iterations=record.iterations + 1,
        path=best,
        offspring=record.under_way.offspring,
        population=None,
    )
    system.commit(f"{record.name} iteration", tasks=[record, *changed], finished=record.name)
    return record


def make_job(
    experiment: Experiment,
    system: System,
    record: TaskRecord,
    plan: Plan,
    paths: Living,
    data: TaskData,
    key: Key,
) -> Job:
    """A plan with its parameters and examples: all that training needs.

    Fresh parameters draw from (generation, child, "init", name) below `key`; batches and
    augmentation from (generation,), so that the children of a generation share them.
    """
    model, network = experiment.model(plan), experiment.network(plan)
    mutation = experiment.evolution.mutation
    arrays: dict[str, Arrays] = {}
    for slot, planned in zip(network, plan.components, strict=True):
        if planned.source is None:
            draw = key.fold_in(plan.generation, plan.child, "init", slot.name)
            fresh = slot.init(draw.jax(), identity=mutation.identity_layers)
            arrays[slot.name] = as_stored(fresh)
        elif planned.action == "resample":
            old = of_stored(system.arrays(planned.source))
            arrays[slot.name] = as_stored(model.resample(slot.name, old, slot))
        else:
            arrays[slot.name] = system.arrays(planned.source)
            if not mutation.inherit_momentum:
                arrays[slot.name] = as_stored(of_stored(arrays[slot.name]))
    evolution = experiment.evolution
    accounted = engine.accounted(plan, paths)
    shape = model.input_shape(plan.hyperparameters)
    return Job(
        network=network,
        arrays=arrays,
        trained=frozenset(c.name for c in plan.components if c.trainable),
        ids={c.name: c.component().id for c in plan.components},
        hyperparameters=plan.hyperparameters,
        train=data.read("train", shape),
        validation=data.read("validation", shape),
        num_classes=plan.num_classes,
        key=key.fold_in(plan.generation),
        bar=plan.bar,
        score=lambda quality: evolution.scoring.score(quality, accounted, plan.flops),
    )


def keep(
    experiment: Experiment,
    system: WritableSystem,
    population: Population,
    plan: Plan,
    trained: Trained,
    paths: Living,
) -> Population:
    """The population with a trained child, its components stored, if it reaches its bar."""
    if trained.quality is None:
        return population  # it diverged
    child = engine.child_path(plan, trained.quality, experiment.evolution.scoring, paths)
    child = dataclasses.replace(child, dtype=experiment.training.dtype)
    kept = engine.retain(population, plan, child, experiment.evolution.population)
    if child not in kept.own:
        return kept
    stored = system.write(child, trained.arrays)
    own = tuple(stored if path is child else path for path in kept.own)
    return dataclasses.replace(kept, own=own)


def accounted_for(
    experiment: Experiment, population: Population, plan: Plan, job: Job, trained: Trained
) -> Population:
    """The population with what a child cost, and how it stood after each interval."""
    evolution, training = experiment.evolution, experiment.training
    flops = child_flops(plan, job, trained, training)
    measured = evolution.budget is not None and evolution.budget.measured
    scores = [job.score(quality) for quality in trained.qualities]
    return dataclasses.replace(
        population,
        flops=population.flops + flops,
        seconds=population.seconds + (trained.seconds if measured else 0.0),
        rungs=recorded(population.rungs, scores) if evolution.stopping else (),
    )


def path_logits(
    experiment: Experiment, system: System, executor: Executor, path: Path, inputs: np.ndarray
) -> np.ndarray:
    """float32 logits [N, classes] of a stored path for examples of its shape."""
    arrays = {component.name: system.arrays(component) for component in path.components}
    return executor.logits(experiment.network(path), arrays, inputs, path.num_classes)


def test_logits(
    experiment: Experiment, system: System, executor: Executor, path: Path, test: ExampleStream
) -> tuple[np.ndarray, np.ndarray]:
    """float32 logits [N, classes] and int32 labels [N] of all test examples of a stored path."""
    batch = experiment.training.batch_size
    blocks = test.blocks(batch * max(1, EVALUATED_TOGETHER // batch))
    parts = [
        (path_logits(experiment, system, executor, path, block.inputs), block.labels)
        for block in blocks
    ]
    logits, labels = zip(*parts, strict=True)
    return np.concatenate(logits), np.concatenate(labels)
