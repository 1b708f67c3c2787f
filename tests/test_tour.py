"""The tour notebook: its cells run in order, and what they end with shows itself."""

import ast
import json

import pytest

from tests.imports import ROOT

# What Jupyter asks a value for, the richest first.
RICH = ("_repr_html_", "_repr_png_")


def run_cell(source, names):
    """Runs a cell as a notebook does; returns the value of its last expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names)


@pytest.mark.slow
def test_the_tour_runs(monkeypatch):
    monkeypatch.chdir(ROOT)
    notebook = json.loads((ROOT / "docs/tour.ipynb").read_text(encoding="utf-8"))
    names, shown = {}, []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            value = run_cell("".join(cell["source"]), names)
            for method in RICH:
                if hasattr(value, method):
                    shown.append(getattr(value, method)())
                    break
    table, page, *figures = shown
    assert "latin" in table
    assert "<iframe" in page
    assert [figure[:4] for figure in figures] == 3 * [b"\x89PNG"]
    assert "head" in names["params"]
