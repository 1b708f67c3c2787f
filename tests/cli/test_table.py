"""`mu2 table`: the command on a table of two shrunken columns."""

import csv
import io
import json
import math
import re
from unittest import mock

import pytest

from mu2 import cli
from mu2.config import read
from mu2.config.reading import read_table
from mu2.report.summary import summarise
from mu2.store.journal import Journal
from mu2.system import System
from tests import shrunken
from tests.cli.prices import PRICES
from tests.cli.tables import TINY, refused, told, written


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return written(tmp_path_factory.mktemp("tables"), TINY)


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    return ["--prices", written(tmp_path_factory.mktemp("lists"), PRICES, "prices.json")]


@pytest.fixture(scope="module")
def made(tiny, lists, tmp_path_factory):
    """The folder of a whole table, two seeds a column."""
    folder = tmp_path_factory.mktemp("made") / "tiny"
    with shrunken.shared_programs():
        assert cli.main(["table", tiny, *lists, "--system", str(folder), "--seeds", "2"]) == 0
    return folder


def test_numbers_are_those_of_the_systems(tiny, made, lists, capsys):
    document = told(capsys, tiny, *lists, "--system", made, "--seeds", "2")
    ours, _ = document["columns"]
    assert (ours["seeds"], ours["unfinished"], ours["missing"]) == ([0, 1], [], [])
    systems = [System.open(made / "mu2net" / f"seed-{seed}") for seed in (0, 1)]
    summaries = [summarise(system) for system in systems]
    for number, task in enumerate(("digits", "latin")):
        row = ours["tasks"][number]
        both = [summary["tasks"][number] for summary in summaries]
        assert row["task"] == task
        for key in ("test_accuracy", "added_parameters", "activated_share"):
            one, two = (each[key] for each in both)
            assert row[key]["values"] == [one, two]
            assert row[key]["mean"] == pytest.approx((one + two) / 2)
            assert row[key]["spread"] == pytest.approx(abs(one - two) / math.sqrt(2))
        seconds = [sum(t["seconds"] for t in s.times if t["task"] == task) for s in systems]
        assert row["children"]["values"] == [6, 6]
        assert row["seconds"]["values"] == pytest.approx(seconds)
        hours = sum(seconds) / 2 / 3600
        assert row["device_hours"]["mean"] == pytest.approx(hours)
        assert row["money"]["mean"] == pytest.approx(hours * 36)
        assert row["kwh"]["mean"] == pytest.approx(hours * 0.1)
        assert (row["reported"], row["difference"]) == (None, None)
    whole = ours["whole"]
    assert whole["children"]["mean"] == 12
    assert whole["parameters"]["values"] == [s["parameters"] for s in summaries]
    assert whole["parameters_per_task"]["mean"] == pytest.approx(
        sum(s["parameters"] for s in summaries) / 4
    )
    accuracies = [[t["test_accuracy"] for t in s["tasks"]] for s in summaries]
    assert whole["test_accuracy"]["values"] == pytest.approx([sum(a) / 2 for a in accuracies])


def test_the_matrix_is_what_the_commits_hold(tiny, made, lists, capsys):
    document = told(capsys, tiny, *lists, "--system", made, "--seeds", "2")
    numbers = document["columns"][0]["continual"]
    one = numbers["matrices"][0]
    assert one["tasks"] == ["digits", "latin"]
    assert one["visits"] == ["digits", "latin", "digits", "latin"]
    system = System.open(made / "mu2net" / "seed-0")
    ends = [c for c in reversed(system.history()) if c["message"].endswith(" iteration")]
    for row, commit in zip(one["matrix"], ends, strict=True):
        then = System.open(system.directory, at=commit["name"])
        paths = {name: then.task(name).path for name in then.tasks}
        assert row[0] == paths["digits"].test_accuracy
        assert row[1] == (paths["latin"].test_accuracy if "latin" in paths else None)
    assert one["matrix"][0][1] is None
    assert numbers["forgetting"]["values"] == numbers["backward_transfer"]["values"] == [0, 0]
    assert (numbers["proved"], numbers["changed"]) == (True, [])
    assert numbers["average_accuracy"]["values"][0] == pytest.approx(sum(one["matrix"][-1]) / 2)


