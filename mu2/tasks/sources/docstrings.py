"""Texts that come with Python: lines of the documentation in its standard library."""

import ast
import dataclasses
import functools
import hashlib
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np

from mu2.errors import Mu2Error
from mu2.tasks.reader import Arrays, Reader
from mu2.tasks.sources.split_source import SplitSource
from mu2.tasks.text import to_bytes

# class: where its docstrings stand in the standard library.
_CLASSES = {
    "asyncio": "asyncio",
    "decimal": "_pydecimal.py",
    "email": "email",
    "http": "http",
    "importlib": "importlib",
    "logging": "logging",
    "unittest": "unittest",
    "xml": "xml",
}

# Of 20 docstrings, as many are in each split; which is a matter of the docstring's digest.
_SHARES = {"train": 14, "validation": 3, "test": 3}

# Shorter lines are headings, examples' outputs and the like.
_SHORTEST = 20


@dataclasses.dataclass(frozen=True)
class Docstrings(SplitSource):
    """Which part of Python's standard library is a line of documentation from? Needs no download.

    The lines, of at least 20 characters, of the docstrings of eight packages: asyncio, decimal,
    email, http, importlib, logging, unittest and xml. A line that occurs twice counts once, and
    one that occurs in two packages is left out. Seven in ten docstrings are 'train', the others
    'validation' and 'test' in equal parts, each with all its lines, so that a docstring is not
    learnt from its one half to recognise the other. About 5,000 training lines.

    Read from the files of the Python that runs, so that another version of Python, or the same
    packed without its tests, has other lines: results compare between runs of one Python only. A
    docstring that did not change from one version to the next stays in its split.

    Source: the Python Software Foundation, PSF License.
    """

    input: ClassVar[str] = "text"

    def num_classes(self) -> int:
        """Eight."""
        return len(_CLASSES)

    def class_names(self) -> tuple[str, ...]:
        """The packages, by name."""
        return tuple(_CLASSES)

    def splits(self) -> tuple[str, ...]:
        """'train', 'validation' and 'test'."""
        return tuple(_SHARES)

    def reader(self, split: str) -> Reader:
        """The selected examples, in memory, whole.

        Raises:
          Mu2Error: this Python comes without the sources of its library; the expression is wrong
            or selects nothing.
        """
        spans = self._spans(split)
        lines = _lines(sysconfig.get_path("stdlib"))
        chosen = [each for span in spans for each in lines[span.split][span.start : span.stop]]
        labels = np.array([label for _, label in chosen], np.int32)
        return Arrays([to_bytes(text) for text, _ in chosen], labels)

    @property
    def _owner(self) -> str:
        return "Docstrings"

    def _sizes(self) -> dict[str, int]:
        lines = _lines(sysconfig.get_path("stdlib"))
        return {split: len(found) for split, found in lines.items()}


@functools.cache
def _lines(library: str) -> dict[str, list[tuple[str, int]]]:
    """Text and label of the lines of each split, in the order of their digests."""
    where: dict[str, set[tuple[int, str]]] = {}
    for label, (name, place) in enumerate(_CLASSES.items()):
        found = 0
        for docstring in _docstrings(Path(library, place)):
            share = _digest(docstring) % sum(_SHARES.values())
            split = next(s for s, end in _ends() if share < end)
            for line in map(str.strip, docstring.splitlines()):
                if len(line) >= _SHORTEST:
                    where.setdefault(line, set()).add((label, split))
                    found += 1
        if not found:
            raise Mu2Error(
                f"Docstrings finds no sources of {name!r} in {library}.",
                hint="This Python comes without the sources of its library; use another.",
            )
    lines: dict[str, list[tuple[str, int]]] = {split: [] for split in _SHARES}
    for line in sorted(where, key=_digest):
        places = where[line]
        if len({label for label, _ in places}) == 1:
            label = min(places)[0]
            # Of the splits that it occurs in, the one to train on.
            split = next(s for s in _SHARES if (label, s) in places)
            lines[split].append((line, label))
    return lines


def _ends() -> list[tuple[str, int]]:
    return [(s, sum(list(_SHARES.values())[: i + 1])) for i, s in enumerate(_SHARES)]


def _docstrings(place: Path) -> Iterator[str]:
    """The docstrings of a file, or of all files in a folder; no line of them is run."""
    files = [place] if place.suffix else sorted(place.rglob("*.py"))
    for file in files:
        try:
            tree = ast.parse(file.read_bytes(), str(file))
        except (OSError, SyntaxError, ValueError):
            continue  # whether any was found is looked at by the caller
        for node in ast.walk(tree):
            kinds = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
            if isinstance(node, kinds) and (docstring := ast.get_docstring(node)):
                yield docstring


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:8], "big")
