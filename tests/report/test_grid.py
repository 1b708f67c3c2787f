"""Grids as Markdown and LaTeX."""

from mu2.report.grid import Grid, latex

GRID = Grid("a_b | c", ("name", "n"), (("x|y_z", "1 ± 2"), ("<b>", "–")), ("50% of it",))


def test_markdown_cells_cannot_be_broken():
    assert GRID.markdown().splitlines() == [
        "## a_b | c",
        "",
        "| name | n |",
        "| --- | ---: |",
        r"| x\|y_z | 1 ± 2 |",
        "| &lt;b> | – |",
        "",
        "50% of it",
    ]


def test_latex_is_escaped():
    text = GRID.latex()
    assert r"\caption{a\_b | c}" in text
    assert r"x|y\_z & 1 $\pm$ 2 \\" in text
    assert r"$<$b$>$ & -- \\" in text
    assert r"50\% of it" in text
    assert text.count(r"\hline") == 3
    assert latex("\\µ^~&") == r"\textbackslash{}$\mu$\textasciicircum{}\textasciitilde{}\&"
