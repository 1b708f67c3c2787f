"""Systems of many tasks written through the real `WritableSystem`, as a run leaves them."""

import dataclasses
from collections.abc import Callable
from pathlib import Path as FilePath

import numpy as np
from ml_collections import FrozenConfigDict

from mu2.evolution.path import Component, Path
from mu2.system.changes import Changes
from mu2.system.record import TaskRecord
from mu2.system.writable import WritableSystem

SLOTS = (*("embedding", "cls", *(f"encoderblock_{i}" for i in range(8)), "encoder_norm", "head"),)
SIZES = {"embedding": 590_592, "cls": 768, "encoder_norm": 1536, "head": 7690}
RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
MODEL = '{"ViT": {}}'


def write_system(
    directory: FilePath,
    tasks: int,
    children: int,
    name: Callable[[int], str] = "task{}".format,
    classes: tuple[str, ...] = ("zero", "one", "two"),
    seed: int = 0,
) -> None:
    """Writes a system whose children were drawn, not trained."""
    draw = np.random.default_rng(seed)
    hyperparameters = {"learning_rate": 0.01, "hue": 0.0, "nesterov": True, "schedule": "cosine"}
    with WritableSystem.extend(directory) as system:
        system.start_run(
            "Stream.iterations = 1\n", [name(i) for i in range(tasks)], {"device": "cpu"}
        )
        components = tuple(component("root/ViT/random", slot) for slot in SLOTS[:-1])
        root = Path(
            *("root/ViT/random", None, None, None, components),
            *(FrozenConfigDict(hyperparameters), 0, MODEL),
        )
        system.commit("roots", Changes(roots=[root]))
        kept = [root]
        for number in range(tasks):
            own: list[Path] = []
            lines = []
            for child in range(children):
                path, line = draw_child(draw, name(number), child, own, kept, len(classes))
                lines.append(line)
                if line["retained"]:
                    own = sorted([*own, path], key=lambda each: each.score or 0.0)
            for line in lines:
                system.log_child(line, 2.0 + line["child"])
            best = dataclasses.replace(own[-1], test_accuracy=(own[-1].quality or 0.0) * 0.98)
            kept.append(best)
            record = TaskRecord(name(number), classes, number % 9 == 8, iterations=1, path=best)
            system.commit(
                f"{name(number)} iteration", Changes(tasks=[record], finished=name(number))
            )
        system.complete()


def component(path: str, slot: str, classes: int = 1) -> Component:
    size = SIZES.get(slot, 7_087_872)
    rows = classes if slot == "head" else 1
    signature = f"kernel:float32[{size // rows},{rows}]"
    return Component(slot, f"{path}/{slot}", size // rows * rows, signature)


def draw_child(
    draw: np.random.Generator,
    task: str,
    child: int,
    own: list[Path],
    kept: list[Path],
    classes: int,
) -> tuple[Path, dict]:
    """A child of one of the task's own paths, of another task's or of the root, and its line."""
    recent = kept[int(draw.integers(max(0, len(kept) - 30), len(kept)))]
    parent = own[-1] if own and draw.random() < 0.7 else recent if draw.random() < 0.8 else kept[0]
    values = dict(parent.hyperparameters)
    if draw.random() < 0.3:
        values["learning_rate"] = RATES[int(draw.integers(len(RATES)))]
    actions, components, path = {}, [], f"{task}/0/{child}"
    for slot in SLOTS:
        before = parent.component(slot)
        if slot == "head":
            action = "clone" if parent.task == task else "new"
        else:
            action = "clone" if slot == "encoder_norm" or draw.random() < 0.15 else "share"
        actions[slot] = action
        shared = before if action == "share" else None
        components.append(shared or component(path, slot, classes))
    quality = round(float(draw.uniform(0.4, 1.0)), 3)
    bar = parent.score if parent.task == task else None
    retained = bar is None or quality >= bar
    made = Path(
        *(path, task, parent.id, parent.task, tuple(components), FrozenConfigDict(values), classes),
        *(MODEL, "float32"),
        flops=1e9,
        quality=quality,
        score=quality,
    )
    best = max([each.quality or 0.0 for each in own] + [quality * retained])
    line = {
        "task": task,
        "iteration": 0,
        "generation": child // 4,
        "child": child,
        "path": path,
        "parent": parent.id,
        "parent_task": parent.task,
        "quality": quality,
        "qualities": [round(quality * share, 3) for share in (0.5, 0.8, 0.9, 1.0)],
        "score": quality,
        "bar": bar,
        "best": best,
        "retained": retained,
        "diverged": False,
        "stopped": False,
        "actions": actions,
        "trained_parameters": sum(c.size for c in components if c.id.startswith(path + "/")),
        "parameters": sum(c.size for c in components),
        "steps": 400,
        "flops": float(draw.uniform(1e12, 2e12)),
        "hyperparameters": values,
    }
    return made, line
