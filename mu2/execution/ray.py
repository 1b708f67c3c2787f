"""Workers that are actors of a Ray cluster, on machines of its own or on this one."""

import collections
import contextlib
import dataclasses
import importlib
import os
import shutil
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from mu2.errors import Mu2Error
from mu2.execution.fleet import Fleet, check_workers
from mu2.execution.processes import START_SECONDS, THREADS
from mu2.execution.schedule import WorkerLost
from mu2.training import Arrays, Job, Layout, Training
from mu2.training.parcel import Parcel, own_arrays

# Folders of clusters that were started here; the number of the process that did stands behind.
FOLDER = "mu2-ray-"
# Ray gives a cluster 30 s to start, which is too little on a machine that is busy.
STARTS = 5


@dataclasses.dataclass(frozen=True)
class RayExecutor:
    """Trains in actors of a Ray cluster; needs the extra `ray`.

    The children are those of `LocalExecutor`, bit for bit, on the same kind of devices with as many
    threads. An actor that dies, hangs or is preempted is replaced, and its child trained again.

    Attributes:
      workers: actors.
      address: of a cluster, as `ray.init` takes it: `auto`, `HOST:PORT`; None: one is started on
        this machine, and ended with the run.
      cpus: that each actor keeps.
      gpus: that each actor keeps, and sees alone.
      resources: what else each actor keeps, such as `{'TPU': 4}`.
      threads: of each, on a CPU; None: as many as `cpus`.
      layout: of each actor's devices; None: the experiment's.
      accept_differences: actors may differ in what their numbers depend on: versions of libraries
        and of mu2, kinds of devices.
      cache_limit_mb: MiB of stored components that are kept in Ray's object store, so that none is
        sent to a node twice.
      silence_seconds: after which an actor that does not answer is taken for lost.
    """

    workers: int = 2
    address: str | None = None
    cpus: int = 1
    gpus: int = 0
    resources: Mapping[str, float] = dataclasses.field(default_factory=dict)
    threads: int | None = None
    layout: Layout | None = None
    accept_differences: bool = False
    cache_limit_mb: int = 1024
    silence_seconds: float = 60.0

    def __post_init__(self) -> None:
        limits = (("workers", 1), ("cpus", 1), ("gpus", 0), ("threads", 1), ("cache_limit_mb", 0))
        for name, least in limits:
            value = getattr(self, name)
            if value is not None and value < least:
                raise Mu2Error(f"RayExecutor.{name} is {value}; it must be {least} or more.")
        check_workers(type(self).__name__, self.workers)
        if not self.silence_seconds > 0:
            raise Mu2Error(
                f"RayExecutor.silence_seconds is {self.silence_seconds}; it must be above 0."
            )

    def devices(self, layout: Layout) -> int:
        """See `Executor.devices`."""
        return self.workers * (self.layout or layout).size

    def validate(self, layout: Layout) -> None:
        """See `Executor.validate`; the devices are the actors' own, and looked at by them."""
        try:
            importlib.import_module("ray")
        except ImportError as error:
            raise Mu2Error("RayExecutor needs Ray.", hint="pip install 'mu2[ray]'") from error
        whole = self.layout or layout
        if self.gpus and whole.size != self.gpus:
            raise Mu2Error(
                f"the layout of an actor is made for {whole.size} device(s), and RayExecutor.gpus "
                f"is {self.gpus}.",
                hint="Both are what one actor has.",
            )

    def start(self, layout: Layout | None, training: Training) -> Fleet:
        """See `Executor.start`; actors start when they are first needed."""
        self.validate(layout or Layout())
        whole = (self.layout or layout) if layout else Layout()
        cluster = Cluster(self)
        links = [RayLink(i, self, cluster, whole, training) for i in range(self.workers)]
        return Fleet(links, whole, training, self.accept_differences, cluster.end)


