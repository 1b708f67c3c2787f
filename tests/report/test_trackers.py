"""Trackers, read back by the readers that people use."""

import csv
import json

import pytest

from mu2 import cli
from mu2.errors import Mu2Error
from mu2.report.reading import read_history
from mu2.report.trackers.feed import feed
from mu2.report.trackers.names import folder_name
from mu2.report.trackers.tracker import open_tracker
from tests import shrunken
from tests.report.test_html import HOSTILE
from tests.report.written import write_system


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return shrunken.evolved(tmp_path_factory)


def events(folder):
    """What TensorBoard itself reads: tag to (step, value)."""
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="needs mu2[test]"
    )
    reader = accumulator.EventAccumulator(str(folder))
    reader.Reload()
    tags = reader.Tags()["scalars"]
    return {tag: [(e.step, e.value) for e in reader.Scalars(tag)] for tag in tags}


def rows(folder):
    with (folder / "children.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard")
def test_tensorboard_reads_every_child(run, tmp_path, capsys):
    assert cli.main(["track", str(run.directory), "--to", f"tensorboard:{tmp_path}"]) == 0
    assert "18 children" in capsys.readouterr().out
    for task in run.system.tasks:
        read = events(tmp_path / task)
        lines = [line for line in run.lines if line["task"] == task]
        for name in ("quality", "score"):
            assert [step for step, _ in read[name]] == list(range(len(lines)))
            values = [value for _, value in read[name]]
            assert values == pytest.approx([line[name] for line in lines])
        rates = [value for _, value in read["hyperparameters/learning_rate"]]
        assert rates == pytest.approx([line["hyperparameters"]["learning_rate"] for line in lines])


def test_csv_has_a_row_a_child(run, tmp_path):
    assert cli.main(["track", str(run.directory), "--to", f"csv:{tmp_path}"]) == 0
    for task in run.system.tasks:
        lines = [line for line in run.lines if line["task"] == task]
        found = rows(tmp_path / task)
        assert [float(row["quality"]) for row in found] == [line["quality"] for line in lines]
        assert [row["step"] for row in found] == [str(i) for i in range(len(lines))]
        told = json.loads((tmp_path / task / "task.json").read_text())
        assert told["test_accuracy"] == run.system.path(task).test_accuracy


@pytest.mark.parametrize("kind", ["csv", "tensorboard"])
@pytest.mark.filterwarnings("ignore::DeprecationWarning:tensorboard")
def test_nothing_is_given_twice(kind, run, tmp_path):
    """A tracker that had the system as it stood earlier gets the rest, once."""
    middle = run.system.history()[4]["name"]
    early, late = read_history(run.directory, at=middle), read_history(run.directory)
    given = []
    for history in (early, early, late, late):
        tracker = open_tracker(f"{kind}:{tmp_path}")
        given.append(feed(history, tracker))
        tracker.close()
    before = len(early.children)
    assert given == [before, 0, len(late.children) - before, 0]
    if kind == "tensorboard":
        steps = [step for step, _ in events(tmp_path / "digits")["quality"]]
    else:
        steps = [int(row["step"]) for row in rows(tmp_path / "digits")]
    assert steps == list(range(6))


def test_a_run_tells_its_trackers_while_it_goes_on(tmp_path):
    bindings = [*shrunken.SMALL, f"Experiment.trackers=('csv:{tmp_path / 'csv'}',)"]
    assert cli.main(shrunken.words(tmp_path / "system", *bindings)) == 0
    history = read_history(tmp_path / "system")
    for task in history.tasks:
        found = rows(tmp_path / "csv" / task.name)
        qualities = [child.quality for child in history.by_task[task.name]]
        assert [float(row["quality"]) for row in found] == qualities


def test_hostile_names_stay_in_the_folder(tmp_path):
    names = (*HOSTILE, "../../outside", "..", "/etc/passwd", "a" * 300, "CON", "a/b")
    write_system(tmp_path / "system", len(names), 2, names.__getitem__)
    target = tmp_path / "deep" / "inside"
    assert cli.main(["track", str(tmp_path / "system"), "--to", f"csv:{target}"]) == 0
    assert len(list(target.iterdir())) == len(names)
    assert {p.name for p in (tmp_path / "deep").iterdir()} == {"inside"}
    assert len({folder_name(name) for name in names}) == len(names)


@pytest.mark.parametrize("target", ["tensorbord:x", "csv", "csv:", "nonsense"])
def test_a_target_that_is_none_is_refused(target, tmp_path, capsys):
    with pytest.raises(Mu2Error, match=target):
        open_tracker(target)
    assert cli.main(["track", str(tmp_path), "--to", target]) == 2
    assert "KIND:WHERE" in capsys.readouterr().err
