"""Branches: a system of its own that begins at a commit of another, sharing components by link."""

import os
import shutil
from pathlib import Path

from mu2.errors import Mu2Error
from mu2.store.components import ComponentStore
from mu2.store.files import flush, reason, write_file
from mu2.store.journal import Journal
from mu2.store.sweep import named


def branch(source: Path, target: Path, at: str | None = None) -> Journal:
    """Makes a new system out of the history of another up to a commit.

    What never changes (components, commits, index, records) is linked where the file system can,
    and copied elsewhere; nothing that happens to one system later reaches the other, since both
    replace files rather than write into them. Logs and Gin files are the caller's affair.

    Args:
      source: a system's folder.
      target: a new or empty folder.
      at: a commit of its history, by number or name; None: the newest.

    Returns:
      The journal of the new system at that commit.

    Raises:
      Mu2Error: there is no such system or commit, the target is not empty, or cannot be written.
    """
    journal = Journal.open(source)
    journal = journal if at is None else journal.at(at)
    if journal.name is None:
        raise Mu2Error(f"{source} has no commit to begin from.")
    keep = named(journal)
    store = ComponentStore(source / "components")
    made = Journal.create(target, journal.header)
    try:
        for name in sorted(keep.files):
            if (source / name).exists():  # what a commit made superfluous may be gone
                _link(source / name, target / name)
        for pack in sorted(keep.packs):
            for file in store.files(pack):
                relative = file.relative_to(source)
                (target / relative).parent.mkdir(parents=True, exist_ok=True)
                _link(file, target / relative)
        for folder in (p for p in target.rglob("*") if p.is_dir()):
            flush(folder)
        # Last, since it is what makes the commit the newest.
        write_file(target / "HEAD", f"{journal.name}\n".encode())
        flush(target)
    except OSError as error:
        raise Mu2Error(
            f"{target} cannot be made a branch of {source}: {reason(error)}",
            hint=f"Remove {target}, mend this, and try again.",
        ) from error
    return Journal.open(made.directory)


def _link(old: Path, new: Path) -> None:
    try:
        os.link(old, new)
    except FileExistsError:
        pass
    except OSError:  # another file system, or one without links
        shutil.copyfile(old, new)
