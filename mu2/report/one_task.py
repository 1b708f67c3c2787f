"""Everything of one task, as text for a terminal and as a JSON document."""

from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from rich.text import Text
from rich.tree import Tree

from mu2.report import text, words
from mu2.report.history import History, LoggedChild

FORMAT = 1


def one_task(history: History, task: str) -> dict[str, Any]:
    """The lineage of a task's path with what was mutated at each step, and its children.

    Args:
      history: the system.
      task: one of its tasks.

    Returns:
      A JSON document: `lineage`, a list from the path back to its root, and `children`, all of
      the task's in the order of training.
    """
    path = history.kept_paths.get(task)
    steps = [] if path is None else list(history.lineage(path.id))
    return {
        "lineage": [_step(history, step) for step in steps],
        "children": [_child(child) for child in history.by_task.get(task, ())],
    }


def _step(history: History, path: str) -> dict[str, Any]:
    child = history.by_path.get(path)
    if child is None:
        known = history.paths.get(path)
        return {"path": path, "task": None if known is None else known.task, "quality": None}
    return {
        "path": path,
        "task": child.task,
        "quality": child.quality,
        "score": child.score,
        "mutations": {
            name: list(pair) for name, pair in mutated_hyperparameters(history, child).items()
        },
        "actions": dict(child.actions),
    }


def mutated_hyperparameters(history: History, child: LoggedChild) -> Mapping[str, tuple[Any, Any]]:
    """The hyperparameters of a child that its parent has with another value: before, after."""
    if child.parent in history.by_path:
        before = history.by_path[child.parent].hyperparameters
    elif child.parent in history.paths:
        before = history.paths[child.parent].hyperparameters
    else:
        return {}
    return {
        name: (before[name], value)
        for name, value in child.hyperparameters.items()
        if name in before and before[name] != value
    }


def _child(child: LoggedChild) -> dict[str, Any]:
    return {
        "path": child.path,
        "parent": child.parent,
        "quality": child.quality,
        "score": child.score,
        "bar": child.score_to_reach,
        "outcome": outcome(child),
        "flops": child.flops,
        "seconds": child.seconds,
        "probes": dict(child.probes),
    }


def outcome(child: LoggedChild) -> str:
    """What became of a child: `kept`, `dropped` or `diverged`."""
    return words.outcome({"diverged": child.diverged, "retained": child.retained})


def show_task(summary: Mapping[str, Any], history: History, stream: TextIO) -> None:
    """Prints everything of one task.

    Args:
      summary: the task's part of what `System.summary` returns.
      history: the system.
      stream: where to.
    """
    name = summary["name"]
    stream.write(f"{name}{' (private)' if summary['private'] else ''}\n")
    for line in _facts(summary):
        stream.write(f"  {line}\n")
    stream.write("\nlineage\n")
    for step in one_task(history, summary["id"])["lineage"]:
        stream.write(f"  {step['path']}  {words.percent(step['quality'])}\n")
        for line in _reported(step):
            stream.write(f"      {line}\n")
    stream.write("\nhyperparameters\n")
    width = max((len(key) for key in summary["hyperparameters"]), default=0)
    for key, value in summary["hyperparameters"].items():
        stream.write(f"  {key:{width}}  {value}\n")
    children = history.by_task.get(summary["id"], ())
    for child in children:
        if child.probes:
            stream.write("\nprobed\n")
        for seed, accuracy in sorted(child.probes.items(), key=lambda item: -item[1]):
            stream.write(f"  {words.percent(accuracy)}  {seed}\n")
    if children:
        qualities = words.sparkline([child.quality for child in children], 60)
        stream.write(f"\n{words.plural(len(children), 'child')}  {qualities}\n")
        text.show(_table(children), stream)


def _facts(summary: Mapping[str, Any]) -> Iterator[str]:
    if summary["path"] is None:
        yield "it has no path yet: its first iteration is not finished"
        return
    yield f"comes from  {words.lineage(summary['lineage'], 12)}"
    for owner, layers in summary["reused_layers"].items():
        yield f"uses        {words.layers(layers)} of {owner}"
    yield (
        f"accuracy    test {words.percent(summary['test_accuracy'])}, "
        f"validation {words.percent(summary['validation_accuracy'])}, "
        f"{words.plural(summary['classes'], 'class')}"
    )
    yield (
        f"parameters  {words.count(summary['path_parameters'])}, of which it added "
        f"{words.count(summary['added_parameters'])}; "
        f"{words.percent(summary['activated_share'])} of the system"
    )
    if summary["seconds"] is not None:
        yield f"time        {words.duration(summary['seconds'])}"


def _reported(step: Mapping[str, Any]) -> Iterator[str]:
    mutations = step.get("mutations", {})
    if mutations:
        yield ", ".join(f"{name} {old} → {new}" for name, (old, new) in mutations.items())
    actions: Mapping[str, str] = step.get("actions", {})
    for action in ("new", "solve", "resample", "clone", "share"):
        if names := [name for name, done in actions.items() if done == action]:
            yield f"{action} {words.layers(names)}"


def _table(children: tuple[LoggedChild, ...]) -> Any:
    table = text.plain_table()
    for heading in ("child", "parent"):
        table.add_column(heading, overflow="fold")
    for heading in ("quality", "score", "to reach", "outcome", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    for child in children:
        table.add_row(
            Text(child.path),
            Text(child.parent),
            *map(words.percent, (child.quality, child.score, child.score_to_reach)),
            outcome(child),
            words.duration(child.seconds),
        )
    return table


def task_tree(summary: Mapping[str, Any]) -> Tree:
    """The tasks of a system as a tree: each below the task, or the root, that its path comes from.

    Args:
      summary: what `System.summary` returns.
    """
    tasks = {task["name"]: task for task in summary["tasks"]}
    origin = {
        name: next(iter(task["lineage"]), None) for name, task in tasks.items() if task["path"]
    }
    tree = Tree(Text("root"))
    below: dict[str | None, Tree] = {None: tree}
    waiting = dict(origin)
    while waiting:
        ready = [n for n, o in waiting.items() if o in below or o not in waiting]
        # Two tasks may have taken from each other; one of them then begins a branch of its own.
        for name in ready or [next(iter(waiting))]:
            parent = below.get(waiting.pop(name), tree)
            below[name] = parent.add(Text(_leaf(tasks[name])))
    return tree


def _leaf(task: Mapping[str, Any]) -> str:
    uses = "; ".join(f"{words.layers(names)} of {o}" for o, names in task["reused_layers"].items())
    private = " (private)" if task["private"] else ""
    return f"{task['name']}{private}  {words.percent(task['test_accuracy'])}  {uses}".rstrip()
