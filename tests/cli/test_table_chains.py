"""`mu2 table`: segments of a chain, and columns of another table."""

import shutil

from mu2.system import System
from mu2.tables import open_table
from tests import shrunken
from tests.cli.tables import TINY, refused, told, written


def test_segments_of_a_chain_are_runs_of_one_system(tmp_path, capsys):
    once = shrunken.merged(*shrunken.SMALL[1:], shrunken.ONCE)
    after = ""
    for name in ("digits", "latin"):
        lines = [
            f"include '{shrunken.FILE}'",
            *[line for line in once if not line.startswith("Stream.tasks")],
            f"Stream.tasks=(@{name}/Task(),)",
            "Table.columns = (@all/Column(),)",
            "Table.segment_of = 'both'",
            "all/Column.name = 'all'",
        ]
        file = written(tmp_path, "\n".join([*lines, after]), f"{name}.gin")
        after = f"Table.after = '{file}'\n"
    words = ["--system", str(tmp_path / "chain")]
    for name in ("latin", "digits"):  # the first table runs both, the second nothing
        document = told(capsys, tmp_path / f"{name}.gin", *words)
        (column,) = document["columns"]
        assert [task["task"] for task in column["tasks"]] == [name]
        assert column["continual"]["matrices"][0]["visits"] == ["digits", "latin"]
    assert System.open(tmp_path / "chain/all/seed-0").progress.runs == 2
    assert open_table(str(tmp_path / "latin.gin")).home == "both_segments"
    shutil.rmtree(tmp_path / "chain")


def test_a_chain_that_has_no_beginning_is_refused(tmp_path, capsys):
    for name, after in (("a", "b"), ("b", "a")):
        text = TINY + f"Table.segment_of = 'both'\nTable.after = '{tmp_path / after}.gin'\n"
        written(tmp_path, text, f"{name}.gin")
    said = refused(capsys, tmp_path / "a.gin", "--no-run", "--system", tmp_path / "new")
    assert "which comes after this table itself" in said
    assert "b.gin:" in said
