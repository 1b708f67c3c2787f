"""The start of a run: validated, its system opened, its workers ready."""

import contextlib
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path as FilePath

from mu2.config.validation import Place, unknown_place, validate
from mu2.errors import Mu2Error
from mu2.execution import LocalExecutor
from mu2.experiment import Experiment, Reporter, run
from mu2.system import System, WritableSystem
from mu2.system.compatibility import check_same_space, check_same_task
from mu2.system.environment import run_environment
from mu2.system.run_start import RunStart, run_start
from mu2.training import Workers


def evolve(
    experiment: Experiment,
    resolved: str,
    directory: str,
    reporter: AbstractContextManager[Reporter],
    *,
    accept_changes: bool = False,
    place: Place = unknown_place,
    tell: Callable[[RunStart], None] = lambda start: None,
) -> None:
    """Runs an experiment on a system, old or new, after everything has been validated.

    Args:
      experiment: what to do.
      resolved: its complete Gin text.
      directory: the system's folder.
      reporter: entered once the run can begin.
      accept_changes: go on with an unfinished run of other settings.
      place: where what is said of a part of the experiment is set.
      tell: is told what the run will do with the system, before it does.

    Raises:
      Mu2Error: something does not fit (`Faults` holds all that was found), or another process is
        writing to the system. What is committed is whole; of a new system in which nothing was
        made, nothing is left.
    """
    new = not System.exists(directory)
    folder = FilePath(directory)
    absent = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        with contextlib.ExitStack() as ends:
            started: list[Workers] = []

            def environment() -> dict[str, str]:
                """Starts the workers, once everything else is in order; what they run in."""
                workers = ends.enter_context(contextlib.closing(start_workers(experiment)))
                started.append(workers)
                return workers.environment(run_environment)

            system = ends.enter_context(
                open_for_run(
                    experiment,
                    resolved,
                    directory,
                    accept_changes=accept_changes,
                    place=place,
                    tell=tell,
                    environment=environment,
                )
            )
            run(experiment, system, started[0], ends.enter_context(reporter))
    except Exception:
        if new:
            _discard_empty(folder, absent)
        raise


def _discard_empty(directory: FilePath, made: Sequence[FilePath]) -> None:
    """Removes a new system in which nothing was made, not even a root.

    Args:
      directory: the system's folder.
      made: the folders that were not there before, the system's first.
    """
    try:
        if System.open(directory).roots():
            return
    except Mu2Error:  # it is none, or not whole
        return
    for each in directory.iterdir():
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    for folder in made:
        folder.rmdir()


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


def open_for_run(
    experiment: Experiment,
    resolved: str,
    directory: str,
    *,
    accept_changes: bool = False,
    place: Place = unknown_place,
    tell: Callable[[RunStart], None] = lambda start: None,
    environment: Callable[[], dict[str, str]] = run_environment,
) -> WritableSystem:
    """Opens a system for a run, after everything has been looked at that can be refused.

    Args:
      experiment: what to do.
      resolved: its complete Gin text.
      directory: the system's folder, old or new.
      accept_changes: go on with an unfinished run of other settings.
      place: where what is said of a part of the experiment is set.
      tell: is told what the run will do with the system, before it does.
      environment: says what its numbers depend on where its children are trained.

    Returns:
      The system, open for writing; use it as a context manager.

    Raises:
      Mu2Error: something does not fit; the system is as it was. `Faults` holds all that was found.
    """
    validate((), (experiment,), place)
    system = WritableSystem.extend(directory, experiment.cache_limit_mb)
    try:
        check_system(experiment, system)
        schedule = schedule_of(experiment, system)
        tell(run_start(system, resolved, schedule))
        system.start_run(resolved, schedule, environment(), accept_changes)
    except BaseException:
        system.__exit__(None, None, None)
        raise
    return system


def known_name(system: System, task: str) -> str:
    """The name that a task of a stream bears in the system: its first, where it was renamed."""
    return system.task(task).name if system.has_task(task) else task


def schedule_of(experiment: Experiment, system: System | None) -> list[str]:
    """The task of each task iteration of a run, by the name that the system knows it by."""
    tasks = [task.name for _, task in experiment.stream.schedule()]
    return tasks if system is None else [known_name(system, task) for task in tasks]


def start_of(experiment: Experiment, resolved: str, directory: str) -> RunStart:
    """How a run would begin on a system, which need not be there yet.

    Args:
      experiment: what would be done.
      resolved: its complete Gin text.
      directory: the system's folder.

    Raises:
      Mu2Error: it is of another search space, or knows other tasks by these names, or is damaged.
    """
    system = System.open(directory) if System.exists(directory) else None
    if system is not None:
        check_system(experiment, system)
    return run_start(system, resolved, schedule_of(experiment, system))


def check_system(experiment: Experiment, system: System) -> None:
    """Refuses a system of another search space, or one that knows other tasks by these names."""
    models = {type(model).__name__: model for model in experiment.space.models}
    for root in system.roots():
        if (kind := root.id.split("/")[1]) in models:
            check_same_space(system, root, models[kind])
    shown: dict[str, str] = {}
    for task in experiment.stream.tasks:
        if (other := shown.setdefault(known_name(system, task.name), task.name)) != task.name:
            raise Mu2Error(
                f"{system.directory} knows the tasks {other!r} and {task.name!r} of this stream as "
                "one: it was renamed.",
                hint="Give the new task a name of its own.",
            )
        if system.has_task(task.name):
            check_same_task(system, system.task(task.name), task.source)
