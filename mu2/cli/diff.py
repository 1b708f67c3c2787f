"""`mu2 diff`: two systems, or two commits of one, compared."""

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mu2.cli.command import FAULTS_HELP, OK, Command, add_json, write_json, write_lines

if TYPE_CHECKING:
    from mu2.system import System

EPILOG = f"""\
  mu2 diff systems/a systems/b      two systems
  mu2 diff systems/a@12 systems/a   a commit (see mu2 log) and the newest one
Tasks are told apart by the name that they were introduced with, components by their bytes.

One JSON document with --json:
  format          1
  a, b            as given
  only_a, only_b  tasks that one alone has
  same            number of tasks in which nothing differs
  changed         a list: name, id, values (name to a and b), hyperparameters (name to a and b),
                  layers (same, other, only_a, only_b: names of layers)
  components      both, only_a, only_b: numbers
  settings        lines of the last run's Gin text that one alone has: only_a, only_b; null where
                  one has no run
or, where that fails:
{FAULTS_HELP}"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """The two systems."""
    parser.add_argument("a", metavar="A", help="a system's folder, or DIR@COMMIT")
    parser.add_argument("b", metavar="B", help="another")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Prints what differs."""
    from mu2.report.difference import difference

    found = difference(open_system(options.a), open_system(options.b))
    if options.json:
        write_json({"format": 1, "a": options.a, "b": options.b, **found})
    else:
        write_lines(_lines(options.a, options.b, found))
    return OK


def open_system(word: str) -> "System":
    """The system of `DIR` or `DIR@COMMIT`.

    Raises:
      Mu2Error: there is no such system or commit.
    """
    from pathlib import Path

    from mu2.system import System

    directory, at, commit = word.rpartition("@")
    if not at or Path(word).exists():
        return System.open(word)
    return System.open(directory, commit)


def _lines(a: str, b: str, found: Mapping[str, Any]) -> Iterator[str]:
    from mu2.report import words

    for where, tasks in ((a, found["only_a"]), (b, found["only_b"])):
        if tasks:
            yield f"only in {where}: {', '.join(tasks)}"
    for task in found["changed"]:
        yield f"{task['name']}:"
        for name, each in {**task["values"], **task["hyperparameters"]}.items():
            yield f"  {name.replace('_', ' '):20}  {_said(each['a'])} -> {_said(each['b'])}"
        layers = task["layers"]
        told = [
            f"{len(layers[key])} {words}"
            for key, words in (
                ("same", "the same"),
                ("other", "of other bytes"),
                ("only_a", "gone"),
                ("only_b", "new"),
            )
            if layers[key]
        ]
        yield f"  {'layers':20}  {', '.join(told) or 'none'}"
    counts = found["components"]
    yield (
        f"{words.plural(found['same'], 'task')} the same in both. "
        f"Components: {counts['both']} in both, "
        f"{counts['only_a']} only in {a}, {counts['only_b']} only in {b}."
    )
    settings = found["settings"]
    if settings and (settings["only_a"] or settings["only_b"]):
        yield "settings of the last run:"
        yield from (f"  - {line}" for line in settings["only_a"])
        yield from (f"  + {line}" for line in settings["only_b"])


def _said(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


COMMAND = Command(
    "compare two systems, or two commits of one", "A B [--json]", arguments, run, EPILOG
)
