"""An experiment, and the story of a run."""

import dataclasses
import functools
from typing import Any, NoReturn, Protocol

from mu2.errors import Mu2Error, check_name
from mu2.evolution import Evolution, Path, Plan, Population, SearchSpace, engine
from mu2.evolution.child import TrainedChild, child_flops, count_child
from mu2.evolution.closed_form import HOLD_OUT, STRENGTHS
from mu2.evolution.live_paths import LivePaths
from mu2.evolution.probing import Probes, order_seeds, plan_probes, probe_examples
from mu2.evolution.seeds import drop_missing_seeds
from mu2.models import Model, Network, RandomRoot, Root
from mu2.random_keys import Key
from mu2.system import System, TaskRecord, WritableSystem
from mu2.system.changes import Changes
from mu2.system.compatibility import find_record
from mu2.system.inheritance import inherit_arrays
from mu2.system.lineage import relink_children
from mu2.system.predictions import TestPredictions
from mu2.system.roots import introduce_roots
from mu2.system.sample import Sample
from mu2.system.tracker_targets import split_target
from mu2.tasks import DigestStream, ExampleStream, Images, Stream, Task
from mu2.tasks.data import RunData, TaskData
from mu2.training import Executor, Job, Layout, Training, TrainingResult, Workers, evaluate
from mu2.training.augment import Augmentation
from mu2.training.closed_form import probe_jobs
from mu2.training.ridge import Ridge


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Everything a run needs, as one Gin file declares it.

    Attributes:
      stream: tasks in order, and how often each is visited; one that is shuffled stands in the
        seed's order here.
      space: the architectures, the hyperparameters and their ranges.
      evolution: children, mutation, scoring.
      training: the budget of one child.
      roots: where evolution begins.
      layout: how the devices are shared out.
      executor: where children are trained; None: on the devices of this process.
      seed: every random draw of the run follows from it.
      cache_limit_mb: MiB of components that stay in memory once they were read or written, so
        that a parent's layers are not read again for each of its children.
      images: how images become what a network reads.
      trackers: what is told of every commit while it runs, such as `tensorboard:DIR` (see
        `mu2 track --help`).
    """

    stream: Stream
    space: SearchSpace[Model]
    evolution: Evolution = Evolution()
    training: Training = Training()
    roots: tuple[Root, ...] = (RandomRoot(),)
    layout: Layout = Layout()
    executor: Executor | None = None
    seed: int = 0
    cache_limit_mb: int = 1024
    images: Images = Images()
    trackers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.roots:
            raise Mu2Error("Experiment.roots is empty; evolution needs a root to begin with.")
        if self.cache_limit_mb < 0:
            raise Mu2Error(
                f"Experiment.cache_limit_mb is {self.cache_limit_mb}; it must be 0 or more."
            )
        for target in self.trackers:
            split_target(target)
        names = [root.name for root in self.roots]
        for name in names:
            check_name(name, "a root")
        if twice := [name for name in names if names.count(name) > 1]:
            raise Mu2Error(f"Experiment.roots names {twice[0]!r} twice.")
        if self.stream.shuffle:
            key = Key.from_seed(self.seed).fold_in("order of tasks")
            object.__setattr__(self, "stream", self.stream.shuffled(key))

    @property
    def children(self) -> int:
        """Children the whole run trains."""
        return len(self.stream.schedule()) * self.evolution.children

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


class Reporter(Protocol):
    """Is told of everything that a run does."""

    def run_started(self, experiment: Experiment, system: System) -> None:
        """The run begins, or goes on from the system's last commit."""

    def task_started(self, task: str, iteration: int) -> None:
        """A task iteration begins or goes on; `iteration` counts from 0."""

    def child_done(self, record: dict[str, Any]) -> None:
        """A child is trained; `record` is its line of the child log, with its `seconds`."""

    def task_done(self, record: TaskRecord) -> None:
        """A task iteration is over and committed."""

    def run_done(self, compiled: int) -> None:
        """The run is over; it compiled so many programs."""


def run(
    experiment: Experiment, system: WritableSystem, workers: Workers, reporter: Reporter
) -> None:
    """Evolves a system over the stream, from wherever its last commit stands.

    Every generation and every task iteration ends in a commit, so a run that is stopped at any
    moment goes on from the last one and draws what it would have drawn.

    Args:
      experiment: what to do.
      system: open for writing, its run begun.
      workers: train the children.
      reporter: told of every child and every task.

    Raises:
      Mu2Error: data are missing or do not fit, or the store fails.
    """
    training = experiment.training
    introduce_roots(system, experiment.space, experiment.roots, experiment.seed, training.dtype)
    reporter.run_started(experiment, system)
    schedule = experiment.stream.schedule()
    visits = len(schedule)
    examples = RunData(training.batch_size, experiment.stream.memory_limit_mb, experiment.images)
    for visit, task, data in examples.visits(schedule[system.progress.position :]):
        record = begin_task_iteration(experiment, system, task)
        reporter.task_started(task.name, visit)
        while not experiment.evolution.is_finished(record.current_population, visits):
            record = evolve_generation(experiment, system, workers, record, data, reporter, visits)
        record = end_task_iteration(experiment, system, workers, record, data)
        reporter.task_done(record)
    system.complete()
    reporter.run_done(workers.compiled())


