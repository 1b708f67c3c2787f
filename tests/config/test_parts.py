"""Every parameter has one home, so that the order in which parts are included decides nothing."""

import random
import re
import shutil
from pathlib import Path

import pytest

from mu2.config import read as read_run
from mu2.config import vocabulary
from mu2.config.linter import MACRO, read
from mu2.config.reading import read_table
from mu2.evolution.space import AUGMENTATION
from mu2.models import models
from mu2.training.optimizer import Optimizer

ROOT = Path(__file__).parents[2]
FOLDERS = ("gin", "search_spaces", "benchmarks/tables")
FILES = sorted(
    path.relative_to(ROOT).as_posix() for d in FOLDERS for path in (ROOT / d).rglob("*.gin")
)
TABLES = [f for f in FILES if "Table.columns" in (ROOT / f).read_text(encoding="utf-8")]
RUNS = [*TABLES, "gin/quickstart.gin"]
INCLUDES = re.compile(r"(?m)(?:^include '[^']+'\n)+")
PARTS = re.compile(r"(?ms)(Column\.parts = \()(.*?)(\)$)")


def resolved(file):
    """The resolved text of a run, or of each column of a table."""
    if file not in TABLES:
        reading = read_run([file], [])
        assert reading.warnings == ()
        return {"": reading.load().resolved}
    table = read_table(file, [])
    assert (table.faults, table.warnings) == ((), ())
    return {each.column.name: each.run.load().resolved for each in table.columns}


def in_another_order(text, arrange):
    """A Gin text whose includes, and parts of columns, are arranged otherwise."""

    def includes(found):
        lines = found[0].splitlines(keepends=True)
        return "".join(arrange(lines))

    def parts(found):
        names = re.findall(r"'[^']+'", found[2])
        return found[1] + "".join(f"{name}, " for name in arrange(names)) + found[3]

    return PARTS.sub(parts, INCLUDES.sub(includes, text))


@pytest.mark.parametrize("seed", [None, 0])
def test_the_order_of_parts_decides_nothing(seed, tmp_path, monkeypatch):
    draw = random.Random(seed)

    def arrange(items):
        return list(reversed(items)) if seed is None else draw.sample(items, len(items))

    monkeypatch.chdir(tmp_path)
    before = {file: resolved(file) for file in RUNS}
    changed = 0
    for folder in FOLDERS:  # files of the working directory come first
        shutil.copytree(ROOT / folder, folder)
    for file in FILES:
        text = Path(file).read_text(encoding="utf-8")
        shuffle = in_another_order(text, arrange)
        changed += shuffle != text
        Path(file).write_text(shuffle, encoding="utf-8")
    assert changed > 12
    for file in RUNS:
        assert resolved(file) == before[file], file


SGD = {f"Hyperparameters.{name}" for name in Optimizer._fields}
AUGMENTED = {f"Hyperparameters.{name}" for name in AUGMENTATION}
LIMITS = {"batch_size", "intervals", "max_train_examples", "max_validation_examples"}


def shaping():
    return set(vocabulary().model_hyperparameters)


ROOTS = (
    *("RandomRoot", "AugReg", "Safetensors", "PPOCR", "EfficientNetWeights"),
    "SystemRoot",
)


def home(selector, parameter):
    """The folder of the parts that set a parameter."""
    name = f"{selector}.{parameter}"
    if selector in ("Hyperparameters", "Ranges", "Choices") and parameter in shaping():
        return "search_spaces"
    if selector in ("Ranges", "Choices"):
        return "gin/ranges"
    if name in SGD or (selector == "Training" and parameter not in LIMITS):
        return "gin/optimizer"
    if name in AUGMENTED:
        return "gin/augmentation"
    if selector in ("Training", "Halving", "Budget") or parameter.startswith("children_per_"):
        return "gin/budget"
    if name in ("Experiment.training", "Evolution.stopping", "Evolution.budget"):
        return "gin/budget"
    if selector in ("Evolution", "Mutation", "Scoring") or name == "Experiment.evolution":
        return "gin/mutation"
    if name == "Hyperparameters.mutation_probability":
        return "gin/mutation"
    if selector == "Layout" or name == "Experiment.layout":
        return "gin/mesh"
    if selector in (
        "RandomRoot",
        "AugReg",
        "Safetensors",
        "PPOCR",
        "EfficientNetWeights",
        "SystemRoot",
    ):
        return "gin/root"
    if name == "Experiment.roots" or name in ("ViT.gelu", "ViT.epsilon"):
        return "gin/root"  # what the weights were trained with
    if selector in ("SearchSpace", *models()):
        return "search_spaces"
    if selector == "Images" or name == "Experiment.images":
        return "gin/augmentation"
    if name == "Experiment.executor" or selector in ("ProcessExecutor", "RayExecutor"):
        return "gin/executor"
    return "search_spaces" if name == "Experiment.space" else "gin/stream"


@pytest.mark.parametrize("file", [f for f in FILES if "/" in f.removeprefix("gin/")])
def test_a_part_sets_what_belongs_to_it_alone(file):
    if file.startswith("benchmarks/"):
        return  # runs, which override
    for binding in read([str(ROOT / file)], [], [ROOT]).bindings:
        own = Path(binding.source).resolve() == (ROOT / file).resolve()
        if own and binding.selector != MACRO:
            folder = home(binding.selector, binding.parameter)
            assert file.startswith(f"{folder}/"), f"{binding} belongs to {folder}"


AUGMENTATIONS = [f for f in FILES if f.startswith("gin/augmentation/")]


@pytest.mark.parametrize("other", [f for f in AUGMENTATIONS if not f.endswith("/affine.gin")])
def test_affine_changes_stand_beside_any_other_augmentation(other, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    affine = ("gin/augmentation/affine.gin", "gin/ranges/affine.gin")
    parts = ("search_spaces/vit_micro.gin", "gin/mutation/mu2net.gin", "gin/budget/laptop.gin")
    rest = ("gin/optimizer/sgd_laptop.gin", "gin/stream/scripts.gin")
    lines = [f"include '{file}'\n" for file in (*parts, *rest, other, *affine)]
    found = []
    for name, order in (("one.gin", lines), ("other.gin", lines[::-1])):
        Path(name).write_text("".join(order), encoding="utf-8")
        reading = read_run([name], [])
        assert reading.warnings == ()
        found.append(reading.load().experiment.space)
    assert found[0] == found[1]
    values = found[0].hyperparameters
    own = ("rotation", "shear", "scale", "translation")
    assert [values[name] for name in own] == [15.0, 0.3, 0.18, 0.09]
    assert set(own) <= set(found[0].mutable)
    tables = [binding.selector for file in affine for binding in read([file], [], [ROOT]).bindings]
    assert tables == ["Hyperparameters"] * 4 + ["Ranges"] * 4


@pytest.mark.parametrize("file", [f for f in FILES if "/baseline/" in f])
def test_a_baseline_is_a_rule_of_a_few_lines(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(lines) < 10
    assert "block" not in "".join(lines)
