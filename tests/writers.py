"""Many writers of one system: agents whose children are drawn, not trained.

`python -m tests.writers DIR SECONDS TASK ...` is one of them; of every commit that it has made it
prints cycle, milliseconds and task, once it is made. `benchmarks/speed/writers.py` runs many for
long.
"""

import dataclasses
import itertools
import random
import sys
import time
from pathlib import Path as FilePath

import numpy as np
from ml_collections import FrozenConfigDict

from mu2.evolution.path import Component, Path
from mu2.evolution.population import Population
from mu2.store.verify import verify
from mu2.system import System, TaskRecord, WritableSystem
from mu2.system.agent_cycle import AgentCycle, keep_text, published_cycles
from mu2.system.agent_system import AgentSystem
from mu2.system.changes import Changes
from tests import shrunken

MODEL, CLASSES = '{"MLP": {}}', ("no", "yes")
GENERATIONS = 2


def create(directory):
    """A system with a root, ready for writers."""
    with WritableSystem.extend(directory) as system:
        system.begin_edit()
        root = made("root/MLP/random", None, None, ("layer",))
        system.commit("roots", Changes(roots=[system.stage(root, {"layer": leaves(0, 4)})]))
        keep_text(system.directory, "# writers\n")


def leaves(seed, width):
    return {"params/kernel": np.random.default_rng(seed).normal(size=(3, width)).astype("float32")}


def made(path, task, parent, layers, quality=None):
    widths = {"layer": 4, "head": 2}
    return Path(
        id=path,
        task=task,
        parent=None if parent is None else parent.id,
        parent_task=None if parent is None else parent.task,
        components=tuple(
            Component(n, f"{path}/{n}", 3 * widths[n], f"kernel:float32[3,{widths[n]}]")
            for n in layers
        ),
        hyperparameters=FrozenConfigDict({}),
        num_classes=0 if task is None else 2,
        model=MODEL,
        quality=quality,
        score=quality,
    )


def cycle_of(system, task):
    """One cycle of an agent: what `run_agent` does, with children drawn from their names.

    Returns:
      Its number, and the milliseconds that it took to publish.
    """
    file, digest = keep_text(system.directory, "# writers\n")
    made_with = {"device": "none"}
    cycle = system.begin_cycle(AgentCycle(task, 0, "", 1, file, digest, made_with))
    record = TaskRecord(task, CLASSES, False, iterations=cycle.iteration)
    if system.has_task(task):
        record = system.task(task)
    paths = system.paths()
    population = record.population or Population(
        *(task, cycle.iteration, False, 2, (), tuple(sorted(paths)), {}),
        births=system.progress.log_lines,
    )
    while population.generation < GENERATIONS:
        number, draw = population.generation, f"{task}/{cycle.iteration}/{population.generation}"
        parent = paths[random.Random(draw).choice(population.seeds)]
        child = made(draw, task, parent, ("head",), random.Random(draw).random())
        child = dataclasses.replace(
            child, components=(parent.component("layer"), *child.components)
        )
        seed = sum(draw.encode())  # writers make the very same components now and then
        child = system.stage(child, {"head": leaves(seed, 2)})
        line = {"path": draw, "task": task, "parent": parent.id, "parent_task": parent.task}
        system.log_child(line, 0.0)
        population = dataclasses.replace(
            population, own=(*population.own, child), children=number + 1, generation=number + 1
        )
        record = dataclasses.replace(record, population=population)
        system.commit(f"{task} generation", Changes(tasks=[record]), passing=True)
    best = population.own[-1]
    done = dataclasses.replace(record, iterations=record.iterations + 1, path=best, population=None)
    start = time.monotonic()
    system.commit(f"{task} iteration", Changes(tasks=[done], finished=task))
    return cycle.iteration, 1000 * (time.monotonic() - start)


def write(directory, seconds, tasks):
    """Cycles of the tasks in turn until the time is over."""
    end = time.monotonic() + seconds
    for task in itertools.cycle(tasks):
        with AgentSystem.join(directory, task) as system:
            while time.monotonic() < end:
                number, milliseconds = cycle_of(system, task)
                sys.stdout.write(f"{number} {milliseconds:.1f} {task}\n")
                sys.stdout.flush()
                if len(tasks) > 1:
                    break
            else:
                return


def start(directory, seconds, *tasks):
    return shrunken.python("-m", "tests.writers", directory, seconds, *tasks)


def cycles(lines):
    """The cycles that a writer's lines name."""
    return [int(line.split()[0]) for line in lines.splitlines()]


def check(directory, told):
    """AssertionError where a commit is lost, doubled, half there, or not what its cycle gave.

    Args:
      directory: of the system.
      told: for each task, the cycles of which its writer said that they are committed.
    """
    directory = FilePath(directory)
    assert verify(directory) == []
    system = System.open(directory)
    system.check_log()
    commits = system.history()
    assert [c["number"] for c in commits] == list(range(len(commits), 0, -1))
    lines = [line["path"] for line in system.log]
    assert len(lines) == len(set(lines)) == system.progress.log_lines
    ids = [c.id for path in system.paths().values() for c in path.components]
    assert {i.rpartition("/")[0] for i in ids} <= {*lines, "root/MLP/random"}
    for task, cycles in told.items():
        done = system.task(task).iterations if system.has_task(task) else 0
        assert sorted(published_cycles(directory, task)) == list(range(done))
        assert set(cycles) <= set(range(done))
        assert done - len(cycles) <= 1  # killed between its commit and the word of it
        own = [line for line in lines if line.startswith(f"{task}/")]
        assert own == [f"{task}/{i}/{g}" for i in range(done) for g in range(GENERATIONS)]
        for component in system.path(task).components if done else ():
            assert system.arrays(component)
    return len(commits)


if __name__ == "__main__":
    write(sys.argv[1], float(sys.argv[2]), sys.argv[3:])