def begin_task_iteration(experiment: Experiment, system: System, task: Task) -> TaskRecord:
    """The task's record with the population of the iteration under way, or of a new one.

    Raises:
      Mu2Error: the system knows the task with other classes.
    """
    record = find_record(system, task)
    if record.population is not None:
        population = drop_missing_seeds(record.population, system.paths())
        return dataclasses.replace(record, population=population)
    private = task.private or record.private  # `mu2 task public` alone takes that back
    population = engine.start_population(
        experiment.evolution,
        experiment.space.for_input(record.input),
        system.paths(),
        task=record.name,
        private=private,
        num_classes=len(record.class_names),
        iteration=record.iterations,
        offspring=record.offspring,
        key=experiment.key(record.name, record.iterations),
        births=system.progress.log_lines,
    )
    return dataclasses.replace(record, private=private, population=population)


def evolve_generation(
    experiment: Experiment,
    system: WritableSystem,
    workers: Workers,
    record: TaskRecord,
    data: TaskData,
    reporter: Reporter,
    visits: int,
) -> TaskRecord:
    """Plans a generation, trains its children, keeps those that reach their bar, commits."""
    evolution, training, paths = experiment.evolution, experiment.training, system.paths()
    space = experiment.space.for_input(record.input)
    key = experiment.key(record.name, record.iterations)
    probes = probe_seeds(experiment, system, workers, record, data)
    population, plans = engine.plan_generation(
        evolution, space, paths, probes.population, key, data.source_hyperparameters
    )
    jobs = [make_job(experiment, system, plan, paths, data, key) for plan in plans]
    # A child is trained when the loop comes to it, or all are, in a race.
    results = workers.train(jobs, evolution.select_survivors(population))
    for plan, job, result in zip(plans, jobs, results, strict=True):
        population = keep_child(experiment, system, population, plan, job, result)
        child = TrainedChild(plan, result, job.score, probes, *training.examples_used(job, result))
        population = count_child(evolution, population, child)
        line = child.to_record(population, evolution.must_improve)
        system.log_child(line, child.seconds)
        reporter.child_done({**line, "seconds": child.seconds})
        probes = Probes(population)  # logged once, with the first child
    record = dataclasses.replace(record, population=evolution.keep_needed(population, visits))
    message = f"{record.name} generation {population.generation}"
    system.commit(message, Changes(tasks=[record]), passing=True)
    return record


def probe_seeds(
    experiment: Experiment, system: System, workers: Workers, record: TaskRecord, data: TaskData
) -> Probes:
    """Orders the seeds of a new task by heads solved over them, where the rules say so."""
    evolution, training = experiment.evolution, experiment.training
    population, paths = record.current_population, system.paths()
    space = experiment.space.for_input(record.input)
    key = experiment.key(record.name, record.iterations).fold_in("probe")
    plans = plan_probes(evolution, space, paths, population, key, data.source_hyperparameters)
    jobs = [make_job(experiment, system, plan, paths, data, key) for plan in plans]
    jobs = probe_jobs(jobs, probe_examples)
    results = list(workers.train(jobs))
    used = map(training.examples_used, jobs, results)
    flops = sum(child_flops(plan, *each) for plan, each in zip(plans, used, strict=True))
    return order_seeds(evolution, population, plans, results, flops)


def make_job(
    experiment: Experiment, system: System, plan: Plan, paths: LivePaths, data: TaskData, key: Key
) -> Job:
    """A plan with its parameters and examples: all that training needs.

    Fresh parameters draw from (generation, child, "init", name) below `key`; batches and
    augmentation from (generation,), so that the children of a generation share them.
    """
    model, network = experiment.model(plan), experiment.network(plan)
    evolution, shape = experiment.evolution, model.input_shape(plan.hyperparameters)
    augmentation = Augmentation.of(plan.hyperparameters)
    ridge = Ridge(STRENGTHS, HOLD_OUT) if plan.solves_head else None
    crops = len(shape) == 3 and augmentation.reads_originals(experiment.images) and not ridge
    return Job(
        network=network,
        arrays=inherit_arrays(system, plan, model, network, evolution.mutation, key),
        trainable=frozenset(c.name for c in plan.components if c.trainable),
        ids={c.name: c.component().id for c in plan.components},
        stored={c.name: c.stored_id for c in plan.components if c.stored_id is not None},
        hyperparameters=plan.hyperparameters,
        train=data.originals(shape) if crops else data.examples("train", shape),
        validation=data.examples("validation", shape),
        num_classes=plan.num_classes,
        key=key.fold_in(plan.generation),
        score_to_reach=plan.score_to_reach,
        score=engine.child_score(plan, evolution.scoring, paths),
        must_improve=evolution.must_improve,
        images=experiment.images,
        ridge=ridge,
        optimizers=experiment.space.values("optimizer"),
    )


