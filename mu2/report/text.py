"""Tables and lists for standard output: whole names at any width, no colour codes in a pipe."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from mu2.errors import shown
from mu2.report import words
from mu2.report.grid import Grid
from mu2.report.sharing import sharing_lines

WIDEST = 10_000  # columns of a table where there is no terminal


def system_table(summary: Mapping[str, Any]) -> Table:
    """One row a task: how good it is, where it comes from, what it costs.

    Args:
      summary: what `System.summary` returns.
    """
    table = plain_table()
    table.add_column("task", overflow="fold", min_width=9)
    for heading in ("test", "valid."):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("comes from", overflow="fold", min_width=8)
    for heading in (
        "layers\nreused",
        "params\nadded",
        "share of\nsystem",
        "seconds",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for task in summary["tasks"]:
        finished = task["test_accuracy"] is not None
        seconds = task["seconds"]
        table.add_row(
            _cell(task["name"] + (" (private)" if task["private"] else "")),
            words.percent(task["test_accuracy"]),
            words.percent(task["validation_accuracy"]),
            _cell(words.lineage(task["lineage"]) if finished else "–"),
            f"{task['reused_components']}/{task['components']}" if finished else "–",
            words.count(task["added_parameters"]),
            words.percent(task["activated_share"]),
            "–" if seconds is None else f"{seconds:,.1f}",
        )
    measured = [task for task in summary["tasks"] if task["test_accuracy"] is not None]
    if len(measured) > 1:
        table.add_section()
        table.add_row(
            "mean",
            words.percent(_mean(task["test_accuracy"] for task in measured)),
            words.percent(_mean(task["validation_accuracy"] for task in measured)),
        )
    return table


def _cell(text: str) -> Text:
    """A text that rich does not read as markup, and a terminal not as commands."""
    return Text(shown(text))


def plain_table() -> Table:
    """A table without frame, as all of ours are."""
    return Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)


def system_line(summary: Mapping[str, Any]) -> str:
    """What stands below the table: the size of the system and the state of its last run."""
    said = (
        f"{summary['system']}: {words.plural(len(summary['tasks']), 'task')}, "
        f"{words.plural(summary['parameters'], 'parameter')}"
    )
    run = summary["run"]
    if run["complete"]:
        return f"{said}; its last run is complete."
    where = ""
    if run.get("task") is not None:
        where = f" in task {run['task']}"
        if run.get("iteration") is not None:
            where += f", iteration {run['iteration'] + 1}"
        if run.get("generation") is not None:
            where += f", generation {run['generation'] + 1}"
    return f"{said}; its last run stands{where}: the same command goes on."


def show_grid(grid: Grid, stream: TextIO) -> None:
    """Prints a grid: its title, its rows aligned, and its notes."""
    table = plain_table()
    for number, heading in enumerate(grid.head):
        right = number >= grid.texts
        table.add_column(
            _cell(heading), justify="right" if right else "left", overflow="fold", no_wrap=right
        )
    for row in grid.rows:
        table.add_row(*map(_cell, row))
    stream.write(f"{shown(grid.title)}\n\n")
    show(table, stream)
    for note in grid.notes:
        lines = textwrap.wrap(shown(note), 100, break_long_words=False, break_on_hyphens=False)
        stream.write("\n" + "\n".join(lines) + "\n")
    stream.write("\n")


def prediction_table(document: Mapping[str, Any]) -> Table:
    """One row for each example, each task that answered and each of the likeliest classes.

    Args:
      document: what `mu2 predict --json` prints.
    """
    table = plain_table()
    rows = "examples" in document
    table.add_column("file" if rows else "image", overflow="fold")
    if rows:
        table.add_column("row", justify="right", no_wrap=True)
    if several := "tasks" in document:
        table.add_column("task", overflow="fold")
    table.add_column("class", overflow="fold")
    table.add_column("probability", justify="right", no_wrap=True)
    for example in document["examples" if rows else "images"]:
        place = [example["file"], *([f"{example['row']:,}"] if rows else [])]
        for answer in example["answers"] if several else [example]:
            task = [answer["task"]] if several else []
            for guess in answer["top"]:
                said = [*place, *task, guess["class"]]
                table.add_row(*map(_cell, said), f"{guess['probability']:.3f}")
                place, task = [""] * len(place), [""] * len(task)
    return table


def preview_lines(preview: Mapping[str, Any]) -> list[str]:
    """A preview of an experiment as aligned lines, one a key, and one each of several groups."""
    width = max((len(key) for key in preview), default=0)
    lines = []
    for key, value in preview.items():
        groups = [_words_of(value)]
        if isinstance(value, Mapping) and any(isinstance(v, Mapping) for v in value.values()):
            groups = [f"{_key(name)}: {_words_of(each)}" for name, each in value.items()]
        for number, group in enumerate(groups):
            lines.append(f"  {'' if number else _key(key):{width}}  {group}")
    return lines


def _words_of(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.6g}"
    if value is None:
        return "–"
    if isinstance(value, Mapping):
        there = {key: each for key, each in value.items() if each != {}}
        return ", ".join(f"{_key(key)} {_words_of(each)}" for key, each in there.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        inner = [str(each) if type(each) is int else _words_of(each) for each in value]
        return ("; " if any(isinstance(each, Mapping) for each in value) else ", ").join(inner)
    return str(value)


def _key(key: object) -> str:
    return str(key).replace("_", " ")


def show_system(summary: Mapping[str, Any], stream: TextIO) -> None:
    """Prints a system's table and the line below it."""
    if summary["tasks"]:
        show(system_table(summary), stream)
    stream.write(shown(system_line(summary)) + "\n")
    if "sharing" in summary:
        stream.writelines(f"{line}\n" for line in sharing_lines(summary["sharing"]))
    for agent in summary.get("agents", ()):
        stream.write(shown(agent_line(agent)) + "\n")


def agent_line(agent: Mapping[str, Any]) -> str:
    """What an agent does, and who it is."""
    at = "between two cycles"
    if agent["cycle"] is not None:
        at = (
            f"cycle {agent['cycle']}, generation {agent['generation'] + 1}, "
            f"from commit {agent['snapshot']}"
        )
    who = agent["process"] or "stopped; the same `mu2 agents` command goes on with it"
    return f"agent of {agent['task']}: {at}; {who}"


def show(table: RenderableType, stream: TextIO) -> None:
    """Prints a table: within a terminal's width there, and as wide as it is elsewhere."""
    console = Console(file=stream, highlight=False)
    if console.is_terminal:
        console.print(table)
        return
    console.width = WIDEST
    with console.capture() as captured:
        console.print(table)
    stream.writelines(line.rstrip() + "\n" for line in captured.get().splitlines())