class Actor:
    """A `Worker` on a node of the cluster.

    Args:
      layout: of its devices.
      training: the budget of a child.
    """

    def __init__(self, layout: Layout, training: Training):
        self._made = (layout, training)
        self._worker: Any = None
        self._known: tuple[str, ...] = ()  # components of the last parcel

    def alive(self) -> None:
        """Answers while `call` is at work, too."""

    def call(self, method: str, jobs: Sequence[Job], refs: Mapping[str, Any], given: Any) -> Any:
        """What a method of `Worker` gives, or raises.

        Args:
          method: its name; empty: the worker is made.
          jobs: without the leaves of stored components.
          refs: of these, where Ray's object store has them, by id.
          given: the other arguments.

        Returns:
          `("done", (result, programs compiled))` or `("raised", error)`.
        """
        import ray

        from mu2.execution.worker import Worker

        try:
            if self._worker is None:
                self._worker = Worker(*self._made)
            if not method:
                return "done", (None, 0)
            if jobs:
                found = dict(zip(refs, ray.get(list(refs.values())), strict=True))
                given = (Parcel(tuple(jobs), found, self._known), *given)
                self._known = tuple(found)
            result = getattr(self._worker, method)(*given)
            return "done", (result, self._worker.compiled())
        except Mu2Error as error:
            return "raised", error


