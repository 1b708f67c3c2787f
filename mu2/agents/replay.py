"""A published cycle, evolved once more from the commit that it read, and compared."""

import contextlib
from pathlib import Path as FilePath
from typing import Any

from mu2.config import Reporter
from mu2.config.agent_start import evolve_cycle, experiment_of
from mu2.config.start import start_workers
from mu2.system import TaskRecord
from mu2.system.agent_cycle import published_cycle
from mu2.system.environment import run_environment
from mu2.system.replay_system import ReplaySystem, published_lines


def replay(directory: str, task: str, number: int, reporter: Reporter) -> list[str]:
    """Evolves a published cycle again; writes nothing.

    Args:
      directory: the system's folder.
      task: whose agent made it, by the task's own name.
      number: the task's iteration that it was, from 0.
      reporter: told of every child.

    Returns:
      What is different, in sentences; empty where every bit of path, components, test logits and
      log lines is the same.

    Raises:
      Mu2Error: there is no such cycle; or as `mu2.experiment.run`.
    """
    cycle, published = published_cycle(directory, task, number)
    experiment = experiment_of(directory, cycle)
    system = ReplaySystem(FilePath(directory), cycle.snapshot, experiment.cache_limit_mb)
    found = []
    with contextlib.closing(start_workers(experiment)) as workers:
        here = workers.environment(run_environment)
        evolve_cycle(experiment, system, workers, reporter, cycle)
    now, then = _bits(system.task(task)), _bits(published)
    if now != then:
        found.append(f"the record is another in {_difference(now, then)}.")
    before = published_lines(directory, task, number)
    if system.lines != before:
        pairs = zip(system.lines, before, strict=False)
        line = next((i for i, (one, other) in enumerate(pairs) if one != other), len(before))
        found.append(f"the log is another from child {line} on.")
    if found and here != cycle.made_with:
        names = [name for name in here if here[name] != cycle.made_with.get(name)]
        found.append(f"It was made with another {' and '.join(names)}, which may be why.")
    return found


def _bits(record: TaskRecord) -> dict[str, Any]:
    """What of a record must be the same; where a component lies is the store's affair."""
    document = record.to_json()
    for component in document["path"]["components"] if document["path"] else ():
        del component["pack"]
    return document


def _difference(one: dict[str, Any], other: dict[str, Any]) -> str:
    """The keys in which two records differ, those of their paths by name."""
    keys = [key for key in one if one[key] != other.get(key)]
    if "path" in keys and one["path"] and other["path"]:
        inner = [key for key in one["path"] if one["path"][key] != other["path"].get(key)]
        keys[keys.index("path")] = "path: " + ", ".join(inner)
    return "; ".join(keys)
