"""What Gin files may name and include, with what its authors say of it."""

import dataclasses
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

# Folder of a Gin file, as it is included, to what the files there are; the first that fits.
KINDS = {
    "search_spaces": "spaces",
    "gin/mutation": "methods",
    "gin/ranges": "ranges",
    "gin/budget": "budgets",
    "gin/optimizer": "optimizers",
    "gin/augmentation": "augmentations",
    "gin/stream": "streams",
    "gin/mesh": "meshes",
    "gin/executor": "executors",
    "gin/root": "roots",
    "benchmarks/tables": "tables",
}
RUNS, OTHERS = "runs", "others"
# What a Gin file of a package sets, to what it so is.
SETS = {
    r"(SearchSpace\.|Experiment\.space)": "spaces",
    r"(Mutation\.|Evolution\.|Scoring\.)": "methods",
    r"(Stream\.|Experiment\.stream)": "streams",
    r"(Layout\.|Experiment\.layout)": "meshes",
    r"Experiment\.executor": "executors",
    r"Experiment\.roots": "roots",
}
OWN = "mu2"


@dataclasses.dataclass(frozen=True)
class GinFile:
    """A Gin file that can be included.

    Attributes:
      name: by which it is included.
      kind: spaces, methods, ranges, budgets, optimizers, augmentations, streams, meshes, executors,
        roots, tables, runs or others.
      package: which brings it.
      path: where it lies.
    """

    name: str
    kind: str
    package: str
    path: Path

    @property
    def header(self) -> str:
        """The comment it opens with, without the signs."""
        return header(self.path.read_text(encoding="utf-8", errors="replace"))


def header(text: str) -> str:
    """The comment a Gin text opens with, without the signs."""
    lines = []
    for line in text.lstrip("\ufeff").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").removeprefix(" "))
    return "\n".join(lines).strip()


def first_sentence(text: str) -> str:
    """What a header or docstring begins with, in one line."""
    paragraph = " ".join(text.strip().partition("\n\n")[0].split())
    sentence = re.match(r".*?[.!?](?=\s+[A-Z0-9`@(]|$)", paragraph)
    return sentence[0] if sentence else paragraph


def files() -> list[GinFile]:
    """The Gin files of mu2 and of the packages that extend it, in the order of their kinds."""
    from mu2.config import ENTRY_POINTS, linter

    found: dict[str, GinFile] = {}
    root = linter.files_root()
    for name in sorted(linter.gin_files([root])):
        if (kind := _kind(name)) is not None:
            found[name] = GinFile(name, kind, OWN, root / name)
    for folder in linter.package_folders(ENTRY_POINTS):
        for path in sorted(folder.glob("gin/**/*.gin")):
            name = path.relative_to(folder / "gin").as_posix()
            kind = _kind(f"gin/{name}") if "/" in name else _kind_of(path)
            found.setdefault(name, GinFile(name, kind or OTHERS, folder.name, path))
    kinds = [*dict.fromkeys(KINDS.values()), RUNS, OTHERS]
    return sorted(found.values(), key=lambda f: (kinds.index(f.kind), f.package != OWN, f.name))


def _kind(name: str) -> str | None:
    for folder, kind in KINDS.items():
        if name.startswith(f"{folder}/"):
            return kind
    return RUNS if re.fullmatch(r"gin/[^/]+", name) else None


def _kind_of(path: Path) -> str:
    """What a Gin file is by what it sets and includes; a run if it does several things."""
    text = path.read_text(encoding="utf-8", errors="replace")
    kinds = {kind for pattern, kind in SETS.items() if re.search(rf"^{pattern}", text, re.M)}
    included = re.findall(r"^include\s+['\"]([^'\"]+)", text, re.M)
    kinds |= {kind for name in included if (kind := _kind(name)) is not None}
    return kinds.pop() if len(kinds) == 1 else RUNS if kinds else OTHERS


def align_columns(rows: Iterable[tuple[str, str]], width: int | None) -> Iterator[str]:
    """Names and texts in two columns; the texts wrapped where a width is given."""
    rows = [*rows]
    names = max((len(name) for name, _ in rows), default=0)
    indent = " " * (names + 4)
    for name, text in rows:
        line = f"  {name:{names}}  {text}".rstrip()
        yield line if width is None else "\n".join(wrapped(line, indent, width))


def wrapped(line: str, indent: str, width: int) -> Sequence[str]:
    """A line as several of a width, those after the first indented."""
    return textwrap.wrap(line, width, subsequent_indent=indent, break_on_hyphens=False) or [""]


def terminal_width() -> int | None:
    """Columns of the terminal on standard output; None where it is none."""
    import shutil
    import sys

    return max(60, shutil.get_terminal_size().columns) if sys.stdout.isatty() else None


def text_of_default(value: Any) -> str:
    """A default as a Gin file would write it."""
    from mu2.config.linter import text_of

    if isinstance(value, tuple):
        inner = ", ".join(map(text_of_default, value))
        return f"({inner}{',' if len(value) == 1 else ''})"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return f"@{type(value).__name__}()"
    if isinstance(value, str | int | float | bool | None):
        return text_of(value)
    return f"@{type(value).__name__}()"
