"""The quickstart, shrunken to seconds: the real Gin files with smaller numbers."""

import contextlib
import functools
import io
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from mu2 import config
from mu2.config import start
from mu2.execution import LocalWorkers
from mu2.report.progress import LogReporter
from mu2.system import System
from mu2.system.inference import Inference
from mu2.system.writable import WritableSystem
from mu2.tasks.data import TaskData
from mu2.training import evaluate

ROOT = Path(__file__).parents[1]
FILE = "gin/quickstart.gin"
# Digits, Latin and private Greek, twice each; networks of one layer and of none.
BINDINGS = (
    "Stream.tasks=(@digits/Task(), @latin/Task(), @greek/Task())",
    "Glyphs.per_class=8",
    "Glyphs.side=16",
    "greek/Task.private=True",
    "Evolution.children_per_iteration=3",
    "Evolution.full_generations=False",
    "Training.max_train_examples=64",
    "Training.max_validation_examples=64",
    "Training.intervals=1",
    "ViT.width=16",
    "ViT.heads=2",
    "ViT.mlp_dim=32",
    "Hyperparameters.num_layers=1",
    "Ranges.num_layers=(0, 1)",
)
# Smaller still: two tasks, networks without a layer, a generation of two children and one of one.
SMALL = (
    "Stream.tasks=(@digits/Task(), @latin/Task())",
    "Hyperparameters.num_layers=0",
    "Ranges.num_layers=(0,)",
    "Evolution.children_per_generation=2",
)
DIGITS = ("Stream.tasks=(@digits/Task(),)", *SMALL[1:])
ONCE = "Stream.iterations=1"
# For runs that are started many times: their programs are small, and each would compile them again.
KEPT_PROGRAMS = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}

# Runs of one process share compiled programs, which cost more than all that is trained here.
workers = functools.cache(LocalWorkers)


def merged(*bindings):
    """The shrunken quickstart's bindings, those of the same name replaced by the given ones."""
    return list({each.partition("=")[0]: each for each in (*BINDINGS, *bindings)}.values())


@functools.cache
def load(*bindings):
    return config.load([FILE], merged(*bindings))


def shared_programs():
    return mock.patch.object(
        start, "start_workers", lambda made: workers(made.layout, made.training)
    )


def evolve(directory, *bindings, reporter=None, accept_changes=False):
    """What `mu2 run` does, in this process; returns the system, open for reading."""
    loaded = load(*bindings)
    with shared_programs():
        start.evolve(
            loaded.experiment,
            loaded.resolved,
            str(directory),
            contextlib.nullcontext(reporter or LogReporter(io.StringIO())),
            accept_changes=accept_changes,
        )
    return System.open(directory)


def words(directory, *bindings):
    """The words of `mu2 run`."""
    flags = [f"--gin.{binding}" for binding in merged(*bindings)]
    return ["run", FILE, "--system", str(directory), *flags]


def python(*arguments, **environment):
    """Starts Python in a process of its own."""
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def copy(directory, to):
    """A system's folder, copied so that a test may change it."""
    return Path(shutil.copytree(directory, to))


def files(directory):
    """Every file of a folder with its bytes."""
    found = sorted(path for path in Path(directory).rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in found}


# A run that is stopped


class Stopped(BaseException):
    """Like a kill: nothing catches it."""


@contextlib.contextmanager
def stopped_at(name, after, commits=1):
    """Stops a run before or after the first call of a WritableSystem method behind some commits."""
    made = itertools.count()
    method, commit = getattr(WritableSystem, name), WritableSystem._commit

    def count(system, *arguments, **named):
        written = commit(system, *arguments, **named)
        done[0] = next(made) + 1
        return written

    def stop(system, *arguments, **named):
        if not after and done[0] >= commits:
            raise Stopped
        result = (count if name == "_commit" else method)(system, *arguments, **named)
        if after and done[0] >= commits:
            raise Stopped
        return result

    done = [0]
    with (
        mock.patch.object(WritableSystem, "_commit", count),
        mock.patch.object(WritableSystem, name, stop),
    ):
        yield


# The run that many tests share


class Watch(LogReporter):
    """A reporter that looks at the stored system after every child and every task iteration.

    Attributes:
      locked: a list for each task iteration, of task, its path, and the digest of its test logits
        as computed anew from what is stored.
      seeds: pairs of a task and the ids of the seed paths it had.
      compiled: programs compiled by its end, those of earlier runs without a layer included.
    """

    def __init__(self):
        super().__init__(io.StringIO())
        self.locked, self.seeds, self.compiled = [], [], None

    def run_started(self, experiment, system):
        super().run_started(experiment, system)
        self.experiment, self.system = experiment, system
        batch = experiment.training.batch_size
        self.data = {
            task.name: TaskData(task, batch, 64, experiment.images)
            for task in experiment.stream.tasks
        }

    def child_done(self, record):
        super().child_done(record)
        task = record["task"]
        if task in self.system.tasks and (now := self.system.task(task).population) is not None:
            self.seeds.append((task, now.seeds))

    def task_done(self, record):
        super().task_done(record)
        stored = System.open(self.system.directory)
        paths = [(name, stored.task(name).path) for name in stored.tasks]
        self.locked.append([(name, path, self.digest(stored, name, path)) for name, path in paths])

    def digest(self, system, name, path):
        return evaluate.digest(self.logits(system, name, path))

    def logits(self, system, name, path):
        shape = Inference(system).input_shape(name)
        made = workers(self.experiment.layout, self.experiment.training)
        inputs = self.data[name].read("test", shape).inputs
        network = self.experiment.network(path)
        arrays = {component.name: system.arrays(component) for component in path.components}
        return made.logits(network, arrays, inputs, path.num_classes)

    def run_done(self, compiled):
        super().run_done(compiled)
        self.compiled = compiled


_evolved = []


def evolved(tmp_path_factory):
    """The shared run: its directory, experiment, system, log lines and watch."""
    if not _evolved:
        directory = tmp_path_factory.mktemp("evolved") / "system"
        watch = Watch()
        system = evolve(directory, reporter=watch)
        _evolved.append(
            SimpleNamespace(
                directory=directory,
                experiment=load().experiment,
                system=system,
                lines=list(system.log),
                watch=watch,
            )
        )
    return _evolved[0]
