"""Gin files as data: every statement of every file and include, with its place.

Parsing is Gin's own; what it lacks is added here: it goes on after a fault, so that all of them can
be told at once, and every value knows where it stands.
"""

import dataclasses
import os
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import gin.config_parser as config_parser

from mu2.config.linter.faults import explain
from mu2.config.linter.files import RENAMED, gin_files, is_file
from mu2.errors import Mu2Error, did_you_mean

MACRO = "macro"
# More than this is no experiment, and is not read.
MOST_LINES, LARGEST_FILE, MOST_FILES, DEEPEST_INCLUDE = 20_000, 1 << 20, 1000, 50
LONGEST_NAME = 255
FLAG = "--gin."
# Gin lets a selector be qualified by its module; all of ours are registered under this one.
MODULE = "mu2."
# What the parser and Python's tokenizer raise, between them, on text that is no Gin.
UNREADABLE = (
    SyntaxError,
    tokenize.TokenError,
    StopIteration,
    ValueError,
    TypeError,
    RecursionError,
)


@dataclasses.dataclass(frozen=True)
class Reference:
    """`@scope/name`, `@scope/name()` or `%name` in a value; the last has the name `macro`.

    Attributes:
      scope: the scopes, joined by `/`; a macro's name.
      name: the configurable.
      called: it is evaluated.
      location: where it stands.
    """

    scope: str
    name: str
    called: bool
    location: str = dataclasses.field(default="", compare=False)

    def __str__(self) -> str:
        if self.name == MACRO:
            return f"%{self.scope}"
        scope = f"{self.scope}/" if self.scope else ""
        return f"@{scope}{self.name}{'()' if self.called else ''}"


@dataclasses.dataclass(frozen=True)
class Binding:
    """`scope/selector.parameter = value`; a macro `name = value` has name as scope.

    Attributes:
      value: literals, references, and containers of both.
      location: `file:line`, or the flag.
      source: the file, or "" for the command line.
      head: where the selector stands; in a block that is its first line.
      chain: the files by which it came, from the one that was asked for to the one it stands in;
        empty for the command line.
    """

    scope: str
    selector: str
    parameter: str
    value: Any
    location: str
    source: str
    head: str
    chain: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str]:
        """What is bound."""
        return self.scope, self.selector, self.parameter

    def __str__(self) -> str:
        if self.selector == MACRO:
            return self.scope
        return f"{self.scope}/{self.name}" if self.scope else self.name

    @property
    def name(self) -> str:
        """`selector.parameter`."""
        return f"{self.selector}.{self.parameter}"


@dataclasses.dataclass(frozen=True)
class Statements:
    """All that was read.

    Attributes:
      bindings: in the order in which they take effect.
      faults: what could not be read.
      first: the first place, where a fault of the whole is told.
    """

    bindings: tuple[Binding, ...]
    faults: tuple[Mu2Error, ...]
    first: str | None


NOTHING = Statements((), (), None)


