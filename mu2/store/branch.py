"""Branches: a system of its own that begins at a commit of another, sharing components by link."""

import os
from collections.abc import Callable
from pathlib import Path

from mu2.errors import Mu2Error
from mu2.store.aside import clear, empty_aside
from mu2.store.components import ComponentStore
from mu2.store.files import (
    Json,
    copy_file,
    encode,
    flush,
    link_file,
    reason,
    write_file,
)
from mu2.store.head import publish_head, stage_head
from mu2.store.header import FORMAT, read_header, seal
from mu2.store.journal import Journal, is_ours, make_folders
from mu2.store.sweep import find_reachable

# In the header of a branch: the commit that it began at, and the newest lasting one up to it.
BEGAN_AT = "began_at"
# What a system holds besides what its creation makes.
_BESIDE = ("components", "runs", "log.jsonl", "times.jsonl")


def branch(
    source: Path,
    target: Path,
    at: str | None = None,
    finish: Callable[[Journal, Path], None] = lambda journal, folder: None,
) -> Journal:
    """Makes a new system out of the history of another up to a commit, whole or not at all.

    What never changes (components, commits, index, records) is linked where the file system can,
    and copied elsewhere; nothing that happens to one system later reaches the other, since both
    replace files rather than write into them. It is put together beside the target and renamed
    last; what a killed call left there is removed by the next.

    Args:
      source: a system's folder.
      target: a new or empty folder.
      at: a commit of its history, by number or name; None: the newest.
      finish: adds what is not the journal's to the new folder before it is in place; given the
        source's journal at the commit, and the folder.

    Returns:
      The journal of the new system at that commit.

    Raises:
      Mu2Error: there is no such system or commit, the target is not empty, or cannot be written.
    """
    journal = Journal.open(source)
    journal = journal if at is None else journal.at(at)
    if journal.name is None:
        raise Mu2Error(f"{source} has no commit to begin from.")
    target = Path(os.path.abspath(target))
    aside = target.parent / f".{target.name}.branch"
    try:
        _check_target(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        with empty_aside(aside, lambda name: is_ours(name) or name in _BESIDE):
            _check_target(target)
            _fill(journal, aside)
            finish(journal, aside)
            for folder in (p for p in aside.rglob("*") if p.is_dir()):
                flush(folder)
            flush(aside)
            if target.is_dir():
                clear(target)
            aside.rename(target)
        flush(target.parent)
    except OSError as error:
        raise Mu2Error(
            f"{target} cannot be made a branch of {source}: {reason(error)}",
            hint="Nothing is left of it. Mend this, and try again.",
        ) from error
    return Journal.open(target)


def is_branch(source: Path, target: Path, at: str | None = None) -> bool:
    """Whether a system began at a commit of another, or has it in its own history.

    Args:
      source: the other system's folder.
      target: the system's folder.
      at: the commit, by number or name; None: any.

    Raises:
      Mu2Error: one of them cannot be read, or there is no such commit.
    """
    here, there = Journal.open(target), Journal.open(source)
    header = here.header if isinstance(here.header, dict) else {}
    began: Json = header.get(BEGAN_AT)
    first = set(began) if isinstance(began, list) else set()
    if at is None:
        known = {name for name, commit in there.history() if not commit.passing}
        first = first or {name for name, commit in here.history() if not commit.passing}
        return bool(known & first)
    try:
        wanted = there.at(at).name
    except Mu2Error:  # a passing commit that has given way since
        beginning = at.partition("-")
        wanted = next(
            (
                name
                for name in sorted(first)
                if name.startswith(f"{beginning[0].zfill(8)}-{beginning[2]}")
            ),
            None,
        )
        if wanted is None:
            raise
    return wanted in first or wanted in {name for name, _ in here.history()}


def _check_target(target: Path) -> None:
    """Refuses a folder that holds anything but what an interrupted creation left."""
    if Journal.exists(target):
        raise Mu2Error(f"{target} is a mu2 system already.")
    if os.path.lexists(target):
        if not target.is_dir():
            raise Mu2Error(f"{target} is no folder.", hint="Choose a new folder for --system.")
        if others := sorted(p.name for p in target.iterdir() if not is_ours(p.name)):
            raise Mu2Error(
                f"{target} is no mu2 system, and not empty (it holds {others[0]!r}).",
                hint="Choose a new folder for --system.",
            )


def _fill(journal: Journal, folder: Path) -> None:
    """Puts the history of a journal up to its commit into a new folder."""
    source, keep = journal.directory, find_reachable(journal)
    make_folders(folder)
    for name in sorted(keep.files):
        if (source / name).exists():  # what a commit made superfluous may be gone
            link_file(source / name, folder / name)
    store = ComponentStore(source / "components")
    for pack in sorted(keep.packs):
        for file in store.files(pack):
            relative = file.relative_to(source)
            (folder / relative).parent.mkdir(parents=True, exist_ok=True)
            link_file(file, folder / relative)
    (folder / "runs").mkdir()
    for text in sorted(keep.texts):
        copy_file(source / text.name, folder / text.name)
    lasting = next((name for name, commit in journal.history() if not commit.passing), None)
    header = read_header(source)
    began = [name for name in dict.fromkeys([journal.name, lasting]) if name is not None]
    header = {**(header if isinstance(header, dict) else {}), BEGAN_AT: began}
    stage_head(folder, journal.name)
    publish_head(folder)
    write_file(folder / "mu2.json", encode(seal(FORMAT, header)))
