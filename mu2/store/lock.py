"""The writer's lock: one process at a time writes to a system."""

import fcntl
import json
import os
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from mu2.errors import Mu2Error
from mu2.store.files import reason


class WriterLock:
    """Holds `lock` in a system's folder; the kernel gives it back when the process dies.

    So a lock is never stale: what a crashed holder wrote into the file is only text.

    Raises:
      Mu2Error: on entry, where another holds it (named by process, host and command), or where
        the folder cannot be written.
    """

    def __init__(self, directory: Path):
        self._path = directory / "lock"
        self._file: int | None = None

    def __enter__(self) -> Self:
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            raise Mu2Error(
                f"{self._path.parent} cannot be written: {reason(error)}",
                location=str(self._path),
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            holder = {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "command": " ".join(sys.argv)[:1000],
            }
            text = json.dumps(holder).encode()
            os.ftruncate(file, os.pwrite(file, text, 0))
        except BlockingIOError as error:
            text = os.pread(file, 8192, 0)
            os.close(file)
            raise Mu2Error(
                f"{self._path.parent} is being written by {_describe(text)}",
                hint="Wait until it ends, or choose another --system folder.",
            ) from error
        except OSError as error:
            os.close(file)
            raise Mu2Error(
                f"{self._path.parent} cannot be locked for writing: {reason(error)}",
                location=str(self._path),
            ) from error
        self._file = file
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            os.ftruncate(self._file, 0)
            os.close(self._file)
            self._file = None


def _describe(holder: bytes) -> str:
    try:
        h = json.loads(holder)
        return f"process {h['pid']} on {h['host']} ({h['command']})."
    except (ValueError, KeyError, TypeError):
        return "another process, which has not yet said its name."
