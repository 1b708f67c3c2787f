"""The bytes of a system: whether they are whole, where they are, and what can be put back."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mu2.errors import Mu2Error
from mu2.store.journal import Journal
from mu2.store.repair import Step, plan, repair
from mu2.store.usage import Usage, usage
from mu2.store.verify import Fault
from mu2.store.verify import verify as verify_store
from mu2.system.log_proof import check_log
from mu2.system.predictions import TestPredictions
from mu2.system.record import (
    Progress,
    TaskRecord,
    read_aliases,
    read_iterations,
    read_path,
    read_run,
)
from mu2.system.sample import SAMPLE, Sample
from mu2.system.system import ALIASES, PREDICTIONS, REMOVED, ROOT, RUN, TASK

__all__ = ["Fault", "Step", "Usage", "plan", "repair", "usage", "verify"]

# How a system reads its records, by what their names begin with.
READERS: Mapping[str, Callable[[Any], object]] = MappingProxyType(
    {
        ROOT: read_path,
        TASK: TaskRecord.from_json,
        RUN: read_run,
        PREDICTIONS: TestPredictions.from_json,
        SAMPLE: Sample.from_json,
        REMOVED: read_iterations,
        ALIASES: read_aliases,
    }
)


def verify(directory: Path) -> list[Fault]:
    """Compares every file of a system with what its commits say of it; writes nothing.

    Every record is read as those who open the system read it.

    Args:
      directory: a system's folder.

    Returns:
      Every fault found, in order of files; empty if all is as it was written. A fault of the logs
      harms no record.

    Raises:
      Mu2Error: there is no system in the folder.
    """
    faults = verify_store(directory, read_record)
    if any(fault.file == str(directory / "log.jsonl") for fault in faults):
        return faults
    try:
        history = [commit for _, commit in Journal.open(directory).history()]
    except Mu2Error:
        return faults  # which tell it
    try:
        check_log(directory, [Progress.from_json(commit.progress) for commit in history])
    except Mu2Error as error:
        faults.append(Fault(error.location or str(directory), error.message))
    except (AttributeError, KeyError, TypeError, ValueError):
        faults.append(Fault(str(directory / "HEAD"), "its progress is none that mu2 writes."))
    return sorted(faults)


def read_record(name: str, document: Any) -> None:
    """Reads a record as a system does.

    Raises:
      AttributeError, KeyError, TypeError, ValueError: no system could.
    """
    for kind, read in READERS.items():
        if name.startswith(kind):
            made = read(document)
            if isinstance(made, TaskRecord) and name != kind + made.name:
                raise ValueError(f"it is of task {made.name[:80]!r}")
