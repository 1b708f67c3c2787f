"""The pages that are made from the code: commands, constructors, hyperparameters, Gin files.

`make docs` writes them into `docs/generated/`; they are not committed.
"""

import contextlib
import inspect
import io
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from unittest import mock

from mu2.cli import main
from mu2.cli.catalogue import files, text_of_default
from mu2.cli.list import CONFIGURABLES, TITLES
from mu2.cli.registry import NAMES
from mu2.config import vocabulary
from mu2.config.documentation import (
    configurables,
    constructor_doc,
    hyperparameter_notes,
    parameter_docs,
)
from mu2.config.linter import HOLDERS, words_of

# Sections of a docstring that the list of parameters tells, or that a caller in Python reads.
SECTIONS = ("Args:", "Attributes:", "Raises:", "Returns:")


def write_pages(folder: Path) -> None:
    """Writes all pages; those that have not changed keep their time, so that builds are short."""
    folder.mkdir(exist_ok=True)
    for name, page in pages().items():
        path = folder / f"{name}.md"
        if not path.is_file() or path.read_text(encoding="utf-8") != page:
            path.write_text(page, encoding="utf-8")


def pages() -> dict[str, str]:
    """Name of a page to its Markdown."""
    made = {
        "commands": command_lines(),
        "constructors": constructor_lines(),
        "hyperparameters": hyperparameter_lines(),
        "files": file_lines(),
    }
    return {name: "\n".join(lines) + "\n" for name, lines in made.items()}


def command_lines() -> Iterator[str]:
    """What `mu2 NAME --help` says, the keys of each JSON document included."""
    yield "# Commands"
    yield ""
    yield "What `mu2 NAME --help` says of each command. With `--json` a command that shows"
    yield "something prints one JSON document; its keys are told here as well. Exit codes: 0 done,"
    yield "2 a fault in what was given, 130 interrupted. `python -m mu2` is the same command."
    for name in NAMES:
        yield from ("", f"## mu2 {name}", "", *block(help_text(name)))


def help_text(command: str) -> str:
    """What a command says of itself, in lines of at most 96 characters."""
    told = io.StringIO()
    with mock.patch.dict(os.environ, COLUMNS="98"), contextlib.redirect_stdout(told):
        main([command, "--help"])
    return told.getvalue().strip()


def constructor_lines() -> Iterator[str]:
    """Every constructor that a Gin file can name, with its parameters."""
    known = vocabulary().configurables
    yield "# Gin constructors"
    yield ""
    yield "What a Gin file can name, from the docstrings of the constructors themselves."
    yield "`mu2 explain NAME` says the same, and where each parameter is set."
    for kind, names in configurables().items():
        yield from ("", f"## {CONFIGURABLES.get(kind, kind.capitalize())}")
        for name in names:
            make = known[name].make
            yield from ("", f"### {name}", "")
            yield from prose(constructor_doc(make))
            if name in HOLDERS:
                yield from ("", "Takes [hyperparameters](hyperparameters.md) by name.")
                continue
            defaults, told = inspect.signature(make).parameters, parameter_docs(make)
            if known[name].parameters:
                yield ""
            for each in known[name].parameters.values():
                default = defaults[each.name].default
                said = "must be set" if each.required else f"default `{text_of_default(default)}`"
                yield f"- `{name}.{each.name}`: {escaped(words_of(each.annotation))}; {said}."
                if each.name in told:
                    yield f"  {escaped(told[each.name][:1].upper() + told[each.name][1:])}"


def hyperparameter_lines() -> Iterator[str]:
    """Every hyperparameter, its values and what it is for."""
    known = vocabulary()
    yield "# Hyperparameters"
    yield ""
    yield "Each may be set by `Hyperparameters.NAME`, where evolution begins, and may move along"
    yield "`Ranges.NAME`, an ordered list, or among `Choices.NAME`. `mu2 explain NAME` says which"
    yield "Gin files set it."
    for name, kind in {**known.hyperparameters, **known.model_hyperparameters}.items():
        doc, users = hyperparameter_notes(name)
        yield from ("", f"## {name}", "")
        yield f"{escaped(words_of(kind))[:1].upper()}{escaped(words_of(kind))[1:]}."
        if users:
            yield f"Used by {escaped(', '.join(users))}."
        if doc:
            yield escaped(doc[:1].upper() + doc[1:])


def file_lines() -> Iterator[str]:
    """Every Gin file that comes with mu2, with the comment it opens with."""
    yield "# The Gin files of mu2"
    yield ""
    yield "What can be included, by the name that `include` takes, with the comment each file opens"
    yield "with. `mu2 explain NAME` shows what a file sets as well."
    own = [file for file in files() if file.package == "mu2"]
    for kind in dict.fromkeys(file.kind for file in own):
        yield from ("", f"## {TITLES.get(kind, kind.capitalize())}")
        for file in (each for each in own if each.kind == kind):
            yield from ("", f"### {file.name}", "", *block(file.header))


def block(text: str) -> Iterable[str]:
    """Lines that are shown as they stand."""
    return ("```text", *text.splitlines(), "```")


def prose(text: str) -> Iterator[str]:
    """A docstring as Markdown, without its sections; what is indented by four stays as it is."""
    told = True
    for line in text.splitlines():
        if line and not line.startswith(" "):
            told = line not in SECTIONS
        if told:
            yield line if line.startswith("    ") else escaped(line)


def escaped(text: str) -> str:
    """Text whose signs mean nothing to Markdown, but for those in `code`."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if i % 2 else re.sub(r"([\\*_<>\[\]#])", r"\\\1", part) for i, part in enumerate(parts)
    )
