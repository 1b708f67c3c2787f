"""A folder beside its place, in which something is put together before it is there."""

import contextlib
import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from mu2.errors import Mu2Error
from mu2.store.files import refuse_links


@contextlib.contextmanager
def empty_aside(
    folder: Path,
    is_ours: Callable[[str], bool],
    recover: Callable[[], Collection[str]] = lambda: (),
) -> Iterator[None]:
    """Makes a folder, or clears what a killed process left in it; no other process is in it then.

    It is removed at the end, whatever happens, unless it has been moved.

    Args:
      folder: in one that is there.
      is_ours: whether a killed process may have left a file or folder of this name there.
      recover: called before what a killed process left is cleared; returns the names that stay.

    Raises:
      Mu2Error: another process is in it, it is a link, or it holds something else.
      OSError: it cannot be made or cleared.
    """
    refuse_links(folder.parent, [folder.name])
    folder.mkdir(exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _lock(handle, folder)
        if others := sorted(name for name in os.listdir(folder) if not is_ours(name)):
            raise Mu2Error(
                f"{folder} is where this is put together, and it holds {others[0]!r}.",
                hint="Move that folder away, or choose another place.",
            )
        try:
            clear(folder, recover())
            yield
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)


def clear(folder: Path, but: Collection[str] = ()) -> None:
    """Removes everything in a folder, but for some names; links, not what they lead to.

    Raises:
      OSError: something cannot be removed.
    """
    for path in (each for each in folder.iterdir() if each.name not in but):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _lock(handle: int, folder: Path) -> None:
    """The kernel gives the lock back when the process dies."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise Mu2Error(
            f"another process puts the same together, in {folder}.", hint="Wait until it ends."
        ) from error
    except OSError as error:  # some network file systems lock no folders
        if error.errno not in (
            errno.EINVAL,
            errno.ENOLCK,
            errno.ENOSYS,
            errno.ENOTSUP,
            errno.EBADF,
        ):
            raise