class Cluster:
    """The cluster of a run, and the components that its object store has.

    Args:
      executor: says where it is.
    """

    def __init__(self, executor: RayExecutor):
        self._executor = executor
        self._folder: Path | None = None
        self._refs: collections.OrderedDict[str, tuple[Any, int]] = collections.OrderedDict()
        self._lock = threading.Lock()
        # Ray's processes end with the thread that started them (Linux), so one is kept for them.
        self._keeper: ThreadPoolExecutor | None = None
        self.sent = 0

    def connect(self) -> None:
        """Joins the cluster, or starts one here.

        Raises:
          Mu2Error: there is none at the address, or none can be started.
        """
        with self._lock:
            if self._keeper is not None:
                return
            for left in reversed(range(STARTS if self._executor.address is None else 1)):
                keeper = ThreadPoolExecutor(1, "mu2 ray")
                try:
                    keeper.submit(self._connect).result()
                except Mu2Error:
                    keeper.shutdown()  # what it had started ends with it
                    self._remove_folder()
                    if not left:
                        raise
                else:
                    self._keeper = keeper
                    return

    def _connect(self) -> None:
        import ray

        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        common: dict[str, Any] = {
            "log_to_driver": False,
            "logging_level": "error",
            "namespace": "mu2",
        }
        try:
            with warnings.catch_warnings():
                # Ray forks, and what is forked becomes another program at once.
                warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
                if self._executor.address is None:
                    ray.init("local", **self._local(), **common)
                else:
                    ray.init(self._executor.address, **common)
        except Exception as error:  # Ray raises bare ones
            line = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise Mu2Error(
                f"no Ray cluster: {line}",
                hint="RayExecutor.address is that of a cluster that runs (ray start --head), "
                "or None to have one started here; docs/howto/ray.md.",
            ) from error

    def _local(self) -> dict[str, Any]:
        """How a cluster of this machine is started."""
        remove_left_folders()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER}{os.getpid()}-", dir="/tmp"))
        n, each = self._executor.workers, self._executor
        wanted: dict[str, Any] = {"num_cpus": n * each.cpus, "include_dashboard": False}
        if each.resources:
            wanted["resources"] = {name: n * amount for name, amount in each.resources.items()}
        return {**wanted, "_temp_dir": str(self._folder)}

    def put(self, jobs: Sequence[Job]) -> dict[str, Any]:
        """References to the stored components of jobs; each is put into the store once."""
        import ray

        with self._lock:
            found: dict[str, Any] = {}
            for job in jobs:
                for name, stored in job.stored.items():
                    if stored not in self._refs:
                        arrays: Arrays = job.arrays[name]
                        size = sum(leaf.nbytes for leaf in arrays.values())
                        self._refs[stored] = (ray.put(dict(arrays)), size)
                        self.sent += size
                    self._refs.move_to_end(stored)
                    found[stored] = self._refs[stored][0]
            limit = self._executor.cache_limit_mb << 20
            while sum(size for _, size in self._refs.values()) > limit:
                oldest = next(iter(self._refs))
                if oldest in found:
                    break
                del self._refs[oldest]  # Ray drops what nobody refers to
            return found

    def end(self) -> None:
        """Leaves the cluster; one that was started here ends."""
        with self._lock:
            self._refs.clear()
            if self._keeper is not None:
                import ray

                self._keeper.submit(ray.shutdown).result()
                self._keeper.shutdown()
                self._keeper = None
            self._remove_folder()

    def _remove_folder(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def remove_left_folders() -> None:
    """Removes the folders of clusters whose process was killed; these ended with it."""
    for folder in Path("/tmp").glob(f"{FOLDER}*"):
        number = folder.name.removeprefix(FOLDER).partition("-")[0]
        if not number.isdecimal():
            continue
        try:
            os.kill(int(number), 0)
        except ProcessLookupError:
            shutil.rmtree(folder, ignore_errors=True)
        except PermissionError:  # another user's
            continue


class RayLink:
    """A worker that is an actor.

    Attributes:
      name: names it in messages.
    """

    def __init__(
        self,
        number: int,
        executor: RayExecutor,
        cluster: Cluster,
        layout: Layout,
        training: Training,
    ):
        self.name = f"actor {number + 1} of {executor.workers}"
        self._executor = executor
        self._cluster = cluster
        self._made = (layout, training)
        self._actor: Any = None
        self._last_arrays: object = None
        self._compiled_before = self._compiled = 0

    def open(self) -> bool:
        """See `Link.open`."""
        if self._actor is not None:
            return False
        self._cluster.connect()
        import ray

        each = self._executor
        threads = str(each.threads or each.cpus)
        variables = dict.fromkeys(THREADS, threads)
        if each.address is None:  # elsewhere the folders of this machine say nothing
            variables["PYTHONPATH"] = os.pathsep.join(entry for entry in sys.path if entry)
        self._actor = (
            ray.remote(Actor)
            .options(
                num_cpus=each.cpus,
                num_gpus=each.gpus,
                resources=dict(each.resources) or None,
                max_concurrency=2,  # `alive` beside `call`
                runtime_env={"env_vars": variables},
            )
            .remote(*self._made)
        )
        self._last_arrays = None
        self._compiled_before, self._compiled = self.compiled(), 0
        self._ask("", (), (), None, START_SECONDS)
        return True

    def call(
        self, method: str, jobs: Sequence[Job], *given: Any, limit: float | None = None
    ) -> Any:
        """See `Link.call`."""
        if method == "logits":
            network, arrays, *rest = given
            given = (network, None if arrays is self._last_arrays else arrays, *rest)
            self._last_arrays = arrays
        return self._ask(method, jobs, given, limit, self._executor.silence_seconds)

    def close(self) -> None:
        """See `Link.close`."""
        actor, self._actor = self._actor, None
        if actor is not None:
            import ray

            with contextlib.suppress(ray.exceptions.RayError):
                ray.kill(actor)

    def compiled(self) -> int:
        """See `Link.compiled`."""
        return self._compiled_before + self._compiled

    def _ask(
        self, method: str, jobs: Sequence[Job], given: Any, limit: float | None, silence: float
    ) -> Any:
        import ray

        actor = self._actor
        if actor is None:
            raise WorkerLost("it was ended")
        began = time.monotonic()
        try:
            refs = self._cluster.put(jobs)
            own = tuple(own_arrays(job) for job in jobs)
            answer = actor.call.remote(method, own, refs, given)
            while not ray.wait([answer], timeout=silence / 2)[0]:
                if limit is not None and time.monotonic() - began > limit:
                    raise WorkerLost(f"no answer within {limit:.0f} s")
                sign = actor.alive.remote()
                if not ray.wait([sign, answer], timeout=silence)[0]:
                    raise WorkerLost(f"no sign of life for {silence:g} s")
            kind, content = ray.get(answer)
        except ray.exceptions.RayTaskError:
            raise  # a fault of the program, with its traceback
        except ray.exceptions.RayError as error:
            line = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise WorkerLost(f"{type(error).__name__}: {line}") from error
        if kind == "raised":
            raise content
        result, self._compiled = content
        return result
