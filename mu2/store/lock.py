"""Leases: who writes to a system.

One lease is the whole system's: a run holds it from its beginning to its end, an agent only while
it commits. Every agent has one more, its own, as long as it lives. A lease is a file in `leases/`
that its holder makes exclusively and touches every few seconds; no file system need have locks.
The next one takes over a lease whose holder is dead at once where that can be seen (the same
machine: process number and start), and elsewhere when nobody touched it for `SECONDS`, by a clock
of its own.
"""

import errno
import os
import re
import socket
import stat
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Self

import filelock

from mu2.errors import Mu2Error
from mu2.store.files import reason

# After so long untouched, a lease of another machine is taken over.
SECONDS = 30.0
# Whoever holds the system's lease for longer, without giving it to others, writes it as a whole.
COMMIT_SECONDS = 20.0
_POLL_SECONDS = 0.01
_AGENT = "agent-"
# Beside a lease, while one takes it over.
_TAKING_OVER = re.compile(r".*\.(break|restore)\.\d+\.[0-9a-f]{32}")


class Holder(NamedTuple):
    """A process that holds a lease.

    Attributes:
      pid: its number.
      host: its machine.
      command: its command line; empty where it cannot be seen.
    """

    pid: int
    host: str
    command: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}" + f" ({self.command})" * bool(self.command)


