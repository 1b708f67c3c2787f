"""Trackers beside a run: fed from what it commits, in a thread, never by the run itself."""

import contextlib
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from mu2.errors import Mu2Error
from mu2.experiment import Reporter
from mu2.report.trackers.feed import follow
from mu2.report.trackers.tracker import open_tracker


@contextlib.contextmanager
def run_trackers(directory: str | Path, targets: Sequence[str]) -> Iterator[None]:
    """Feeds trackers for as long as the context lasts, and what is committed at its end.

    A tracker that fails is told of on standard error, and the run goes on without it:
    `mu2 track` gives it later what it missed.

    Args:
      directory: the system's folder; it need not be there yet.
      targets: as `tensorboard:DIR`; none: nothing is done.

    Raises:
      Mu2Error: a target names no tracker, or its library is not installed.
    """
    if not targets:
        yield
        return
    trackers = [open_tracker(target) for target in targets]
    over = threading.Event()

    def work() -> None:
        try:
            follow(Path(directory), trackers, over.is_set)
            for tracker in trackers:
                tracker.close()
        except (Mu2Error, OSError, ValueError) as error:
            sys.stderr.write(
                f"mu2: {', '.join(targets)}: {error}\n  The run goes on. Later: mu2 track "
                f"{directory} --to {' --to '.join(targets)}\n"
            )

    thread = threading.Thread(target=work, name="trackers", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def with_trackers(
    reporter: AbstractContextManager[Reporter], directory: str | Path, targets: Sequence[str]
) -> Iterator[Reporter]:
    """A reporter, entered, and trackers beside it for as long as the context lasts.

    Args:
      reporter: of the run.
      directory: the system's folder; it need not be there yet.
      targets: as `run_trackers` takes them.

    Raises:
      Mu2Error: as `run_trackers`.
    """
    with run_trackers(directory, targets), reporter as told:
        yield told
