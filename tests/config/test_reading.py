"""Gin files in, one frozen experiment out."""

import dataclasses
import itertools
import re
import subprocess
import sys
from pathlib import Path

import gin.config as gin_config
import pytest

from mu2.config import Faults, load
from mu2.evolution.space import Hyperparameters
from mu2.tasks import TFDS, Digits, Glyphs

ROOT = Path(__file__).parents[2]
FILES = sorted(
    file.relative_to(ROOT).as_posix()
    for folder in ("gin", "search_spaces", "benchmarks")
    for file in (ROOT / folder).rglob("*.gin")
)
RUNS = [
    file
    for file in FILES
    if (file.startswith("benchmarks/") or re.fullmatch(r"gin/\w+\.gin", file))
    and "A part, not a run" not in (ROOT / file).read_text()
]
SPACES = [f for f in FILES if f.startswith("search_spaces/vit_")]
RANGES = [f for f in FILES if f.startswith("gin/ranges/")]
STREAMS = [f for f in FILES if re.fullmatch(r"gin/stream/\w+\.gin", f)]
PARTS = (
    "gin/mutation/mu2net.gin",
    "gin/budget/papers_large.gin",
    "gin/augmentation/crops.gin",
)
SGD, ADAMW = "gin/optimizer/sgd_large.gin", "gin/optimizer/adamw_small.gin"


@pytest.fixture(autouse=True)
def _anywhere(tmp_path, monkeypatch):
    """mu2's own files are found by name from any folder."""
    monkeypatch.chdir(tmp_path)


def write(name: str, text: str) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")
    return name


@pytest.mark.parametrize("file", RUNS)
def test_runs_load_and_their_resolved_text_is_the_same_run(file):
    loaded = load([file], [])
    again = load([write("resolved.gin", loaded.resolved)], [])
    assert again.experiment == loaded.experiment
    assert again.resolved == loaded.resolved
    assert "include" not in loaded.resolved.partition("\n")[2]
    hash(loaded.experiment)


def test_there_are_runs():
    assert {"gin/quickstart.gin", "benchmarks/tables/cmaterdb_ti0.gin"} <= set(RUNS)


@pytest.mark.parametrize("parts", [*itertools.product(SPACES, RANGES, STREAMS)], ids="+".join)
def test_parts_compose(parts):
    space, ranges, stream = parts
    # Two begin elsewhere: µ2Net+ without augmentation, the others with their own.
    begins = {"mu2net_plus": "mu2net_plus", "affine": "affine"}.get(Path(ranges).stem, "crops")
    augmentation = f"gin/augmentation/{begins}.gin"
    optimizer = ADAMW if Path(ranges).stem == "optimizers" else SGD
    experiment = load([space, *PARTS, optimizer, ranges, augmentation, stream], []).experiment
    experiment.space.model.network(experiment.space.defaults(), num_classes=2)


def test_the_gin_folder_is_no_package():
    assert list((ROOT / "gin").rglob("__init__.py")) == []


def parameters(space: str, *bindings: str) -> int:
    files = [space, *PARTS, SGD, "gin/stream/scripts.gin"]
    space = load(files, list(bindings)).experiment.space
    return sum(c.size for c in space.model.network(space.defaults(), 2) if not c.optional)


def test_sizes_are_those_the_papers_count():
    """The published num_params, which count a head of two classes."""
    assert parameters("search_spaces/vit_l16.gin") == 303_303_682
    assert parameters("search_spaces/vit_b16.gin", "Hyperparameters.image_size=32") == 85_652_738
    assert parameters("search_spaces/vit_ti0.gin", "Hyperparameters.num_layers=3") == 1_484_162


def test_cmaterdb_is_the_published_experiment():
    experiment = load(["benchmarks/tables/cmaterdb_ti0.gin"], []).experiment
    tasks = experiment.stream.tasks
    assert [task.name for task in tasks] == ["bangla", "devanagari", "telugu"]
    assert [task.private for task in tasks] == [False, False, True]
    assert {(t.train, t.validation, t.test) for t in tasks} == {
        ("train[20%:]", "train[:20%]", "test")
    }
    assert tasks[2].source == TFDS("cmaterdb/telugu")
    assert experiment.space.ranges["num_layers"] == (0, 1, 2, 3)
    assert experiment.space.hyperparameters["num_layers"] == 0
    assert len(experiment.space.ranges) == 14
    assert experiment.children == 3 * 2 * 32


