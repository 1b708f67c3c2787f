"""A fleet: the workers of a run, whatever carries jobs to them; the lost ones are replaced."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

import numpy as np

from mu2.errors import Mu2Error
from mu2.execution.schedule import (
    MOST_LOSSES,
    Schedule,
    Share,
    WorkerLost,
    deal,
    deal_lanes,
    refuse_deadly,
)
from mu2.training import (
    Arrays,
    Job,
    Layout,
    Network,
    SelectSurvivors,
    Training,
    TrainingResult,
    in_order,
)

T = TypeVar("T")

# A child takes as long at most as this many times the slowest so far, and no less than an hour;
# a worker that takes longer hangs.
PATIENCE, SHORTEST_PATIENCE = 20, 3600.0
MOST_WORKERS = 10_000  # a run has a thread for each
# What a worker may have otherwise than the driver: a driver need not have what trains.
OF_A_MACHINE = ("device", "cpu", "threads")


def check_workers(owner: str, workers: int) -> None:
    """Raises Mu2Error where an executor is to have more workers than a run could lead."""
    if workers > MOST_WORKERS:
        raise Mu2Error(f"{owner}.workers is {workers:,}; {MOST_WORKERS:,} are the most.")


class Link(Protocol):
    """One worker as its driver sees it."""

    @property
    def name(self) -> str:
        """Names it in messages."""

    def open(self) -> bool:
        """Starts the worker, where it is not running; whether it had to.

        Raises:
          WorkerLost: it died at once.
          Mu2Error: it cannot be started.
        """

    def call(
        self, method: str, jobs: Sequence[Job], *given: Any, limit: float | None = None
    ) -> Any:
        """What a method of `Worker` gives.

        Args:
          method: its name.
          jobs: where the method takes a parcel; else none.
          *given: the other arguments.
          limit: seconds after which the worker is taken for lost; None: it may take any time.

        Raises:
          WorkerLost: the worker died, or hangs.
          Mu2Error: the worker raised it.
        """

    def close(self) -> None:
        """Ends the worker at once; `open` starts another in its place."""

    def compiled(self) -> int:
        """Programs that it had compiled when it last answered, and those before it."""


class Fleet:
    """Workers that train the children of a run. What a child is does not depend on them.

    Args:
      links: to each.
      layout: of each worker's devices.
      training: the budget of a child.
      accept_differences: workers may differ in what their numbers depend on.
      end: ends what the workers were started on.
    """

    def __init__(
        self,
        links: Sequence[Link],
        layout: Layout,
        training: Training,
        accept_differences: bool = False,
        end: Callable[[], None] = lambda: None,
    ):
        self._links = tuple(links)
        self._population = layout.population
        self._intervals = training.intervals
        self._accept_differences = accept_differences
        self._end = end
        self._describe: Callable[[], dict[str, str]] | None = None
        self._environment: dict[str, str] | None = None
        self._slowest = 0.0  # seconds of a child
        self._lock = threading.Lock()

    def train(
        self, jobs: Sequence[Job], select_survivors: SelectSurvivors | None = None
    ) -> Iterator[TrainingResult]:
        """See `Workers.train`.

        Raises:
          Mu2Error: workers cannot be started, or are lost again and again.
        """
        try:
            if select_survivors is None:
                yield from self._share_out(jobs)
            elif jobs:
                yield from self._race(jobs, select_survivors)
        except BaseException:
            self.close()  # what else is being trained is for nobody
            raise

    def _share_out(self, jobs: Sequence[Job]) -> Iterator[TrainingResult]:
        """The results in the order of the jobs, each share trained by whoever is free first."""
        shares = deal(jobs, len(self._links), self._population)
        schedule = Schedule(shares)
        results: list[Future[TrainingResult]] = [Future() for _ in jobs]

        def work(link: Link) -> None:
            while (share := schedule.take()) is not None:
                try:
                    for i, result in zip(share, self._train(link, jobs, share), strict=True):
                        results[i].set_result(result)
                    schedule.done()
                except WorkerLost as error:
                    link.close()
                    try:
                        schedule.lost(share, error)
                    except Mu2Error as fault:
                        fail(fault)
                except Exception as error:  # noqa: BLE001 - it is raised where results are awaited
                    fail(error)

        def fail(error: Exception) -> None:
            schedule.stop()
            for result in results:
                if not result.done():
                    result.set_exception(error)

        n = min(len(self._links), len(shares))
        if not n:
            return
        with ThreadPoolExecutor(n) as pool:
            try:
                for link in self._links[:n]:
                    pool.submit(work, link)
                for result in results:
                    yield result.result()
            except BaseException:
                schedule.stop()
                self.close()
                raise

    def _train(self, link: Link, jobs: Sequence[Job], share: Share) -> list[TrainingResult]:
        chosen = [jobs[i] for i in share]
        return self._timed(len(share), lambda limit: self._call(link, "train", chosen, limit=limit))

    def _race(self, jobs: Sequence[Job], select_survivors: SelectSurvivors) -> list[TrainingResult]:
        """The children's results, who were trained interval by interval, all workers together."""
        shares = deal_lanes(jobs, len(self._links))
        lanes = [
            _Lane(self, link, [jobs[i] for i in share])
            for link, share in zip(self._links, shares, strict=False)
        ]
        verdict: Sequence[bool] | None = None
        with ThreadPoolExecutor(len(lanes)) as pool:
            try:
                for intervals in range(1, self._intervals + 1):
                    given = [
                        None if verdict is None else [verdict[i] for i in share] for share in shares
                    ]
                    advanced = pool.map(_Lane.advance, lanes, given)
                    scores = in_order(zip(shares, advanced, strict=True))
                    if intervals == self._intervals or scores.count(None) == len(scores):
                        break
                    verdict = select_survivors(intervals, scores)
                return in_order(zip(shares, pool.map(_Lane.finish, lanes), strict=True))
            except BaseException:
                self.close()
                raise

    def logits(
        self, network: Network, arrays: Mapping[str, Arrays], inputs: np.ndarray, num_classes: int
    ) -> np.ndarray:
        """See `Workers.logits`; the first worker answers."""
        losses = 0
        while True:
            try:
                given = (network, arrays, inputs, num_classes)
                answer: np.ndarray = self._call(self._links[0], "logits", (), *given)
                return answer
            except WorkerLost as error:
                self._links[0].close()
                losses += 1
                refuse_deadly(losses, error)

    def compiled(self) -> int:
        """See `Workers.compiled`; what a lost worker compiled after it last answered is unknown."""
        return sum(link.compiled() for link in self._links)

    def environment(self, describe: Callable[[], dict[str, str]]) -> dict[str, str]:
        """See `Workers.environment`; workers that take a lost one's place are asked as well.

        Raises:
          Mu2Error: workers differ from each other, or in their code and libraries from the driver.
        """
        self._describe = describe
        with ThreadPoolExecutor(len(self._links)) as pool:
            list(pool.map(lambda link: self._ready(link, compare=True), self._links))
        return dict(self._environment or {})

    def close(self) -> None:
        """See `Workers.close`."""
        for link in self._links:
            link.close()
        self._end()

    def _ready(self, link: Link, compare: bool = False) -> None:
        """Starts a worker where there is none, and compares a new one with the others.

        Args:
          link: to the worker.
          compare: one that is there already, too.
        """
        for attempt in range(1, MOST_LOSSES + 1):
            try:
                if link.open() or compare:
                    self._compare(link)
                return
            except WorkerLost as error:
                link.close()
                if attempt == MOST_LOSSES:
                    raise Mu2Error(
                        f"{link.name} cannot be started: {error}.",
                        hint="What it said stands above; with fewer workers there may be room.",
                    ) from error

    def _call(
        self, link: Link, method: str, jobs: Sequence[Job], *given: Any, limit: float | None = None
    ) -> Any:
        self._ready(link)
        return link.call(method, jobs, *given, limit=limit)

    def _compare(self, link: Link) -> None:
        """Refuses a worker that differs from the others in what its numbers depend on."""
        if self._describe is None:
            return
        found = link.call("environment", (), self._describe)
        here = {k: v for k, v in self._describe().items() if k not in OF_A_MACHINE}
        with self._lock:
            if self._environment is None:
                self._environment = found
            expected = {**self._environment, **here}
        names = [name for name in {**expected, **found} if expected.get(name) != found.get(name)]
        if names and not self._accept_differences:
            told = "; ".join(
                f"{name} is {found.get(name)}, elsewhere {expected.get(name)}" for name in names
            )
            raise Mu2Error(
                f"{link.name} would compute other numbers than the rest of the run: {told}.",
                hint="Take workers that are alike, or set accept_differences = True of the "
                "executor; the bits of a child then depend on where it is trained.",
            )

    def _timed(self, children: int, act: Callable[[float | None], T]) -> T:
        """Does what trains so many children, within the time that others took many times over."""
        slowest = self._slowest
        limit = max(SHORTEST_PATIENCE, PATIENCE * slowest * children) if slowest else None
        start = time.monotonic()
        result = act(limit)
        with self._lock:
            self._slowest = max(self._slowest, (time.monotonic() - start) / children)
        return result


