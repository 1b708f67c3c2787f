"""What a run's numbers depend on, and that a change of it is told before anything goes on."""

import json
import re
import subprocess

import pytest

from mu2 import cli
from mu2.config import start
from mu2.system import environment
from tests import shrunken
from tests.shrunken import DIGITS, ONCE


def test_everything_is_named_and_stays_the_same():
    made = environment.run_environment()
    assert made.keys() == {"code", *environment.LIBRARIES, "device", "cpu", "threads"}
    assert all(isinstance(value, str) and value for value in made.values())
    assert made == environment.run_environment() == json.loads(json.dumps(made))


def test_other_code_is_another_digest(monkeypatch, tmp_path):
    package = tmp_path / "mu2"
    for name in ("evolution/a.py", "random_keys.py"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("x = 1\n")
    monkeypatch.setattr(environment, "CODE", ("evolution", "random_keys.py"))
    monkeypatch.setattr(environment, "__file__", str(package / "system" / "environment.py"))
    digests = set()
    for change in (None, "random_keys.py", "evolution/a.py", "evolution/b.py"):
        if change:
            (package / change).write_text(f"# {change}\n")
        digests.add(environment.code.__wrapped__())
    assert len(digests) == 4


def test_a_run_that_was_begun_elsewhere_asks(tmp_path, monkeypatch, capsys):
    directory = tmp_path / "system"
    with shrunken.stopped_at("_commit", after=True, commits=2), pytest.raises(shrunken.Stopped):
        shrunken.evolve(directory, *DIGITS, ONCE)
    before = shrunken.files(directory)
    elsewhere = {**environment.run_environment(), "jax": "0.0.1"}
    monkeypatch.setattr(start, "run_environment", lambda: elsewhere)
    words = shrunken.words(directory, *DIGITS, ONCE)
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    assert "is 0.0.1" in said
    assert "--accept-changes" in said
    assert shrunken.files(directory) == before
    with shrunken.shared_programs():
        assert cli.main([*words, "--accept-changes"]) == 0


def test_the_commit_is_that_of_the_checkout(monkeypatch, tmp_path):
    monkeypatch.setattr(
        environment, "__file__", str(tmp_path / "mu2" / "system" / "environment.py")
    )
    assert environment.commit() is None
    (tmp_path / "mu2").mkdir()
    for words in (
        ["init", "-q"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "a"],
    ):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)
    name, dirty = environment.commit()
    assert re.fullmatch("[0-9a-f]{40}", name)
    assert not dirty
    for file in ("history.jsonl", "a"):
        assert environment.commit() == (name, False)
        (tmp_path / file).write_text("a")
        subprocess.run(["git", "-C", tmp_path, "add", file], check=True)
    assert environment.commit() == (name, True)
