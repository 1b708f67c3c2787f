"""What lies in a folder of examples, and nothing from outside it."""

import os
from collections.abc import Iterable
from pathlib import Path

from mu2.errors import Mu2Error

_FIRST = ("train", "validation", "test")


def home(path: str, owner: str) -> Path:
    """The file or folder that a source names.

    Raises:
      Mu2Error: it is not there.
    """
    found = Path(os.path.expanduser(path))
    if not found.exists():
        raise Mu2Error(
            f"{owner}: there is no {path!r}.",
            hint=f"A path that does not begin with / is looked for in {Path.cwd()}."
            if not found.is_absolute()
            else None,
        )
    return found


def entries(folder: Path, root: Path, owner: str) -> list[Path]:
    """The files and folders in a folder by name, less those whose name begins with a dot.

    Raises:
      Mu2Error: the folder cannot be read, or a link leads out of `root`.
    """
    try:
        with os.scandir(folder) as found:
            paths = sorted(Path(entry.path) for entry in found if not entry.name.startswith("."))
    except OSError as error:
        raise Mu2Error(f"{owner}: {folder}: {error.strerror}.") from error
    for path in paths:
        if path.is_symlink() and not path.resolve().is_relative_to(root.resolve()):
            raise Mu2Error(
                f"{owner}: {path} is a link that leads out of {root}.",
                hint="Put a copy in its place; mu2 reads what is in the folder and nothing else.",
            )
    return paths


def in_order(names: Iterable[str]) -> list[str]:
    """Names of splits: train, validation and test first, then the others by name."""
    return sorted(names, key=lambda name: (_FIRST.index(name) if name in _FIRST else 3, name))
