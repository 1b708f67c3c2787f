"""`mu2 explain`: configurables, hyperparameters and Gin files."""

import dataclasses
import json
from pathlib import Path

import pytest

from mu2 import cli, config
from mu2.cli import catalogue, explain
from mu2.config import documentation
from mu2.evolution.rules import Mutation
from mu2.training import Training

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def settings():
    return list(explain._settings(catalogue.files()))


@pytest.fixture
def read_once(settings, monkeypatch):
    """The Gin files are read once for all the tests that ask for this."""
    monkeypatch.setattr(explain, "_settings", lambda files: iter(settings))


def explained(name, capsys):
    assert cli.main(["explain", name, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def words(name, capsys):
    assert cli.main(["explain", name]) == 0
    return capsys.readouterr().out


def test_a_configurable(capsys):
    found = explained("Training", capsys)
    assert (found["kind"], found["name"]) == ("configurable", "Training")
    parameters = {each["name"]: each for each in found["parameters"]}
    assert [*parameters] == [field.name for field in dataclasses.fields(Training)]
    batch = parameters["batch_size"]
    assert (batch["type"], batch["default"]) == ("a whole number", str(Training().batch_size))
    assert batch["doc"] == "examples a step."
    (line,) = [s for s in batch["set"] if s["file"] == "gin/budget/laptop.gin"]
    assert (line["value"], line["scope"]) == ("32", "")
    text = (ROOT / "gin/budget/laptop.gin").read_text().splitlines()
    assert text[line["line"] - 1] == "Training.batch_size = 32"


def test_a_configurable_in_words(capsys):
    said = words("Mutation", capsys)
    assert said.startswith("Mutation: Which mutations there are (docs/method.md")
    assert (
        "\nMutation.always_cloned: a tuple, each item a string; default ('encoder_norm',)" in said
    )
    assert "'none', 'insert'" in said
    assert "\n  gin/mutation/mu2net.gin:" in said


def test_what_must_be_set_and_where_it_is_set(capsys):
    said = words("@digits/Task()", capsys)
    assert "Task.name: a string; must be set\n" in said
    assert "more; --json has all" in said
    found = explained("Task", capsys)
    (name, *_) = found["parameters"]
    assert name["default"] is None
    scripts = [s for s in name["set"] if s["file"] == "gin/stream/scripts.gin"]
    assert [s["scope"] for s in scripts] == ["digits", "latin", "greek", "cyrillic"]
    assert scripts[0]["value"] == "'digits'"


def test_one_parameter(capsys):
    found = explained("Training.batch_size", capsys)
    assert [each["name"] for each in found["parameters"]] == ["batch_size"]
    assert cli.main(["explain", "Training.batchsize"]) == 2
    assert "Did you mean 'batch_size'?" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(config.vocabulary().configurables))
def test_every_configurable_can_be_explained(name, read_once, capsys):
    found = explained(name, capsys)
    assert found["summary"]
    for parameter in found["parameters"]:
        assert parameter["doc"], f"{name}.{parameter['name']} has no doc"
        assert "typing." not in parameter["type"]
    words(name, capsys)


def test_what_takes_hyperparameters(capsys):
    assert "learning_rate" in explained("Ranges", capsys)["hyperparameters"]
    assert "by name: learning_rate," in words("Choices", capsys)


def test_a_hyperparameter_of_training(capsys):
    found = explained("learning_rate", capsys)
    assert (found["kind"], found["type"]) == ("hyperparameter", "a number above 0")
    assert found["used_by"] == ["training"]
    defaults = {each["file"]: each["value"] for each in found["defaults"]}
    assert defaults["gin/optimizer/sgd_laptop.gin"] == "0.1"
    ranges = {each["file"]: each["value"] for each in found["ranges"]}
    assert ranges["gin/ranges/v2.gin"].startswith("(0.0001, 0.0002,")
    assert found == explained("Hyperparameters.learning_rate", capsys)


def test_hyperparameters_of_others(capsys):
    assert "ViT" in explained("num_layers", capsys)["used_by"]
    assert explained("hue", capsys)["used_by"] == ["augmentation of images"]
    assert explained("mutation_probability", capsys)["used_by"] == ["mutation"]


@pytest.mark.parametrize("name", sorted(config.vocabulary().hyperparameters))
def test_every_hyperparameter_can_be_explained(name, read_once, capsys):
    assert explained(name, capsys)["doc"]
    assert words(name, capsys).startswith(f"{name}: ")


@pytest.mark.parametrize("name", ["gin/quickstart.gin", "quickstart.gin", "quickstart"])
def test_a_file(name, capsys):
    found = explained(name, capsys)
    assert (found["kind"], found["name"]) == ("file", "gin/quickstart.gin")
    assert found["doc"].startswith("Four tasks evolve one multitask system")
    assert found["includes"][0] == "search_spaces/vit_micro.gin"
    bindings = {each["name"]: each["value"] for each in found["bindings"]}
    assert bindings["Experiment.seed"] == "0"
    assert "ViT.width" not in bindings  # that is an include's


def test_a_file_of_ones_own(capsys):
    Path("mine.gin").write_text("# Mine.\ninclude 'gin/quickstart.gin'\na/Task.name = 'b'\n")
    said = words("mine.gin", capsys)
    assert (
        said
        == "mine.gin\n\nMine.\n\nIncludes\n  gin/quickstart.gin\n\nSets\n  a/Task.name  = 'b'\n"
    )
    Path("mine.gin").write_text("A.b = c\n")
    assert cli.main(["explain", "mine.gin"]) == 2
    assert "c is a string without quotes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Trainig", "'Training'"),
        ("lerning_rate", "'learning_rate'"),
        ("quikstart", "'quickstart'"),
        ("gin/mutation/mu2nt.gin", "'gin/mutation/mu2net.gin'"),
        ("Taks.nme", "'Task.name'"),
        ("xyzzy", "`mu2 list`"),
    ],
)
def test_unknown_names(name, near, capsys):
    assert cli.main(["explain", name]) == 2
    said = capsys.readouterr().err
    assert f"nothing is called {name!r}." in said
    assert near in said


def test_sections_of_docstrings():
    text = """One.

    Two: three.

    Args:
      a: first
        and more: of it.
      b (int): second.

    Attributes:
      c: third.

    Returns:
      Something: else.
    """
    assert documentation.entries(text) == {
        "a": "first and more: of it.",
        "b": "second.",
        "c": "third.",
    }
    assert documentation.entries(None) == {}


def test_defaults_as_gin_writes_them():
    assert catalogue.text_of_default(("a", 1)) == "('a', 1)"
    assert catalogue.text_of_default((Mutation(),)) == "(@Mutation(),)"
    assert catalogue.text_of_default(None) == "None"
