"""Files that are whole or not there, and JSON with one spelling a document."""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from mu2.errors import Mu2Error

Json = Any
_HEX = re.compile(r"[0-9a-f]{64}")
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
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def damaged(path: Path, why: str, hint: str | None = None) -> Mu2Error:
    """The error of a file that does not hold what was written to it."""
    return Mu2Error(f"the file is damaged: {why}", location=str(path), hint=hint)


def read_bytes(path: Path) -> bytes:
    """A file's bytes.

    Raises:
      Mu2Error: it is missing or cannot be read.
    """
    try:
        return path.read_bytes()
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
    return json.loads(content)


def write_file(path: Path, content: bytes) -> None:
    """Replaces a file atomically, its bytes flushed; its name is durable after `flush(folder)`.

    Raises:
      OSError: the disk is full or the folder cannot be written; the old file is as it was.
    """
    # One name a folder: the next write overwrites what a killed one left.
    temporary = path.parent / ".new"
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)  # on a full disk even half a file matters
        raise


def flush(path: Path) -> None:
    """Flushes a file, or a folder's list of names, to disk.

    Raises:
      OSError: the disk does not take it.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
