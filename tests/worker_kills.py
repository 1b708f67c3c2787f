"""Runs of several workers, killed at random moments, resumed, and compared with local ones.

Kills hit workers and drivers. Compared: log.jsonl, and the components with their digests. After
each kill of a driver all that it started has to be gone. A few times:
`tests/execution/test_kills.py`; more: `python -m tests.worker_kills KILLS SEED [FOLDER [FILE]]`.
"""

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from mu2.store.verify import verify
from tests import shrunken
from tests.kills import components

EXECUTOR = "gin/executor/processes.gin"
# A generation of four children, so that each worker has several; two intervals, halved after one.
BINDINGS = (
    *shrunken.SMALL,
    "Evolution.children_per_iteration=8",
    "Evolution.children_per_generation=4",
    "Training.intervals=2",
    "Evolution.stopping=@Halving()",
    "Halving.factor=2",
)

PATIENCE = 12  # kills of one run; then it goes on to its end


def start(directory, *files, **environment):
    """Starts `mu2 run` of the shrunken quickstart with other files beside it."""
    command, *words = shrunken.words(directory, *BINDINGS)
    environment = {**shrunken.KEPT_PROGRAMS, **environment}
    return shrunken.python("-m", "mu2", command, *files, *words, **environment)


def finish(process):
    """Waits for the end of a run that nothing disturbs."""
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err


def descendants(pid):
    """The processes that a process has started, and those that they have."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        found = [int(each) for task in tasks for each in (task / "children").read_text().split()]
    except OSError:
        return []
    return [*found, *(each for child in found for each in descendants(child))]


def is_worker(pid):
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"mu2.execution.serve" in words or words.startswith(b"ray::Actor")


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_until_gone(pids, seconds=120):
    """AssertionError where a process goes on; Ray's agents seek their cluster for a minute."""
    end = time.monotonic() + seconds
    while left := [pid for pid in pids if is_running(pid)]:
        assert time.monotonic() < end, f"{left} go on"
        time.sleep(0.05)


def kill(process, draw):
    """Kills a worker of a run, or the run; says which, or None where there is nothing to kill."""
    started = descendants(process.pid)
    workers = [pid for pid in started if is_worker(pid)]
    if process.poll() is not None or not workers:
        return None
    if draw.random() < 0.3:
        process.kill()
        process.communicate(timeout=60)
        wait_until_gone(started)
        return "driver"
    try:
        os.kill(draw.choice(workers), signal.SIGKILL)
    except ProcessLookupError:
        return None
    return "worker"


def result(directory):
    return (directory / "log.jsonl").read_bytes(), components(directory)


def chain(folder, kills, seed, told=lambda kind, number: None, file=EXECUTOR):
    """Kills workers and drivers until enough kills hit; every run goes on to its end.

    Returns:
      How often each was hit, and the number of runs.
    """
    draw, hits, runs = random.Random(f"workers/{seed}"), {"driver": 0, "worker": 0}, 0
    one_thread = {"PJRT_NPROC": "1", "OMP_NUM_THREADS": "1"}
    finish(start(folder / "local", **one_thread))
    began = time.monotonic()
    finish(start(folder / "whole", file))
    duration = time.monotonic() - began
    whole = result(folder / "local")
    assert result(folder / "whole") == whole
    while sum(hits.values()) < kills:
        directory = folder / f"run-{runs}"
        process = start(directory, file)
        until = min(kills, sum(hits.values()) + PATIENCE)
        while process.poll() is None:
            # From the first moments of a process up to what a whole run takes.
            time.sleep(draw.uniform(0.02, draw.choice((0.3, 1.0))) * duration)
            if sum(hits.values()) < until and (kind := kill(process, draw)) is not None:
                hits[kind] += 1
                told(kind, sum(hits.values()))
                if kind == "driver":
                    process = start(directory, file)
        finish(process)
        assert result(directory) == whole, f"seed {seed}: {directory} differs"
        assert verify(directory) == []
        runs += 1
        shutil.rmtree(directory)
    return hits, runs


def main():
    kills, seed = map(int, sys.argv[1:3])
    folder = sys.argv[3] if len(sys.argv) > 3 else tempfile.mkdtemp()
    file = sys.argv[4] if len(sys.argv) > 4 else EXECUTOR

    def told(kind, number):
        sys.stdout.write(f"{number} {kind}\n")
        sys.stdout.flush()

    hits, runs = chain(Path(folder), kills, seed, told, file)
    sys.stdout.write(f"{hits} in {runs} runs, all as the local one; seed {seed}\n")


if __name__ == "__main__":
    main()
