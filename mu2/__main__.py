"""The process of `mu2`, and of `python -m mu2`: made ready to compute, then the command.

Nothing else is imported before Ctrl-C is heard.
"""

import itertools
import os
import signal
import sys
import threading
from typing import NoReturn

INTERRUPTED = 130


def main() -> int:
    """Runs the command that this process was started for; returns its exit code."""
    open_standard_streams()
    exit_on_interrupt()
    from mu2 import cli
    from mu2.cli import process

    process.prepare()
    return cli.main()


def open_standard_streams() -> None:
    """Opens the null device for standard streams that are closed.

    The next file that is opened would else take their place, and what is printed would be written
    into it.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def exit_on_interrupt() -> None:
    """From here on Ctrl-C ends the process at once, with one line and exit code 130.

    Whatever mu2 writes is whole or not there, so that nothing need be tidied up. An exception would
    be lost in what Python calls from C, could fail half of an import, and would have XLA taken
    down while it compiles, which crashes it (jax 0.10). A thread waits for the signal, since
    compiled code may keep the main one for long. Where Ctrl-C is ignored already, as behind
    `nohup`, it stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return
    heard, wake = os.pipe()
    os.set_blocking(wake, False)

    def wait() -> NoReturn:
        while os.read(heard, 1)[:1] != bytes([signal.SIGINT]):
            pass
        os.write(2, last_line(sys.argv).encode(errors="backslashreplace"))
        os._exit(INTERRUPTED)

    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, lambda number, frame: None)  # the thread hears it
    threading.Thread(target=wait, name="mu2 interrupt", daemon=True).start()


def last_line(words: list[str]) -> str:
    """What an interrupted command says last; on a terminal its cursor is shown again."""
    cursor = "\x1b[?25h\n" if os.isatty(2) else ""
    named = dict(itertools.pairwise(words)).get("--system", "")
    if words[1:2] == ["run"] and os.path.exists(os.path.join(named, "mu2.json")):
        name = named if named.isprintable() else ascii(named)
        return (
            f"{cursor}mu2: interrupted. The last commit of {name} is whole; the same command goes "
            "on from it.\n"
        )
    if words[1:2] == ["table"]:
        return (
            f"{cursor}mu2: interrupted. The same command goes on; --no-run shows what there is.\n"
        )
    return f"{cursor}mu2: interrupted.\n"


if __name__ == "__main__":
    sys.exit(main())
