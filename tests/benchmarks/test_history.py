"""The history of measurements: lines are added, never changed, and say where they come from."""

import json
from pathlib import Path

from benchmarks.speed import history


def test_a_line_says_what_was_measured_where_and_of_which_commit(tmp_path):
    file = tmp_path / "history.jsonl"
    history.note("one", {"ratio": 0.5}, file)
    before = file.read_bytes()
    history.note("two", {"seconds": 2}, file)
    assert file.read_bytes().startswith(before)
    assert [line["kind"] for line in history.read(file=file)] == ["one", "two"]
    (line,) = history.read("one", file)
    assert line["figures"] == {"ratio": 0.5}
    assert line["machine"]["cpu"]
    assert line["machine"]["cores"] >= 1
    assert line["command"].startswith("python ")
    if (Path(__file__).parents[2] / ".git").exists():
        assert len(line["commit"]) == 40
        assert line["dirty"] in (True, False)
    assert json.loads(before)["date"].endswith("+00:00")


def test_no_history_is_empty(tmp_path):
    assert history.read(file=tmp_path / "none.jsonl") == []


def test_a_table_keeps_every_figure(capsys):
    columns = ["cost", *(f"a column of some width {i}" for i in range(4))]
    history.table(columns, [["a name", *map(str, range(1000, 1004))]])
    out = capsys.readouterr().out
    assert all(text in out for text in (*columns, "a name", "1000", "1003"))
