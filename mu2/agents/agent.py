"""One agent: it joins a system and runs the cycles of one task."""

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Protocol

from mu2.config import Experiment, Reporter
from mu2.config.agent_start import evolve_cycle
from mu2.config.start import known_name, start_workers
from mu2.system import System
from mu2.system.agent_cycle import AgentCycle
from mu2.system.agent_system import AgentSystem
from mu2.system.environment import run_environment


class AgentReporter(Reporter, Protocol):
    """Is told of what an agent does, cycle by cycle."""

    def cycle_started(self, cycle: AgentCycle) -> None:
        """A cycle begins, or goes on from the commit that it read."""


def run_agent(
    experiment: Experiment,
    directory: str,
    task: str,
    cycle: AgentCycle,
    cycles: int,
    reporter: AgentReporter,
    *,
    is_stopped: Callable[[], bool] = lambda: False,
    accept_changes: bool = False,
) -> bool:
    """Runs the cycles of one task until it has had a number of iterations, or is stopped.

    A cycle reads the paths of the newest commit at its beginning, evolves its task by them, and
    publishes what it found by one commit at its end.

    Args:
      experiment: what to do.
      directory: the system's folder, prepared.
      task: of the experiment's stream.
      cycle: what `prepare_system` gave.
      cycles: task iterations that the task has in the end, those of earlier runs included.
      reporter: told of everything.
      is_stopped: asked before each generation.
      accept_changes: begin a cycle anew that was cut off with other settings.

    Returns:
      Whether all cycles are done; False where it was stopped.

    Raises:
      Mu2Error: another process is this agent; or as `mu2.experiment.run`.
    """
    name = known_name(System.open(directory), task)
    # A budget is the agent's, and shared out among its cycles.
    visits = cycles if experiment.evolution.budget is not None else 1
    with AgentSystem.join(directory, name, experiment.cache_limit_mb) as system:
        if system.iterations >= cycles:
            return True
        with contextlib.closing(start_workers(experiment)) as workers:
            made_with = workers.environment(run_environment)
            wanted = dataclasses.replace(cycle, task=name, visits=visits, made_with=made_with)
            while system.iterations < cycles:
                if is_stopped():
                    return False
                made = system.begin_cycle(wanted, accept_changes)
                reporter.cycle_started(made)
                if not evolve_cycle(experiment, system, workers, reporter, made, is_stopped):
                    return False
    return True
