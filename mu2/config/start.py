"""The start of a run: validated, its system opened, its workers ready."""

from contextlib import AbstractContextManager

from mu2.config.validation import Place, unknown_place, validate
from mu2.execution import LocalExecutor
from mu2.experiment import Experiment, Reporter, run
from mu2.system import System, WritableSystem
from mu2.system.compatibility import check_same_space, check_same_task
from mu2.system.environment import run_environment
from mu2.training import Workers


def evolve(
    experiment: Experiment,
    resolved: str,
    directory: str,
    reporter: AbstractContextManager[Reporter],
    *,
    accept_changes: bool = False,
    place: Place = unknown_place,
) -> None:
    """Runs an experiment on a system, old or new, after everything has been validated.

    Args:
      experiment: what to do.
      resolved: its complete Gin text.
      directory: the system's folder.
      reporter: entered once the run can begin.
      accept_changes: go on with an unfinished run of other settings.
      place: where what is said of a part of the experiment is set.

    Raises:
      Mu2Error: something does not fit (`Faults` holds all that was found), or another process is
        writing to the system. What is committed is whole.
    """
    begun = begin(experiment, resolved, directory, accept_changes=accept_changes, place=place)
    with begun as system, reporter as told:
        run(experiment, system, start_workers(experiment), told)


def start_workers(experiment: Experiment, one_device: bool = False) -> Workers:
    """Where the experiment's children are trained: its executor, or the devices of this process.

    Args:
      experiment: says where.
      one_device: on the first device alone, whatever the layout says.

    Raises:
      Mu2Error: the layout does not fit the devices.
    """
    executor = experiment.executor or LocalExecutor()
    layout = None if one_device else experiment.layout
    return executor.start(layout, experiment.training)


def begin(
    experiment: Experiment,
    resolved: str,
    directory: str,
    *,
    accept_changes: bool = False,
    place: Place = unknown_place,
) -> WritableSystem:
    """Opens a system for a run, after everything has been looked at that can be refused.

    Args:
      experiment: what to do.
      resolved: its complete Gin text.
      directory: the system's folder, old or new.
      accept_changes: go on with an unfinished run of other settings.
      place: where what is said of a part of the experiment is set.

    Returns:
      The system, open for writing; use it as a context manager.

    Raises:
      Mu2Error: something does not fit; the system is as it was. `Faults` holds all that was found.
    """
    validate((), (experiment,), place)
    system = WritableSystem.extend(directory, experiment.cache_limit_mb)
    try:
        check_system(experiment, system)
        schedule = [task.name for _, task in experiment.stream.schedule()]
        system.begin(resolved, schedule, run_environment(), accept_changes)
    except BaseException:
        system.__exit__(None, None, None)
        raise
    return system


def check_system(experiment: Experiment, system: System) -> None:
    """Refuses a system of another search space, or one that knows other tasks by these names."""
    models = {type(model).__name__: model for model in experiment.space.models}
    for root in system.roots():
        if (kind := root.id.split("/")[1]) in models:
            check_same_space(system, root, models[kind])
    for task in experiment.stream.tasks:
        if system.has_task(task.name):
            check_same_task(system, system.task(task.name), task.source)
