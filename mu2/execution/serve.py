"""The process of a worker: reads what its driver asks, answers, and ends with its driver."""

import os
import pickle
import queue
import signal
import threading
import time
import traceback
import warnings
from multiprocessing.connection import Connection
from typing import Any

from mu2.errors import Mu2Error
from mu2.execution.worker import Worker

# Signs of life, so many within the silence after which a driver takes a worker for lost.
SIGNS = 6


class Failure(Exception):
    """What a worker raised that is no fault of the user's; its text has the traceback."""


def serve(descriptor: int) -> None:
    """Trains what comes through a socket, until the driver's end of it is closed.

    Messages are pickled, in both directions, and between these two processes alone. The first
    that comes holds the layout, the training and the silence in seconds; then come a method of
    `Worker` and its arguments. Answers are `("alive", None)` while one is awaited, and then
    `("done", (result, programs compiled))` or `("raised", error)`.

    Args:
      descriptor: of the socket.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the driver, who ends us
    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache entry")
    connection = Connection(descriptor)
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(connection, requests), daemon=True).start()
    layout, training, silence = requests.get()
    answers = _Answers(connection)
    threading.Thread(target=answers.show_life, args=(silence / SIGNS,), daemon=True).start()
    worker: Worker | None = None
    while True:
        try:
            if worker is None:
                worker, result = Worker(layout, training), None
            else:
                method, given = requests.get()
                answers.awaited.set()
                result = getattr(worker, method)(*given)
            answers.send("done", (result, worker.compiled()))
        except Mu2Error as error:
            answers.send("raised", error)
        except Exception as error:  # noqa: BLE001 - the driver raises it
            answers.send("raised", Failure(f"{error}\n{traceback.format_exc()}"))


class _Answers:
    """What goes back to the driver.

    Attributes:
      awaited: set while the driver waits for an answer.
    """

    def __init__(self, connection: Connection):
        self._connection = connection
        self._lock = threading.Lock()
        self.awaited = threading.Event()
        self.awaited.set()  # that the worker is ready

    def send(self, kind: str, content: Any) -> None:
        """Answers; nothing more is awaited."""
        with self._lock:
            self.awaited.clear()
            self._send(kind, content)

    def show_life(self, seconds: float) -> None:
        """Shows now and then that the process lives, while an answer is awaited; never ends."""
        while True:
            self.awaited.wait()
            time.sleep(seconds)
            with self._lock:
                if self.awaited.is_set():
                    self._send("alive", None)

    def _send(self, kind: str, content: Any) -> None:
        try:
            self._connection.send_bytes(pickle.dumps((kind, content), protocol=5))
        except OSError:
            os._exit(0)  # the driver is gone


def _listen(connection: Connection, requests: queue.SimpleQueue[Any]) -> None:
    """Hands on what is asked; ends the process with its driver, whatever it is doing."""
    while True:
        try:
            requests.put(pickle.loads(connection.recv_bytes()))
        except (EOFError, OSError):
            os._exit(0)
