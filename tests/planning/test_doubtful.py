"""Settings that do nothing or do harm are told before a run; shipped files have none."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from mu2 import cli, config
from mu2.config.reading import read_table
from mu2.planning.doubtful import doubtful_settings
from mu2.planning.dry_run import read_first_examples
from tests import own_data, shrunken

ROOT = Path(__file__).parents[2]
SHIPPED = [
    "gin/quickstart.gin",
    pytest.param("benchmarks/tables/characters_small.gin", marks=pytest.mark.slow),  # 12 columns
    "benchmarks/tables/munet_decathlon_b16.gin",
    "benchmarks/tables/mu2net_plus_characters_ti3.gin",
]
PARTS = (
    "gin/mutation/mu2net.gin",
    "gin/ranges/v2.gin",
    "gin/budget/laptop.gin",
    "gin/optimizer/sgd_laptop.gin",
    "gin/augmentation/characters.gin",
    "gin/stream/scripts.gin",
    "gin/mesh/cpu.gin",
)


def told(files, *bindings):
    reading = config.read(files, bindings)
    return doubtful_settings(reading.load().experiment, reading.place)


@pytest.mark.parametrize("file", SHIPPED)
def test_files_that_come_with_mu2_are_beyond_doubt(file):
    table = read_table(file, [])
    runs = [column.run for column in table.columns] if table else [config.read([file], [])]
    for reading in runs:
        assert doubtful_settings(reading.load().experiment, reading.place) == ()


@pytest.mark.parametrize(
    ("space", "bindings", "said", "cure"),
    [
        ("convnet", ["Mutation.always_cloned=('encoder_norm',)"], "ConvNet has such a layer", ""),
        ("mlp", [], "names 'encoder_norm', and no network of MLP", "('norm',)"),
        ("vit_micro", ["Ranges.image_size=(16, 18)"], "does not divide image_size", "16 or 20"),
        ("vit_micro", ["Training.max_validation_examples=9"], "on 9 validation", "Raise Training"),
        ("vit_micro", ["Glyphs.per_class=1"], "fewer than 2 a class", "whether the labels"),
        (
            "vit_micro",
            ["Hyperparameters.mutation_probability=0.0"],
            "nothing ever moves along learning_rate",
            "leave the ranges out",
        ),
        (
            "vit_micro",
            ["Hyperparameters.optimizer='lion'"],
            "'lion' begins with steps of 0.1",
            "lion_factor = 0.003",
        ),
        ("vit_micro", ["Mutation.adapters='insert'"], "no network of this space has adapters", ""),
        (
            "vit_micro",
            ["Evolution.children_per_generation=99"],
            "none is made from another",
            "smaller than",
        ),
    ],
)
def test_settings_that_do_nothing_or_harm(space, bindings, said, cure):
    parts = [p for p in PARTS if not (space == "mlp" and "stream" in p)]
    if space == "mlp":
        parts = [p for p in parts if "augmentation" not in p]
        parts += ["gin/augmentation/none.gin", "gin/stream/mixed.gin"]
        bindings = ["Stream.tasks=(@wine/Task(),)", "Training.batch_size=16"]
    if "mutation_probability" in bindings[0]:
        parts = [p for p in parts if "ranges" not in p]
        bindings = [
            *bindings,
            "Ranges.learning_rate=(0.01, 0.02)",
            "Hyperparameters.learning_rate=0.01",
        ]
    files = [f"search_spaces/{space}.gin", *parts]
    found = [each for each in told(files, *bindings) if said in each.message]
    assert len(found) >= 1, told(files, *bindings)
    assert cure in found[0].hint


def test_the_default_rule_is_looked_at_too():
    files = ["search_spaces/convnet.gin", *PARTS]
    experiment = config.load(files, []).experiment
    mutation = dataclasses.replace(experiment.evolution.mutation, always_cloned=("encoder_norm",))
    evolution = dataclasses.replace(experiment.evolution, mutation=mutation)
    found = doubtful_settings(dataclasses.replace(experiment, evolution=evolution))
    assert any("no network of ConvNet has such a layer" in each.message for each in found)


def test_check_and_run_warn(tmp_path, capsys):
    bindings = shrunken.merged(
        *shrunken.DIGITS, shrunken.ONCE, "Training.max_validation_examples=9"
    )
    words = [shrunken.FILE, *(f"--gin.{b}" for b in bindings)]
    assert cli.main(["check", *words]) == 0
    assert "warning: " in (said := capsys.readouterr().out)
    assert "on 9 validation examples, of which each is worth 11%" in said
    assert "\n  Raise Training.max_validation_examples.\n" in said
    assert cli.main(["check", *words, "--json"]) == 0
    (warning,) = json.loads(capsys.readouterr().out)["warnings"]
    assert warning["location"] == "--gin.Training.max_validation_examples=9"
    with shrunken.shared_programs():
        assert cli.main(["run", *words, "--system", str(tmp_path / "system")]) == 0
    assert "mu2: warning: --gin.Training.max_validation" in capsys.readouterr().err


def test_one_example_of_each_part_is_read(tmp_path, capsys):
    file = own_data.write_all(tmp_path)
    assert read_first_examples(config.load([str(file)], []).experiment) == ()
    # An image that looks sound by its name, first in its split by the digest that orders it.
    for image in (tmp_path / "shapes").rglob("*.png"):
        image.write_bytes(b"no image")
    np.savez(tmp_path / "u.npz", x=np.zeros((40, 8, 8), np.uint8), y=np.full(40, -1))
    assert cli.main(["check", str(file)]) == 2
    said = capsys.readouterr().err
    assert "no image that Pillow knows" in said
    assert "own.gin:" in said


def test_what_a_foreign_source_raises_is_told_and_no_traceback(tmp_path):
    experiment = shrunken.load(*shrunken.DIGITS).experiment
    (task,) = experiment.stream.tasks

    class Broken(type(task.source)):
        """A source whose library fails."""

        def reader(self, split):
            raise ValueError("high <= 0")

    stream = dataclasses.replace(
        experiment.stream, tasks=(dataclasses.replace(task, source=Broken()),)
    )
    found = read_first_examples(dataclasses.replace(experiment, stream=stream))
    assert len(found) == 3
    assert "cannot be read: ValueError: high <= 0" in found[0].message
