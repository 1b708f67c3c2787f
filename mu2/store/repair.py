"""What can be put back in a system after a crash of the disk or a slip of the hand.

Nothing is ever deleted: whatever gives way is moved into the folder `repaired/`.
"""

import dataclasses
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from mu2.errors import Mu2Error
from mu2.store.components import ComponentStore
from mu2.store.files import (
    encode,
    flush,
    is_digest,
    read_bytes,
    read_json,
    refuse_links,
    sha256,
    write_file,
)
from mu2.store.head import commit_names, number_of, publish_head, read_head, stage_head
from mu2.store.header import FORMAT, read_header, seal
from mu2.store.journal import Journal
from mu2.store.lock import WriterLock, check_idle
from mu2.store.walk import walk

_KEPT = "repaired"
_FOLDERS = ("commits", "index", "records")


@dataclasses.dataclass(frozen=True)
class Step:
    """Something that can be put back.

    Attributes:
      file: which.
      problem: what is wrong with it, in one sentence.
      action: what is done about it, in one sentence.
    """

    file: str
    problem: str
    action: str
    _do: Callable[[], None] = dataclasses.field(compare=False, repr=False)


def plan(directory: Path) -> list[Step]:
    """What `repair` would do now; writes nothing. What one step mends may show others.

    Raises:
      Mu2Error: there is no system in the folder, it is of another format, or a process of this
        machine writes to it.
    """
    _check(directory)
    check_idle(directory)  # what a live process is about to finish is no leftover
    return list(_steps(directory))


def repair(directory: Path) -> list[Step]:
    """Puts back what can be, each file atomically; takes the lock meanwhile.

    Returns:
      What was done.

    Raises:
      Mu2Error: as `plan`; another process writes to the system, or it cannot be written.
    """
    _check(directory)
    done: list[Step] = []
    with WriterLock(directory):
        while steps := [step for step in _steps(directory) if step not in done]:
            for step in steps:
                try:
                    step._do()
                except OSError as error:
                    raise Mu2Error(
                        f"the file cannot be put back: {error.strerror or error}.",
                        location=step.file,
                    ) from error
                done.append(step)
    return done


def _check(directory: Path) -> None:
    if not (directory / "commits").is_dir():
        raise Mu2Error(
            f"{directory} is no mu2 system (it has no commits).",
            hint="Name the folder that was given to `mu2 run` as --system.",
        )
    links = ("mu2.json", "HEAD", "leases", "agents", _KEPT, "runs", *_FOLDERS)
    refuse_links(directory, (*links, "components", "components/where", "components/new"))


def _steps(directory: Path) -> Iterator[Step]:
    """The first kind of steps that is needed, as what comes later hangs on it."""
    for kind in (_misnamed, _header, _head, _leftovers, _pointers):
        if steps := list(kind(directory)):
            yield from steps
            return


def _misnamed(directory: Path) -> Iterator[Step]:
    """Documents that have another's name: their own is told by their bytes."""
    for folder in ("index", "records"):
        for path in sorted((directory / folder).iterdir()) if (directory / folder).is_dir() else ():
            if path.name == ".new" or path.is_symlink() or not path.is_file():
                continue
            own = path.with_name(f"{sha256(read_bytes(path))}.json")
            if path.name != own.name and not own.exists() and _is_named(directory, own):
                yield Step(
                    str(path),
                    "it has another file's name.",
                    f"it is renamed {own.name}.",
                    lambda path=path, own=own: _move(path, own),  # type: ignore[misc]
                )


def _is_named(directory: Path, path: Path) -> bool:
    """Whether some commit lacks a document of this name."""
    for name in commit_names(directory):
        try:
            journal = Journal(directory, {}, name)
        except Mu2Error:
            continue
        for part in walk(journal, journal.newest, set()):
            if part.error is not None and part.error.location == str(path):
                return True
    return False


def _header(directory: Path) -> Iterator[Step]:
    """mu2.json, which says the format and where a branch began, and nothing else."""
    path = directory / "mu2.json"
    try:
        read_header(directory)
    except Mu2Error as error:
        document = None
        if os.path.lexists(path):
            try:
                document = read_json(path)
            except Mu2Error:
                document = None
        number = document.get("format") if isinstance(document, dict) else FORMAT
        if type(number) is int and number > 0 and number != FORMAT:
            raise  # of another mu2
        if not any(_is_whole(directory, name) for name in commit_names(directory)):
            raise Mu2Error(
                f"{error.message} No commit that stands there is whole.", location=str(path)
            ) from error

        def do() -> None:
            _keep(directory, path)
            write_file(path, encode(seal(FORMAT, {})))
            flush(directory)

        yield Step(str(path), error.message, "it is written anew.", do)


