"""What the commands that stand something beside a table have in common: faults, and their file."""

import sys
from collections.abc import Callable
from pathlib import Path

from mu2.cli.command import FAULT, INTERRUPTED, OK
from mu2.errors import Mu2Error


def exit_code(work: Callable[[], None]) -> int:
    """Does a command's work, and says on stderr what is wrong; 2 for a fault of the user's."""
    try:
        work()
    except Mu2Error as error:
        sys.stderr.write(f"{error}\n")
        return FAULT
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: nothing is kept, and the same command begins again.\n")
        return INTERRUPTED
    return OK


def check_writable(file: Path) -> None:
    """Refuses a file that no line can be added to, before anything is trained for it.

    Raises:
      Mu2Error: it has no folder, is one, or is kept from being written.
    """
    there = file.exists()
    try:
        file.open("a").close()
    except OSError as error:
        raise Mu2Error(
            f"--json {file}: {error.strerror}.", hint="Name a file in a folder that is there."
        ) from error
    if not there:
        file.unlink()
