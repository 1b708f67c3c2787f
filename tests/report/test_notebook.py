"""What a notebook shows of a system, a report and a figure."""

import html
import re

import pytest

import mu2
from mu2.report.table_chart import table_chart
from tests import shrunken
from tests.report.test_html import HOSTILE
from tests.report.written import write_system


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return shrunken.evolved(tmp_path_factory)


def test_a_system_shows_its_table(run):
    shown = mu2.open(run.directory)._repr_html_()
    for task in run.system.tasks:
        assert f"<td>{task}</td>" in shown


def test_a_report_shows_its_page_in_a_frame(run, tmp_path):
    report = mu2.open(run.directory).report(run.directory)
    (inside,) = re.findall(r'srcdoc="([^"]*)"', report._repr_html_())
    assert html.unescape(inside) == report.html
    report.save(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == report.html


def test_a_plot_shows_itself(run, tmp_path):
    plot = mu2.open(run.directory).plot("curves", task="latin")
    assert plot._repr_png_().startswith(b"\x89PNG")
    plot.save(tmp_path / "x.pdf")
    assert (tmp_path / "x.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(mu2.Mu2Error, match="no kind"):
        mu2.open(run.directory).plot("curve")


def test_hostile_names_are_text(tmp_path):
    write_system(tmp_path / "system", len(HOSTILE), 3, HOSTILE.__getitem__)
    shown = mu2.open(tmp_path / "system")._repr_html_()
    assert "<img" not in shown
    assert "<script" not in shown
    assert html.escape(HOSTILE[1]) in shown


def test_a_table_is_a_point_a_column():
    def stat(mean, spread):
        return {"mean": mean, "spread": spread}

    whole = {"test_accuracy": stat(0.9, 0.01), "accounted_parameters": stat(1000.0, 2.0)}
    columns = [{"name": "ours", "whole": whole}, {"name": "none", "whole": None}]
    chart = table_chart({"table": "t", "columns": columns})
    (series,) = chart.series
    assert (series.name, series.x, series.y, series.spread) == ("ours", (1000.0,), (0.9,), (0.01,))
    assert table_chart({"table": "t", "columns": columns[1:]}) is None
