"""A grid of words, and how it is written as Markdown and LaTeX."""

import dataclasses
from collections.abc import Sequence

from mu2.errors import shown

_LATEX = {
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "µ": r"$\mu$",
    "±": r"$\pm$",
    "–": "--",
    "<": r"$<$",
    ">": r"$>$",
}


@dataclasses.dataclass(frozen=True)
class Grid:
    """A table of words.

    Attributes:
      title: in a line.
      head: one a column.
      rows: as wide as the head; the first `texts` columns are words, the others numbers.
      notes: a sentence or more each, below it.
      texts: columns of words, from the left.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    texts: int = 1

    def markdown(self) -> str:
        """The grid as Markdown, its title a heading."""
        marks = ["---"] * self.texts + ["---:"] * (len(self.head) - self.texts)
        lines = [f"## {shown(self.title)}", "", _row(self.head), f"| {' | '.join(marks)} |"]
        lines += map(_row, self.rows)
        for note in self.notes:
            lines += ["", _marked(note)]
        return "\n".join(lines) + "\n"

    def latex(self) -> str:
        """The grid as a LaTeX table that needs no package."""
        shape = "l" * self.texts + "r" * (len(self.head) - self.texts)
        rows = [" & ".join(map(latex, row)) + r" \\" for row in self.rows]
        notes = [rf"\par\smallskip\footnotesize {latex(note)}" for note in self.notes]
        return "\n".join(
            [
                r"\begin{table}[ht]",
                rf"\caption{{{latex(self.title)}}}",
                rf"\begin{{tabular}}{{{shape}}}",
                r"\hline",
                " & ".join(map(latex, self.head)) + r" \\",
                r"\hline",
                *rows,
                r"\hline",
                r"\end{tabular}",
                *notes,
                r"\end{table}",
                "",
            ]
        )


def latex(text: str) -> str:
    """A text with whatever means something to LaTeX escaped."""
    return "".join(_LATEX.get(letter, letter) for letter in shown(text))


def _row(words: Sequence[str]) -> str:
    return f"| {' | '.join(map(_marked, words))} |"


def _marked(text: str) -> str:
    """A text with whatever would end a cell, or begin a tag, link or image escaped."""
    escaped = "".join(f"\\{sign}" if sign in "\\|*[]" else sign for sign in shown(text))
    return escaped.replace("<", "&lt;")
