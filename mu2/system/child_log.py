"""The child log: one JSON line for every child a system ever trained."""

import json
import mmap
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mu2.errors import Mu2Error
from mu2.store.files import flush
from mu2.system.documents import plain

_PATH = b'"path": '


class ChildLog:
    """A file of JSON lines that only grows, apart from `keep`.

    A crash can tear the last line; whatever follows the last line break counts as not written,
    and the next append takes its place.

    Args:
      file: where it lies; created by the first append.
    """

    def __init__(self, file: Path):
        self._file = file

    def __len__(self) -> int:
        """Whole lines in the file."""
        try:
            with self._file.open("rb") as file:
                return sum(line.endswith(b"\n") for line in file)
        except FileNotFoundError:
            return 0

    def append(self, record: Mapping[str, Any]) -> None:
        """Adds one line; on disk for sure only after `flush`.

        Raises:
          OSError: the disk is full or the folder cannot be written.
        """
        line = json.dumps(plain(record), ensure_ascii=False, allow_nan=False).encode() + b"\n"
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o644)
        with os.fdopen(descriptor, "r+b") as file:
            _cut(file.fileno(), _whole(file.fileno()))
            file.seek(0, os.SEEK_END)
            file.write(line)

    def flush(self) -> None:
        """Waits until every line is on disk; called once a generation, before its commit.

        Raises:
          OSError: the disk failed.
        """
        for path in (self._file, self._file.parent):
            if path.exists():
                flush(path)

    def size(self) -> int:
        """The bytes of the whole lines, for a commit to remember."""
        if not self._file.exists():
            return 0
        with self._file.open("rb") as file:
            return _whole(file.fileno())

    def cut(self, length: int) -> None:
        """Drops every line after the first `length` bytes: children that no commit has seen."""
        if self._file.exists():
            with self._file.open("r+b") as file:
                _cut(file.fileno(), length)

    def keep(self, lines: int) -> None:
        """Does as `cut`, for a file whose lines are as many as those of another."""
        if not self._file.exists():
            return
        with self._file.open("r+b") as file:
            length = 0
            for number, line in enumerate(file):
                if number == lines or not line.endswith(b"\n"):
                    break
                length += len(line)
            _cut(file.fileno(), length)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The records of all whole lines, oldest first.

        Raises:
          Mu2Error: a line is no JSON object.
        """
        if not self._file.exists():
            return
        with self._file.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.endswith(b"\n"):
                    yield self._parse(line, number)

    def ancestors(self, paths: Iterable[str]) -> dict[str, dict[str, Any]]:
        """The records of some paths and of all their ancestors that the log knows, by path.

        Reads backwards, as a parent is logged before its children, and of all other lines only
        the name of their path.

        Raises:
          Mu2Error: a line that is asked for is no JSON object.
        """
        wanted, found = set(paths), dict[str, dict[str, Any]]()
        if not wanted or not self._file.exists() or not self._file.stat().st_size:
            return found
        read = json.JSONDecoder().raw_decode
        with (
            self._file.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            end = content.rfind(b"\n")
            while end > 0:
                start = content.rfind(b"\n", 0, end) + 1
                name = content.find(_PATH, start, end)
                if name >= 0:
                    # Names are longer than this only where somebody else wrote the log.
                    head = content[name + len(_PATH) : min(end, name + 4096)]
                    try:
                        path, _ = read(head.decode("utf-8", errors="ignore"))
                    except ValueError:
                        path = None
                    if path in wanted:
                        record = self._parse(content[start:end], content, end)
                        found.setdefault(path, record)
                        wanted.add(str(record.get("parent")))
                end = start - 1
        return found

    def _parse(self, line: bytes, number: int | mmap.mmap, end: int = 0) -> dict[str, Any]:
        """The record of a line.

        Args:
          line: its text.
          number: counted from 1; or the content of the file, where it need only be counted if
            there is a fault.
          end: of the line in that content.
        """
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            if not isinstance(number, int):
                number = number[:end].count(b"\n") + 1
            raise Mu2Error(
                "not a line of a child log.",
                location=f"{self._file}:{number}",
                hint="The log is for reading only: the system itself does not need it.",
            )
        return record


def _whole(descriptor: int) -> int:
    """Bytes up to and with the last line break."""
    end = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - 65536)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _cut(descriptor: int, length: int) -> None:
    if os.fstat(descriptor).st_size > length:
        os.ftruncate(descriptor, length)
