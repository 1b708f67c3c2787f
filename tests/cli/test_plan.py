"""`mu2 plan`: the command on the real Gin files, without data and beside a run."""

import json

import pytest

from mu2 import cli
from tests import shrunken
from tests.cli.prices import PRICES

FLAGS = [f"--gin.{binding}" for binding in shrunken.merged()]
LONGER = [f"--gin.{binding}" for binding in shrunken.merged("Training.intervals=4")]


@pytest.fixture
def prices(tmp_path):
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(PRICES), encoding="utf-8")
    return str(file)


def plan(capsys, *words, flags=FLAGS):
    assert cli.main(["plan", shrunken.FILE, *flags, "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_hours_money_and_energy_by_hand(capsys, prices):
    document = plan(capsys, "--prices", prices, "--devices", "4")
    run = document["run"]
    assert (run["tasks"], run["visits"], run["children"]) == (3, 6, 18)
    assert run["steps"] == {"whole": 36, "halved": 36}  # an interval a child
    chip, own = document["accelerators"]
    for which, flops in run["flops"]["whole"].items():
        hours = flops / 0.5e9 / 3600
        assert chip["whole"]["device_hours"][which] == pytest.approx(hours)
        assert chip["whole"]["wall_hours"][which] == pytest.approx(hours / 4)
        assert chip["whole"]["money"][which] == pytest.approx(hours * 36)
        assert chip["whole"]["kwh"][which] == pytest.approx(hours * 0.1)
    assert (own["whole"]["money"], own["whole"]["kwh"], own["bought"]) == (None, None, None)
    assert document["currency"] == "EUR"
    tasks = document["tasks"]
    assert sum(t["flops"]["most"] for t in tasks) == pytest.approx(run["flops"]["whole"]["most"])


def test_stopping_lets_one_in_three_go_on_after_the_first_interval(capsys, prices):
    document = plan(capsys, "--prices", prices, flags=LONGER)
    run, share = document["run"], (3 + 1 + 1 + 1) / (3 * 4)
    assert run["steps"] == {"whole": 144, "halved": 144 * share}
    halved, whole = run["flops"]["halved"], run["flops"]["whole"]
    assert halved["most"] == pytest.approx(whole["most"] * share)


def test_what_a_budget_buys_by_hand(capsys, prices):
    whole = plan(capsys, "--prices", prices)["accelerators"][0]["whole"]["money"]["most"]
    document = plan(capsys, "--prices", prices, "--budget", str(whole / 2))
    affordable = document["accelerators"][0]["bought"]["whole"]
    assert affordable["share"] == pytest.approx(0.5)
    # The second visits cost what the first ones did.
    assert (affordable["tasks"], affordable["children"]) == (3, 9)
    assert cli.main(["plan", shrunken.FILE, *FLAGS, "--prices", prices, "--budget", "1e9"]) == 0
    said = capsys.readouterr().out
    assert "6 of 6 visits, 18 children" in said
    assert "own   no price" in said


def test_it_needs_no_data(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nowhere"))
    assert cli.main(["plan", "benchmarks/tables/cmaterdb_ti0.gin", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["missing"]) == 3
    assert document["run"]["children"] == 192
    assert document["reported"] is None
    assert cli.main(["plan", "benchmarks/tables/cmaterdb_ti0.gin"]) == 0
    said = capsys.readouterr().out
    assert 'tfds.builder("cmaterdb/telugu"' in said
    assert "TPU v4, 40% of peak" in said


def test_beside_what_happened(capsys, prices, tmp_path_factory):
    run = shrunken.evolved(tmp_path_factory)
    words = ["--prices", prices, "--system", str(run.directory)]
    measured = plan(capsys, *words)["happened"]
    assert set(measured) == {"digits", "latin", "greek"}
    lines = [line for line in run.lines if line["task"] == "latin"]
    times = [t["seconds"] for t in run.system.times if t["task"] == "latin"]
    assert measured["latin"] == {
        "children": len(lines),
        "steps": sum(line["steps"] for line in lines),
        "flops": pytest.approx(sum(line["flops"] for line in lines)),
        "seconds": pytest.approx(sum(times)),
    }
    assert cli.main(["plan", shrunken.FILE, *FLAGS, *words]) == 0
    assert "what happened, and what was forecast:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--budget", "nothing"], "no sum above 0"),
        (["--budget", "-3"], "no sum above 0"),
        (["--budget", "inf"], "no sum above 0"),
        (["--devices", "0"], "no number of devices"),
        (["--prices", "none.json"], "none.json cannot be read"),
        (["--system", "nowhere"], "nowhere"),
    ],
)
def test_wrong_words_are_refused(words, said, capsys):
    assert cli.main(["plan", shrunken.FILE, *words]) == 2
    assert said in capsys.readouterr().err


def test_a_system_of_other_tasks_is_refused(capsys, tmp_path_factory):
    run = shrunken.evolved(tmp_path_factory)
    words = ["--gin.Stream.tasks=(@cyrillic/Task(),)", "--system", str(run.directory)]
    assert cli.main(["plan", shrunken.FILE, *words]) == 2
    assert "no child of these tasks" in capsys.readouterr().err


def test_faults_come_first(capsys):
    assert cli.main(["plan", shrunken.FILE, "--gin.Training.batchsize=3", "--json"]) == 2
    assert not json.loads(capsys.readouterr().out)["ok"]


def test_the_papers_hours_and_what_lies_between(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nowhere"))
    table = "benchmarks/tables/mu2net_69.gin"
    assert cli.main(["plan", table, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    reported, run = document["reported"], document["run"]
    # 17,810 core-hours of chips with two cores; 69 tasks of 4 generations of 32 children.
    assert reported["device_hours"] == 8905
    assert reported["wall_hours"] == pytest.approx(8905 / 32)
    assert (run["children"], reported["generations"]) == (69 * 128, 69 * 4)
    assert reported["money"] == pytest.approx(8905 * 3.22)
    assert reported["money_by_core"] == pytest.approx(17_810 * 3.22)
    seconds = 8905 * 3600
    for which, flops in run["flops"]["whole"].items():
        assert reported["utilisation"][which] == pytest.approx(flops / seconds / 275e12)
        busy = flops / (0.4 * 275e12) / seconds
        assert reported["busy"][which] == pytest.approx(busy)
    assert 0.05 < reported["utilisation"]["least"] < reported["utilisation"]["most"] < 0.2
    # 13,087M parameters: the root's 303M and the rest shared out over 69 networks.
    added = reported["parameters"]["trained_share"] * 69
    assert added * 304e6 + 303e6 == pytest.approx(13_087e6, rel=0.01)
    assert cli.main(["plan", table]) == 0
    said = capsys.readouterr().out
    assert "reported: 17,810 core-hours of TPU v4 (hearsay: Reddit thread" in said
    assert "13,087 M (secondary)" in said


def test_the_steps_of_the_large_experiments_by_hand(capsys):
    assert cli.main(["plan", "benchmarks/tables/mu2net_vit.gin", "--json"]) == 0
    steps = {t["task"]: t["steps"] for t in json.loads(capsys.readouterr().out)["tasks"]}
    # ceil(examples / 64) steps an interval, 128,116 examples at most; 4 intervals, 128 children.
    assert steps == {
        "imagenet2012": 2002 * 4 * 128,
        "cifar100": 766 * 4 * 128,
        "cifar10": 782 * 4 * 128,
    }