def references(value: Any) -> Iterator[Reference]:
    """The references in a value, however deep."""
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from references(key)
            yield from references(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from references(item)


def text_of(value: Any) -> str:
    """A value as Gin reads it."""
    if isinstance(value, tuple):
        return f"({', '.join(map(text_of, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, list):
        return f"[{', '.join(map(text_of, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{text_of(k)}: {text_of(v)}' for k, v in value.items())}}}"
    return str(value) if isinstance(value, Reference) else repr(value)


def read(
    files: Sequence[str], bindings: Sequence[str], search_paths: Sequence[Path] = ()
) -> Statements:
    """Reads Gin files and their includes, then the bindings of the command line.

    Args:
      files: names as given; see `_Reader.find` for where they are looked for.
      bindings: `NAME=VALUE`, as after `--gin.`.
      search_paths: folders to look in, after the working directory and the including file's.
    """
    reader = _Reader(search_paths)
    for name in files:
        reader.file(name, including=None, location=None)
    for binding in bindings:
        reader.text(binding, shown=f"{FLAG}{binding}", path=None)
    first = f"{reader.shown[0]}:1" if reader.shown else None
    return Statements(tuple(reader.bindings), tuple(reader.faults), first)


def read_parts(names: Sequence[str], by: Binding, search_paths: Sequence[Path]) -> Statements:
    """Reads the files that a binding names as if the file it stands in included them.

    Args:
      names: of the files.
      by: the binding; of the command line, the files are found as those of the command line.
      search_paths: as for `read`.
    """
    reader = _Reader(search_paths)
    reader.inside(by.chain)
    for name in names:
        reader.file(name, Path(by.source) if by.source else None, by.location)
    return Statements(tuple(reader.bindings), tuple(reader.faults), None)


class _Delegate(config_parser.ParserDelegate):  # type: ignore[misc]
    """Makes references where Gin would look up configurables."""

    def __init__(self, shown: str, is_file: bool):
        self._shown, self._is_file = shown, is_file
        self.line = 1

    def place(self, line: int) -> str:
        return f"{self._shown}:{line}" if self._is_file else self._shown

    def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> Reference:
        *scopes, name = scoped_configurable_name.split("/")
        location = self.place(self.line)
        return Reference("/".join(scopes), name.removeprefix(MODULE), evaluate, location)

    def macro(self, macro_name: str) -> Reference:
        return Reference(macro_name, MACRO, True, self.place(self.line))


class _Parser(config_parser.ConfigParser):  # type: ignore[misc]
    """Tells the delegate the line of each reference; a value may stretch over many lines."""

    def __init__(self, text: str, delegate: _Delegate):
        self._places = delegate
        super().__init__(text, delegate)

    def _maybe_parse_configurable_reference(self) -> tuple[bool, Any]:
        self._places.line = self.current_token.start[0]
        return super()._maybe_parse_configurable_reference()

    def _maybe_parse_macro(self) -> tuple[bool, Any]:
        self._places.line = self.current_token.start[0]
        return super()._maybe_parse_macro()


class _Reader:
    """Collects bindings and faults over files, includes and flags."""

    def __init__(self, search_paths: Sequence[Path]):
        self._search_paths = search_paths
        self._open: list[tuple[Path, str]] = []  # the file being read and those that include it
        self.shown: list[str] = []
        self._told = False
        self.bindings: list[Binding] = []
        self.faults: list[Mu2Error] = []

    def inside(self, chain: Sequence[str]) -> None:
        """What is read from now on is included by the last of these files."""
        self._open += [(Path(shown).resolve(), shown) for shown in chain]

    def find(self, name: str, including: Path | None) -> Path | None:
        """A file by its name: as given, beside the including file, then in the search paths."""
        beside = [including.parent] if including else []
        for folder in (Path(), *beside, *self._search_paths):
            if is_file(folder / name):
                return folder / name
        return None

    def file(self, name: str, including: Path | None, location: str | None) -> None:
        """Reads one file, asked for on the command line or by an include at `location`."""
        path = self.find(name, including)
        if path is None:
            self._missing(name, including, location)
            return
        if len(self._open) == DEEPEST_INCLUDE or len(self.shown) == MOST_FILES:
            self._too_many(location)
            return
        shown = os.path.normpath(path)
        real = path.resolve()
        opened = [open_path for open_path, _ in self._open]
        if real in opened:
            chain = [label for _, label in self._open[opened.index(real) :]]
            self._fault(
                f"{shown} includes itself: {' > '.join([*chain, shown])}.",
                location,
                "Remove one of these includes.",
            )
            return
        try:
            if path.stat().st_size > LARGEST_FILE:
                self._fault(f"{shown} has more than {LARGEST_FILE:,} bytes.", location, None)
                return
            content = path.read_bytes()
        except OSError as error:
            self._fault(f"{shown}: {error.strerror}.", location, None)
            return
        self.shown.append(shown)
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            self._fault(
                f"byte {content[error.start]:#x} is not UTF-8.",
                f"{shown}:{line}",
                "Save the file as UTF-8 text.",
            )
            return
        if content.count(b"\n") > MOST_LINES:
            self._fault(
                f"the file has more than {MOST_LINES:,} lines.",
                f"{shown}:{MOST_LINES}",
                "Make it shorter: no experiment needs so many.",
            )
            return
        self._open.append((real, shown))
        self.text(text.replace("\r\n", "\n").replace("\r", "\n") + "\n", shown, path)
        self._open.pop()

    def _too_many(self, location: str | None) -> None:
        """Tells once that files include others without end."""
        if not self._told:
            self._told = True
            self._fault(
                f"more than {MOST_FILES:,} files are included, or more than {DEEPEST_INCLUDE} one "
                "in the other.",
                location,
                "Include each file once.",
            )

    def text(self, text: str, shown: str, path: Path | None) -> None:
        """Reads the statements of a file, or of a flag where `path` is None."""
        delegate = _Delegate(shown, path is not None)
        statements, error = _parse(text, delegate)
        if error is None:
            self._take(statements, delegate, shown, path)
            return
        # Some statement is broken: read each alone, to tell every fault and keep the others.
        before = len(self.faults)
        for line, chunk in _chunks(text):
            statements, found = _parse("\n" * (line - 1) + chunk, delegate)
            self._take(statements, delegate, shown, path)
            if found is not None:
                self._unreadable(found, line, chunk, delegate)
        if len(self.faults) == before:
            self._unreadable(error, 1, text, delegate)

    def _take(
        self, statements: Sequence[Any], delegate: _Delegate, shown: str, path: Path | None
    ) -> None:
        head = None
        for statement in statements:
            location = delegate.place(statement.location.line_num)
            if isinstance(statement, config_parser.IncludeStatement):
                self.file(statement.filename, path, location)
            elif isinstance(statement, config_parser.ImportStatement):
                self._fault(
                    f"'{statement.format()}': a Gin file of mu2 imports nothing.",
                    location,
                    "Remove the line; all that mu2 offers is known without it.",
                )
            elif isinstance(statement, config_parser.BlockDeclaration):
                head = (location, statement.scope, statement.selector)
            else:
                in_block = head is not None and head[1:] == (statement.scope, statement.selector)
                self.bindings.append(
                    _binding(
                        statement,
                        location,
                        source=shown if path else "",
                        head=head[0] if in_block and head else location,
                        chain=tuple(label for _, label in self._open) if path else (),
                    )
                )

    def _fault(self, message: str, location: str | None, hint: str | None) -> None:
        self.faults.append(Mu2Error(message, location=location, hint=hint))

    def _missing(self, name: str, including: Path | None, location: str | None) -> None:
        beside = [including.parent] if including else []
        known = gin_files([*beside, *self._search_paths])
        what = "there is no such Gin file"
        if len(name) <= LONGEST_NAME and "\0" not in name:
            known.update(str(file) for file in Path(name).parent.glob("*.gin"))
            what = "is a folder, no Gin file" if Path(name).is_dir() else what
        short = name if len(name) <= LONGEST_NAME else f"{name[:60]}…"
        new = RENAMED.get(name)
        hint = f"What it had is in {new!r} now." if new else did_you_mean(short, known)
        self._fault(f"{short!r}: {what}.", location, hint)

    def _unreadable(self, error: BaseException, line: int, chunk: str, delegate: _Delegate) -> None:
        """The fault of a statement that does not parse; `line` is where it begins."""
        line, message, hint = explain(error, chunk, line)
        self._fault(message, delegate.place(line), hint)


def _binding(
    statement: Any, location: str, source: str, head: str, chain: tuple[str, ...]
) -> Binding:
    scope, selector = statement.scope, statement.selector.removeprefix(MODULE)
    if not statement.arg_name:
        name = f"{scope}/{statement.selector}" if scope else statement.selector
        return Binding(name, MACRO, "value", statement.value, location, source, head, chain)
    return Binding(
        scope, selector, statement.arg_name, statement.value, location, source, head, chain
    )


def _parse(text: str, delegate: _Delegate) -> tuple[list[Any], BaseException | None]:
    """The statements up to the first that does not parse, and why it does not."""
    statements = []
    try:
        parser = _Parser(text, delegate)
        # A parser that is iterated ends silently where its tokens end within a statement.
        while (statement := parser.parse_statement()) is not None:
            statements.append(statement)
    except UNREADABLE as error:
        return statements, error
    return statements, None


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """The first line and text of what look like statements: each begins at the margin."""
    lines = text.split("\n")
    starts = [
        i
        for i, line in enumerate(lines)
        if line and not line[0].isspace() and line[0] not in "#)]},@%'\""
    ]
    ends = [*starts[1:], len(lines)]
    loose = starts[0] if starts else len(lines)
    if any(line.split("#")[0].strip() for line in lines[:loose]):
        yield 1, "\n".join(lines[:loose]) + "\n"
    for start, end in zip(starts, ends, strict=True):
        yield start + 1, "\n".join(lines[start:end]) + "\n"
