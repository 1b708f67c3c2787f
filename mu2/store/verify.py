"""Proof that nothing in a system's folder has changed since it was written.

Every file there but the logs is named or listed by a digest of its bytes, so one flipped bit is
found, in whatever commit of the history; the logs are the affair of whoever writes them. The store
knows no evolution; where a record holds an object with the keys `digest` and `pack`, that is a
component, and the record is harmed when the component is.
"""

import dataclasses
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from mu2.errors import Mu2Error
from mu2.store.components import ComponentStore
from mu2.store.files import Json, entries_below, read_bytes, sha256
from mu2.store.head import refuse_doubtful_head
from mu2.store.journal import Journal
from mu2.store.stored_component import StoredComponent
from mu2.store.walk import walk


@dataclasses.dataclass(frozen=True, order=True)
class Fault:
    """Something in a system's folder that is not as it was written.

    Attributes:
      file: which file or folder.
      problem: what is wrong with it, in one sentence.
      records: names of the newest commit's records that it harms, in order.
    """

    file: str
    problem: str
    records: tuple[str, ...] = ()


def verify(directory: Path, read: Callable[[str, Json], object] | None = None) -> list[Fault]:
    """Checks header, HEAD, and of all history commits, index, records, texts and components.

    Writes nothing; others may write meanwhile.

    Memory: that of the largest component.

    Args:
      directory: a system's folder.
      read: see `walk`; None: the bytes of records alone are compared.

    Returns:
      Every fault found, in order of files; empty if all is as it was written. Where there are
      links or pipes, those alone: nothing is read through them.

    Raises:
      Mu2Error: there is no system in the folder.
    """
    if not Journal.exists(directory):
        Journal.open(directory)  # says so
    if found := [Fault(str(path), problem) for path, problem in _strangers(directory)]:
        return found
    faults: dict[str, Fault] = {}

    def add(fault: Fault) -> None:
        known = faults.get(fault.file)
        records = fault.records + (known.records if known else ())
        problem = known.problem if known else fault.problem
        faults[fault.file] = Fault(fault.file, problem, tuple(sorted(set(records))))

    for path, problem in _documents(directory):
        add(Fault(str(path), problem))
    users: dict[StoredComponent, set[str]] = {}
    try:
        for error, record in _follow(Journal.open(directory), users, read):
            add(_fault(error, directory, record))
        refuse_doubtful_head(directory)
    except Mu2Error as error:
        add(_fault(error, directory))
    store = ComponentStore(directory / "components")
    packs, named = store.packs(), {stored.pack for stored in users}
    for pack in sorted(packs):
        damages = store.check(pack)
        if pack not in named and not (store.directory / pack).exists():
            continue  # an agent has removed what it did not publish
        for damage in damages:
            harmed = {
                name
                for stored, names in users.items()
                if stored.pack == pack
                and (damage.components is None or stored.digest in damage.components)
                for name in names
            }
            add(Fault(str(damage.file), damage.problem, tuple(sorted(harmed))))
    for stored, names in sorted(users.items()):
        if stored.pack not in packs:
            path = store.directory / stored.pack
            add(Fault(str(path), "the pack is missing.", tuple(sorted(names))))
            continue
        try:
            held = stored.digest in store.components(stored.pack)
        except Mu2Error:
            continue  # its manifest is damaged, which `check` has told
        if not held:
            path = store.directory / stored.pack / "arrays" / stored.digest
            add(Fault(str(path), "the component is not in its pack.", tuple(sorted(names))))
    for name in store.pointers():
        wrong = store.check_pointer(name)
        if wrong is not None:
            add(Fault(str(store.directory / "where" / name), wrong))
    return sorted(faults.values())


def _strangers(directory: Path) -> Iterator[tuple[Path, str]]:
    """Whatever is neither a file nor a folder: links, pipes, devices. A system has none."""
    for path, status in entries_below(directory):
        if stat.S_ISLNK(status.st_mode):
            yield path, f"it is a symbolic link, to {os.readlink(path)}; a system holds none."
        elif not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
            yield path, "it is neither a file nor a folder."


def _documents(directory: Path) -> Iterator[tuple[Path, str]]:
    """Files of commits, index and records whose bytes are not those of their names."""
    for folder in ("commits", "index", "records"):
        if not (directory / folder).is_dir():
            yield directory / folder, "the folder is missing."
            continue
        for path in sorted((directory / folder).iterdir()):
            if path.name == ".new":
                continue
            try:
                named = path.stem.rpartition("-")[2] if folder == "commits" else path.stem
                if path.suffix != ".json" or sha256(read_bytes(path)) != named:
                    yield path, "the file is damaged: its bytes are not those of its name."
            except Mu2Error as error:
                if os.path.lexists(path):  # a sweep may have removed it since
                    yield path, error.message


def _follow(
    journal: Journal,
    users: dict[StoredComponent, set[str]],
    read: Callable[[str, Json], object] | None,
) -> Iterator[tuple[Mu2Error, str | None]]:
    """Walks from the newest commit to the first, noting who uses which component.

    Yields:
      What is amiss, and the newest commit's record that it harms, or None.
    """
    known: set[str] = set()
    try:
        for name, commit in journal.history():
            newest = name == journal.name
            for part in walk(journal, commit, known, read):
                for stored in part.components:
                    users.setdefault(stored, set()).update(
                        [part.record] if newest and part.record else []
                    )
                if part.error is not None:
                    yield part.error, part.record if newest else None
    except Mu2Error as error:
        yield error, None


def _fault(error: Mu2Error, directory: Path, record: str | None = None) -> Fault:
    return Fault(
        error.location or str(directory), error.message, () if record is None else (record,)
    )
