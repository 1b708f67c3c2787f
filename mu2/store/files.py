"""Files that are whole or not there, and JSON with one spelling a document."""

import errno
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from mu2.errors import Mu2Error

Json = Any
_HEX = re.compile(r"[0-9a-f]{64}")
# What file systems answer that cannot flush a folder.
_NO_FLUSH = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EBADF)
_FLUSHES = 8  # at once
# Bytes of the largest document that is read; mu2 writes none that comes near.
MAX_DOCUMENT = 1 << 24
# Lists and maps of such a document: 16 MiB of nothing else would take 500 MB.
MAX_OBJECTS = 1_000_000
_RUN_FILE = re.compile(r"runs/\w[\w.-]*")


def is_digest(text: object) -> bool:
    """True for a sha256 in hex: the only names that an index may give to files."""
    return isinstance(text, str) and _HEX.fullmatch(text) is not None


class NamedFile(NamedTuple):
    """A file that a record names.

    Attributes:
      name: below the system's folder.
      digest: sha256 (hex) of its bytes.
    """

    name: str
    digest: str


def files_of(record: Json) -> Iterator[NamedFile]:
    """The file that a record names by the keys `file` and `sha256`, if it does.

    Raises:
      Mu2Error: the name leads elsewhere than to a file of `runs/`.
    """
    if isinstance(record, dict) and "file" in record and "sha256" in record:
        name, digest = record["file"], record["sha256"]
        if not isinstance(name, str) or not _RUN_FILE.fullmatch(name) or not is_digest(digest):
            raise Mu2Error(f"a record names the file {str(name)[:80]!r}, which no system has.")
        yield NamedFile(name, digest)


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


def damage_error(path: Path, why: str, hint: str | None = None) -> Mu2Error:
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
            raise _link(path)


def refuse_links_below(directory: Path) -> None:
    """Refuses a folder that holds a link at any depth, or is one; or a pipe or device.

    Raises:
      Mu2Error: it does.
    """
    if directory.is_symlink():
        raise _link(directory)
    for path, status in entries_below(directory):
        if stat.S_ISLNK(status.st_mode):
            raise _link(path)
        if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            raise Mu2Error("it is neither a file nor a folder.", location=str(path))


def _link(path: Path) -> Mu2Error:
    return Mu2Error(
        "it is a symbolic link, and a system holds none.",
        location=str(path),
        hint="Put in its place what it leads to, if you trust it; the whole system's folder may "
        "lie behind a link.",
    )


def read_bytes(path: Path, limit: int = MAX_DOCUMENT) -> bytes:
    """A file's bytes. No link is followed, and nothing but a file is read.

    Args:
      path: of the file.
      limit: bytes that it may have.

    Raises:
      Mu2Error: it is missing, is no file, is larger, or cannot be read.
    """
    try:
        with open_file(path) as file:
            content = file.read(limit + 1) if _size(file) <= limit else b""
            if _size(file) > limit:
                raise damage_error(
                    path, f"it has {_size(file):,} bytes, and {limit:,} at most fit."
                )
            return content
    except OSError as error:
        raise Mu2Error(f"the file cannot be read: {reason(error)}", location=str(path)) from error


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def open_file(path: Path) -> BinaryIO:
    """A file open for reading. No link is followed, and nothing but a file is opened.

    Raises:
      Mu2Error: as `read_bytes`.
    """
    try:
        # Without waiting for whoever writes to a pipe.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise Mu2Error("the file is missing.", location=str(path)) from error
    except OSError as error:
        raise Mu2Error(f"the file cannot be read: {reason(error)}", location=str(path)) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise Mu2Error("it is no file.", location=str(path))
    return open(handle, "rb")


def parse_json(content: bytes, most: int = MAX_OBJECTS) -> Json:
    """What a JSON document holds.

    Args:
      content: the document.
      most: brackets that it may have, of lists, of maps and in texts.

    Raises:
      ValueError: it is no JSON, or has more.
      RecursionError: it is too deep.
    """
    if content.count(b"{") + content.count(b"[") > most:
        raise ValueError(f"more than {most:,} lists and maps")
    return json.loads(content)


