"""What sharing brought: a system's size and cost beside those of its root fine-tuned a task."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mu2.evolution.path import Path
from mu2.report import words


def sharing(
    paths: Sequence[Path], roots: Sequence[Path], log: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    """Parameters and operations a task, and what they would be without any sharing.

    Args:
      paths: that the tasks keep.
      roots: of the system.
      log: the committed lines of the child log; those of older versions do not say
        `whole_flops`.

    Returns:
      `tasks`, how many have a path; and, each for one task, `parameters`, of all live paths
      together, `finetuned_parameters`, were every path a whole copy beside the roots, `flops`, of
      all children, and `finetuned_flops`, of a child of which every layer is trained for as many
      steps as the longest of the task. None where there is no task, or no child was trained.
    """
    tasks = {path.task: path for path in paths}
    own = {c.id: c.size for path in roots for c in path.components}
    whole = own | {c.id: c.size for path in paths for c in path.components}
    copies = sum(own.values()) + sum(c.size for path in paths for c in path.components)
    spent = 0.0
    longest: dict[str, tuple[int, float]] = {}
    for line in log:
        if line["task"] not in tasks:
            continue
        spent += line["flops"]
        if line["steps"] and "whole_flops" in line:
            longest[line["task"]] = max(
                longest.get(line["task"], (0, 0.0)), (line["steps"], line["whole_flops"])
            )
    n = len(tasks)
    finetuned = sum(flops for _, flops in longest.values())
    return {
        "tasks": n,
        "parameters": sum(whole.values()) / n if n else None,
        "finetuned_parameters": copies / n if n else None,
        "flops": spent / n if n else None,
        "finetuned_flops": finetuned / n if n and len(longest) == n else None,
    }


def sharing_lines(document: Mapping[str, Any]) -> Iterable[str]:
    """The same for a terminal; nothing where there is no task."""
    parameters, copies = document["parameters"], document["finetuned_parameters"]
    if parameters is None or copies is None:
        return
    yield (
        f"a task: {words.count(parameters)} parameters; {words.count(copies)} if each had a whole "
        f"copy of its own ({words.percent(1 - parameters / copies)} fewer)."
    )
    flops, finetuned = document["flops"], document["finetuned_flops"]
    if not finetuned:
        return
    yield (
        f"a task: {flops:.3g} FLOPs of training; {finetuned:.3g} to train a whole copy for as many "
        f"steps as its longest child ({flops / finetuned:.2f} times)."
    )
