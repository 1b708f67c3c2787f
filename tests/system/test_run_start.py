"""What a run would do with a system is said before it begins."""

import json

import pytest

import mu2
from mu2 import cli
from mu2.config.start import start_of
from mu2.errors import Mu2Error
from mu2.system import task_edits
from tests import shrunken


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return shrunken.evolved(tmp_path_factory)


def start(directory, *bindings):
    loaded = shrunken.load(*bindings)
    return start_of(loaded.experiment, loaded.resolved, str(directory))


def test_a_new_system_and_a_complete_run(run, tmp_path):
    new = start(tmp_path / "none")
    assert (new.state, len(new.visits), new.known) == ("new", 6, {})
    assert not (tmp_path / "none").exists()
    again = start(run.directory)
    assert (again.state, again.visits) == ("complete", ())
    assert again.lines("x") == ["x: this run is complete; nothing would be done."]


def test_one_changed_override_visits_every_task_again(run):
    found = start(run.directory, "Training.max_train_examples=65")
    assert found.state == "again"
    assert found.visits == ("digits", "latin", "greek") * 2
    assert found.known == {"digits": 2, "latin": 2, "greek": 2}
    assert found.gone == ("Training.max_train_examples = 64",)
    assert found.new == ("Training.max_train_examples = 65",)
    said = "\n".join(found.lines("x"))
    for words in (
        "its last run is complete and has other settings",
        "6 task iterations, digits (2 times)",
        "digits after 2 iterations",
        "was: Training.max_train_examples = 64",
        "is:  Training.max_train_examples = 65",
        "name only these in Stream.tasks",
    ):
        assert words in said


def test_an_unfinished_run(run, tmp_path):
    with shrunken.stopped_at("commit", after=True, commits=8), pytest.raises(shrunken.Stopped):
        shrunken.evolve(tmp_path / "system")
    left = start(tmp_path / "system")
    assert left.state == "goes on"
    assert 0 < len(left.visits) < 6
    other = start(tmp_path / "system", "Training.max_train_examples=65")
    assert other.state == "other settings"
    assert len(other.visits) == len(left.visits)
    assert "--accept-changes" in other.lines("x")[-1]


def test_check_and_run_say_it(run, tmp_path, capsys):
    directory = shrunken.copy(run.directory, tmp_path / "system")
    words = [f"--gin.{b}" for b in shrunken.merged(*shrunken.DIGITS, shrunken.ONCE)]
    asked = ["check", shrunken.FILE, "--system", str(directory), *words]
    assert cli.main(asked) == 0
    assert "digits after 2 iterations" in capsys.readouterr().out
    assert cli.main([*asked, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["system"]["visits"] == ["digits"]
    assert document["system"]["known"] == {"digits": 2}
    with shrunken.shared_programs():
        assert cli.main(["run", *asked[1:]]) == 0
    told = capsys.readouterr().err
    assert told.index("so this is a run of its own") < told.index("child 1/3")
    # From Python as well; a reporter of one's own says what it likes.
    bindings = shrunken.merged(*shrunken.DIGITS, shrunken.ONCE, "Training.max_train_examples=63")
    with shrunken.shared_programs():
        mu2.run(shrunken.FILE, directory, bindings)
    assert "so this is a run of its own" in capsys.readouterr().err
    with shrunken.shared_programs():
        mu2.run(shrunken.FILE, directory, bindings)
    assert "run of its own" not in capsys.readouterr().err


def test_a_system_that_does_not_fit_is_told_by_check(run, tmp_path, capsys):
    words = [f"--gin.{b}" for b in shrunken.merged("ViT.width=8")]
    asked = ["check", shrunken.FILE, "--system", str(run.directory), *words]
    assert cli.main(asked) == 2
    assert "belongs to another search space" in capsys.readouterr().err


def test_renamed_tasks_are_told_by_their_new_names(run, tmp_path):
    directory = shrunken.copy(run.directory, tmp_path / "system")
    task_edits.rename_task(directory, "digits", "numbers")
    found = start(directory, "Training.max_train_examples=65")
    assert found.visits[0] == "numbers"
    assert "numbers" in found.known
    with pytest.raises(Mu2Error, match="no task 'none'"):
        task_edits.rename_task(directory, "none", "x")
