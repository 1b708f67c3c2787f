"""Every kind of fault, with its exact place and the way to mend it."""

from pathlib import Path

import pytest

from mu2.config import Faults, LoadedExperiment, load
from tests.config.faults import BASE, faults, read_cases

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


CASES = read_cases(Path(__file__).with_name("faults.toml"))


@pytest.mark.parametrize("case", CASES)
def test_fault(case):
    lines, line, message, hint = CASES[case]
    found = faults(f"{BASE}{lines}\n")
    assert [location for location, _, _ in found] == [f"run.gin:{line}"] * len(found)
    assert message in found[0][1]
    assert hint in found[0][2]
    assert len(found) == 1


@pytest.mark.parametrize("case", ["unknown parameter", "misspelt scope", "string for a number"])
def test_a_flag_is_its_own_location(case):
    binding, _, message, hint = CASES[case]
    binding = binding.replace(" ", "")
    ((location, found, how),) = faults(None, "Experiment.seed=1", binding)
    assert (location, message in found, hint in how) == (f"--gin.{binding}", True, True)


def test_flags_that_contradict_each_other():
    ((location, message, _),) = faults(None, "Layout.data=1", "Layout.data=2")
    assert location == "--gin.Layout.data=2"
    assert "set twice: by --gin.Layout.data=1 as well; the later one, 2, wins" in message


def test_a_constructor_that_refuses_a_flag():
    ((location, message, _),) = faults(None, "Layout.data=0")
    assert (location, "Layout.data is 0" in message) == ("--gin.Layout.data=0", True)


def test_replacing_what_an_include_sets_is_no_fault():
    Path("run.gin").write_text(f"{BASE}Training.intervals = 1\nStream.tasks = (@digits/Task(),)\n")
    assert isinstance(load(["run.gin"], ["Training.intervals=2"]), LoadedExperiment)


def test_all_faults_at_once_in_order():
    Path("part.gin").write_text("Layout.data = '1'\nLayout.dta = 1\n")
    text = f"{BASE}Training.intervals = x\ninclude 'part.gin'\nTraining.batch_size = (\ny/Z.a = 1\n"
    assert [location for location, _, _ in faults(text, "Layout.q=1")] == [
        *("run.gin:2", "run.gin:4", "run.gin:5"),
        *("part.gin:1", "part.gin:2", "--gin.Layout.q=1"),
    ]


def test_every_constructor_that_refuses_is_heard():
    found = faults(f"{BASE}Layout.data = 0\nTraining.intervals = 0\nViT.heads = 5\n")
    assert [location for location, _, _ in found] == ["run.gin:2", "run.gin:3", "run.gin:4"]


def test_every_range_that_is_refused_is_heard():
    text = "Ranges.num_layers = (3, 1, 2)\nRanges.flip = (True, True)\nRanges.crop = (True,)\n"
    text += "Ranges.image_size = (16, 8)\nChoices.image_size = (8, 16)\n"
    found = faults(f"{BASE}{text}")
    assert [location for location, _, _ in found] == [*(f"run.gin:{n}" for n in (2, 3, 4, 6))]
    said = ("out of order", "a value twice", "False, which is not in", "both in Ranges and in")
    assert all(part in message for part, (_, message, _) in zip(said, found, strict=True))


def test_a_default_with_a_fault_is_the_only_one_told():
    for name in ("mutation_probability", "num_layers", "crop"):
        ((location, message, _),) = faults(f"{BASE}Hyperparameters.{name} = 'x'\n")
        assert (location, f"Hyperparameters.{name}: 'x' is not" in message) == ("run.gin:2", True)


def test_includes_in_a_circle():
    Path("a.gin").write_text("include 'b.gin'\n")
    Path("b.gin").write_text("# b\ninclude 'a.gin'\n")
    ((location, message, _),) = faults("include 'a.gin'\n")
    assert location == "b.gin:2"
    assert "a.gin > b.gin > a.gin" in message


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "include 'gin/mesh/cpu.gin'\n"])
def test_nothing_to_run(text):
    found = faults(text)
    if "include" in text:
        assert {message for _, message, _ in found} == {
            "Experiment.stream is never set.",
            "Experiment.space is never set.",
        }
        assert "@Stream()" in found[0][2]
    else:
        assert [fault[:2] for fault in found] == [("run.gin:1", "nothing sets an Experiment.")]
    assert {location for location, _, _ in found} == {"run.gin:1"}


def test_a_missing_file_names_the_nearest():
    Path("mine.gin").write_text("")
    for name, near in (("gin/quikstart.gin", "gin/quickstart.gin"), ("mime.gin", "mine.gin")):
        with pytest.raises(Faults) as caught:
            load([name], [])
        (fault,) = caught.value.faults
        assert (fault.location, near in (fault.hint or "")) == (None, True)


def test_never_set():
    text = (
        "include 'gin/quickstart.gin'\nStream.tasks = (\n    @digits/Task(),\n    @new/Task(),\n)\n"
    )
    (name,) = faults(f"{text}new/Task.source = @Digits()\n")
    assert name[:2] == ("run.gin:4", "new/Task.name is never set.")
    (source,) = faults(f"{text}new/Task.name = 'new'\n")
    assert source[:2] == ("run.gin:4", "new/Task.source is never set.")
    assert "@new/Digits() or " in source[2]
    assert "or @new/TFDS()" in source[2]


def test_hyperparameters_without_a_default():
    space, stream = "search_spaces/vit_micro.gin", "gin/stream/scripts.gin"
    found = faults(f"include '{space}'\ninclude '{stream}'\n")
    ((location, message, hint),) = found
    assert location == f"{ROOT / 'search_spaces/space.gin'}:12"
    assert "area_min" in message
    assert "num_layers" not in message
    assert "adapter_dim" not in message
    assert "gin/optimizer/sgd_large.gin" in hint
    assert "gin/augmentation/crops.gin" in hint


def test_a_file_that_is_no_text():
    Path("run.gin").write_bytes(b"# one\nTraining.intervals = 3 # \xff\n")
    with pytest.raises(Faults) as caught:
        load(["run.gin"], [])
    assert [fault.location for fault in caught.value.faults] == ["run.gin:2"]


def test_faults_read_as_one_block_each():
    with pytest.raises(Faults) as caught:
        load(["gin/quickstart.gin"], ["Layout.dta=1", "Training.x=2"])
    assert str(caught.value).splitlines()[:2] == [
        "--gin.Layout.dta=1: Layout has no parameter 'dta'.",
        "  Did you mean 'data'?",
    ]
    assert len(str(caught.value).splitlines()) == 4