class _Lane:
    """One worker's children in a race."""

    def __init__(self, fleet: Fleet, link: Link, jobs: Sequence[Job]):
        self._fleet, self._link, self._jobs = fleet, link, jobs
        self._verdicts: list[Sequence[bool]] = []
        self._running = False  # the link's worker has them

    def advance(self, verdict: Sequence[bool] | None) -> list[float | None]:
        """Trains the children for an interval; those alone that go on, after the first."""
        if verdict is not None:
            self._verdicts.append(verdict)
        scores: list[float | None] = self._persist("advance", verdict)
        return scores

    def finish(self) -> list[TrainingResult]:
        """What became of them."""
        results: list[TrainingResult] = self._persist("finish")
        return results

    def _persist(self, method: str, *given: Any) -> Any:
        """Asks the worker; one that takes its place first does what the lost one had done."""
        losses = 0
        while True:
            try:
                return self._fleet._timed(
                    len(self._jobs), lambda limit: self._ask(method, *given, limit=limit)
                )
            except WorkerLost as error:
                self._link.close()
                self._running = False
                losses += 1
                refuse_deadly(losses, error)

    def _ask(self, method: str, *given: Any, limit: float | None) -> Any:
        if not self._running:
            n = len(self._verdicts) + 1  # intervals
            within = None if limit is None else n * limit
            call, given_race = self._fleet._call, (self._jobs, self._verdicts)
            scores = call(self._link, "race", *given_race, limit=within)
            self._running = True
            if method == "advance":
                return scores
        return self._link.call(method, (), *given, limit=limit)
