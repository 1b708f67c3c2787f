"""A table of results in words: what `mu2 table` prints and writes."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from mu2.errors import shown
from mu2.report import words
from mu2.report.grid import Grid
from mu2.tables.continual import FORWARD
from mu2.tables.results import NUMBERS

Document = Mapping[str, Any]
_MARKS = {"primary": "", "secondary": "*", "derived": "**", "hearsay": "***"}
_MEANINGS = "* a leaderboard or list that repeats the paper, ** derived, *** hearsay"
_NONE = "–"


def grids(document: Document) -> list[Grid]:
    """The overview, the tasks of each column, continual learning and growth, as far as there are.

    Args:
      document: what `mu2 table --json` prints.
    """
    found = [each for each in document["columns"] if each["whole"] is not None]
    made = [_overview(document)]
    made += [_tasks(document, column) for column in document["columns"] if column["tasks"]]
    if found:
        made.append(_continual(found))
        if grown := [each for each in found if each["growth"] is not None]:
            made.append(_growth(grown))
        made += [
            _matrix(column, one) for column in found for one in column["continual"]["matrices"]
        ]
    return made


def markdown(document: Document) -> str:
    """All of it as Markdown."""
    parts = [f"# {shown(document['table'])}\n", *(grid.markdown() for grid in grids(document))]
    return "\n".join(parts)


def latex(document: Document) -> str:
    """All of it as LaTeX tables."""
    return "\n".join(grid.latex() for grid in grids(document))


def results_csv(document: Document) -> str:
    """A row for each column and task, and one for its `(whole)`; shares of 1, numbers unrounded.

    Columns: column, task, seeds, reported, evidence, source, difference, and `_mean` and `_spread`
    of test_accuracy, added_parameters, accounted_parameters, activated_share, children, steps,
    flops, seconds, device_hours, money, kwh; for the whole, parameters and parameters_per_task.
    """
    stats = (*NUMBERS, "parameters", "parameters_per_task")
    head = ("column", "task", "seeds", "reported", "evidence", "source", "difference")
    rows = [[*head, *(f"{key}_{part}" for key in stats for part in ("mean", "spread"))]]
    for column in document["columns"]:
        whole = [] if column["whole"] is None else [{"task": "(whole)", **column["whole"]}]
        for each in [*column["tasks"], *whole]:
            row = [column["name"], each["task"], len(column["seeds"])]
            row += [each.get(key) for key in head[3:]]
            row += [each.get(key, {}).get(part) for key in stats for part in ("mean", "spread")]
            rows.append(row)
    return _csv(rows)


def matrices_csv(document: Document) -> str:
    """R[i, j] in long form: column, seed, i (from 1), the task iterated, the task asked, R."""
    rows: list[Sequence[Any]] = [("column", "seed", "i", "visited", "task", "test_accuracy")]
    for column in document["columns"]:
        for one in (column["continual"] or {"matrices": ()})["matrices"]:
            for i, (visited, row) in enumerate(zip(one["visits"], one["matrix"], strict=True), 1):
                for task, value in zip(one["tasks"], row, strict=True):
                    rows.append((column["name"], one["seed"], i, visited, task, value))
    return _csv(rows)


def _csv(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([map(_cell, row) for row in rows])
    return text.getvalue()


def _cell(value: Any) -> Any:
    """A value that a spreadsheet takes for a text where it is one, and for no formula."""
    if not isinstance(value, str):
        return value
    text = shown(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def _overview(document: Document) -> Grid:
    """A row a column: means over its tasks, and what it took."""
    rows = []
    for column in document["columns"]:
        whole = column["whole"]
        if whole is None:
            rows.append((column["name"], *[_NONE] * 10))
            continue
        rows.append(
            (
                column["name"],
                str(len(column["seeds"])),
                _accuracy(whole["test_accuracy"]),
                _count(whole["parameters_per_task"]),
                _percent(whole["activated_share"]),
                _count(whole["children"]),
                _plain(whole["flops"]),
                _plain(whole["seconds"]),
                _plain(whole["device_hours"]),
                _plain(whole["money"]),
                _plain(whole["kwh"]),
            )
        )
    head = (
        *("column", "seeds", "test accuracy", "parameters a task", "activated", "children"),
        *("FLOPs", "seconds", "device-hours", f"{document['currency']} (est.)", "kWh (est.)"),
    )
    return Grid(
        f"{document['table']}: mean over tasks, and all that was spent",
        head,
        tuple(rows),
        tuple(_overview_notes(document)),
    )


def _overview_notes(document: Document) -> Iterable[str]:
    written = document["written"]
    changed = ", changed" if written["dirty"] else ""
    commit = f", commit {written['commit'][:7]}{changed}" if written["commit"] else ""
    yield f"Written on {written['date']} by mu2 {written['version']}{commit}."
    if any(len(column["seeds"]) > 1 for column in document["columns"]):
        yield "Mean ± sample standard deviation over seeds."
    yield (
        "Parameters a task: of the whole system, roots counted, by its tasks. FLOPs, seconds and "
        "hours are those of training and validating children; compiling counts, reading data and "
        "the test set do not."
    )
    for device in document["devices"]:
        if device["name"] is None:
            yield (
                f"Money and energy are not estimated: no accelerator of {document['prices']} has "
                f"{device['kind']!r} among its kinds. Add it, or choose one with --device."
            )
        else:
            yield (
                f"Money and energy are estimates: hours on {device['kind']!r} times the price and "
                f"power of {device['name']!r} in {document['prices']} ({device['source']})."
            )
    if document["bindings"]:
        yield f"All columns with {', '.join(document['bindings'])}."
    for state, said in (("unfinished", "Not finished"), ("missing", "Not run")):
        columns: dict[str, list[str]] = {}
        for column in document["columns"]:
            if column[state]:
                columns.setdefault(_seeds(column[state]), []).append(column["name"])
        for seeds, names in columns.items():
            yield f"{said}, {seeds}: {'; '.join(names)}."


def _seeds(seeds: Sequence[int]) -> str:
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"


def _tasks(document: Document, column: Document) -> Grid:
    """A row a task of one column."""
    rows = [_task(each) for each in column["tasks"]]
    if column["whole"] is not None:
        whole = {"task": "mean, or sum of what was spent", "reported": None, "difference": None}
        rows.append(_task({**whole, **column["whole"]}))
    head = (
        *("task", "ours", "reported", "difference", "added", "accounted", "activated"),
        *("children", "device-hours", f"{document['currency']} (est.)", "kWh (est.)"),
    )
    notes = []
    if sources := dict.fromkeys(each["source"] for each in column["tasks"] if each["source"]):
        notes.append(
            "Reported values were read in the papers' abstracts or notebooks unless marked: "
            f"{_MEANINGS}. Empty: nothing that anybody could verify. Differences in points. "
            f"Sources: {'; '.join(sources)}."
        )
    elif document["reports"]:
        notes.append("Nothing that anybody could verify is reported of this column.")
    return Grid(f"{column['name']}: tasks", head, tuple(rows), tuple(notes))


def _task(task: Document) -> tuple[str, ...]:
    return (
        task["task"],
        _accuracy(task["test_accuracy"]),
        _reported(task),
        _NONE if task["difference"] is None else f"{100 * task['difference']:+.2f}",
        _count(task["added_parameters"]),
        _count(task["accounted_parameters"]),
        _percent(task["activated_share"]),
        _count(task["children"]),
        _plain(task["device_hours"]),
        _plain(task["money"]),
        _plain(task["kwh"]),
    )


def _reported(task: Document) -> str:
    if task["reported"] is None:
        return ""
    return f"{100 * task['reported']:.2f}{_MARKS[task['evidence']]}"


def _continual(columns: Sequence[Document]) -> Grid:
    """A row a column: the numbers of continual learning."""
    rows, notes = [], []
    for column in columns:
        numbers = column["continual"]
        rows.append(
            (
                column["name"],
                _accuracy(numbers["average_accuracy"]),
                _accuracy(numbers["backward_transfer"]),
                _accuracy(numbers["forgetting"]),
                "yes" if numbers["proved"] else "NO",
                _accuracy(numbers["revisits"]),
            )
        )
        if not numbers["proved"]:
            notes.append(
                f"{column['name']}: what {', '.join(numbers['changed'])} had is not what it has "
                f"now; `mu2 verify` says more."
            )
    head = (
        *("column", "average accuracy", "backward transfer", "forgetting"),
        *("proved by digests", "gained by own revisits"),
    )
    return Grid(
        "Continual learning",
        head,
        tuple(rows),
        (
            *notes,
            "Points of test accuracy. Backward transfer and forgetting are counted from each "
            "task's own last iteration on. Proved: in every commit since, the task's path had the "
            "same components by digest and the same digest of test logits, and the bytes that are "
            "stored now have these digests.",
            "Gained by own revisits: a task's later iterations may choose another path, by its "
            "validation set; that is no forgetting, and can be below 0.",
            FORWARD,
        ),
    )


def _growth(columns: Sequence[Document]) -> Grid:
    """A row a column: what tasks added and took as the system grew."""

    def both(growth: Document, key: str, said: Callable[[Document], str]) -> tuple[str, str]:
        return said(growth["early"][key]), said(growth["late"][key])

    rows = [
        (
            column["name"],
            *both(column["growth"], "added", _count),
            *both(column["growth"], "head", _count),
            *both(column["growth"], "active", _count),
            *both(column["growth"], "flops", _plain),
            *both(column["growth"], "seconds", _plain),
            *both(column["growth"], "test_accuracy", _accuracy),
        )
        for column in columns
    ]
    measured = ("added", "head", "active", "FLOPs", "seconds", "test accuracy")
    return Grid(
        "Growth: a task of the first quarter of the stream, and one of the last",
        ("column", *(f"{each}, {part}" for each in measured for part in ("first", "last"))),
        tuple(rows),
        (
            "Added: parameters of the layers that a task brought, heads apart. Active: those of "
            "its path. FLOPs and seconds are those of its children. Means of what was added and of "
            "accuracy, medians of the others. `mu2 plot DIR growth` draws every task.",
        ),
    )


def growth_csv(document: Document) -> str:
    """A row a task iteration: column, seed, i (from 1), and all of `GrowthStep`."""
    rows: list[Sequence[Any]] = []
    for column in (each for each in document["columns"] if each["growth"] is not None):
        for seed, steps in zip(column["seeds"], column["growth"]["steps"], strict=True):
            for i, step in enumerate(steps, 1):
                rows += [] if rows else [("column", "seed", "i", *step)]
                rows.append((column["name"], seed, i, *step.values()))
    return _csv(rows)


def _matrix(column: Document, one: Document) -> Grid:
    """R[i, j] of one seed."""
    rows = [
        (f"{i}. {visited}", *(_NONE if v is None else f"{100 * v:.2f}" for v in values))
        for i, (visited, values) in enumerate(zip(one["visits"], one["matrix"], strict=True), 1)
    ]
    title = f"{column['name']}, seed {one['seed']}: test accuracy on a task after each iteration"
    others = ("The other seeds' stand in the CSV file.",) if len(column["seeds"]) > 1 else ()
    return Grid(title, ("after", *one["tasks"]), tuple(rows), others)


def _accuracy(stat: Document) -> str:
    """Points, and their spread."""
    if stat["mean"] is None:
        return _NONE
    spread = "" if stat["spread"] is None else f" ± {100 * stat['spread']:.2f}"
    return f"{100 * stat['mean']:.2f}{spread}"


def _percent(stat: Document) -> str:
    return words.percent(stat["mean"])


def _count(stat: Document) -> str:
    return words.count(stat["mean"])


def _plain(stat: Document) -> str:
    """A quantity of any size, and its spread."""
    if stat["mean"] is None:
        return _NONE
    mean = stat["mean"]
    said = f"{mean:,.0f}" if 100 <= mean < 1e6 else f"{mean:.3g}"
    return said if stat["spread"] is None else f"{said} ± {stat['spread']:.2g}"
