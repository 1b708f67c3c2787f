"""What a command does to its own process: memory and compiled programs.

A library leaves such things to the program that uses it, so nothing here happens on import.
"""

import contextlib
import ctypes
import os
import sys
import warnings
from pathlib import Path

from mu2.system.environment import cpu

# glibc's names for what `mallopt` sets.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
# Programs that compile faster are not worth a file.
CACHED_SECONDS = 0.1
CACHED_BYTES = 1 << 30


def prepare() -> None:
    """Makes the process ready to compute; to be called before jax is imported."""
    keep_freed_memory()
    keep_compiled_programs()


def keep_freed_memory() -> bool:
    """Lets the C library reuse what was freed, rather than give it back and ask for it again.

    A step of training allocates and frees what it keeps for its backward pass. In fresh memory
    every page is a fault: on two CPU cores that took 0.05 to 0.18 of a step in which everything is
    trained, and 0.24 to 0.35 of one in which the head is (ViT-Ti and ConvNet, 2026-11-26). The
    process goes on holding what it held at its peak. Of few arenas what one thread frees another
    finds. Of one alone the threads that compile wait for each other: a ViT's programs took 1.5
    times as long as with four. Of several, glibc maps anew what is larger than its heaps of 64 MiB
    and lies not in the main one: a step whose activations take 84 MiB then takes 1.02 to 1.12 of
    the time (ViT-Ti/16, batches of 512, two cores; 2026-11-27).

    Returns:
      Whether it was done; on other systems than glibc's, and where the user has set the C library
      by MALLOC_* or GLIBC_TUNABLES, nothing is.
    """
    if any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ):
        return False
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        return False
    settings = {_ARENA_MAX: 4, _MMAP_MAX: 0, _TRIM_THRESHOLD: 2**31 - 1}
    return all(libc.mallopt(name, value) for name, value in settings.items())


def keep_compiled_programs() -> None:
    """Lets JAX keep compiled programs from one process to the next, in the user's cache folder.

    A folder for each kind of CPU, since programs hold its instructions. JAX_COMPILATION_CACHE_DIR
    names another folder. Where the folder cannot be written, programs are compiled as without it.
    """
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", str(CACHED_SECONDS))
    if "JAX_COMPILATION_CACHE_DIR" in os.environ:
        return
    home = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    if not home.is_absolute():
        return  # a user without a home folder
    folder = home / "mu2" / "programs" / cpu()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if not os.access(folder, os.W_OK):
        return
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
    # A full disk, or two processes at once: the program is compiled, and nobody need know.
    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache entry")
    os.environ.setdefault("JAX_COMPILATION_CACHE_MAX_SIZE", str(CACHED_BYTES))
    drop_half_written(folder)


def drop_half_written(folder: Path) -> None:
    """Removes programs that a killed process was writing: JAX would write no others beside them.

    JAX writes a program, then the time of its use, under a lock; what has no time may be cut short.

    Args:
      folder: of compiled programs, whose size JAX limits.
    """
    import filelock

    lock = filelock.FileLock(folder / ".lockfile", timeout=1)  # JAX's own
    with contextlib.suppress(OSError, filelock.Timeout), lock:
        for program in folder.glob("*-cache"):
            if not program.with_name(f"{program.name.removesuffix('-cache')}-atime").exists():
                program.unlink(missing_ok=True)