def test_flags_come_after_all_files():
    write("mine.gin", "include 'gin/quickstart.gin'\nTraining.batch_size = 16\n")
    write("later.gin", "Training.batch_size = 32\n")
    assert load(["mine.gin"], []).experiment.training.batch_size == 16
    loaded = load(["mine.gin", "later.gin"], [])
    assert loaded.experiment.training.batch_size == 32
    assert loaded.bindings["", "Training", "batch_size"] == "later.gin:1"
    loaded = load(["mine.gin"], ["Training.batch_size=8", "Stream.tasks=(@digits/Task(),)"])
    assert loaded.experiment.training.batch_size == 8
    assert loaded.bindings["", "Training", "batch_size"] == "--gin.Training.batch_size=8"
    assert [task.source for task in loaded.experiment.stream.tasks] == [Digits()]
    assert "latin" not in loaded.resolved
    assert ("latin", "Task", "name") not in loaded.bindings


def test_files_are_found_as_given_then_beside_the_file_then_in_search_paths():
    write("a/one.gin", "include 'two.gin'\nExperiment.seed = 1\n")
    write("a/two.gin", "include 'gin/quickstart.gin'\nTraining.batch_size = 2\n")
    write("b/three.gin", "Training.batch_size = 3\n")
    assert load(["a/one.gin"], []).experiment.training.batch_size == 2
    assert load(["a/one.gin", "three.gin"], [], ["b"]).experiment.training.batch_size == 3
    write("two.gin", "include 'gin/quickstart.gin'\nTraining.batch_size = 5\n")
    assert load(["a/one.gin"], []).experiment.training.batch_size == 5


def test_a_file_may_be_included_by_several():
    write("part.gin", "Training.batch_size = 2\n")
    write("a.gin", "include 'gin/quickstart.gin'\ninclude 'part.gin'\n")
    write("b.gin", "include 'a.gin'\ninclude 'part.gin'\n")
    assert load(["b.gin"], []).experiment.training.batch_size == 2


def test_lists_become_tuples():
    loaded = load(
        ["gin/quickstart.gin"],
        ["Mutation.always_cloned=['encoder_norm', 'cls']", "Ranges.num_layers=[2, 3]"],
    )
    assert loaded.experiment.evolution.mutation.always_cloned == ("encoder_norm", "cls")
    assert loaded.experiment.space.ranges["num_layers"] == (2, 3)


def test_scopes_and_macros_mean_what_they_mean_in_gin():
    text = """
include 'gin/quickstart.gin'
SIZE = 48
LETTERS = @Glyphs()
TASKS = [@one/Task(), @two/Task(), @one/three/Task()]
Stream.tasks = %TASKS
Task.train = 'train[:50%]'
one/Task.name = 'one'
one/Task.source = @Glyphs()
one/Glyphs:
  side = %SIZE
  script = 'greek'
one/three/Task.name = 'three'
two/Task.name = 'two'
two/Task.source = %LETTERS
two/Task.train = 'train'
LETTERS/Glyphs.script = 'hebrew'
two/Glyphs.side = 8
two/Glyphs.script = 'arabic'
"""
    with pytest.raises(Faults) as caught:
        load([write("scopes.gin", text)], [])
    # A macro's value is evaluated in the macro's scope, so `two` never reaches the letters.
    assert [fault.location for fault in caught.value.faults] == ["scopes.gin:18"]

    text = text.partition("two/Glyphs.side")[0]
    loaded = load([write("scopes.gin", text)], [])
    one, two, three = loaded.experiment.stream.tasks
    assert (one.name, two.name, three.name) == ("one", "two", "three")
    assert (one.train, two.train, three.train) == ("train[:50%]", "train", "train[:50%]")
    assert one.source == three.source == Glyphs("greek", side=48)
    assert two.source == Glyphs("hebrew")
    again = load([write("resolved.gin", loaded.resolved)], [])
    assert again.experiment == loaded.experiment
    assert again.resolved == loaded.resolved


def test_qualified_names_are_the_same_names():
    assert load(["gin/quickstart.gin"], ["mu2.Training.batch_size=4"]).experiment.training == (
        dataclasses.replace(load(["gin/quickstart.gin"], []).experiment.training, batch_size=4)
    )


def test_gin_is_left_empty_and_does_not_leak_in():
    load(["gin/quickstart.gin"], [])
    gin_config.bind_parameter("mu2.Training.batch_size", 3)
    gin_config.bind_parameter("mu2.Layout.data", 5)
    gin_config.finalize()
    experiment = load(["gin/quickstart.gin"], []).experiment
    assert experiment.layout.data == 1
    assert experiment.training.batch_size != 3
    assert type(experiment.space.hyperparameters) is Hyperparameters
    with gin_config.unlock_config():
        gin_config.clear_config()


def test_resolved_does_not_tell_where_it_came_from():
    source = (ROOT / "gin/quickstart.gin").read_text(encoding="utf-8")
    here = load([write("x/copy.gin", source)], ["Stream.iterations=2", "Experiment.seed=0"])
    assert here.resolved == load(["gin/quickstart.gin"], []).resolved


def test_importing_config_waits_for_neither_jax_nor_flax():
    code = "import sys, mu2.config; sys.exit(bool({'jax', 'flax', 'orbax'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
