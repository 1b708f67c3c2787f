"""Runs of their own process, killed at many moments, resumed, and compared with one never stopped.

Compared byte for byte: mu2.json, HEAD, log.jsonl, commits, index, records, runs, and of the
components their names, leaves and every value (Orbax draws the names of its own files at random).
Wall times differ, so times.jsonl is left out. `test_kills.py` kills a few times,
`benchmarks/speed/kills.py` often.
"""

import dataclasses
import json
import random
import shutil
import signal
import subprocess
import threading
import time

from mu2.store.verify import verify
from tests import shrunken
from tests.shrunken import SMALL

# `mu2 run`, which kills itself before, after or amid the n-th call of a function.
KILLS_ITSELF = """
import importlib, os, signal, sys, threading
module, name, when, n = sys.argv[1:5]
owner = importlib.import_module(module)
*classes, name = name.split(".")
for each in classes:
    owner = getattr(owner, each)
function, calls = getattr(owner, name), 0
def stop():
    os.kill(os.getpid(), signal.SIGKILL)
def counted(*arguments, **named):
    global calls
    calls += 1
    if calls == int(n) and when == "before":
        stop()
    if calls == int(n) and when not in ("before", "after"):
        threading.Timer(float(when), stop).start()
    result = function(*arguments, **named)
    if calls == int(n) and when == "after":
        stop()
    return result
setattr(owner, name, counted)
from mu2.cli import main
sys.exit(main(sys.argv[5:]))
"""

# Every step that writes, and how often a run of SMALL takes it at least in one generation.
STEPS = (
    ("mu2.store.components", "save", 2),
    ("mu2.store.components", "write_file", 2),
    ("mu2.store.components", "flush_below", 2),
    ("mu2.store.components", "flush", 2),
    ("mu2.store.files", "flush", 20),
    ("mu2.store.components", "ComponentStore._clear_new", 2),
    ("mu2.store.components", "ComponentStore._remove", 1),
    ("mu2.store.components", "ComponentStore.put", 2),
    ("mu2.store.journal", "write_file", 8),
    ("mu2.store.journal", "flush", 6),
    ("mu2.store.journal", "Journal._write_documents", 4),
    ("mu2.store.journal", "Journal._drop_superfluous", 1),
    ("mu2.store.sweep", "find_reachable", 1),
    ("mu2.system.writable", "sweep", 1),
    ("mu2.system.writable", "WritableSystem._remove_unused", 1),
    ("mu2.system.child_log", "ChildLog.append", 4),
    ("mu2.system.child_log", "ChildLog.flush", 4),
    ("mu2.system.child_log", "ChildLog.keep", 2),
    ("mu2.training.trainer", "Trainer.train", 2),
    ("os", "fsync", 60),
    ("os", "rename", 8),
    ("os", "unlink", 6),
)


@dataclasses.dataclass(frozen=True)
class Kill:
    """A kill that hit.

    Attributes:
      kind: `clock` (a share of a whole run's duration), `line` (after a line that the run said) or
        `step` (at a step of the store).
      where: the moment.
      commit: number of the newest commit afterwards; 0 before the first.
      left: the kill left something under way behind.
    """

    kind: str
    where: str
    commit: int
    left: bool


def words(directory):
    return shrunken.words(directory, *SMALL)


def start(*arguments):
    return shrunken.python(*arguments, **shrunken.KEPT_PROGRAMS)


def uninterrupted(directory):
    """Runs the command to its end; returns the seconds it took."""
    began = time.monotonic()
    process = start("-m", "mu2", *words(directory))
    _, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    return time.monotonic() - began


def killed_by_the_clock(directory, draw, duration):
    wait = draw.uniform(0.1, 1) * duration
    process = start("-m", "mu2", *words(directory))
    try:
        process.wait(wait)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    return f"{wait:.2f} s", process


def killed_after_a_line(directory, draw, duration):
    lines, wait = draw.randrange(1, 6), draw.uniform(0, 0.02 * duration)
    process = start("-m", "mu2", *words(directory))
    for _ in range(lines):
        if not process.stderr.readline():
            break
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    return f"line {lines} + {wait:.3f} s", process


def killed_at_a_step(directory, draw, duration):
    module, name, often = draw.choice(STEPS)
    when = draw.choice(("before", "after", f"{draw.uniform(0, 0.05):.4f}"))
    n = draw.randint(1, 2 * often)
    process = start("-c", KILLS_ITSELF, module, name, when, n, *words(directory))
    return f"{name} {when} call {n}", process


WAYS = {"clock": killed_by_the_clock, "line": killed_after_a_line, "step": killed_at_a_step}
SHARES = {"clock": 3, "line": 7, "step": 10}


def newest(directory):
    try:
        return int((directory / "HEAD").read_text().partition("-")[0])
    except (FileNotFoundError, ValueError):
        return 0


def under_way(directory, whole):
    """Whether a folder holds something that a whole run's does not leave behind."""
    if (directory / "components" / "new").exists() or any(directory.rglob(".new")):
        return True
    log = directory / "log.jsonl"
    return log.exists() and not (whole / "log.jsonl").read_bytes().startswith(log.read_bytes())


def attempt(directory, whole, draw, duration):
    """Runs the command once, to be killed; returns the kill, or None where it ended before it."""
    (kind,) = draw.choices(list(SHARES), list(SHARES.values()))
    where, process = WAYS[kind](directory, draw, duration)
    _, err = process.communicate(timeout=600)
    assert "Traceback" not in err, err
    assert process.returncode in (0, -signal.SIGKILL), err
    if process.returncode == 0:
        return None
    if (directory / "mu2.json").exists():
        assert verify(directory) == [], where
    return Kill(kind, where, newest(directory), under_way(directory, whole))


def components(directory):
    """Every pack with the leaves it holds; `verify` compares the values with their digests."""
    return {
        path.parent.name: json.loads(path.read_bytes())["components"]
        for path in (directory / "components").glob("*/manifest.json")
    }


def compare(directory, whole):
    """AssertionError where a resumed run did not end as the uninterrupted one."""
    one, other = shrunken.files(directory), shrunken.files(whole)
    one.pop("times.jsonl"), other.pop("times.jsonl")
    names = {name for name in one | other if not name.startswith("components/")}
    differ = sorted(name for name in names if one.get(name) != other.get(name))
    assert not differ, f"{directory} and {whole} differ in {differ}"
    assert components(directory) == components(whole)
    assert {p.name for p in (directory / "components").iterdir()} == {
        p.name for p in (whole / "components").iterdir()
    }
    assert verify(directory) == []
    lines = [(folder / "times.jsonl").read_bytes().count(b"\n") for folder in (directory, whole)]
    assert lines[0] == lines[1]


def chains(folder, kills, seed, told=lambda kill: None, workers=2):
    """Kills and resumes runs until enough kills hit; every run goes on to its end and is compared.

    Returns:
      The kills, and the number of runs.
    """
    whole, hits, runs, failures = folder / "whole", [], [], []
    duration = uninterrupted(whole)

    def work(number):
        draw, name = random.Random(f"{seed}/{number}"), 0
        try:
            while len(hits) < kills and not failures:
                directory, name = folder / f"{number}-{name}", name + 1
                while len(hits) < kills:
                    kill = attempt(directory, whole, draw, duration)
                    if kill is None:
                        break
                    hits.append(kill)
                    told(kill)
                uninterrupted(directory)
                compare(directory, whole)
                runs.append(directory)
                shutil.rmtree(directory)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return hits, len(runs)