def _head(directory: Path) -> Iterator[Step]:
    """HEAD, put to the newest whole commit; newer ones that are not whole give way."""
    path = directory / "HEAD"
    try:
        head = read_head(directory)
        problem = None
    except Mu2Error as error:
        head, problem = None, error.message
    names = commit_names(directory)
    newest = next((name for name in names if _is_whole(directory, name)), None)
    if newest is None:
        if problem is not None or head is not None:
            raise Mu2Error(
                "no commit that stands there is whole.",
                location=str(directory / "commits"),
                hint=f"`mu2 verify --fast {directory}` says what they lack.",
            )
        return
    for name in (each for each in names if number_of(each) > number_of(newest)):
        commit = directory / "commits" / f"{name}.json"
        yield Step(
            str(commit),
            "the commit is not whole.",
            f"it is moved to {_KEPT}/.",
            lambda commit=commit: _keep(directory, commit),  # type: ignore[misc]
        )
    if problem is not None or number_of(head) != number_of(newest):
        said = "no commit" if head is None else f"commit {number_of(head)}"

        def do() -> None:
            _keep(directory, path)
            stage_head(directory, newest)
            publish_head(directory)

        yield Step(
            str(path),
            problem or f"it names {said}, which is not the newest whole one.",
            f"it names commit {number_of(newest)} again.",
            do,
        )


def _leftovers(directory: Path) -> Iterator[Step]:
    """What killed writers were at."""
    folders = [directory, *(directory / name for name in (*_FOLDERS, "runs", "components"))]
    new = directory / "components" / "new"
    found = [folder / ".new" for folder in folders] + ([new] if new.is_dir() else [])
    for path in found:
        if not os.path.lexists(path) or (path == new and not any(new.iterdir())):
            continue
        yield Step(
            str(path),
            "a killed process was writing it.",
            f"it is moved to {_KEPT}/.",
            lambda path=path: _keep(directory, path),  # type: ignore[misc]
        )


def _pointers(directory: Path) -> Iterator[Step]:
    """Where components lie, so that they are not written twice; told by the packs."""
    store = ComponentStore(directory / "components")
    where: dict[str, str] = {}
    for pack in sorted(store.packs()):
        try:
            where.update(dict.fromkeys(store.components(pack), pack))
        except Mu2Error:
            continue  # nothing can be put back of it
    folder = store.directory / "where"
    for name in store.pointers():
        if name not in where and (not is_digest(name) or store.check_pointer(name)):
            path = folder / name
            yield Step(
                str(path),
                "it names no pack that holds this component.",
                f"it is moved to {_KEPT}/.",
                lambda path=path: _keep(directory, path),  # type: ignore[misc]
            )
    for component, pack in sorted(where.items()):
        path = folder / component
        if path.is_symlink() or not _points(store, path):

            def do(path: Path = path, pack: str = pack) -> None:
                _keep(directory, path)
                folder.mkdir(exist_ok=True)
                write_file(path, f"{pack}\n".encode())

            yield Step(str(path), "it does not say where the component lies.", "it says so.", do)


def _points(store: ComponentStore, path: Path) -> bool:
    if not path.is_file():
        return False
    return store.check_pointer(path.name) is None and bool(read_bytes(path))


def _is_whole(directory: Path, name: str) -> bool:
    """Whether a commit and all that it names can be read."""
    try:
        journal = Journal(directory, {}, name)
    except Mu2Error:
        return False
    store = ComponentStore(directory / "components")
    for part in walk(journal, journal.newest, set()):
        if part.error is not None:
            return False
        for stored in part.components:
            try:
                if stored.digest not in store.components(stored.pack):
                    return False
            except Mu2Error:
                return False
    return True


def _keep(directory: Path, path: Path) -> None:
    """Moves a file or folder into `repaired/`, under a name that is free."""
    if not os.path.lexists(path):
        return
    folder = directory / _KEPT
    folder.mkdir(exist_ok=True)
    name = "-".join(path.relative_to(directory).parts)
    number = 1
    while os.path.lexists(folder / f"{name}.{number}"):
        number += 1
    _move(path, folder / f"{name}.{number}")


def _move(path: Path, to: Path) -> None:
    path.rename(to)
    flush(to.parent)
    flush(path.parent)
