"""The child log: one JSON line for every child a system ever trained."""

import hashlib
import json
import mmap
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mu2.errors import Mu2Error
from mu2.store.files import MAX_DOCUMENT, flush, open_file, parse_json
from mu2.system.documents import plain

_PATH = b'"path": '


class Mark(NamedTuple):
    """A place in a log that a commit remembers, and all that stands before it.

    Attributes:
      bytes: before it.
      lines: before it.
      digest: of these lines, see `chain_digest`; empty before the first.
    """

    bytes: int = 0
    lines: int = 0
    digest: str = ""


def chain_digest(before: str, line: bytes) -> str:
    """The digest (hex) of a log with one more line: sha256 of that of the lines before, and it.

    A commit so vouches for every line at the cost of the new ones, wherever commits fell.
    """
    return hashlib.sha256(before.encode() + line).hexdigest()


def log_line(record: Mapping[str, Any]) -> bytes:
    """The line of a record, its line break included."""
    return json.dumps(plain(record), ensure_ascii=False, allow_nan=False).encode() + b"\n"


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
        return sum(1 for _ in self.lines())

    def append(self, record: Mapping[str, Any]) -> bytes:
        """Adds one line; on disk for sure only after `flush`.

        Returns:
          The line, its line break included.

        Raises:
          OSError: the disk is full or the folder cannot be written.
        """
        line = log_line(record)
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        with os.fdopen(descriptor, "r+b") as file:
            _cut(file.fileno(), self.size())
            file.seek(0, os.SEEK_END)
            file.write(line)
        return line

    def extend(self, lines: Iterable[bytes], mark: Mark) -> Mark:
        """Adds whole lines behind a place, and drops what else stands there.

        Args:
          lines: each with its line break.
          mark: the place; all before it is there.

        Returns:
          Where the log ends now.

        Raises:
          OSError: the disk is full or the folder cannot be written.
        """
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        with os.fdopen(descriptor, "r+b") as file:
            _cut(file.fileno(), mark.bytes)
            file.seek(mark.bytes)
            for line in lines:
                file.write(line)
                mark = Mark(mark.bytes + len(line), mark.lines + 1, chain_digest(mark.digest, line))
        return mark

    def raw_size(self) -> int:
        """The bytes of the file, a torn last line included."""
        return self._file.stat().st_size if self._file.exists() else 0

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
        with open_file(self._file) as file:
            if (size := _whole(file.fileno())) is None:
                raise self._no_log()
            return size

    def marks(self, lengths: Collection[int]) -> dict[int, Mark]:
        """What stands before some places; those that do not end a whole line are left out.

        Args:
          lengths: bytes before each.
        """
        found, mark, last = {}, Mark(), max(lengths, default=0)
        if 0 in lengths:
            found[0] = mark
        for line in self.lines():
            if mark.bytes >= last:
                break
            mark = Mark(mark.bytes + len(line), mark.lines + 1, chain_digest(mark.digest, line))
            if mark.bytes in lengths:
                found[mark.bytes] = mark
        return found

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

    def copy(self, to: Path, lines: int) -> None:
        """Copies the first lines into a new file, flushed.

        Raises:
          OSError: it cannot be written.
          Mu2Error: the file is no file.
        """
        with to.open("xb") as target:
            for number, line in enumerate(self.lines()):
                if number == lines:
                    break
                target.write(line)
            target.flush()
            os.fsync(target.fileno())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The records of all whole lines, oldest first.

        Raises:
          Mu2Error: a line is no JSON object.
        """
        for number, line in enumerate(self.lines(), 1):
            yield self._parse(line, number)

    def lines(self) -> Iterator[bytes]:
        """The whole lines; Mu2Error where the file is no file."""
        if not os.path.lexists(self._file):
            return
        with open_file(self._file) as file:
            while line := file.readline(MAX_DOCUMENT):
                if line.endswith(b"\n"):
                    yield line
                elif len(line) == MAX_DOCUMENT:
                    raise self._no_log()

    def _no_log(self) -> Mu2Error:
        return Mu2Error(
            f"no child log: a line has more than {MAX_DOCUMENT:,} bytes.", location=str(self._file)
        )

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
            record = parse_json(line)
        except (RecursionError, ValueError):
            record = None
        if not isinstance(record, dict):
            if not isinstance(number, int):
                number = number[:end].count(b"\n") + 1
            raise Mu2Error(
                "not a line of a child log.",
                location=f"{self._file}:{number}",
                hint="The log is for reading only: the networks do not need it.",
            )
        return record


def _whole(descriptor: int) -> int | None:
    """Bytes up to and with the last line break; None where the last line has no end."""
    size = end = os.fstat(descriptor).st_size
    while end > 0:
        if size - end > MAX_DOCUMENT:
            return None
        start = max(0, end - 65536)
        found = os.pread(descriptor, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _cut(descriptor: int, length: int) -> None:
    if os.fstat(descriptor).st_size > length:
        os.ftruncate(descriptor, length)
