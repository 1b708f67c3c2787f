"""`mu2 table`: the command on a table of two shrunken columns."""

import csv
import io
import json
import math
import shutil
from pathlib import Path

import pytest

from mu2 import cli
from mu2.report.summary import summarise
from mu2.system import System
from tests import shrunken
from tests.cli.prices import PRICES

SMALL = shrunken.merged(*shrunken.SMALL)
OTHER = shrunken.merged(*shrunken.SMALL, "Evolution.children_per_iteration=2")
TABLES = {
    "format": 1,
    "tables": {
        "tiny": [
            {"name": "µ2Net", "files": [shrunken.FILE], "bindings": SMALL},
            {"name": "two children | each", "files": [shrunken.FILE], "bindings": OTHER},
        ]
    },
}


def written(folder, document, name="columns.json"):
    file = folder / name
    file.write_text(json.dumps(document), encoding="utf-8")
    return str(file)


@pytest.fixture(scope="module")
def lists(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lists")
    return [
        *("--columns", written(folder, TABLES)),
        *("--prices", written(folder, PRICES, "prices.json")),
    ]


@pytest.fixture(scope="module")
def made(lists, tmp_path_factory):
    """The folder of a whole table, two seeds a column."""
    folder = tmp_path_factory.mktemp("made") / "tiny"
    with shrunken.shared_programs():
        assert cli.main(["table", "tiny", *lists, "--system", str(folder), "--seeds", "2"]) == 0
    return folder


def told(capsys, *words):
    capsys.readouterr()
    with shrunken.shared_programs():
        assert cli.main(["table", "tiny", *map(str, words), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys, *words):
    assert cli.main(["table", *map(str, words)]) == 2
    return capsys.readouterr().err


def test_numbers_are_those_of_the_systems(made, lists, capsys):
    document = told(capsys, *lists, "--system", made, "--seeds", "2")
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


def test_the_matrix_is_what_the_commits_hold(made, lists, capsys):
    document = told(capsys, *lists, "--system", made, "--seeds", "2")
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


def test_hours_are_priced_by_what_columns_ran_on_or_by_choice(made, lists, capsys):
    words = [*lists, "--system", made, "--column", "µ2Net", "--no-run"]
    (device,) = told(capsys, *words)["devices"]
    assert (device["kind"], device["name"], device["price"]) == ("cpu", "chip", 36.0)
    document = told(capsys, *words, "--device", "own")
    assert (document["devices"][0]["kind"], document["devices"][0]["name"]) == ("cpu", "own")
    assert document["columns"][0]["whole"]["money"]["mean"] is None
    unknown = json.loads(json.dumps(PRICES))
    unknown["accelerators"][0]["kinds"] = ["NVIDIA L4"]
    prices = written(made.parent, unknown, "unknown.json")
    (device,) = told(capsys, *words, "--prices", prices)["devices"]
    assert (device["kind"], device["name"]) == ("cpu", None)
    text = (made / "tiny.md").read_text(encoding="utf-8")
    assert "has 'cpu' among its kinds. Add it, or choose one with --device." in text


def test_nothing_is_run_twice(made, lists, capsys):
    before = shrunken.files(made / "mu2net")
    assert cli.main(["table", "tiny", *lists, "--system", str(made), "--seeds", "2"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "µ2Net" in said.out
    assert shrunken.files(made / "mu2net") == before


def test_it_is_written_beside_the_systems(made, lists, capsys):
    document = told(capsys, *lists, "--system", made, "--seeds", "2")
    names = ("tiny.md", "tiny.csv", "tiny.tex", "tiny_matrix.csv")
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


def test_a_run_that_was_stopped_ends_where_a_whole_one_ends(made, lists, tmp_path, capsys):
    words = ["table", "tiny", *lists, "--column", "µ2Net", "--system", str(tmp_path)]
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


def test_without_running_it_tells_what_is_there(lists, tmp_path, capsys):
    words = [*lists, "--system", str(tmp_path / "new"), "--no-run"]
    document = told(capsys, *words)
    assert [c["missing"] for c in document["columns"]] == [[0], [0]]
    assert document["files"] == []
    assert not (tmp_path / "new").exists()
    assert cli.main(["table", "tiny", *words]) == 0
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


def test_a_changed_component_is_no_proof(made, lists, tmp_path, capsys):
    folder = shrunken.copy(made, tmp_path / "harmed")
    system = System.open(folder / "mu2net" / "seed-0")
    (head,) = [c for c in system.path("latin").components if c.name == "head"]
    pack = folder / "mu2net/seed-0/components" / head.pack
    file = max((f for f in pack.rglob("*") if f.is_file()), key=lambda f: f.stat().st_size)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    document = told(capsys, *lists, "--system", folder, "--column", "µ2Net")
    numbers = document["columns"][0]["continual"]
    assert not numbers["proved"]
    assert "latin" in numbers["changed"]
    assert cli.main(["table", "tiny", *lists, "--system", str(folder), "--column", "µ2Net"]) == 0
    assert "`mu2 verify` says more" in capsys.readouterr().out


def test_other_settings_are_refused(made, lists, capsys):
    words = ["tiny", *lists, "--system", made, "--gin.Training.batch_size=16"]
    said = refused(capsys, *words)
    assert "is not column 'µ2Net', seed 0: it was run with other settings" in said
    assert "Choose another --system" in said


def test_bindings_replace_those_of_columns(lists, tmp_path, capsys):
    words = [*lists, "--system", tmp_path, "--column", "µ2Net"]
    document = told(capsys, *words, "--gin.Evolution.children_per_iteration=1")
    assert document["columns"][0]["whole"]["children"]["mean"] == 4
    assert document["bindings"] == ["Evolution.children_per_iteration=1"]
    text = (tmp_path / "tiny.md").read_text(encoding="utf-8")
    assert "All columns with Evolution.children_per_iteration=1." in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tinny"], "Did you mean 'tiny'?"),
        (["tiny", "--column", "muNet"], "Did you mean 'µ2Net'?"),
        (["tiny", "--seeds", "0"], "no number of seeds"),
        (["tiny", "--seeds", "two"], "no number of seeds"),
        (["tiny", "--device", "chips"], "Did you mean 'chip'?"),
        (["tiny", "--gin.Experiment.seed=3"], "--seeds N"),
        (["tiny", "--gin.Training.batchsize=3"], "Did you mean 'batch_size'?"),
        (["tiny", "--gin.Layout.platform=cpu"], "without quotes"),
        (["tiny", "--prices", "none.json"], "none.json cannot be read"),
        (["tiny", "--columns", "none.json"], "none.json cannot be read"),
        (["tiny", "extra"], "unknown: extra"),
    ],
)
def test_wrong_words_are_refused(words, said, lists, tmp_path, capsys):
    assert said in refused(capsys, words[0], *lists, "--system", tmp_path, *words[1:])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "no list of tables"),
        ({"format": 2, "tables": {}}, "no list of tables"),
        ({"format": 1, "tables": {"tiny": []}}, "no list of columns"),
        ({"format": 1, "tables": {"tiny": [{"files": []}]}}, "column 1 has no name"),
        ({"format": 1, "tables": {"tiny": [{"name": "a"}]}}, "gives name, files and bindings"),
        (
            {
                "format": 1,
                "tables": {
                    "tiny": [{"name": "a", "files": ["a"], "bindings": [], "compared": "yes"}]
                },
            },
            "compared is true or false",
        ),
        (
            {
                "format": 1,
                "tables": {
                    "tiny": [{"name": "a", "files": ["a"], "bindings": [], "compard": True}]
                },
            },
            "Did you mean 'compared'",
        ),
        (
            {"format": 1, "tables": {"tiny": [{"name": "a", "files": [], "bindings": []}]}},
            "at least one file",
        ),
        (
            {
                "format": 1,
                "tables": {
                    "tiny": [
                        {"name": name, "files": [shrunken.FILE], "bindings": []}
                        for name in ("a b", "A-B")
                    ]
                },
            },
            "'a b' and 'A-B' would have one folder",
        ),
        ({"format": 1, "chain": "x", "tables": {"tiny": []}}, '"chain" is a list of files'),
    ],
)
def test_a_wrong_list_of_tables_is_refused(document, said, tmp_path, capsys):
    assert said in refused(capsys, "tiny", "--columns", written(tmp_path, document))


