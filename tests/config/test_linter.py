"""Every kind of fault, with its exact place and the way to mend it."""

from pathlib import Path

import pytest

from mu2.config import Faults, LoadedExperiment, load
from tests.config.faults import BASE, faults

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


# What is appended to a run whose first line is an include, the line of the fault, and a part of
# its message and of its hint.
CASES = {
    "unknown configurable": ("Trainig.batch_size = 1", 2, "'Trainig'", "'Training'"),
    "unknown configurable, block": ("Trainig:\n  a = 1\n  b = 2", 2, "'Trainig'", "'Training'"),
    "unknown reference": ("Experiment.layout = @Layuot()", 2, "@Layuot()", "'Layout'"),
    "reference in a long tuple": (
        "Stream.tasks = (\n    @digits/Task(),\n    @latin/Tsk(),\n)",
        4,
        "@latin/Tsk()",
        "'Task'",
    ),
    "unknown parameter": ("Training.batchsize = 1", 2, "no parameter 'batchsize'", "'batch_size'"),
    "unknown parameter, block": (
        "Training:\n  intervals = 1\n  batchsize = 1",
        4,
        "no parameter 'batchsize'",
        "'batch_size'",
    ),
    "parameter of none": ("digits/Digits.x = 1", 2, "no parameter 'x'", "It has none."),
    "misspelt scope": ("digit/Task.private = True", 2, "scope 'digit'", "'digits'"),
    "misspelt scope, many lines": (
        "digit/Task.private = True\ndigit/Task.train = 'train'",
        2,
        "scope 'digit'",
        "'digits'",
    ),
    "misspelt scope of a reference": (
        "Stream.tasks = (@digits/Task(), @latn/Task())",
        2,
        "nothing is set in the scope 'latn'",
        "'latin'",
    ),
    "unused scope": ("moon/Task.private = True", 2, "'moon'", "@moon/Task()"),
    "unused in a scope": ("latin/TFDS.name = 'x'", 2, "@latin/TFDS()", ""),
    "unused configurable": (
        "RandomRoot.name = 'x'",
        2,
        "nothing refers to @RandomRoot()",
        "or remove it",
    ),
    "set twice": (
        "Training.intervals = 1\nTraining.batch_size = 2\nTraining.intervals = 3",
        4,
        "set twice: in line 2 as well; the later one, 3, wins",
        "Keep one",
    ),
    "set twice, in a block and out of it": (
        "latin/Task:\n  private = True\nlatin/Task.private = False",
        4,
        "latin/Task.private is set twice: in line 3",
        "Keep one",
    ),
    "string for a number": ("Training.batch_size = '16'", 2, "'16' is not a whole", "Write 16,"),
    "fraction for a whole number": ("Training.batch_size = 16.0", 2, "16.0 is not", "Write 16."),
    "switch for a whole number": ("Training.batch_size = True", 2, "True is not a whole", ""),
    "string for a float": ("Scoring.scale = '0.5'", 2, "not a number", "Write 0.5, without quotes"),
    "number for a string": ("digits/Task.name = 3", 2, "3 is not a string", "Write '3', in quotes"),
    "number for a switch": ("digits/Task.private = 1", 2, "1 is not True or", "Write True."),
    "string for a switch": ("digits/Task.private = 'false'", 2, "'false' is", "Write False."),
    "one for many": (
        "Mutation.always_cloned = ('cls')",
        2,
        "'cls' is not a tuple, each item a string",
        "Write ('cls',), with the comma.",
    ),
    "wrong item": ("Mutation.always_cloned = ('cls', 3)", 2, "3 is not a string", "'3'"),
    "literal for an object": ("Experiment.layout = 1", 2, "1 is not a Layout", "Write @Layout()."),
    "literal for a source": (
        "digits/Task.source = 'digits'",
        2,
        "'digits' is not a Source",
        "@Digits(), ",
    ),
    "reference without brackets": ("Experiment.layout = @Layout", 2, "@Layout is", "@Layout()"),
    "reference to another kind": (
        "Experiment.training = @Evolution()",
        2,
        "@Evolution() is not a Training",
        "Write @Training().",
    ),
    "wrong item in a long tuple": (
        "Stream.tasks = (\n    @digits/Task(),\n    @latin/Glyphs(),\n)",
        4,
        "@latin/Glyphs() is not a Task",
        "Write @Task().",
    ),
    "wrong type by a macro": (
        "SIZE = 'x'\nTraining.batch_size = %SIZE",
        3,
        "Training.batch_size = %SIZE: 'x' is not a whole number",
        "",
    ),
    "no finite number": ("Scoring.scale = 1e999", 2, "not a finite number", ""),
    "wrong type of a hyperparameter": ("Hyperparameters.flip = 1", 2, "not True or", "Write True"),
    "wrong type in a range": ("Ranges.num_layers = (1, 2.5)", 2, "2.5 is not a whole number", ""),
    "a range of one": ("Ranges.num_layers = 2", 2, "2 is not a tuple", "Write (2,)"),
    "unknown schedule": ("Hyperparameters.schedule = 'cosin'", 2, "'cosin' is not", "'cosine'"),
    "string without quotes": (
        "digits/Task.name = digits",
        2,
        "digits is a string without quotes",
        "Write 'digits'",
    ),
    "split without quotes": (
        "digits/Task.train = train[20%:]",
        2,
        "train[20%:] is a string without quotes",
        "Write 'train[20%:]'.",
    ),
    "string without quotes in a tuple": (
        "Mutation.always_cloned = (\n  'cls',\n  head,\n)",
        4,
        "head is a string without quotes",
        "Write 'head'",
    ),
    "true": ("digits/Task.private = true", 2, "true is no value", "Write True."),
    "missing quote": ("digits/Task.name = 'digits", 2, "a quote is missing", "the same quote"),
    "backtick": ("digits/Task.name = 'digits`", 2, "` is no quote", "with ' or with"),
    "quotes of a word processor": (
        "digits/Task.name = \u2018digits\u2019",
        2,
        "\u2018 is no quote",
        "with ' or with",
    ),
    "include without quotes": (
        "include gin/mesh/cpu.gin",
        2,
        "a quote is missing: include gin/mesh/cpu.gin",
        "Write include 'gin/mesh/cpu.gin'.",
    ),
    "include with one quote": (
        "include 'gin/mesh/cpu.gin",
        2,
        "a quote is missing",
        "Write include 'gin/mesh/cpu.gin'.",
    ),
    "character that cannot be seen": (
        "Training.in\x00tervals = 2",
        2,
        r"cannot be seen, '\x00': Training.in\x00tervals = 2",
        "Delete it, or write a space.",
    ),
    "open bracket": (
        "Mutation.always_cloned = ('cls',\nTraining.intervals = 2",
        2,
        "a '(' is opened and not closed",
        "Close it",
    ),
    "open bracket at the end": ("Mutation.always_cloned = ('cls',", 2, "a '(' is opened", "Close"),
    "no value": ("Training.intervals =", 2, "a value is missing", "A value is"),
    "no statement": ("Training.intervals 3", 2, "no statement: Training.intervals 3", "SELECTOR"),
    "two statements": ("Training.intervals = 3 4", 2, "a comma is missing", "a line of its own"),
    "misspelt include": ("inculde 'gin/mesh/cpu.gin'", 2, "no statement", "'include'"),
    "import": ("import os", 2, "imports nothing", "Remove the line"),
    "missing include": (
        "include 'serch_spaces/vit.gin'",
        2,
        "there is no such Gin file",
        "'search_spaces/vit.gin'",
    ),
    "folder as an include": ("include '.'", 2, "is a folder", ""),
    "include of itself": ("include 'run.gin'", 2, "run.gin > run.gin", "Remove one"),
    "unknown macro": ("SIZE = 2\nTraining.intervals = (%SIZ)", 3, "%SIZ is no macro", "'SIZE'"),
    "unused macro": ("SIZE = 2", 2, "'SIZE' is used nowhere", "%SIZE"),
    "parameter without its configurable": (
        "batch_size = 2",
        2,
        "'batch_size' is used nowhere",
        "Training.batch_size",
    ),
    "parameter without its dot": (
        "latin/Taskprivate = True",
        2,
        "'latin/Taskprivate' is used nowhere",
        "latin/Task.private",
    ),
    "macros in a circle": (
        "A = %B\nB = %A\nTraining.intervals = %A",
        3,
        "%A refers to itself",
        "Break",
    ),
    "unknown hyperparameter": ("Hyperparameters.momentun = 1", 2, "'momentun'", "'momentum'"),
    "unknown range": ("Ranges.num_layer = (1, 2)", 2, "'num_layer'", "'num_layers'"),
    "unknown choice": ("Choices.schedul = ('cosine',)", 2, "'schedul'", "'schedule'"),
    "empty range": ("Ranges.num_layers = ()", 2, "Ranges.num_layers is empty", "List its values"),
    "range out of order": ("Ranges.num_layers = (1, 3, 2)", 2, "out of order", "Sort it"),
    "default outside its range": (
        "Hyperparameters.num_layers = 9",
        2,
        "Hyperparameters.num_layers is 9",
        "one of the values",
    ),
    "in ranges and choices": ("Choices.crop = (True, False)", 2, "crop is both in", "Keep one"),
    "value that a constructor refuses": ("Layout.data = 0", 2, "Layout.data is 0", ""),
    "sizes that do not go together": ("ViT.width = 65", 2, "ViT.width is 65", "ViT.heads"),
    "unknown script": ("greek/Glyphs.script = 'grek'", 2, "'grek'", "'greek'"),
    "bad task name": ("greek/Task.name = 'a b'", 2, "'a b'", ""),
    "task named twice": ("greek/Task.name = 'latin'", 2, "'latin' twice", ""),
    "no task": ("Stream.tasks = ()", 2, "at least one task", ""),
    "required": ("greek/Task.name = %gin.REQUIRED", 2, "greek/Task.name is never set", "VALUE"),
}


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
