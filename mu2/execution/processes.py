"""Workers that are processes of this machine."""

import dataclasses
import os
import pickle
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mu2.errors import Mu2Error
from mu2.execution.fleet import Fleet, check_workers
from mu2.execution.schedule import WorkerLost
from mu2.training import Job, Layout, Training
from mu2.training.layout import visible_devices
from mu2.training.parcel import Packer

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

# Before anything that starts threads is imported, the process keeps to its cores.
START = """
import os, sys
cores = [int(each) for each in sys.argv[2].split(",") if each]
if cores:
    os.sched_setaffinity(0, cores)
from mu2.execution.serve import serve
serve(int(sys.argv[1]))
"""
# How many threads the libraries below take: XLA's on a CPU, OpenMP's and the two of BLAS.
THREADS = ("PJRT_NPROC", "NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
# As `mu2.cli.process.keep_freed_memory` has it, in the words that glibc reads at the start.
MEMORY = {"MALLOC_ARENA_MAX": "4", "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "2147483647"}
# Python and its libraries may take as long to start, on a disk that others use as well.
START_SECONDS = 600.0
NO_PREALLOCATION = "XLA_PYTHON_CLIENT_PREALLOCATE"


@dataclasses.dataclass(frozen=True)
class ProcessExecutor:
    """Trains in processes of this machine, each with devices of its own.

    The children are those of `LocalExecutor`, bit for bit, where each has as many threads; what a
    worker was training when it died or hung is trained again.

    Attributes:
      workers: processes.
      threads: of each, on a CPU. With others a child may have other bits.
      layout: of each worker's devices; None: the experiment's. On GPUs every worker has as many as
        the layout has, and sees no others.
      pin: each process keeps to `threads` cores of its own, where there are enough; False where
        other work shares the machine.
      cache_limit_mb: MiB of stored components that each worker keeps, so that none is sent twice.
      silence_seconds: after which a worker that gives no sign of life is taken for lost.
    """

    workers: int = 2
    threads: int = 1
    layout: Layout | None = None
    pin: bool = True
    cache_limit_mb: int = 1024
    silence_seconds: float = 60.0

    def __post_init__(self) -> None:
        for name, least in (("workers", 1), ("threads", 1), ("cache_limit_mb", 0)):
            if getattr(self, name) < least:
                raise Mu2Error(
                    f"ProcessExecutor.{name} is {getattr(self, name)}; it must be {least} or more."
                )
        check_workers(type(self).__name__, self.workers)
        if not self.silence_seconds > 0:
            raise Mu2Error(
                f"ProcessExecutor.silence_seconds is {self.silence_seconds}; it must be above 0."
            )

    def devices(self, layout: Layout) -> int:
        """See `Executor.devices`."""
        return self.workers * (self.layout or layout).size

    def validate(self, layout: Layout) -> None:
        """See `Executor.validate`."""
        self._environments(self.layout or layout)

    def start(self, layout: Layout | None, training: Training) -> Fleet:
        """See `Executor.start`; the processes start when they are first needed.

        Args:
          layout: of the experiment; None: every worker has one device.
          training: the budget of a child.
        """
        whole = (self.layout or layout) if layout else Layout()
        links = [
            ProcessLink(i, self, environment, cores, whole, training)
            for i, (environment, cores) in enumerate(
                zip(self._environments(whole), self._cores(), strict=True)
            )
        ]
        return Fleet(links, whole, training)

    def _environments(self, layout: Layout) -> list[dict[str, str]]:
        """The variables of each worker's process.

        Raises:
          Mu2Error: there are too few GPUs; or this process would take all of their memory.
        """
        common = {**dict.fromkeys(THREADS, str(self.threads)), **_memory(os.environ)}
        common["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        platform, number = visible_devices()
        if platform != "gpu":
            if layout.size != number or layout.platform not in (None, platform):
                layout.slices()  # says what is wrong: a worker sees what this process sees
            return [common] * self.workers
        gpus = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
        gpus = gpus if len(gpus) == number and gpus[0] else [str(i) for i in range(number)]
        if self.workers * layout.size > number:
            raise Mu2Error(
                f"ProcessExecutor.workers is {self.workers}, and {layout.size} GPUs each need "
                f"{self.workers * layout.size}; JAX sees {number}.",
                hint="Lower ProcessExecutor.workers, or the axes of the workers' layout.",
            )
        if os.environ.get(NO_PREALLOCATION, "").lower() not in ("false", "0"):
            raise Mu2Error(
                "the process that starts the workers of a ProcessExecutor would keep most of the "
                "first GPU's memory for itself.",
                hint=f"Start mu2 with {NO_PREALLOCATION}=false.",
            )
        n = layout.size
        return [
            {**common, "CUDA_VISIBLE_DEVICES": ",".join(gpus[i * n : (i + 1) * n])}
            for i in range(self.workers)
        ]

    def _cores(self) -> list[Sequence[int]]:
        """The cores that each worker keeps to; empty: it may run on any."""
        free = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        n = self.threads
        if not self.pin or len(free) < self.workers * n:
            return [()] * self.workers
        return [free[i * n : (i + 1) * n] for i in range(self.workers)]


def _memory(environment: Mapping[str, str]) -> dict[str, str]:
    """How the C library treats freed memory, unless the user has set it."""
    if any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in environment):
        return {}
    return MEMORY


class ProcessLink:
    """A worker that is a process; it ends when this one does, in whatever way.

    Attributes:
      name: names it in messages.
      sent: bytes that went to it and to those before it.
      received: bytes that came back.
      process: the one that runs, if one does.
    """

    def __init__(
        self,
        number: int,
        executor: ProcessExecutor,
        environment: Mapping[str, str],
        cores: Sequence[int],
        layout: Layout,
        training: Training,
    ):
        self.name = f"worker {number + 1} of {executor.workers}"
        self.sent = self.received = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._cores = ",".join(map(str, cores))
        self._environment = {**os.environ, **environment}
        self._start = (layout, training, executor.silence_seconds)
        self._silence = executor.silence_seconds
        self._limit_mb = executor.cache_limit_mb
        self._packer = Packer(self._limit_mb)
        self._connection: Connection | None = None
        self._last_arrays: object = None
        self._compiled_before = self._compiled = 0
        self._closing = threading.Lock()

    def open(self) -> bool:
        """See `Link.open`."""
        if self._connection is not None:
            return False
        from multiprocessing.connection import Connection

        ours, theirs = socket.socketpair()
        for option in (socket.SO_SNDTIMEO, socket.SO_RCVTIMEO):  # amid a message, too
            ours.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", int(self._silence) + 1, 0))
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-c", START, str(theirs.fileno()), self._cores],
                env=self._environment,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=2,  # what a library prints is not the command's own output
                start_new_session=True,  # Ctrl-C is for this process alone
            )
        self._connection = Connection(ours.detach())
        self._packer = Packer(self._limit_mb)
        self._last_arrays = None
        self._compiled_before, self._compiled = self.compiled(), 0
        self._send(self._start)
        self._receive(time.monotonic(), None, starting=True)
        return True

    def call(
        self, method: str, jobs: Sequence[Job], *given: Any, limit: float | None = None
    ) -> Any:
        """See `Link.call`."""
        if jobs:
            given = (self._packer.pack(jobs), *given)
        if method == "logits":
            network, arrays, *rest = given
            given = (network, None if arrays is self._last_arrays else arrays, *rest)
            self._last_arrays = arrays
        self._send((method, given))
        return self._receive(time.monotonic(), limit)

    def close(self) -> None:
        """See `Link.close`."""
        with self._closing:
            if self.process is not None:
                self.process.kill()
                self.process.wait()
                self.process = None
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def compiled(self) -> int:
        """See `Link.compiled`."""
        return self._compiled_before + self._compiled

    def _send(self, content: Any) -> None:
        try:
            message = pickle.dumps(content, protocol=5)
        except (AttributeError, TypeError, pickle.PicklingError) as error:
            raise Mu2Error(
                f"what is to be trained cannot be sent to another process: {error}.",
                hint="Sources and models of your own must be classes of a module, and hold "
                "nothing that cannot be pickled.",
            ) from error
        connection = self._running()
        try:
            connection.send_bytes(message)
        except OSError as error:
            raise self._lost() from error
        self.sent += len(message)

    def _receive(self, began: float, limit: float | None, starting: bool = False) -> Any:
        """The worker's answer."""
        while True:
            connection = self._running()
            try:
                # A process that is starting cannot yet show that it lives.
                silence = max(START_SECONDS, self._silence) if starting else self._silence
                if not connection.poll(silence):
                    raise WorkerLost(f"no sign of life for {silence:g} s")
                message = connection.recv_bytes()
            except (EOFError, OSError) as error:
                raise self._lost() from error
            self.received += len(message)
            kind, content = pickle.loads(message)
            if kind == "done":
                result, self._compiled = content
                return result
            if kind == "raised":
                raise content
            if limit is not None and time.monotonic() - began > limit:
                raise WorkerLost(f"no answer within {limit:.0f} s")

    def _running(self) -> "Connection":
        if self._connection is None:
            raise WorkerLost("it was ended")
        return self._connection

    def _lost(self) -> WorkerLost:
        """Why the process is gone."""
        process = self.process
        if process is None:
            return WorkerLost("it was ended")
        try:
            code = process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return WorkerLost("its connection broke")
        killed = -code == 9
        said = "it was killed (signal 9), perhaps for its memory" if killed else f"exit code {code}"
        return WorkerLost(said)
