"""The code blocks of README, CONTRIBUTING and docs, each with what the page says of it."""

import dataclasses
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Fences of `text` are output; those in braces are Sphinx's directives.
SHOWN = re.compile(r"text|\{.*")
MARKER = re.compile(r"<!-- (needs|run by|in|file:) (.+) -->")


@dataclasses.dataclass(frozen=True)
class Block:
    """One code block.

    Attributes:
      place: file and line of its first line.
      language: of its fence.
      text: what stands in it.
      kind: of the comment above it: `needs`, `run by`, `in` or `file:`; None: it is to be run.
      value: what the comment says: what is needed, or a file.
    """

    place: str
    language: str
    text: str
    kind: str | None = None
    value: str = ""


def pages() -> list[str]:
    """The pages that are written by hand."""
    made = ("generated", "_build")
    docs = (ROOT / "docs").rglob("*.md")
    found = [p for p in docs if p.relative_to(ROOT / "docs").parts[0] not in made]
    names = sorted(path.relative_to(ROOT).as_posix() for path in found)
    return ["README.md", "CONTRIBUTING.md", *names]


def blocks(page: str, text: str | None = None) -> list[Block]:
    """The blocks of a page, or of a text that stands for it; those that are only shown left out."""
    lines = ((ROOT / page).read_text(encoding="utf-8") if text is None else text).splitlines()
    found, start = [], None
    for i, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if start is None:
            start = i
            continue
        language = lines[start][3:].strip() or "sh"
        if not SHOWN.fullmatch(language):
            marker = MARKER.fullmatch(lines[start - 1]) if start else None
            kind, value = marker.groups() if marker else (None, "")
            inside = "\n".join(lines[start + 1 : i]) + "\n"
            found.append(Block(f"{page}:{start + 2}", language, inside, kind, value))
        start = None
    assert start is None, f"{page}:{(start or 0) + 1}: a block without an end"
    return found


def spans(page: str) -> list[tuple[str, str]]:
    """The `code` in a page's sentences and tables: place and text."""
    lines = (ROOT / page).read_text(encoding="utf-8").splitlines()
    inside, text = False, []
    for line in lines:
        fence = line.startswith("```")
        text.append("" if fence or inside else line)
        inside ^= fence
    whole = "\n".join(text)
    return [
        (f"{page}:{whole.count(chr(10), 0, m.start()) + 1}", " ".join(m[1].split()))
        for m in re.finditer(r"(?<!`)`([^`]+)`(?!`)", whole)
    ]
