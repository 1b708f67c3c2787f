"""The bytes of a system: whether they are whole, where they are, and what can be put back."""

from pathlib import Path

from mu2.errors import Mu2Error
from mu2.store.journal import Journal
from mu2.store.repair import Step, plan, repair
from mu2.store.usage import Usage, usage
from mu2.store.verify import Fault
from mu2.store.verify import verify as verify_store
from mu2.system.log_proof import check_log
from mu2.system.record import Progress

__all__ = ["Fault", "Step", "Usage", "plan", "repair", "usage", "verify"]


def verify(directory: Path) -> list[Fault]:
    """Compares every file of a system with what its commits say of it; writes nothing.

    Args:
      directory: a system's folder.

    Returns:
      Every fault found, in order of files; empty if all is as it was written. A fault of the logs
      harms no record.

    Raises:
      Mu2Error: there is no system in the folder.
    """
    faults = verify_store(directory)
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
