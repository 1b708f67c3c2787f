"""`mu2 check`: faults of data, models and devices with their places; what a run would do."""

from pathlib import Path

import pytest

from mu2 import cli
from tests.cli.checks import BASE, check, faults
from tests.config.faults import read_cases


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TFDS_DATA_DIR", "nowhere")


CASES = read_cases(Path(__file__).with_name("faults.toml"))


@pytest.mark.parametrize("case", CASES)
def test_fault(case, capsys):
    lines, line, message, hint = CASES[case]
    found = faults(f"{lines}\n", capsys)
    assert [location for location, _, _ in found] == [f"run.gin:{line}"] * len(found), found
    assert message in found[0][1]
    assert hint in found[0][2]
    if case != "a split that cannot be read":  # of all four tasks
        assert len(found) == 1


# A value of a range that no training can use, and what is said of it.
VALUES = {
    "learning_rate": ("0.0", "above 0"),
    "warmup_ratio": ("1.1", "from 0 to 1"),
    "momentum": ("1.5", "of 0 or more and below 1"),
    "area_min": ("0.0", "above 0 and at most 1"),
    "aspect_min": ("1.5", "above 0 and at most 1"),
    "brightness": ("-0.1", "from 0 to 1"),
    "contrast": ("-0.1", "from 0 to 1"),
    "saturation": ("-0.1", "from 0 to 1"),
    "hue": ("0.6", "from 0 to 0.5"),
    "mutation_probability": ("-0.1", "from 0 to 1"),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_that_no_training_can_use(name, capsys):
    value, said = VALUES[name]
    ((location, message, _),) = faults(f"Ranges.{name} = ({value}, 0.5)\n", capsys)
    assert location == "run.gin:2"
    assert message == f"Ranges.{name}: {value} is not a number {said}."
    found = faults(f"Hyperparameters.{name} = {value}\n", capsys)
    assert ("run.gin:2", f"Hyperparameters.{name}: {value} is not a number {said}.", "") in found


def test_the_ends_of_what_can_be_used(capsys):
    text = """
Ranges.warmup_ratio = (0.0, 0.05, 1.0)
Ranges.momentum = (0.0, 0.9)
Ranges.area_min = (0.01, 0.5, 1.0)
Ranges.mutation_probability = (0.0, 0.2, 1.0)
Ranges.hue = (0.0, 0.5)
"""
    assert check(text, capsys)[0] == 0


def test_everything_at_once_in_order(capsys):
    text = """\
Ranges.image_size = (2, 3, 16)
Ranges.momentum = (0.5, 1.5, 0.9, -1)
Training.batch_size = 2000
Mutation.always_cloned = ('encoderblok_*',)
latin/Task.validation = 'train[:10%]'
Trainig.intervals = 2
Layout.population = 99
Ranges.num_layers = (3, 1, 2)
Ranges.flip = (True, True)
"""
    found = faults(text, capsys)
    lines = [int(location.removeprefix("run.gin:")) for location, _, _ in found]
    assert lines == [2, 2, 3, 3, 5, 6, 7, 8, 9, 10]  # and not 4, where line 7 may have been meant
    messages = [message for _, message, _ in found]
    assert ["is 2," in messages[0], "is 3," in messages[1]] == [True, True]
    assert ["1.5" in messages[2], "-1" in messages[3]] == [True, True]
    assert "out of order" in messages[-2]
    assert "twice" in messages[-1]


def test_a_fault_of_gin_hides_none_of_the_data(capsys):
    text = "Layout.dta = 1\nlatin/Task.test = 'tset'\nTraining.batch_size = 2000\n"
    found = faults(text, capsys)
    assert {location for location, _, _ in found} == {"run.gin:2", "run.gin:3", "run.gin:4"}


def test_what_a_typo_meant_is_not_tried(capsys):
    """Without the line that has a fault, the defaults of mu2 would be told of."""
    text = "Training.batch_sise = 4\nStream.tasks = (@few/Task(),)\nfew/Task.name = 'few'\n"
    text += "few/Task.source = @few/Glyphs()\nfew/Glyphs.per_class = 1\n"
    assert [location for location, _, _ in faults(text, capsys)] == ["run.gin:2"]


def test_a_run_begins_with_the_same_check(capsys):
    Path("run.gin").write_text(f"{BASE}Ranges.image_size = (2, 16)\nLayout.dta = 1\n")
    assert cli.main(["run", "run.gin", "--system", "system"]) == 2
    said = capsys.readouterr().err
    assert "run.gin:2: image_size is 2" in said
    assert "run.gin:3: Layout has no parameter" in said
    Path("run.gin").write_text(f"{BASE}Ranges.image_size = (2, 16)\n")
    assert cli.main(["run", "run.gin", "--system", "system"]) == 2
    assert capsys.readouterr().err.startswith("run.gin:2: image_size is 2")
    assert not Path("system").exists()
