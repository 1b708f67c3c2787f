"""The page as text: its bytes and size, what it may ask for, names that would be markup."""

import base64
import hashlib
import html
import json
import re

import numpy as np
import pytest

from mu2 import cli
from mu2.report.html.pack import pack_choices, pack_integers, pack_matrix, pack_shares
from mu2.report.html.page import report_page, script_json
from mu2.report.layout import layout_graph, merge_orders
from mu2.report.reading import read_history
from tests.report.written import write_system

HOSTILE = (
    '</script><script>alert("task")</script>',
    "<img src=x onerror=alert(1)>",
    "$x_1$ & \\textbf{bold} `code` |cell| [link](http://a.example)",
    "\u202eright to left\u2028new line",
    "'; DROP TABLE tasks; --",
)
NUMPY = {"u8": "<u1", "u16": "<u2", "u32": "<u4", "i32": "<i4", "f32": "<f4", "f64": "<f8"}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    directory = tmp_path_factory.mktemp("written") / "<b>system</b>"
    write_system(directory, len(HOSTILE), 6, HOSTILE.__getitem__, classes=HOSTILE)
    return directory


@pytest.fixture(scope="module")
def page(hostile):
    return report_page([read_history(hostile)])


def data_of(page):
    return json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])


def unpacked(packed):
    return np.frombuffer(base64.b64decode(packed["data"]), NUMPY[packed["type"]])


def test_hostile_names_stay_text(page):
    tags = re.findall(r"<(?!/)([a-z]+)", re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL))
    assert "img" not in tags
    assert "b" not in tags
    assert page.count("<script") == 2  # the data and the program
    assert page.count("</script>") == 2
    names = [task["name"] for task in data_of(page)["systems"][0]["tasks"]]
    assert names == list(HOSTILE)
    assert html.escape(HOSTILE[0]) in page  # the table for readers without scripts


def test_the_program_makes_no_markup_of_text():
    folder = __import__("mu2.report.html.page", fromlist=["page"]).__file__.rpartition("/")[0]
    from pathlib import Path

    for file in Path(folder).glob("*.js"):
        text = file.read_text()
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert word not in text, (file.name, word)


