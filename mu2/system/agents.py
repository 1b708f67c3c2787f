"""Who does what: the agents of a system, running and stopped."""

import dataclasses
from pathlib import Path as FilePath

from mu2.errors import Mu2Error
from mu2.store.agent_folder import AgentFolder, agent_folders
from mu2.store.lock import agent_lease, leased_agents
from mu2.system.agent_cycle import CycleState


@dataclasses.dataclass(frozen=True)
class AgentStatus:
    """An agent of a system.

    Attributes:
      task: its task's own name.
      process: who it is: number, machine and command line; None where it is stopped.
      cycle: the iteration of its task that is under way, from 0; None where none is.
      generation: generations of it that are done.
      snapshot: number of the commit that the cycle reads; None as `cycle`.
    """

    task: str
    process: str | None
    cycle: int | None
    generation: int
    snapshot: int | None


def agents_of(directory: str | FilePath) -> list[AgentStatus]:
    """The agents that run, or have left a cycle to go on with, by name. Writes nothing.

    Of an agent on another machine it is not known whether it died less than half a minute ago.

    Raises:
      Mu2Error: the state of one is damaged.
    """
    directory = FilePath(directory)
    names = {*leased_agents(directory), *(name for name, _ in agent_folders(directory))}
    found = []
    for name in sorted(names):
        lease, state = agent_lease(directory, name), _state(directory, name)
        holder = None if lease.is_dead else lease.holder
        if holder is None and state is None:
            continue
        population = state.record.population if state is not None and state.record else None
        found.append(
            AgentStatus(
                name,
                None if holder is None else str(holder),
                None if state is None else state.cycle.iteration,
                0 if population is None else population.generation,
                None if state is None else int(state.cycle.snapshot.partition("-")[0]),
            )
        )
    return found


def agent_progress(directory: str | FilePath, task: str) -> object:
    """Something that is another once an agent has done a generation or published a cycle."""
    state = _state(FilePath(directory), task)
    if state is None:
        return None
    return state.cycle, None if state.record is None else state.record.current_population.generation


def _state(directory: FilePath, name: str) -> CycleState | None:
    document = AgentFolder(directory, name).read()
    if document is None:
        return None
    try:
        return CycleState.from_json(document)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Mu2Error(
            f"the state of agent {name!r} is none that mu2 writes.",
            location=str(AgentFolder(directory, name).path),
        ) from error