def test_hours_are_priced_by_what_columns_ran_on_or_by_choice(tiny, made, lists, capsys):
    words = [*lists, "--system", made, "--column", "µ2Net", "--no-run"]
    (device,) = told(capsys, tiny, *words)["devices"]
    assert (device["kind"], device["name"], device["price"]) == ("cpu", "chip", 36.0)
    document = told(capsys, tiny, *words, "--device", "own")
    assert (document["devices"][0]["kind"], document["devices"][0]["name"]) == ("cpu", "own")
    assert document["columns"][0]["whole"]["money"]["mean"] is None
    unknown = json.loads(json.dumps(PRICES))
    unknown["accelerators"][0]["kinds"] = ["NVIDIA L4"]
    prices = written(made.parent, unknown, "unknown.json")
    (device,) = told(capsys, tiny, *words, "--prices", prices)["devices"]
    assert (device["kind"], device["name"]) == ("cpu", None)
    text = (made / "tiny.md").read_text(encoding="utf-8")
    assert "has 'cpu' among its kinds. Add it, or choose one with --device." in text


def test_nothing_is_run_twice(tiny, made, lists, capsys):
    before = shrunken.files(made / "mu2net")
    assert cli.main(["table", tiny, *lists, "--system", str(made), "--seeds", "2"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "µ2Net" in said.out
    assert shrunken.files(made / "mu2net") == before


def test_it_is_written_beside_the_systems(tiny, made, lists, capsys):
    document = told(capsys, tiny, *lists, "--system", made, "--seeds", "2")
    names = ("tiny.md", "tiny.csv", "tiny.tex", "tiny_matrix.csv", "tiny.pdf", "tiny.png")
    assert document["files"] == [str(made / name) for name in names]
    written = document["written"]
    text = (made / "tiny.md").read_text(encoding="utf-8")
    assert f"Written on {written['date']} by mu2 {written['version']}" in text
    assert "| µ2Net | 2 |" in text
    assert r"two children \| each" in text
    assert "Forward transfer (Lopez-Paz and Ranzato, 2017) is left out" in text
    assert "estimates" in text
    assert r"$\mu$2Net & 2 &" in (made / "tiny.tex").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO((made / "tiny.csv").read_text(encoding="utf-8"))))
    assert [(r["column"], r["task"]) for r in rows[:3]] == [
        ("µ2Net", "digits"),
        ("µ2Net", "latin"),
        ("µ2Net", "(whole)"),
    ]
    first = document["columns"][0]["tasks"][0]
    assert float(rows[0]["test_accuracy_mean"]) == first["test_accuracy"]["mean"]
    assert rows[0]["reported"] == ""
    matrices = (made / "tiny_matrix.csv").read_text(encoding="utf-8").splitlines()
    assert len(matrices) == 1 + 2 * 2 * 4 * 2


def test_a_run_that_was_stopped_ends_where_a_whole_one_ends(tiny, made, lists, tmp_path, capsys):
    words = ["table", tiny, *lists, "--column", "µ2Net", "--system", str(tmp_path)]
    with (
        pytest.raises(shrunken.Stopped),
        shrunken.shared_programs(),
        shrunken.stopped_at("_commit", after=True, commits=7),
    ):
        cli.main(words)
    capsys.readouterr()
    assert cli.main([*words, "--no-run", "--json"]) == 0
    (column,) = json.loads(capsys.readouterr().out)["columns"]
    assert (column["seeds"], column["unfinished"], column["whole"]) == ([], [0], None)
    with shrunken.shared_programs():
        assert cli.main(words) == 0
    ours, whole = (System.open(d / "mu2net" / "seed-0") for d in (tmp_path, made))
    for task in whole.tasks:
        assert ours.path(task).test_digest == whole.path(task).test_digest