class Lease:
    """A file that one process holds at a time.

    Args:
      directory: the system's folder, which is there.
      name: of the file in `leases/`.
    """

    def __init__(self, directory: Path, name: str):
        self._directory = directory
        self._file = directory / "leases" / name
        self._lock = filelock.SoftFileLease(
            self._file, lease_duration=SECONDS, thread_local=False, poll_interval=_POLL_SECONDS
        )

    def take(self, wait: float = 0.0) -> bool:
        """Makes this process the holder; False where another still is.

        Args:
          wait: seconds to wait for the other. One of another machine is waited for until it is
            known whether it lives.

        Raises:
          Mu2Error: the folder cannot be written.
        """
        try:
            if not self._directory.is_dir():  # filelock would make the folder
                raise FileNotFoundError(2, "No such file or directory")
            self._file.parent.mkdir(exist_ok=True)
            try:
                self._lock.acquire(timeout=wait)
            except filelock.Timeout:
                if self._is_near():
                    return False
                self._mark_unwritten()
                self._lock.acquire(timeout=SECONDS * 1.2)
        except filelock.Timeout:
            return False
        except OSError as error:
            hint = None
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                hint = (
                    "Make room for this one file; `mu2 gc` then frees what no commit names. What "
                    "is committed is whole."
                )
            raise Mu2Error(
                f"{self._directory} cannot be written: {reason(error)}.",
                location=str(self._file),
                hint=hint,
            ) from error
        return True

    def take_in_turn(self, patience: float | None) -> bool:
        """Makes this process the holder, however many others are so before it.

        Args:
          patience: seconds that one of them may be the holder at a time; None: for ever.

        Returns:
          False where one has been it for longer.

        Raises:
          Mu2Error: the folder cannot be written.
        """
        token, since = None, time.monotonic()
        while not self.take(1.0 if patience is None else min(1.0, patience)):
            owner = self._lock.owner
            if owner is None or owner.token != token:
                token, since = owner and owner.token, time.monotonic()
            elif patience is not None and time.monotonic() - since > patience:
                return False
        return True

    def check(self) -> None:
        """Refuses to go on where this process is the holder no more.

        Raises:
          Mu2Error: another has taken over, since this process stood still for too long.
        """
        owner = self._lock.owner
        if owner is None or owner.token != self._lock.token:
            raise Mu2Error(
                f"{self._directory} was taken over while this process stood still for more than "
                f"{SECONDS:g} seconds.",
                hint="Nothing is lost: the same command goes on from the last commit.",
            )

    def give_back(self) -> None:
        """Lets others have it; nothing happens where it is not held."""
        if self._lock.is_locked:
            self._lock.release()

    @property
    def holder(self) -> Holder | None:
        """Who holds it, dead or alive; None where nobody does."""
        owner = self._lock.owner
        if owner is None:
            return None
        host = owner.hostname.partition("?pidns-")[0]
        return Holder(owner.pid, host, _command(owner.pid) if self._is_near() else "")

    def _mark_unwritten(self) -> None:
        """Lets filelock take over what a process left that was killed before it wrote its record.

        filelock takes an empty file for one of an old version of its own, never to be freed. With
        a newline in it, it is malformed, and free if nobody writes to it for two seconds. A process
        that only stood still writes its record over the newline, or has it before it.
        """
        try:
            found = self._file.lstat()
            if stat.S_ISREG(found.st_mode) and found.st_size == 0:
                handle = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
                try:
                    os.write(handle, b"\n")
                finally:
                    os.close(handle)
        except FileNotFoundError:  # given back meanwhile
            pass

    def _is_near(self) -> bool:
        """Whether its holder is a process that can be seen from here."""
        owner = self._lock.owner
        return owner is not None and owner.hostname.partition("?pidns-")[0] == socket.gethostname()

    @property
    def is_dead(self) -> bool:
        """Whether its holder was a process of this machine that is no more."""
        owner = self._lock.owner
        if owner is None or not self._is_near():
            return False
        try:
            os.kill(owner.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:  # another user's
            pass
        return False


class WriterLock:
    """The whole system's lease: nobody else writes, and no agent lives.

    Raises:
      Mu2Error: on entry, where another holds it (named by process, host and command), agents live,
        or the folder cannot be written.
    """

    def __init__(self, directory: Path):
        self._directory = directory
        self._lease = Lease(directory, "system")

    def __enter__(self) -> Self:
        agents = _live_agents(self._directory)
        if not agents and not self._lease.take():
            raise _busy(self._directory, self._lease)
        # Once more: from now on none begins.
        if agents := agents or _live_agents(self._directory):
            self._lease.give_back()
            named = ", ".join(f"{name} ({holder})" for name, holder in sorted(agents.items()))
            raise Mu2Error(
                f"agents write to {self._directory}: {named}.",
                hint="Stop them first (Ctrl-C, or SIGTERM): each ends with its generation.",
            )
        return self

    def check(self) -> None:
        """See `Lease.check`."""
        self._lease.check()

    def __exit__(self, *error: object) -> None:
        self._lease.give_back()


class CommitLock(WriterLock):
    """The whole system's lease for a moment, beside agents; others of that kind are waited for.

    Args:
      directory: the system's folder.
      is_agent: this process holds an agent's lease, so that nobody writes the system as a whole.

    Raises:
      Mu2Error: on entry, where somebody holds it for longer, or the folder cannot be written.
    """

    def __init__(self, directory: Path, is_agent: bool = False):
        super().__init__(directory)
        self._patience = None if is_agent else COMMIT_SECONDS

    def __enter__(self) -> Self:
        if not self._lease.take_in_turn(self._patience):
            raise _busy(self._directory, self._lease)
        return self


class AgentLock(WriterLock):
    """The lease of one agent, held as long as it lives.

    Raises:
      Mu2Error: on entry, where another process is this agent, the system is written as a whole, or
        the folder cannot be written.
    """

    def __init__(self, directory: Path, agent: str):
        self._directory, self._agent = directory, agent
        self._lease = agent_lease(directory, agent)

    def __enter__(self) -> Self:
        if not self._lease.take(1.0):  # whoever looks whether it is free has it for a moment
            raise Mu2Error(
                f"the agent of {self._agent!r} in {self._directory} is {self._lease.holder}.",
                hint="A task has one agent at a time.",
            )
        try:
            with CommitLock(self._directory):  # a run that holds it has not seen this agent
                pass
        except BaseException:
            self._lease.give_back()
            raise
        return self


def check_idle(directory: Path) -> None:
    """Refuses a system that a live process of this machine writes to; takes nothing.

    Raises:
      Mu2Error: names the process.
    """
    names = ["system", *(_AGENT + urllib.parse.quote(a, safe="") for a in leased_agents(directory))]
    for lease in (Lease(directory, name) for name in names):
        if lease._is_near() and not lease.is_dead:
            raise _busy(directory, lease)


def is_left(directory: Path) -> bool:
    """Whether a process of this machine that is no more left the whole system's lease behind."""
    return Lease(directory, "system").is_dead


def agent_lease(directory: Path, agent: str) -> Lease:
    """The lease of an agent, by its name."""
    return Lease(directory, _AGENT + urllib.parse.quote(agent, safe=""))


def leased_agents(directory: Path) -> Iterator[str]:
    """Names of the agents whose leases stand there; their holders may be dead."""
    folder = directory / "leases"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith(_AGENT) and not _TAKING_OVER.fullmatch(path.name):
            yield urllib.parse.unquote(path.name.removeprefix(_AGENT))


def _live_agents(directory: Path) -> dict[str, Holder]:
    """The agents that live, and who they are; what the dead left is removed."""
    found = {}
    for agent in leased_agents(directory):
        lease = agent_lease(directory, agent)
        if lease.take():
            lease.give_back()
        elif (holder := lease.holder) is not None:
            found[agent] = holder
    return found


def _busy(directory: Path, lease: Lease) -> Mu2Error:
    return Mu2Error(
        f"{directory} is being written by {lease.holder or 'another process'}.",
        hint="Wait until it ends, or choose another --system folder.",
    )


def _command(pid: int) -> str:
    """The command line of a process of this machine; empty where it cannot be seen."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()[:1000].split(b"\0")
    except OSError:
        return ""
    return b" ".join(filter(None, words)).decode(errors="replace")
