"""Follows a system while it grows: its newest commit, read anew when there is one."""

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path

from mu2.errors import Mu2Error, shown
from mu2.report.history import History
from mu2.report.reading import read_history
from mu2.report.text import agent_line
from mu2.system import System
from mu2.system.agents import agents_of

ATTEMPTS = 3  # a reading is tried again where a commit came in between


class Follower:
    """What is known of a system that another process may be writing; safe between threads.

    Args:
      directory: the system's folder; it need not be there yet.
      render: what is made of it, once a commit.

    Attributes:
      directory: as given.
    """

    def __init__(self, directory: Path, render: Callable[[History], bytes]):
        self.directory = directory
        self._render = render
        self._lock = threading.Lock()
        self._rendered: tuple[str, bytes] | None = None

    def version(self) -> str | None:
        """Name of the newest commit; None while there is no system, or none that can be read."""
        try:
            return (self.directory / "HEAD").read_text(encoding="ascii").strip() or None
        except (OSError, ValueError):
            return None

    def agents(self) -> list[str]:
        """What each agent of the system does, a line each, as `mu2 show` says it."""
        try:
            agents = agents_of(self.directory)
        except Mu2Error as error:  # the page goes on, and says what is wrong
            return [str(error)]
        return [shown(agent_line(dataclasses.asdict(agent))) for agent in agents]

    def content(self) -> tuple[str, bytes] | None:
        """The newest commit that could be read, and what was made of it; None where none could.

        Raises:
          Mu2Error: the system is there, and cannot be read.
        """
        with self._lock:
            for attempt in range(ATTEMPTS):
                version = self.version()
                if version is None or not System.exists(self.directory):
                    return self._rendered
                if self._rendered is not None and self._rendered[0] == version:
                    return self._rendered
                try:
                    made = self._render(read_history(self.directory))
                except Mu2Error:
                    # What a passing commit wrote goes when the run has come two commits further.
                    if self.version() == version or attempt == ATTEMPTS - 1:
                        raise
                else:
                    self._rendered = (version, made)
                    return self._rendered
            return self._rendered