def keep_child(
    experiment: Experiment,
    system: WritableSystem,
    population: Population,
    plan: Plan,
    job: Job,
    result: TrainingResult,
) -> Population:
    """The population with a trained child, its components stored, if it reaches its bar."""
    if result.quality is None:
        return population  # it diverged
    child = engine.child_path(plan, result.quality, job.score)
    if not engine.reaches_bar(plan, child, experiment.evolution.must_improve):
        return population
    dtype, resize = experiment.training.dtype, experiment.images.resize
    child = dataclasses.replace(child, dtype=dtype, resize=resize)
    frozen = {c.name: job.arrays[c.name] for c in plan.components if c.frozen}
    return population.add(system.stage(child, {**frozen, **result.arrays}))


def end_task_iteration(
    experiment: Experiment,
    system: WritableSystem,
    workers: Workers,
    record: TaskRecord,
    data: TaskData,
) -> TaskRecord:
    """Lets the best path survive alone, looks at the test set once, locks and commits.

    Raises:
      Mu2Error: every child diverged, so that the task has no path.
    """
    best = engine.finish(
        record.current_population, system.paths(), experiment.evolution.must_improve
    )
    if best is None:
        give_up(system, record)
    predictions: dict[str, TestPredictions] = {}
    samples: dict[str, Sample] = {}
    if best.test_digest is None:
        shape = experiment.model(best).input_shape(best.hyperparameters)
        examples = data.read("test", shape, best.resize)
        test = DigestStream(examples)
        accuracy, digest, predictions[record.name] = predict_test_set(
            experiment, system, workers, best, test
        )
        best = dataclasses.replace(
            best, test_accuracy=accuracy, test_digest=digest, test_examples=test.digest
        )
        if not record.private:
            answer = answer_of(experiment, system, workers, best)
            samples[record.name] = Sample.of(best.id, examples, answer)
    is_replaced = record.path is not None and record.path.id != best.id
    relinked = relink_children(system, record) if is_replaced else ()
    record = dataclasses.replace(
        record,
        iterations=record.iterations + 1,
        path=best,
        offspring=record.current_population.offspring,
        population=None,
        preparation=data.preparation,
    )
    changes = Changes(
        tasks=[record, *relinked],
        finished=record.name,
        predictions=predictions,
        samples=samples,
    )
    system.commit(f"{record.name} iteration", changes)
    return record


def give_up(system: WritableSystem, record: TaskRecord) -> NoReturn:
    """Commits that a task iteration whose children all diverged is over, and says so."""
    children = record.current_population.children
    changes = Changes(tasks=[dataclasses.replace(record, population=None)])
    system.commit(f"{record.name} gives up", changes)
    raise Mu2Error(
        f"no child of task {record.name!r} reached a quality: all {children} diverged.",
        hint="Lower Hyperparameters.learning_rate or the top of Ranges.learning_rate, and go "
        "on with --accept-changes; the system is as it was before this task.",
    )


def predict_test_set(
    experiment: Experiment, system: System, workers: Workers, path: Path, test: ExampleStream
) -> tuple[float, str, TestPredictions]:
    """What a stored path makes of all test examples.

    Returns:
      Its accuracy in [0, 1], the digest of its logits, and the class and probability of each.
    """
    answer = answer_of(experiment, system, workers, path)
    logits, labels = evaluate.answer_all(answer, test, experiment.training.batch_size)
    predictions = TestPredictions.of(path.id, logits, labels)
    return evaluate.accuracy(logits, labels), evaluate.digest(logits), predictions


def answer_of(
    experiment: Experiment, system: System, workers: Workers, path: Path
) -> evaluate.Answer:
    """Makes of inputs [N, ...] a stored path's logits, float32 [N, num_classes]."""
    network = experiment.network(path)
    arrays = {component.name: system.arrays(component) for component in path.components}
    return functools.partial(workers.logits, network, arrays, num_classes=path.num_classes)
