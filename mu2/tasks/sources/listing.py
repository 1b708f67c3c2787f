"""What lies in a folder of examples, and nothing from outside it."""

import contextlib
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mu2.errors import Mu2Error, nearest, same_letters

# Of a long list, as many are told.
_TOLD = 5
_FIRST = ("train", "validation", "test")


def home(path: str, owner: str) -> Path:
    """The file or folder that a source names.

    Raises:
      Mu2Error: it is not there.
    """
    found = Path(os.path.expanduser(path))
    if not found.exists():
        hints = []
        if not found.is_absolute():
            hints.append(f"A path that does not begin with / is looked for in {Path.cwd()}.")
        with contextlib.suppress(OSError):
            beside = [entry.name for entry in found.parent.iterdir()]
            if twin := same_letters(found.name, beside):
                hints.append(twin)
            elif near := nearest(found.name, beside):
                hints.append(f"Did you mean {near!r}?")
        raise Mu2Error(f"{owner}: there is no {path!r}.", hint=" ".join(hints) or None)
    return found


def head_of(file: Path) -> bytes:
    """The first 64 bytes of a file; none where it cannot be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(64)
    except OSError:
        return b""


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


def check_classes(classes: Mapping[str, Iterable[str]], owner: str, suffix: str = "") -> None:
    """Refuses classes that another split has and 'train' has not; all are told together.

    Args:
      classes: the names of classes by split; 'train' among them.
      owner: whose they are.
      suffix: how a class is called on disk behind its name.

    Raises:
      Mu2Error: naming the nearest class that is trained.
    """
    trained = set(classes["train"])
    strange = {split: sorted(set(names) - trained) for split, names in classes.items()}
    faults = [
        f"{split} has {'a class' if len(names) == 1 else 'classes'} "
        f"{', '.join(map(repr, names[:_TOLD]))}{' …' * (len(names) > _TOLD)}"
        for split, names in strange.items()
        if names
    ]
    if not faults:
        return
    first = next(names[0] for names in strange.values() if names)
    hint = same_letters(first, trained)
    if hint is None:
        near = nearest(first, trained)
        hint = f"Did you mean {near!r}?" if near else f"Train it: add train/{first}{suffix}."
    raise Mu2Error(f"{owner}: {'; '.join(faults)}, and train has none.", hint=hint)


def describe_paths(paths: Sequence[Path]) -> str:
    """Some paths of one kind, with the verb: `a is`, `a, b and 3 more are each`."""
    named = ", ".join(map(str, paths[:_TOLD]))
    more = f" and {len(paths) - _TOLD:,} more" if len(paths) > _TOLD else ""
    return f"{named}{more} is" if len(paths) == 1 else f"{named}{more} are each"
