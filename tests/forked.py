"""`mu2` in forks of one process that has loaded everything: hundreds of commands, and of kills.

A fork is a process of its own, so it can be killed and can hang; what it has not to do is to load
jax. The process that is forked has computed nothing, so that no thread is lost by it.
"""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
      code: its exit code; below 0, the signal that killed it.
      out: standard output.
      err: standard error.
      calls: system calls that were counted.
      seconds: it took.
      processor_seconds: it computed.
      peak_bytes: memory that it had at most, with what it shares with the process that was forked.
    """

    code: int
    out: str
    err: str
    calls: int
    seconds: float
    processor_seconds: float
    peak_bytes: int

    @property
    def killed(self):
        return self.code in (-signal.SIGKILL, -signal.SIGALRM)


class Mu2:
    """A process that runs commands in forks of itself.

    Args:
      environment: variables of it, besides those of this one.
    """

    def __init__(self, **environment):
        self._folder = tempfile.TemporaryDirectory()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.forked"],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()

    def __call__(self, *words, at_call=None, at_second=None, below="/", limit=300.0, cwd=None):
        """Runs `mu2 WORDS`.

        Args:
          at_call: kill it before its n-th system call that changes files.
          at_second: kill it then.
          below: only calls on files below count.
          limit: seconds after which it is killed, as one that hangs (SIGXCPU).
          cwd: where it runs; None: the checkout.
        """
        job = {
            "words": [str(word) for word in words],
            "folder": self._folder.name,
            "at_call": at_call,
            "at_second": at_second,
            "below": str(below),
            "limit": limit,
            "cwd": str(cwd or ROOT),
        }
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


# Audited by Python just before it makes the call; `open` counts where it may write.
CALLS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.truncate"}


def _serve():
    import time

    import jax  # noqa: F401
    import matplotlib.backends.backend_agg
    import matplotlib.backends.backend_pdf  # noqa: F401
    import sklearn.datasets  # noqa: F401
    from orbax.checkpoint import v1  # noqa: F401

    import mu2.api
    import mu2.cli.registry
    import mu2.planning.preview
    import mu2.report.plots
    import mu2.system.export
    import mu2.tables.comparison
    from mu2.cli import process

    process.prepare()
    for name in mu2.cli.registry.NAMES:
        mu2.cli.registry.command(name)
    for line in sys.stdin:
        job = json.loads(line)
        files = {name: os.path.join(job["folder"], name) for name in ("out", "err", "calls")}
        for file in files.values():
            Path(file).write_bytes(b"")
        start = time.monotonic()
        if (pid := os.fork()) == 0:
            os._exit(_run(job, files))
        status, used, hung = _wait(pid, start + job["limit"])
        ended = {
            "code": -signal.SIGXCPU if hung else os.waitstatus_to_exitcode(status),
            "out": Path(files["out"]).read_text(errors="replace"),
            "err": Path(files["err"]).read_text(errors="replace"),
            "calls": Path(files["calls"]).stat().st_size,
            "seconds": time.monotonic() - start,
            "processor_seconds": used.ru_utime + used.ru_stime,
            "peak_bytes": used.ru_maxrss * 1024,
        }
        sys.stdout.write(json.dumps(ended) + "\n")
        sys.stdout.flush()


def _wait(pid, until):
    import time

    while True:
        found, status, used = os.wait4(pid, os.WNOHANG)
        if found:
            return status, used, False
        if time.monotonic() > until:
            os.kill(pid, signal.SIGKILL)
            _, status, used = os.wait4(pid, 0)
            return status, used, True
        time.sleep(0.005)


def _run(job, files):
    from mu2.cli import main

    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(files[name], os.O_WRONLY | os.O_APPEND), number)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    os.chdir(job["cwd"])
    sys.argv = ["mu2", *job["words"]]
    calls = os.open(files["calls"], os.O_WRONLY | os.O_APPEND)
    left = [job["at_call"] or 0]

    def count():
        os.write(calls, b".")
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event, arguments):
        if event == "open" and isinstance(arguments[2], int):
            if arguments[2] & (os.O_WRONLY | os.O_RDWR) and _below(arguments[0], job["below"]):
                count()
        elif event in CALLS and any(_below(each, job["below"]) for each in arguments[:2]):
            count()

    fsync = os.fsync

    def counted(descriptor):
        count()
        fsync(descriptor)

    sys.addaudithook(hook)
    os.fsync = counted
    if job["at_second"] is not None:
        signal.setitimer(signal.ITIMER_REAL, job["at_second"])
    try:
        code = main()
    except BaseException:  # noqa: BLE001
        import traceback

        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def _below(path, folder):
    if not isinstance(path, str | bytes | os.PathLike):
        return False
    return os.path.abspath(os.fsdecode(path)).startswith(folder)


if __name__ == "__main__":
    _serve()