DIES = """
import os, sys
from mu2.system import WritableSystem
system = WritableSystem.extend(sys.argv[1])
os._exit(0)
"""


def test_what_a_kill_at_the_very_end_left_is_removed(tiny, made, lists, tmp_path, capsys):
    """Its last commit is there; what that made superfluous is too, and the lease of the dead."""
    words = ["table", tiny, *lists, "--column", "µ2Net", "--system", str(tmp_path)]
    drop = Journal._drop_superfluous

    def drop_but_the_last(journal, previous):
        if not journal.newest.progress["complete"]:
            drop(journal, previous)

    with (
        shrunken.shared_programs(),
        mock.patch.object(Journal, "_drop_superfluous", drop_but_the_last),
    ):
        assert cli.main(words) == 0
    system, whole = (each / "mu2net" / "seed-0" for each in (tmp_path, made))
    process = shrunken.python("-c", DIES, system)
    assert process.communicate() == ("", "")
    left = shrunken.files(system).keys() - shrunken.files(whole)
    assert "leases/system" in left
    assert any(name.startswith("commits/") for name in left)
    assert cli.main([*words, "--no-run"]) == 0
    assert "leases/system" in shrunken.files(system)
    assert cli.main(words) == 0
    names = [
        {name for name in shrunken.files(each) if not name.startswith("components/")}
        for each in (system, whole)
    ]
    assert names[0] == names[1]


def test_without_running_it_tells_what_is_there(tiny, lists, tmp_path, capsys):
    words = [*lists, "--system", str(tmp_path / "new"), "--no-run"]
    document = told(capsys, tiny, *words)
    assert [c["missing"] for c in document["columns"]] == [[0], [0]]
    assert document["files"] == []
    assert not (tmp_path / "new").exists()
    assert cli.main(["table", tiny, *words]) == 0
    assert "Not run, seed 0: µ2Net; two children | each." in capsys.readouterr().out


def test_what_is_reported_is_told_without_a_run(tmp_path, capsys):
    words = ["--no-run", "--system", str(tmp_path / "new"), "--json"]
    assert cli.main(["table", "mu2net_vit", *words]) == 0
    (column,) = json.loads(capsys.readouterr().out)["columns"]
    (task,) = column["tasks"]  # what is reported of the whole chain holds for its segment
    assert (task["task"], task["evidence"]) == ("cifar10", "primary")
    assert task["reported"] == pytest.approx(0.9943)
    assert (task["test_accuracy"]["mean"], task["difference"]) == (None, None)
    assert cli.main(["table", "mu2net_69", *words[:-1]]) == 0
    said = capsys.readouterr().out
    assert "93.68*" in said  # secondary
    assert "99.43 " in said
    assert cli.main(["table", "characters_small", *words]) == 0
    columns = {c["name"]: c["tasks"] for c in json.loads(capsys.readouterr().out)["columns"]}
    assert [t["reported"] for t in columns["µ2Net ConvNet, thrifty"]] == pytest.approx(
        [0.9681, 0.855, 0.824, 0.862]
    )
    # A baseline is not what is reported.
    assert columns["Full finetuning"] == []
    assert cli.main(["table", "munet_characters_ti3", *words]) == 0
    ours, *others = json.loads(capsys.readouterr().out)["columns"]
    assert len(ours["tasks"]) == 8
    assert all(column["tasks"] == [] for column in others)


