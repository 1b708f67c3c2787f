"""Seconds of several ways to do a thing, taken in turn so that whatever else runs hits them all."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

ROOT = Path(__file__).parents[2]


def in_turn(ways: Mapping[str, Callable[[], float | None]], rounds: int) -> dict[str, list[float]]:
    """Takes each way once a round; what has to be compiled was called before.

    Args:
      ways: each does its work to the end; it returns what it counts itself, or None to be timed.
      rounds: at least one.

    Returns:
      Each way's seconds, one a round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            told = way()
            seconds[name].append(time.perf_counter() - start if told is None else told)
    return seconds


def medians(seconds: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of each way."""
    return {name: statistics.median(each) for name, each in seconds.items()}


def steps_in_turn(
    steps: Mapping[str, Callable[[], Any]], calls: Mapping[str, int], rounds: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Takes so many calls of each step, one step after the other, once a round.

    Args:
      steps: each begins its work, and returns arrays that wait for it, or None once it is done.
      calls: of each step in a round; what has to be compiled was called before.
      rounds: at least one.

    Returns:
      Medians of the wall time and of the processor time of a call, in seconds. A busy machine
      leaves the second alone.
    """
    cpu: dict[str, list[float]] = {name: [] for name in steps}

    def timed(name: str) -> Callable[[], float]:
        def way() -> float:
            start, used = time.perf_counter(), time.process_time()
            for _ in range(calls[name]):
                last = steps[name]()
            jax.block_until_ready(last)
            cpu[name].append((time.process_time() - used) / calls[name])
            return (time.perf_counter() - start) / calls[name]

        return way

    wall = medians(in_turn({name: timed(name) for name in steps}, rounds))
    return wall, medians(cpu)


def python(*words: object, **environment: str) -> float:
    """Runs Python on some words from the top of the checkout; returns seconds from start to exit.

    Raises:
      RuntimeError: it failed; with what it said.
    """
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    seconds = time.monotonic() - start
    if done.returncode:
        raise RuntimeError(f"python {' '.join(map(str, words))}:\n{done.stderr[-4000:]}")
    return seconds
