"""Four agents on four tasks of one system, and a fifth, killed at random moments.

Afterwards no component is lost or there twice, every publication is there, and each cycle replays
bit for bit; meanwhile `show`, the log and `verify` find the system whole. A few times:
`tests/agents/test_agents.py`; more: `python -m tests.agent_kills KILLS SEED [FOLDER]`.
"""

import contextlib
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

from mu2.agents import agent, replay
from mu2.cli import main as mu2
from mu2.store.verify import verify
from mu2.system import System
from mu2.system.agent_cycle import published_cycles
from mu2.system.agents import agents_of
from tests import shrunken
from tests.shrunken import KEPT_PROGRAMS, ROOT, SMALL

KILLS = 5  # of a system, which is done after some twenty

FOUR = "Stream.tasks=(@digits/Task(), @latin/Task(), @greek/Task(), @cyrillic/Task())"
FIFTH = (
    "Stream.tasks=(@armenian/Task(),)",
    "armenian/Task.name='armenian'",
    "armenian/Task.source=@armenian/Glyphs()",
    "armenian/Glyphs.script='armenian'",
    "Scoring.scale=0.9",
)


def command(directory, *bindings, cycles):
    words = shrunken.words(directory, *SMALL, *bindings)
    return subprocess.Popen(
        [sys.executable, "-m", "mu2", "agents", *words[1:], "--cycles", str(cycles)],
        cwd=ROOT,
        env={**os.environ, **KEPT_PROGRAMS, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )


class Silent:
    """A reporter that says nothing."""

    def __getattr__(self, name):
        return lambda *arguments: None


@contextlib.contextmanager
def shared_programs():
    """Agents of this process share their compiled programs."""

    def shared(made):
        return shrunken.workers(made.layout, made.training)

    with (
        mock.patch.object(agent, "start_workers", shared),
        mock.patch.object(replay, "start_workers", shared),
    ):
        yield


def kill_agents(directory, kills, seed):
    """Kills agents so many times; returns how often the system was read meanwhile."""
    draw, hits, reads = random.Random(seed), 0, 0
    first = command(directory, FOUR, cycles=3)
    fifth = None
    stopped = False
    while first.poll() is None or (fifth is not None and fifth.poll() is None):
        time.sleep(draw.uniform(0.2, 1.5))
        if not System.exists(directory):
            continue
        running = [each for each in agents_of(directory) if each.process is not None]
        if fifth is None and len(running) >= 2:
            fifth = command(directory, *FIFTH, cycles=2)
        if hits < kills and len(running) >= 2 and reads > 0:
            pid = int(draw.choice(running).process.split()[1])
            with contextlib.suppress(ProcessLookupError):  # its cycles have just ended
                os.kill(pid, signal.SIGKILL)
                hits += 1
        elif hits == kills and not stopped and running:
            first.send_signal(signal.SIGTERM)
            stopped = True
        assert mu2(["show", str(directory), "--json"]) == 0
        System.open(directory).check_log()
        assert verify(directory) == []
        reads += 1
    said = [process.communicate()[1] for process in (first, fifth)]
    assert (first.returncode, fifth.returncode) in ((130, 0), (0, 0)), said
    last = command(directory, FOUR, cycles=3)
    err = last.communicate()[1]
    assert last.returncode == 0, err
    assert hits == kills
    assert verify(directory) == []
    assert mu2(["gc", str(directory)]) == 0
    assert verify(directory) == []
    system = System.open(directory)
    lines = [line["path"] for line in system.log]
    assert len(lines) == len(set(lines)) == system.progress.log_lines == (4 * 3 + 2) * 3
    for task in ("digits", "latin", "greek", "cyrillic", "armenian"):
        cycles = published_cycles(directory, task)
        assert sorted(cycles) == list(range(2 if task == "armenian" else 3))
        for number in cycles:
            assert replay.replay(str(directory), task, number, Silent()) == []
    return reads


def main():
    kills, seed = map(int, sys.argv[1:3])
    folder = Path(sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp())
    done = 0
    while done < kills:
        directory = folder / f"system-{done}"
        with shared_programs(), contextlib.redirect_stdout(io.StringIO()):
            reads = kill_agents(directory, min(KILLS, kills - done), f"{seed}/{done}")
        done += min(KILLS, kills - done)
        sys.stdout.write(f"{done} kills, {reads} readings of the last system\n")
        sys.stdout.flush()
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