def read_json(path: Path) -> Json:
    """A JSON document that `encode` wrote.

    Raises:
      Mu2Error: it is missing, or its bytes are not those that `encode` gives.
    """
    content = read_bytes(path)
    try:
        document = parse_json(content)
    except (ValueError, RecursionError) as error:
        raise damage_error(path, f"it holds no JSON ({reason(error)})") from error
    try:
        canonical = encode(document)
    except (ValueError, TypeError):
        canonical = b""
    if canonical != content:
        raise damage_error(path, "it is not spelt as mu2 spells it.")
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
        raise damage_error(path, "its bytes are not those of its name.")
    try:
        return parse_json(content)
    except (ValueError, RecursionError) as error:
        raise damage_error(path, f"it holds no JSON ({reason(error)})") from error


def write_file(path: Path, content: bytes) -> None:
    """Replaces a file atomically, its bytes flushed; its name is durable after `flush(folder)`.

    Raises:
      OSError: the disk is full or the folder cannot be written; the old file is as it was.
    """
    stage(path.parent, content)
    publish(path)


def stage(folder: Path, content: bytes) -> None:
    """Writes and flushes what `publish` then gives a name in the same folder.

    Raises:
      OSError: as `write_file`; nothing is left of it.
    """
    # One name a folder: the next write overwrites what a killed one left.
    temporary = folder / ".new"
    try:
        with _new_file(temporary) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)  # on a full disk even half a file matters
        raise


def publish(path: Path) -> None:
    """Gives what was staged in its folder a name; a file that had it is replaced.

    Raises:
      OSError: as `write_file`; nothing is left of what was staged.
    """
    temporary = path.parent / ".new"
    try:
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
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


def copy_file(old: Path, new: Path) -> None:
    """Copies a file, flushed; no link is followed.

    Raises:
      OSError: it cannot be written.
      Mu2Error: the old one is missing, or is no file.
    """
    with open_file(old) as source, _new_file(new) as target:
        shutil.copyfileobj(source, target)
        target.flush()
        os.fsync(target.fileno())


def link_file(old: Path, new: Path) -> None:
    """Gives a file one more name, or copies it where the file system has no links.

    Raises:
      OSError: it cannot be written.
      Mu2Error: the old one is missing, or is no file.
    """
    open_file(old).close()  # a symbolic link or a pipe is nothing to share
    try:
        os.link(old, new, follow_symlinks=False)
    except FileExistsError:
        pass
    except OSError:  # another file system, or one without links
        copy_file(old, new)


def flush(path: Path) -> bool:
    """Flushes a file, or a folder's list of names, to disk.

    Returns:
      False where that is a folder of a file system that cannot do it (CIFS, many in user space),
      and keeps names by itself.

    Raises:
      OSError: the disk does not take it.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if not (error.errno in _NO_FLUSH and path.is_dir()):
            raise
        return False
    finally:
        os.close(handle)
    return True


def flush_below(directory: Path) -> None:
    """Flushes all that a folder holds, and the folder; several at once, as disks take them so.

    Raises:
      OSError: the disk does not take it.
    """
    with ThreadPoolExecutor(_FLUSHES) as pool:
        paths = [path for path, _ in entries_below(directory)]
        for _ in pool.map(flush, [*paths, directory]):
            pass


def bytes_below(directory: Path) -> int:
    """Bytes of the files below a folder."""
    return sum(
        status.st_size for _, status in entries_below(directory) if not stat.S_ISDIR(status.st_mode)
    )


def entries_below(directory: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Files, folders and links at any depth, each with its own status, not that of a link's target.

    Others may write meanwhile: what is gone before it can be looked at is left out.
    """
    for folder, folders, files in os.walk(directory):
        for name in sorted([*folders, *files]):
            path = Path(folder, name)
            try:
                status = path.lstat()
            except FileNotFoundError:
                continue
            yield path, status
