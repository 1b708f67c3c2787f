"""Files that are whole or not there, and JSON with one spelling a document."""

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from mu2.errors import Mu2Error

Json = Any
_HEX = re.compile(r"[0-9a-f]{64}")
# What file systems answer that cannot flush a folder.
_NO_FLUSH = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EBADF)
_RUN_FILE = re.compile(r"runs/\w[\w.-]*")


def is_digest(text: object) -> bool:
    """True for a sha256 in hex: the only names that an index may give to files."""
    return isinstance(text, str) and _HEX.fullmatch(text) is not None


class Named(NamedTuple):
    """A file that a record names.

    Attributes:
      name: below the system's folder.
      digest: sha256 (hex) of its bytes.
    """

    name: str
    digest: str


def files_of(record: Json) -> Iterator[Named]:
    """The file that a record names by the keys `file` and `sha256`, if it does.

    Raises:
      Mu2Error: the name leads elsewhere than to a file of `runs/`.
    """
    if isinstance(record, dict) and "file" in record and "sha256" in record:
        name, digest = record["file"], record["sha256"]
        if not isinstance(name, str) or not _RUN_FILE.fullmatch(name) or not is_digest(digest):
            raise Mu2Error(f"a record names the file {str(name)[:80]!r}, which no system has.")
        yield Named(name, digest)


def sha256(content: bytes) -> str:
    """The digest (hex) of some bytes."""
    return hashlib.sha256(content).hexdigest()


def encode(document: Json) -> bytes:
    """The one byte string of a JSON document: UTF-8, no spaces, keys in the order they have.

    Raises:
      ValueError: it holds NaN or an infinity, which JSON has not.
      TypeError: it holds something that is no JSON.
    """
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode() + b"\n"


def reason(error: BaseException) -> str:
    """What an exception says, in one line."""
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        return "it is a symbolic link"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def damaged(path: Path, why: str, hint: str | None = None) -> Mu2Error:
    """The error of a file that does not hold what was written to it."""
    return Mu2Error(f"the file is damaged: {why}", location=str(path), hint=hint)


def is_below(name: object) -> bool:
    """True for the name of a file below a folder, such as `a/b`; none with `..` or from `/` on."""
    if not isinstance(name, str) or set(name) & set("\\\0"):
        return False
    return all(part not in ("", ".", "..") for part in name.split("/"))


def refuse_links(directory: Path, names: Iterable[str]) -> None:
    """Refuses a folder in which one of some names is a link: writing could lead out of it.

    Raises:
      Mu2Error: one is.
    """
    for name in names:
        if os.path.islink(path := directory / name):
            raise Mu2Error(
                "it is a symbolic link, and a system holds none.",
                location=str(path),
                hint="Put in its place what it leads to, if you trust it; the whole system's "
                "folder may lie behind a link.",
            )


def read_bytes(path: Path) -> bytes:
    """A file's bytes. No link is followed, and nothing but a file is read.

    Raises:
      Mu2Error: it is missing, is no file, or cannot be read.
    """
    try:
        # Without waiting for whoever writes to a pipe.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise Mu2Error("it is no file.", location=str(path))
        with open(handle, "rb") as file:
            return file.read()
    except FileNotFoundError as error:
        raise Mu2Error("the file is missing.", location=str(path)) from error
    except OSError as error:
        raise Mu2Error(f"the file cannot be read: {reason(error)}", location=str(path)) from error


def read_json(path: Path) -> Json:
    """A JSON document that `encode` wrote.

    Raises:
      Mu2Error: it is missing, or its bytes are not those that `encode` gives.
    """
    content = read_bytes(path)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"it holds no JSON ({reason(error)})") from error
    try:
        canonical = encode(document)
    except (ValueError, TypeError):
        canonical = b""
    if canonical != content:
        raise damaged(path, "it is not spelt as mu2 spells it.")
    return document


def read_document(folder: Path, digest: object) -> Json:
    """A JSON document by the digest of its bytes, from `<folder>/<digest>.json`.

    Raises:
      Mu2Error: the digest is none, or the file is missing or holds other bytes.
    """
    if not isinstance(digest, str) or not is_digest(digest):
        raise Mu2Error(f"{str(digest)[:80]!r} is no digest.", location=str(folder))
    path = folder / f"{digest}.json"
    content = read_bytes(path)
    if sha256(content) != digest:
        raise damaged(path, "its bytes are not those of its name.")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"it holds no JSON ({reason(error)})") from error


def write_file(path: Path, content: bytes) -> None:
    """Replaces a file atomically, its bytes flushed; its name is durable after `flush(folder)`.

    Raises:
      OSError: the disk is full or the folder cannot be written; the old file is as it was.
    """
    # One name a folder: the next write overwrites what a killed one left.
    temporary = path.parent / ".new"
    try:
        with _new_file(temporary) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)  # on a full disk even half a file matters
        raise


def _new_file(path: Path) -> BinaryIO:
    """An empty file, open for writing; whatever had its name, a link too, is removed."""
    path.unlink(missing_ok=True)
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb")


def write_unflushed(path: Path, content: bytes) -> None:
    """Writes a small file that a power cut may spoil; never through a link.

    Raises:
      OSError: it cannot be written, or is a link.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o666)
    with open(handle, "wb") as file:
        file.write(content)


def flush(path: Path) -> None:
    """Flushes a file, or a folder's list of names, to disk.

    Some file systems (CIFS, many in user space) cannot flush a folder, and keep its names by
    themselves.

    Raises:
      OSError: the disk does not take it.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if not (error.errno in _NO_FLUSH and path.is_dir()):
            raise
    finally:
        os.close(handle)
