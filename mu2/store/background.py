"""Writing behind: what is handed over is done in order, by one thread, while others compute."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class BackgroundWriter:
    """A queue of things to be written. Once one of them has failed, none after it is done."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._last: Future[None] | None = None

    def add(self, work: Callable[[], None]) -> Future[None]:
        """Hands something over; it is done after everything that was handed over before.

        Returns:
          What is done once this is; its result raises what the first to fail raised.
        """
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="mu2 writes")
        before = self._last

        def after() -> None:
            if before is not None:
                before.result()  # done by now; raises what stopped it
            work()

        self._last = self._thread.submit(after)
        return self._last

    def wait(self) -> None:
        """Waits until all of it is done; raises, each time, what the first to fail raised."""
        if self._last is not None:
            self._last.result()

    def close(self) -> None:
        """Waits until nothing is under way any more; raises nothing."""
        if self._thread is not None:
            self._thread.shutdown()