def test_a_changed_component_is_no_proof(tiny, made, lists, tmp_path, capsys):
    folder = shrunken.copy(made, tmp_path / "harmed")
    system = System.open(folder / "mu2net" / "seed-0")
    (head,) = [c for c in system.path("latin").components if c.name == "head"]
    pack = folder / "mu2net/seed-0/components" / head.pack
    file = max((f for f in pack.rglob("*") if f.is_file()), key=lambda f: f.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    document = told(capsys, tiny, *lists, "--system", folder, "--column", "µ2Net")
    numbers = document["columns"][0]["continual"]
    assert not numbers["proved"]
    assert "latin" in numbers["changed"]
    assert cli.main(["table", tiny, *lists, "--system", str(folder), "--column", "µ2Net"]) == 0
    assert "`mu2 verify` says more" in capsys.readouterr().out


def test_other_settings_are_refused(tiny, made, lists, capsys):
    words = [tiny, *lists, "--system", made, "--gin.Training.batch_size=16"]
    said = refused(capsys, *words)
    assert "is not column 'µ2Net', seed 0: it was run with other settings" in said
    assert "Choose another --system" in said


def test_bindings_replace_those_of_columns(tiny, lists, tmp_path, capsys):
    words = [*lists, "--system", tmp_path, "--column", "µ2Net"]
    document = told(capsys, tiny, *words, "--gin.Evolution.children_per_iteration=1")
    assert document["columns"][0]["whole"]["children"]["mean"] == 4
    assert document["bindings"] == ["Evolution.children_per_iteration=1"]
    text = (tmp_path / "tiny.md").read_text(encoding="utf-8")
    assert "All columns with Evolution.children_per_iteration=1." in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["characters_smal"], "Did you mean 'characters_small'?"),
        (["tiny"], "A table of your own is a Gin file: mu2 table FILE.gin"),
        (["none.gin"], "'none.gin': there is no such Gin file"),
        (["gin/quickstart.gin"], "gin/quickstart.gin declares no table"),
        (["TINY", "--column", "muNet"], "Did you mean 'µ2Net'?"),
        (["TINY", "--seeds", "0"], "no number of seeds"),
        (["TINY", "--seeds", "two"], "no number of seeds"),
        (["TINY", "--device", "chips"], "Did you mean 'chip'?"),
        (["TINY", "--gin.Experiment.seed=3"], "--seeds N"),
        (["TINY", "--gin.Training.batchsize=3"], "Did you mean 'batch_size'?"),
        (["TINY", "--gin.Layout.platform=cpu"], "without quotes"),
        (["TINY", "--prices", "none.json"], "none.json cannot be read"),
        (["TINY", "--columns", "columns.json"], "mu2 table FILE.gin"),
        (["TINY", "extra"], "unknown: extra"),
    ],
)
def test_wrong_words_are_refused(tiny, words, said, lists, tmp_path, capsys):
    words = [tiny if word == "TINY" else word for word in words]
    assert said in refused(capsys, words[0], *lists, "--system", tmp_path, *words[1:])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("ours/Column.name = 'µ2Net'", "ours/Column.compared = False", 2, "Column.name is never"),
        ("@other/Column()", "@othr/Column()", 2, "Did you mean 'other'?"),
        ("(@ours/Column(), @other/Column())", "()", 2, "Table.columns is empty"),
        ("'two children | each'", "'µ2NET'", 2, "would have one folder, mu2net"),
        ("'two children | each'", "''", 4, "Column.name is empty"),
        ("other/Evolution.children_per_iteration", "other/Evolution.children", 5, "no parameter"),
        ("other/Evolution", "othr/Evolution", 5, "Did you mean 'other'?"),
        ("ours/Column.name", "ours/Column.parts = ('no.gin',)\nours/Column.name", 3, "no such Gin"),
        ("ours/Column.name", "Table.seeds = 0\nours/Column.name", 3, "must be 1 or more"),
        ("ours/Column.name", "Table.reported = 'no'\nours/Column.name", 3, "has no table 'no'"),
        ("ours/Column.name", "Table.after = 'a.gin'\nours/Column.name", 3, "Name the chain"),
        ("ours/Column", "digits/Column", 2, "'digits' is the scope of a column"),
    ],
)
def test_a_wrong_table_is_refused_with_its_line(old, new, line, said, tmp_path, capsys):
    assert old in TINY
    file = written(tmp_path, TINY.replace(old, new))
    told = refused(capsys, file, "--no-run", "--system", tmp_path / "new")
    assert said in told
    number = TINY[: TINY.index("Table.columns")].count("\n") + line - 1
    first, later = (re.search(rf"tiny\.gin:{n}\b", told) for n in (number, number + 2))
    assert first or later or "quickstart" in told or "stream" in told, told


