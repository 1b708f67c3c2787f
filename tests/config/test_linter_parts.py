"""Two parts of a run that set one parameter."""

from pathlib import Path

import pytest

from mu2.config import read
from mu2.config.linter.files import RENAMED
from tests.config.faults import BASE, faults

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# Two parts of a run that set one parameter


def folder(**files):
    for name, text in files.items():
        Path(f"{name}.gin").write_text(text, encoding="utf-8")


def told_of_two(text):
    """Warnings of a run of the quickstart with other lines behind it."""
    Path("run.gin").write_text(f"{BASE}{text}", encoding="utf-8")
    reading = read(["run.gin"], [])
    assert reading.faults == ()  # it runs all the same
    return [(w.location, w.message, w.hint or "") for w in reading.warnings]


@pytest.mark.parametrize("first", ["a", "b"])
def test_a_parameter_that_two_parts_set_is_told_with_both_places(first):
    folder(a="Experiment.cache_limit_mb = 1\n", b="\nExperiment.cache_limit_mb = 2\n")
    second = {"a": "b", "b": "a"}[first]
    ((location, message, hint),) = told_of_two(f"include '{first}.gin'\ninclude '{second}.gin'\n")
    lines = {"a": "a.gin:1", "b": "b.gin:2"}
    assert location == lines[second]
    assert f"Experiment.cache_limit_mb is set by two parts: by {lines[first]} as well" in message
    assert "set Experiment.cache_limit_mb in run.gin, behind its includes" in hint


def test_parts_that_set_the_same_value_are_told_as_well():
    folder(a="Experiment.cache_limit_mb = 1\n", b="Experiment.cache_limit_mb = 1\n")
    assert len(told_of_two("include 'a.gin'\ninclude 'b.gin'\n")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "include 'a.gin'\ninclude 'b.gin'\nExperiment.cache_limit_mb = 3\n",  # the run decides
        "include 'both.gin'\n",  # so may a part, of what it includes
        "include 'a.gin'\ninclude 'a.gin'\n",  # one place
        "include 'other.gin'\ninclude 'a.gin'\n",
        "include 'a.gin'\nTraining.intervals = 9\n",  # a run overrides what parts set
    ],
)
def test_what_no_order_of_parts_decides_is_sound(text):
    folder(
        a="Experiment.cache_limit_mb = 1\n",
        b="Experiment.cache_limit_mb = 2\n",
        both="include 'a.gin'\ninclude 'b.gin'\nExperiment.cache_limit_mb = 4\n",
        other="digits/Task.private = True\n",
    )
    assert told_of_two(text) == []


def test_an_override_in_a_part_does_not_hold_where_the_part_is_included_by_itself_too():
    folder(a="Experiment.cache_limit_mb = 1\n")
    folder(over="include 'a.gin'\nExperiment.cache_limit_mb = 4\n")
    for text in ("include 'a.gin'\ninclude 'over.gin'\n", "include 'over.gin'\ninclude 'a.gin'\n"):
        ((_, message, _),) = told_of_two(text)
        assert "is set by two parts" in message


def test_the_command_line_and_later_files_of_it_override_parts():
    folder(
        a="Experiment.cache_limit_mb = 1\n",
        b="Experiment.cache_limit_mb = 2\n",
        run=f"{BASE}include 'a.gin'\ninclude 'b.gin'\n",
        later="include 'a.gin'\n",
    )
    assert len(read(["run.gin"], []).warnings) == 1
    assert read(["run.gin"], ["Experiment.cache_limit_mb=5"]).warnings == ()
    later = read(["run.gin", "later.gin"], [])
    assert later.warnings == ()
    assert later.load().experiment.cache_limit_mb == 1


@pytest.mark.parametrize("old", RENAMED)
def test_the_old_name_of_a_file_tells_the_new_one(old):
    assert not (ROOT / old).exists()
    assert (ROOT / RENAMED[old]).is_file()
    ((location, _, hint),) = faults(f"{BASE}include '{old}'\n")
    assert location == "run.gin:2"
    assert RENAMED[old] in hint