def test_a_system_is_no_folder_of_a_table(made, lists, capsys):
    said = refused(capsys, "tiny", *lists, "--system", made / "mu2net" / "seed-0")
    assert "is a system, and a table has one for each column and seed" in said


def test_missing_data_are_told_once_and_at_once(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nowhere"))
    said = refused(capsys, "munet_characters_ti3", "--system", tmp_path / "new")
    assert said.count('tfds.builder("emnist/letters"') == 1
    assert not (tmp_path / "new").exists()
    assert cli.main(["table", "cmaterdb_ti0", "--system", str(tmp_path / "new"), "--no-run"]) == 0


def test_segments_of_a_chain_are_runs_of_one_system(tmp_path, capsys):
    once = shrunken.merged(*shrunken.SMALL[1:], shrunken.ONCE)
    files = []
    for name in ("digits", "latin"):
        file = tmp_path / f"{name}.gin"
        lines = [f"include '{shrunken.FILE}'", *once, f"Stream.tasks=(@{name}/Task(),)"]
        kept = {line.partition("=")[0]: line for line in lines}
        file.write_text("\n".join(kept.values()) + "\n", encoding="utf-8")
        files.append(str(file))
    tables = {Path(file).stem: [{"name": "all", "files": [file], "bindings": []}] for file in files}
    document = {"format": 1, "chain": files, "whole": "both", "tables": tables}
    lists = ["--columns", written(tmp_path, document), "--system", str(tmp_path / "chain")]
    for name in ("latin", "digits"):  # the first table runs both, the second nothing
        capsys.readouterr()
        with shrunken.shared_programs():
            assert cli.main(["table", name, *lists, "--json"]) == 0
        (column,) = json.loads(capsys.readouterr().out)["columns"]
        assert [task["task"] for task in column["tasks"]] == [name]
        assert column["continual"]["matrices"][0]["visits"] == ["digits", "latin"]
    assert System.open(tmp_path / "chain/all/seed-0").progress.runs == 2
    shutil.rmtree(tmp_path / "chain")