def test_a_column_overrides_what_its_table_sets_which_overrides_parts(tmp_path):
    (tmp_path / "part.gin").write_text("Training.intervals = 7\nTraining.batch_size = 16\n")
    text = f"""\
include '{shrunken.FILE}'
Training.intervals = 3
Table.columns = (@few/a/Column(), @few/b/Column(), @c/Column())
few/Evolution.children_per_iteration = 2
few/a/Column.name = 'a'
few/b/Column.name = 'b'
few/b/Column.parts = ('part.gin',)
few/b/Training.clip_norm = 0.5
c/Column.name = 'c'
c/Training.intervals = 9
c/latin/Task.private = True
"""
    table = read_table(written(tmp_path, text), [])
    assert table.faults == ()
    a, b, c = (each.run.load().experiment for each in table.columns)
    children = [each.evolution.children_per_iteration for each in (a, b, c)]
    assert children == [2, 2, 6]
    assert [each.training.intervals for each in (a, b, c)] == [3, 3, 9]
    assert [each.training.batch_size for each in (a, b, c)] == [32, 16, 32]
    assert [each.training.clip_norm for each in (a, b, c)] == [1.0, 0.5, 1.0]
    private = [[t.private for t in each.stream.tasks] for each in (a, b, c)]
    assert private[0] == private[1] == [False] * 4
    assert private[2] == [False, True, False, False]
    assert table.columns[1].lines == (
        "Evolution.children_per_iteration = 2",
        "Training.clip_norm = 0.5",
    )
    # A table is the run of its first column; flags hold in all, or in the scope they name.
    assert read([str(tmp_path / "tiny.gin")], []).load().experiment == a
    flags = ["Training.intervals=5", "c/Training.batch_size=64"]
    table = read_table(str(tmp_path / "tiny.gin"), flags)
    a, b, c = (each.run.load().experiment for each in table.columns)
    assert [each.training.intervals for each in (a, b, c)] == [5, 5, 5]
    assert [each.training.batch_size for each in (a, b, c)] == [32, 16, 64]


def test_a_table_may_take_up_columns_of_another(tiny, tmp_path):
    file = written(
        tmp_path,
        f"""\
include '{tiny}'
Table.columns = (@other/Column(), @mine/Column())
other/Training.intervals = 2
mine/Column.name = 'mine'
mine/Column.parts = ('gin/budget/thrifty.gin',)
""",
    )
    table = read_table(file, [])
    assert (table.faults, table.warnings) == ((), ())
    other, mine = (each.run.load().experiment for each in table.columns)
    assert [each.column.name for each in table.columns] == ["two children | each", "mine"]
    assert (other.training.intervals, mine.training.intervals) == (2, 1)
    assert other.evolution.children_per_iteration == 2
    assert other.evolution.stopping is None
    assert mine.evolution.stopping is not None


def test_a_system_is_no_folder_of_a_table(tiny, made, lists, capsys):
    said = refused(capsys, tiny, *lists, "--system", made / "mu2net" / "seed-0")
    assert "is a system, and a table has one for each column and seed" in said


def test_missing_data_are_told_once_and_at_once(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nowhere"))
    said = refused(capsys, "munet_characters_ti3", "--system", tmp_path / "new")
    assert said.count('tfds.builder("emnist/letters"') == 1
    assert not (tmp_path / "new").exists()
    assert cli.main(["table", "cmaterdb_ti0", "--system", str(tmp_path / "new"), "--no-run"]) == 0
