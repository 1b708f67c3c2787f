"""What others have named is shown as text: nothing of it steers a terminal, a page or a sheet."""

import csv
import io
import json

import pytest

from mu2.errors import Mu2Error, check_name, shown, shown_lines
from mu2.report.grid import Grid
from mu2.system.documents import pretty
from mu2.tables.comparison import _csv
from mu2.tasks import Task

HOSTILE = {
    "a\x1b[2Jb": r"a\x1b[2Jb",
    "a\nb": r"a\nb",
    "a\rb": r"a\rb",
    "a\u202eb": r"a\u202eb",
    "a\u2066b": r"a\u2066b",
    "a\u200eb": r"a\u200eb",
    "a\u2028b": r"a\u2028b",
    "a\x85b": r"a\x85b",
    "a\0b": r"a\x00b",
    "a\ud800b": r"a\ud800b",
    "a\U000e0041b": r"a\U000e0041b",
}
PLAIN = ["digits", "Ελληνικά", "日本語", "👩\u200d🔬", "naïve café – “x”", "a b", "\u00a0"]


@pytest.mark.parametrize(("name", "said"), HOSTILE.items())
def test_what_would_steer_is_escaped_at_every_edge(name, said):
    assert shown(name) == said
    assert shown_lines(f"x\n{name}").split("\n")[0] == "x"
    assert said in str(Mu2Error(f"task {name} is none.", location=name, hint="y"))
    told = pretty({"name": name})
    assert json.loads(told) == {"name": name}
    assert shown_lines(told) == told
    grid = Grid("t", ("task",), ((name,),), (f"of {name}",))
    for text in (grid.markdown(), grid.latex()):
        assert shown_lines(text) == text
    with pytest.raises(Mu2Error, match="cannot be seen"):
        check_name(name, "a class")
    with pytest.raises(Mu2Error, match="cannot be named"):
        Task(name, None)


@pytest.mark.parametrize("name", PLAIN)
def test_other_names_are_shown_as_they_are(name):
    assert shown(name) == name
    check_name(name, "a class")
    assert f'"{name}"' in pretty({"x": name})


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0"])
def test_cells_are_no_formulas(name):
    ((text, number, minus),) = csv.reader(io.StringIO(_csv([(name, 0.5, -0.5)])))
    assert text == f"'{name}"
    assert (number, minus) == ("0.5", "-0.5")


def test_markdown_cells_are_no_links_nor_tags():
    grid = Grid("t", ("task",), (("![x](http://e.org/x.png)|<b>*",),))
    row = grid.markdown().splitlines()[-1]
    assert row == r"| !\[x\](http://e.org/x.png)\|&lt;b>\* |"


def test_a_fault_of_several_lines_keeps_those_of_its_hint():
    fault = Mu2Error("a\nb", location="x\ny", hint="one\ntwo")
    assert str(fault) == "x\\ny: a\\nb\n  one\ntwo"
