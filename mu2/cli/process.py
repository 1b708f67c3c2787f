"""What a command does to its own process: memory, compiled programs, what is set around it.

A library leaves such things to the program that uses it, so nothing here happens on import.
"""

import contextlib
import ctypes
import functools
import importlib
import logging
import os
import subprocess
import sys
import time
import warnings
import zlib
from pathlib import Path

from mu2.errors import Mu2Error
from mu2.system.environment import cpu

# glibc's names for what `mallopt` sets.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
_ZSTD = b"\x28\xb5\x2f\xfd"
# Programs that compile faster are not worth a file.
CACHED_SECONDS = 0.1
CACHED_BYTES = 1 << 30
# The folder is looked through at most this often.
TIDY_SECONDS = 3600


def prepare() -> None:
    """Makes the process ready to compute; to be called before jax is imported."""
    keep_freed_memory()
    keep_compiled_programs()
    draw_into_files()


def draw_into_files() -> None:
    """Lets matplotlib draw without a screen, whatever MPLBACKEND says, and keep its warnings."""
    os.environ["MPLBACKEND"] = "agg"
    logging.getLogger("matplotlib").setLevel(logging.ERROR)


def check_environment() -> None:
    """Looks at what XLA and JAX would end the process for, or blame another thing for.

    Whether XLA takes what XLA_FLAGS says, a process of its own tries; without XLA_FLAGS there is
    none.

    Raises:
      Mu2Error: XLA does not, or the folder of JAX_COMPILATION_CACHE_DIR cannot be made.
    """
    if flags := os.environ.get("XLA_FLAGS"):
        _check_xla_flags(flags)
    folder = os.environ.get("JAX_COMPILATION_CACHE_DIR", "")
    if folder and "://" not in folder:
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise Mu2Error(
                f"JAX_COMPILATION_CACHE_DIR is {folder!r}, which cannot be made: {error.strerror}.",
                hint="Set the environment variable to a folder that can be written, or unset it.",
            ) from error


@functools.cache
def _check_xla_flags(flags: str) -> None:
    probe = [sys.executable, "-c", "from jaxlib import xla_client; xla_client.CompileOptions()"]
    done = subprocess.run(probe, capture_output=True, text=True, check=False, errors="replace")
    lines = [line for line in done.stderr.splitlines() if "flags" in line.partition("] ")[0]]
    if done.returncode and lines:
        said = lines[0].partition("] ")[2].rstrip(".")
        raise Mu2Error(
            f"XLA refuses what XLA_FLAGS says, {flags!r}: {said}.",
            hint="Correct the environment variable, or unset it.",
        )


def wrong_switch(error: Exception) -> Mu2Error | None:
    """The fault of a switch in the environment that JAX refuses while it is imported.

    Args:
      error: whatever was raised; None is returned where it is something else.
    """
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if not isinstance(error, ValueError) or last is None:
        return None
    if last.tb_frame.f_globals.get("__name__") != "jax._src.config":
        return None
    named = [n for n in os.environ if n.startswith("JAX_") and n.lower() in str(error).lower()]
    name = max(named, key=len, default="")
    value = f"{name} is {os.environ[name]!r}: " if name else ""
    return Mu2Error(
        f"{value}JAX refuses it ({error}).",
        hint=f"Correct the environment variable{f' {name}' * bool(name)}, or unset it.",
    )


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
    with contextlib.suppress(OSError):  # another process, or a full disk
        tidy_programs(folder)


def tidy_programs(folder: Path) -> None:
    """Removes programs that a killed process left cut short, and the oldest beyond CACHED_BYTES.

    JAX has a limit of its own, but reads the times of all programs whenever it adds one: with
    5,000 of them that took 0.3 s for each program that is compiled (2026-11-30).

    Args:
      folder: of compiled programs.

    Raises:
      OSError: the folder cannot be read or written.
    """
    stamp = folder / ".tidied"
    tidied = stamp.stat().st_mtime_ns if stamp.exists() else 0
    if time.time_ns() - tidied < TIDY_SECONDS * 10**9:
        return
    stamp.touch()  # first: what is written from here on is looked at the next time
    used: list[tuple[int, int, Path]] = []
    for path in folder.iterdir():
        if path.name.endswith("-atime"):  # of JAX's own limit, which mu2 set before
            path.unlink(missing_ok=True)
        elif path.name.endswith("-cache"):
            stat = path.stat()
            if stat.st_mtime_ns >= tidied and not is_whole(path.read_bytes()):
                path.unlink(missing_ok=True)
            else:
                used.append((max(stat.st_atime_ns, stat.st_mtime_ns), stat.st_size, path))
    size = sum(bytes_ for _, bytes_, _ in used)
    for _, bytes_, path in sorted(used):
        if size <= CACHED_BYTES:
            break
        path.unlink(missing_ok=True)
        size -= bytes_


def is_whole(program: bytes) -> bool:
    """Whether the bytes of a kept program are all there.

    Args:
      program: as JAX writes it: compressed by zstd where there is such a module, else by zlib.
    """
    try:
        if not program.startswith(_ZSTD):
            zlib.decompress(program)
        elif sys.version_info >= (3, 14):
            importlib.import_module("compression.zstd").decompress(program)
        else:
            importlib.import_module("zstandard").ZstdDecompressor().decompress(program)
    except Exception:  # noqa: BLE001 - each module's own; without one JAX cannot read it either
        return False
    return True
