"""Ctrl-C once or five times at any moment: one line, exit code 130, nothing else."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from mu2.__main__ import INTERRUPTED, last_line
from mu2.cli.main import _out_of_memory, _with_cause
from mu2.errors import Mu2Error
from tests import shrunken
from tests.shrunken import ONCE, SMALL

READY = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from mu2 import __main__ as m; m.exit_on_interrupt(); os.write(1, b'x');"
    "m.exit_on_interrupt = lambda: None; sys.argv[0] = 'mu2'; sys.exit(m.main())"
)


def interrupted(words, wait, times):
    """Starts a command, and interrupts it some seconds after Ctrl-C is heard."""
    process = subprocess.Popen(
        [sys.executable, "-c", READY, *map(str, words)],
        cwd=shrunken.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert os.read(process.stdout.fileno(), 1) == b"x"
    time.sleep(wait)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    return process.returncode, err


@pytest.mark.slow
@pytest.mark.parametrize("number", range(10))
def test_a_run_that_is_interrupted_says_one_line(number, tmp_path):
    draw = random.Random(f"interrupt/{number}")
    endless = "Evolution.children_per_iteration=4000"  # it does not end before it is interrupted
    words = shrunken.words(tmp_path / "system", *SMALL, ONCE, endless)
    code, err = interrupted(words, draw.uniform(0, 8), draw.choice((1, 5)))
    last = err.splitlines()[-1]
    assert code == INTERRUPTED, err
    assert last.startswith("mu2: interrupted.")
    assert err.count("mu2: interrupted") == 1
    for word in ("Traceback", "Exception ignored", "KeyboardInterrupt"):
        assert word not in err


def test_an_interrupt_of_the_first_moment(tmp_path):
    assert interrupted(["check", "gin/quickstart.gin"], 0, 1) == (
        INTERRUPTED,
        "mu2: interrupted.\n",
    )


def test_a_process_that_ignores_interrupts_goes_on_ignoring_them():
    process = subprocess.run(
        [sys.executable, "-c", "import os, signal; signal.signal(signal.SIGINT, signal.SIG_IGN);"
         "from mu2 import __main__ as m;"
         "m.exit_on_interrupt(); os.kill(os.getpid(), signal.SIGINT); print('on')"],
        cwd=shrunken.ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert process.stdout == "on\n"


def test_what_an_interrupted_command_says(tmp_path):
    (tmp_path / "mu2.json").touch()
    assert last_line(["mu2", "run", "x.gin", "--system", str(tmp_path)]) == (
        f"mu2: interrupted. The last commit of {tmp_path} is whole; the same command goes on from "
        "it.\n"
    )
    assert last_line(["mu2", "run", "x.gin", "--system", "nowhere"]) == "mu2: interrupted.\n"
    assert "--no-run" in last_line(["mu2", "table", "x"])


def test_the_true_cause_is_named():
    fault = Mu2Error("reading images needs Pillow.", hint="pip install pillow")
    fault.__cause__ = ImportError("libz.so: cannot open shared object file: Too many open files")
    assert "Too many open files" in str(_with_cause(fault))
    assert "pip" not in str(_with_cause(fault))
    fault.__cause__ = ModuleNotFoundError("No module named 'PIL'")
    assert _with_cause(fault) is fault
    assert "out of memory" in str(_out_of_memory(MemoryError()))
    assert _out_of_memory(ValueError("x")) is None
