"""Several agents of one machine: a process each, begun again when it dies."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Self

from mu2.system.agents import agent_progress

# An agent that dies as often without a new generation between is left alone.
MOST_DEATHS = 10
# What tells an agent which process looks after it.
PARENT = "MU2_AGENTS_PARENT"
DONE, FAULT, STOPPED = 0, 2, 130


class StopSignal:
    """Whether the process was asked to end: by Ctrl-C, SIGTERM, or the end of its supervisor.

    A context manager. A second signal interrupts whatever is being done.
    """

    def __init__(self, notify: Callable[[], None] = lambda: None):
        self._notify = notify
        self._stopped = False
        self._before: list[object] = []

    def __call__(self) -> bool:
        """True once it was asked to."""
        parent = os.environ.get(PARENT)
        return self._stopped or (parent is not None and parent != str(os.getppid()))

    def __enter__(self) -> Self:
        self._before = [signal.signal(each, self._stop) for each in _SIGNALS]
        return self

    def __exit__(self, *error: object) -> None:
        for each, before in zip(_SIGNALS, self._before, strict=True):
            signal.signal(each, before)  # type: ignore[arg-type]

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self._stopped:
            raise KeyboardInterrupt
        self._stopped = True
        self._notify()


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclasses.dataclass
class _Agent:
    """An agent's process.

    Attributes:
      process: the present one.
      progress: how far it had come when it last died.
      deaths: since then.
    """

    process: subprocess.Popen[bytes]
    progress: object = None
    deaths: int = 0


def supervise(
    directory: str,
    tasks: Sequence[str],
    words: Callable[[str], Sequence[str]],
    tell: Callable[[str], None],
) -> int:
    """Runs an agent for each task until all have ended.

    Args:
      directory: the system's folder, prepared.
      tasks: whose agents.
      words: of `mu2` for the agent of a task.
      tell: is told, in a line, what became of an agent.

    Returns:
      The exit code: 0 where all ended well, 2 where one did not, 130 where they were stopped.
    """

    def start(task: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "mu2", *words(task)],
            env={**os.environ, PARENT: str(os.getpid())},
            start_new_session=True,  # Ctrl-C comes once, from here
        )

    def stop() -> None:
        tell("the agents end with their generations; once more ends them at once.")
        for agent in running.values():
            agent.process.terminate()

    running: dict[str, _Agent] = {}
    codes: list[int] = []
    with StopSignal(stop) as is_stopped:
        try:
            running.update({task: _Agent(start(task)) for task in tasks})
            while running:
                time.sleep(0.1)
                for task, agent in list(running.items()):
                    code = agent.process.poll()
                    if code is None:
                        continue
                    if code in (DONE, FAULT, STOPPED) or is_stopped():
                        codes.append(STOPPED if code < 0 else code)
                        del running[task]
                        continue
                    progress = agent_progress(directory, task)
                    agent.deaths = 1 + (agent.deaths if progress == agent.progress else 0)
                    agent.progress = progress
                    if agent.deaths >= MOST_DEATHS:
                        tell(f"the agent of {task} died {agent.deaths} times in a row; it is left.")
                        codes.append(FAULT)
                        del running[task]
                        continue
                    tell(f"the agent of {task} died ({_cause(code)}); it begins again.")
                    agent.process = start(task)
        except BaseException:
            for agent in running.values():
                agent.process.kill()
            raise
    return max((code for code in codes if code != STOPPED), default=0) or (
        STOPPED if STOPPED in codes else DONE
    )


def _cause(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
