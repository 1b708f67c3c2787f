"""A run of two tasks and two iterations as a reporter is told of it, without any training."""

import io
from types import SimpleNamespace
from typing import Any

TASKS = ("digits", "latin")
CHILDREN = 4


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def experiment() -> Any:
    schedule = [(i, SimpleNamespace(name=name)) for i in range(2) for name in TASKS]
    return SimpleNamespace(
        stream=SimpleNamespace(schedule=lambda: schedule),
        evolution=SimpleNamespace(children=CHILDREN),
        executor=None,
    )


def system(position: int = 0) -> Any:
    return SimpleNamespace(directory="systems/x", progress=SimpleNamespace(position=position))


def child(task: str, iteration: int, number: int, **changes: Any) -> dict[str, Any]:
    return {
        "task": task,
        "iteration": iteration,
        "generation": number,
        "child": number,
        "path": f"{task}/{iteration}/{number}",
        "parent": "root/random",
        "parent_task": None,
        "quality": 0.5 + 0.1 * number,
        "score": 0.5 + 0.1 * number,
        "best": 0.5 + 0.1 * number,
        "retained": True,
        "diverged": False,
        "seconds": 2.0,
        **changes,
    }


def record(task: str, **changes: Any) -> Any:
    owners = [SimpleNamespace(owner=owner) for owner in (None, None, "latin", task)]
    path = SimpleNamespace(quality=0.8, test_accuracy=0.75, components=owners)
    return SimpleNamespace(**{"name": task, "path": path, **changes})


def tell(reporter: Any, clock: Clock, position: int = 0, until: int = 100) -> None:
    """Tells a reporter of a run, each child taking two seconds, of at most `until` children."""
    run = experiment()
    reporter.run_started(run, system(position))
    children = 0
    for iteration, task in run.stream.schedule()[position:]:
        reporter.task_started(task.name, iteration)
        for number in range(CHILDREN):
            if children == until:
                return
            clock.now += 2
            reporter.child_done(child(task.name, iteration, number))
            children += 1
        reporter.task_done(record(task.name))
    reporter.run_done(5)


def summary(**changes: Any) -> dict[str, Any]:
    return {
        "format": 1,
        "system": "systems/x",
        "space": {"model": "ViT"},
        "parameters": 30_000,
        "tasks": [task("digits"), task("latin", parent_task="digits", reused_components=3)],
        "run": {"complete": True},
        **changes,
    }


def task(name: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "private": False,
        "iterations": 2,
        "test_accuracy": 0.95,
        "validation_accuracy": 0.97,
        "score": 0.97,
        "parent_task": None,
        "lineage": [changes.get("parent_task"), None] if changes.get("parent_task") else [None],
        "components": 5,
        "reused_components": 0,
        "reused_from": [],
        "added_parameters": 12_345,
        "accounted_parameters": 12_345.0,
        "activated_share": 0.5,
        "path_parameters": 15_000,
        "seconds": 12.34,
        "classes": 10,
        "hyperparameters": {"learning_rate": 0.01},
        "path": f"{name}/0/1",
        **changes,
    }
