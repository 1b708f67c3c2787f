"""The start of agents: a system made ready for them, and the cycles that they run."""

from collections.abc import Callable
from pathlib import Path as FilePath

from mu2.config.reading import load
from mu2.config.start import check_system, known_name
from mu2.config.validation import Place, unknown_place, validate
from mu2.errors import Mu2Error
from mu2.experiment import (
    Experiment,
    Reporter,
    begin_task_iteration,
    end_task_iteration,
    evolve_generation,
)
from mu2.system import WritableSystem
from mu2.system.agent_cycle import AgentCycle, keep_text
from mu2.system.roots import introduce_roots
from mu2.tasks.data import TaskData
from mu2.training import Workers


def prepare_system(
    experiment: Experiment, resolved: str, directory: str, place: Place = unknown_place
) -> AgentCycle:
    """Makes a system ready for agents: new or old, with its roots and the text they go by.

    Agents may run meanwhile.

    Args:
      experiment: of the agents.
      resolved: its complete Gin text.
      directory: the system's folder.
      place: where what is said of a part of the experiment is set.

    Returns:
      What a cycle is made of, as far as it is known before one begins: its Gin text.

    Raises:
      Mu2Error: something does not fit (`Faults` holds all that was found), another process writes
        to the system as a whole, or a run of it is not finished.
    """
    validate((), (experiment,), place)
    limit = experiment.cache_limit_mb
    with WritableSystem.extend(directory, limit, beside_agents=True) as system:
        check_system(experiment, system)
        if not system.progress.complete:
            raise Mu2Error(
                f"{directory} holds an unfinished run.",
                hint="Finish it first: the same `mu2 run` command goes on with it.",
            )
        system.begin_edit()
        dtype = experiment.training.dtype
        introduce_roots(system, experiment.space, experiment.roots, experiment.seed, dtype)
        file, digest = keep_text(FilePath(directory), resolved)
    return AgentCycle("", 0, "", 1, file, digest, {})


def evolve_cycle(
    experiment: Experiment,
    system: WritableSystem,
    workers: Workers,
    reporter: Reporter,
    cycle: AgentCycle,
    is_stopped: Callable[[], bool] = lambda: False,
) -> bool:
    """Evolves a cycle to its end, which is committed; False where it was stopped before.

    Args:
      experiment: what to do.
      system: at the commit that the cycle reads.
      workers: train the children.
      reporter: told of every child and of the end.
      cycle: which.
      is_stopped: asked before each generation.

    Raises:
      Mu2Error: as `mu2.experiment.run`; or the experiment has no such task.
    """
    stream, training = experiment.stream, experiment.training
    known = {known_name(system, task.name): task for task in stream.tasks}
    if (task := known.get(cycle.task)) is None:
        raise Mu2Error(f"the stream has no task {cycle.task!r}.")
    data = TaskData(task, training.batch_size, stream.memory_limit_mb, experiment.images)
    record = begin_task_iteration(experiment, system, task)
    reporter.task_started(task.name, cycle.iteration)
    while not experiment.evolution.is_finished(record.current_population, cycle.visits):
        if is_stopped():
            return False
        record = evolve_generation(
            experiment, system, workers, record, data, reporter, cycle.visits
        )
    reporter.task_done(end_task_iteration(experiment, system, workers, record, data))
    return True


def experiment_of(directory: str, cycle: AgentCycle) -> Experiment:
    """What a published cycle was made with.

    Raises:
      Mu2Error: its Gin text is missing, or not the one that its agent had.
    """
    return load([str(cycle.text_file(FilePath(directory)))], []).experiment
