"""What else than its settings can change the numbers of a run: code, libraries, hardware."""

import functools
import hashlib
import platform
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

# Those whose arithmetic a run's numbers come from.
LIBRARIES = ("jax", "jaxlib", "flax", "optax", "numpy")
# Modules and packages of mu2 that decide, compute, or read examples.
CODE = (
    *("evolution", "experiment.py", "models", "random_keys.py"),
    *("system/inheritance.py", "system/roots.py", "tasks", "training"),
)


def run_environment() -> dict[str, str]:
    """The environment of this process, as a run's record keeps it.

    Returns:
      `code`, a digest of mu2's own modules that a run's numbers come from; a version for each of
      `LIBRARIES`; `device`, the kind of the first device; `cpu`, see `cpu`; `threads`, where the
      device is a CPU, that it computes with; JAX's switches that are not as JAX has them, and
      XLA's flags.
    """
    from mu2.models.devices import changed_switches, devices, threads

    device = devices()[0]
    return {
        "code": code(),
        **{library: version(library) for library in LIBRARIES},
        "device": f"{device.platform} {device.device_kind}",
        "cpu": cpu(),
        **({"threads": str(threads())} if device.platform == "cpu" else {}),
        **changed_switches(),
    }


def describe_changes(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """What two runs were made with, as far as it differs; empty where it does not."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return "; ".join(f"{name} was {before.get(name)}, is {now.get(name)}" for name in names)


@functools.cache
def code() -> str:
    """A digest (16 hex digits) of mu2's modules that decide, compute, or read examples."""
    root, state = Path(__file__).parents[1], hashlib.sha256()
    for name in CODE:
        files = [root / name] if name.endswith(".py") else sorted((root / name).rglob("*.py"))
        for file in files:
            state.update(f"{file.relative_to(root).as_posix()}\n".encode())
            state.update(file.read_bytes())
    return state.hexdigest()[:16]


def commit() -> tuple[str, bool] | None:
    """The commit of the checkout mu2 runs from, and whether its files differ; None elsewhere.

    JSON lines do not count: benchmarks add what they measured to some that are committed.
    """
    root, git = Path(__file__).parents[2], shutil.which("git")
    if git is None or not (root / ".git").exists():
        return None
    told = []
    changes = ["status", "--porcelain", "--untracked-files=no", "--", ":(exclude)*.jsonl"]
    for words in (["rev-parse", "HEAD"], changes):
        said = subprocess.run([git, *words], cwd=root, capture_output=True, text=True, check=False)
        if said.returncode != 0:  # no commit yet, or a folder of another user's
            return None
        told.append(said.stdout.strip())
    return told[0], bool(told[1])


@functools.cache
def cpu() -> str:
    """Names the kind of this machine's CPU by the instructions it has."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    told = [line for line in lines if line.startswith(("flags", "Features"))][:1]
    known = "".join(told) or platform.processor()
    return f"{platform.machine()}-{hashlib.sha256(known.encode()).hexdigest()[:8]}"
