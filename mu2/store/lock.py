"""The writer's lock: one process at a time writes to a system."""

import json
import os
import socket
import sys
import warnings
from pathlib import Path
from typing import Self

import filelock

from mu2.errors import Mu2Error
from mu2.store.files import reason


class WriterLock:
    """Holds `lock` in a system's folder; the kernel gives it back when the process dies.

    So a lock is never stale: what a crashed holder wrote into the file is only text. On a file
    system without such locks filelock goes by whether the file is there, and by its own marks of
    the process that made it.

    Raises:
      Mu2Error: on entry, where another holds it (named by process, host and command), or where
        the folder cannot be written.
    """

    def __init__(self, directory: Path):
        self._path = directory / "lock"
        self._lock: filelock.BaseFileLock = filelock.FileLock(
            self._path, blocking=False, thread_local=False
        )

    def __enter__(self) -> Self:
        try:
            os.stat(self._path.parent)  # filelock would make the folder
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "flock not supported on this filesystem")
                self._lock.acquire()
            self._write(json.dumps(_holder()).encode())
        except filelock.Timeout as error:
            hint = "Wait until it ends, or choose another --system folder."
            if isinstance(self._lock, filelock.SoftFileLock):
                hint += (
                    f" This file system has no locks: if no process writes, remove {self._path}."
                )
            raise Mu2Error(
                f"{self._path.parent} is being written by {self._described()}", hint=hint
            ) from error
        except OSError as error:
            self._lock.release()
            raise Mu2Error(
                f"{self._path.parent} cannot be written: {reason(error)}",
                location=str(self._path),
            ) from error
        return self

    def __exit__(self, *error: object) -> None:
        if self._lock.is_locked:
            self._write(b"")
            self._lock.release()

    def _write(self, text: bytes) -> None:
        """Writes who holds the lock, unless filelock keeps its own marks in the file."""
        if isinstance(self._lock, filelock.SoftFileLock):
            return
        file = os.open(self._path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW)
        try:
            os.write(file, text)
        finally:
            os.close(file)

    def _described(self) -> str:
        try:
            return _describe(self._path.read_bytes()[:8192])
        except OSError:
            return _describe(b"")


def _holder() -> dict[str, str | int]:
    command = " ".join(sys.argv)[:1000]
    return {"pid": os.getpid(), "host": socket.gethostname(), "command": command}


def _describe(holder: bytes) -> str:
    try:
        h = json.loads(holder)
        return f"process {h['pid']} on {h['host']} ({h['command']})."
    except (ValueError, KeyError, TypeError):
        return "another process, which has not yet said its name."
