"""What a command is, and what several of them share."""

import argparse
import ast
import dataclasses
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mu2.errors import Mu2Error, shown

if TYPE_CHECKING:
    from mu2.config import Reading

OK, FAULT, INTERRUPTED, BROKEN_PIPE = 0, 2, 130, 141
BINDING = "--gin."

BINDINGS_HELP = """\
Gin bindings:
  --gin.NAME=VALUE overrides a parameter, after all files, as in T5X:
    --gin.Evolution.children_per_iteration=16
    --gin.digits/Task.name='"numbers"'     a string keeps its quotes inside the shell's
    --gin.Stream.tasks='(@digits/Task(),)'
  Several files are read in order; what a later one binds holds.
"""
FAULTS_HELP = """\
  ok        false, where there are faults; the exit code is then 2
  faults    a list: message, location (file:line or null), hint (or null)
"""
JSON_HELP = "print one JSON document on standard output"


@dataclasses.dataclass(frozen=True)
class Command:
    """One command of `mu2`. Its module imports no library: `mu2 --help` loads all of them.

    Attributes:
      help: what it does, in a line that begins small and has no full stop.
      usage: the words after its name.
      arguments: tells a parser its arguments.
      run: does it; returns the exit code.
      epilog: what `mu2 NAME --help` says below the arguments.
      many: the argument that takes all words left over, which may stand around the options.
      bindings: takes Gin bindings; `run` finds them in `options.bindings`.
    """

    help: str
    usage: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    epilog: str = ""
    many: str | None = None
    bindings: bool = False


def add_files(parser: argparse.ArgumentParser) -> None:
    """The Gin files of a run."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="a Gin file")


def add_system(parser: argparse.ArgumentParser) -> None:
    """The arguments of a command that takes one system and nothing else: its folder, and --json."""
    parser.add_argument("system", metavar="DIR", help="the system's folder")
    add_json(parser)


def add_json(parser: argparse.ArgumentParser) -> None:
    """The option that every command which shows something has."""
    parser.add_argument("--json", action="store_true", help=JSON_HELP)


def read_valid(options: argparse.Namespace, *, data: bool = True, warn: bool = True) -> "Reading":
    """Reads the Gin files and bindings of a command line.

    Args:
      options: of the command line.
      data: whether data and weights must be there of which it is known what they hold.
      warn: whether what may not be meant is told on standard error.

    Raises:
      Faults: strings lost their quotes to the shell, so that nothing else is worth telling; or
        there are faults, which come with those of the data, models and devices that can be seen.
    """
    from mu2.config import read
    from mu2.config.linter import Faults

    if lost := quote_errors(options.bindings):
        raise Faults(lost)
    reading = read(options.files, options.bindings)
    if reading.faults:
        from mu2.config.validation import validate

        validate(reading.faults, reading.made, reading.place, absent=None if data else [])
    for warning in reading.warnings if warn else ():
        sys.stderr.write(f"mu2: warning: {warning}\n")
    return reading


def write_text(text: str) -> None:
    """Prints a line on standard output, which is the command's product; see `errors.shown`."""
    sys.stdout.write(f"{shown(text)}\n")


def write_lines(lines: Iterable[str]) -> None:
    """Prints lines on standard output, each as `write_text` does."""
    for line in lines:
        write_text(line)


def write_json(document: Mapping[str, Any]) -> None:
    """Prints the one document of `--json`."""
    from mu2.system.documents import pretty

    sys.stdout.write(f"{pretty(document)}\n")


def quote_errors(bindings: Sequence[str]) -> list[Mu2Error]:
    """The bindings whose value is a string that lost its quotes, most likely to the shell."""
    faults = []
    for binding in bindings:
        name, _, value = binding.partition("=")
        if _has_bare_word(value):
            bare = re.fullmatch(r"[^\s'\"(){}\[\],]+(\[[^\s'\"]*\])?(\+\S+)?", value)
            right = f"'\"{value}\"'" if bare else f"'{value}', with each string in double quotes"
            faults.append(
                Mu2Error(
                    f"{BINDING}{binding}: a string without quotes; the shell takes one pair away.",
                    hint=f"Write {BINDING}{name}={right}.",
                )
            )
    return faults


def _has_bare_word(value: str) -> bool:
    """Whether a Gin value holds a name that is neither a literal nor a reference or macro."""
    literal = re.sub(r"@[\w./]+(\(\))?|(?<![\w\]\)])%[\w./]+", "0", value)
    try:
        tree = ast.parse(literal, mode="eval")
    except (SyntaxError, ValueError):
        return re.match(r"[A-Za-z_./~]", literal) is not None
    return any(isinstance(node, ast.Name) for node in ast.walk(tree))