def test_it_asks_nothing_of_any_network(page):
    """Only the program whose digest the policy names may run, and nothing may be fetched."""
    policy = html.unescape(re.search(r'Content-Security-Policy" content="(.*?)"', page)[1])
    assert policy.startswith("default-src 'none'")
    program = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)[-1]
    digest = base64.b64encode(hashlib.sha256(program.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    outside = re.sub(r'id="data">.*?</script>', "", page, flags=re.DOTALL)
    outside = re.sub(r"<noscript>.*?</noscript>", "", outside, flags=re.DOTALL)
    assert set(re.findall(r"https?://[^\"' ]+", outside)) <= {"http://www.w3.org/2000/svg"}


def test_its_bytes_are_the_same_each_time(hostile, tmp_path, capsys):
    for name in ("one.html", "two.html"):
        assert cli.main(["report", str(hostile), "--to", str(tmp_path / name)]) == 0
    assert (tmp_path / "one.html").read_bytes() == (tmp_path / "two.html").read_bytes()
    assert "two.html" in capsys.readouterr().out


def test_columns_come_back_as_they_were(hostile, page):
    history, system = read_history(hostile), data_of(page)["systems"][0]
    children = system["children"]
    names = [task["name"] for task in system["tasks"]]
    assert [names[i] for i in unpacked(children["task"])] == [c.task for c in history.children]
    assert np.allclose(unpacked(children["score"]), [c.score for c in history.children])
    assert unpacked(children["parameters"]).tolist() == [c.parameters for c in history.children]
    rate = children["hyperparameters"]["learning_rate"]
    rates = [rate["values"][i] for i in unpacked(rate)]
    assert rates == [c.hyperparameters["learning_rate"] for c in history.children]
    for parent, child in zip(unpacked(children["parent"]), history.children, strict=True):
        outside = children["outside"]["values"]
        assert parent == -1 or history.children[parent].path == child.parent
        assert parent >= 0 or child.parent in outside


@pytest.mark.parametrize(
    ("values", "kind"),
    [([0, 255], "u8"), ([256], "u16"), ([1 << 20], "u32"), ([-1, 5], "i32"), ([1 << 40], "f64")],
)
def test_integers_take_the_narrowest_type(values, kind):
    packed = pack_integers(values)
    assert packed["type"] == kind
    assert unpacked(packed).tolist() == values


def test_choices_tell_equal_values_of_other_types_apart():
    packed = pack_choices([1, True, 1.0, "1", None, [1], 1])
    assert [packed["values"][i] for i in unpacked(packed)] == [1, True, 1.0, "1", None, [1], 1]
    assert [type(value) for value in packed["values"]] == [int, bool, float, str, type(None), list]


def test_shares_keep_four_digits():
    packed = pack_shares([0.0, 1.0, 0.97104, None])
    steps = np.frombuffer(base64.b64decode(packed["data"]), "<u2")
    assert steps.tolist()[:2] == [0, 65534]
    assert abs(steps[2] / 65534 - 0.97104) < 1e-5
    assert steps[3] == 65535


@pytest.mark.parametrize("matrix", [np.eye(40), np.arange(12.0).reshape(3, 4), np.empty((0, 3))])
def test_a_matrix_comes_back(matrix):
    matrix = np.where(matrix == 7, np.nan, matrix)
    packed = pack_matrix(matrix)
    values = unpacked(packed["values"]).astype(float)
    if packed["lengths"] is not None:
        values = np.repeat(values, unpacked(packed["lengths"]))
    back = values.reshape(packed["columns"], packed["rows"]).T
    np.testing.assert_array_equal(back, matrix)


def test_json_in_a_script_cannot_end_it():
    text = script_json({"name": "</script><!--<script>\u2028"})
    assert "<" not in text
    assert "\u2028" not in text
    assert json.loads(text) == {"name": "</script><!--<script>\u2028"}


def test_the_layout_has_a_column_a_layer_and_a_row_a_task(hostile):
    history = read_history(hostile)
    layout = layout_graph(history)
    assert [row.task for row in layout.rows] == [None, *HOSTILE]
    assert next(iter(layout.columns)) == "embedding"
    assert list(layout.columns)[-1] == "head"
    places = [(node.x, node.y) for node in layout.nodes.values()]
    assert len(places) == len(set(places))
    for path in history.paths.values():
        across = [layout.nodes[c].x for c in path.components]
        assert across == sorted(across)
    sizes = {history.components[c].size: node.width for c, node in layout.nodes.items()}
    ordered = [sizes[size] for size in sorted(sizes)]
    assert ordered == sorted(ordered)


def test_orders_are_merged_where_a_name_first_stands():
    assert merge_orders([["a", "b", "z"], ["a", "x", "b", "z"], ["q", "z"]]) == [
        *("q", "a", "x", "b", "z"),
    ]


def test_two_systems_are_compared(hostile, tmp_path):
    other = tmp_path / "other"
    write_system(other, 3, 4, HOSTILE.__getitem__, seed=1)
    data = data_of(report_page([read_history(hostile), read_history(other)]))
    compared = data["comparison"]
    assert [task for task, _ in compared["tasks"]] == list(HOSTILE)
    assert compared["tasks"][4][1][1] is None
    assert [chart["kind"] for chart in compared["charts"]] == ["comparison", "efficiency"]


def test_a_system_without_a_path_has_a_page(tmp_path):
    from mu2.system.writable import WritableSystem

    with WritableSystem.extend(tmp_path / "new") as system:
        system.start_run("Experiment.seed = 3\n")
    assert data_of(report_page([read_history(tmp_path / "new")]))["systems"][0]["charts"] == []


def test_no_system_no_page(tmp_path, capsys):
    assert cli.main(["report", str(tmp_path), "--to", str(tmp_path / "page.html")]) == 2
    assert "no mu2 system" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()
