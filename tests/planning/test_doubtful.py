"""Settings that do nothing or do harm are told before a run; shipped files have none."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from mu2 import cli, config
from mu2.config.reading import read_table
from mu2.planning import dry_run
from mu2.planning.doubtful import doubtful_settings
from mu2.planning.dry_run import read_first_examples
from mu2.tasks.first_example import read_first
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


@pytest.mark.parametrize(
    ("bindings", "said", "cure"),
    [
        (
            ["Evolution.parents='probed'"],
            "Evolution.parents does nothing: 'probed' orders",
            "'seeds'",
        ),
        (
            ["Evolution.parents='probed'", "Evolution.probes=1"],
            "Evolution.probes does",
            "2 or more",
        ),
        (["Evolution.probes=3"], "'probed' alone probes seeds", "parents = 'probed'"),
        (["Evolution.population=9"], "population does nothing: it is 9", "below the number"),
        (
            ["Evolution.target_quality=0.9", "Evolution.children_per_generation=3"],
            "target_quality does nothing: it is looked at between generations",
            "generations smaller",
        ),
        (
            ["Evolution.stopping=@Halving()"],
            "stopping does nothing: every child has 1 interval (",
            "",
        ),
        (
            [
                *("Evolution.stopping=@Halving()", "Halving.first=3", "Training.intervals=3"),
                "Evolution.children_per_iteration=2",
            ],
            "every child has 3 intervals",
            "Raise Training.intervals",
        ),
        (
            [
                *("Evolution.stopping=@Halving()", "Training.intervals=3"),
                *("Evolution.children_per_iteration=1", "Evolution.children_per_generation=1"),
            ],
            "is one child",
            "stopping = None",
        ),
        (["Evolution.budget=@Budget()"], "Evolution.budget does nothing: no limit", "Budget.flops"),
        (
            ["Evolution.budget=@Budget()", "Budget.price_per_hour=1.0"],
            "Budget.price_per_hour does nothing: no limit",
            "",
        ),
        (
            ["Evolution.budget=@Budget()", "Budget.price_per_hour=1.0", "Budget.flops=1e9"],
            "Budget.price_per_hour does nothing: Budget.money",
            "Set Budget.money",
        ),
        (
            [
                *("Evolution.budget=@Budget()", "Budget.flops=1e9"),
                "Evolution.children_per_generation=3",
            ],
            "Evolution.budget does nothing: it is looked at between",
            "",
        ),
        (
            ["Mutation.identity_layers=True", "Ranges.num_layers=(0,)"],
            None,  # the space has a range of sizes still
            "",
        ),
        (
            [
                *("Ranges.area_min=(1.0,)", "Hyperparameters.area_min=1.0"),
                "Ranges.crop=(True, False)",
            ],
            "Ranges.crop does nothing",
            "",
        ),
        (
            [
                *("Ranges.area_min=(1.0,)", "Hyperparameters.area_min=1.0"),
                "Ranges.crop=(True, False)",
            ],
            "Ranges.aspect_min does nothing: area_min",
            "",
        ),
        (
            [
                "Ranges.nesterov=(True, False)",
                *("Ranges.momentum=(0.0,)", "Hyperparameters.momentum=0.0"),
            ],
            "momentum is always 0",
            "",
        ),
        (
            [
                *("Ranges.warmup_ratio=(0.01, 0.05)", "Hyperparameters.warmup_ratio=0.05"),
                "Ranges.schedule=('constant',)",
                "Hyperparameters.schedule='constant'",
            ],
            "no warm-up",
            "",
        ),
        (["Stream.shuffle=True"], "Stream.shuffle does nothing: there is one task", "Leave it out"),
    ],
)
def test_options_that_wait_for_another_are_told(bindings, said, cure):
    experiment = shrunken.load(*shrunken.DIGITS, *bindings).experiment
    before = {
        each.message for each in doubtful_settings(shrunken.load(*shrunken.DIGITS).experiment)
    }
    found = [each for each in doubtful_settings(experiment) if each.message not in before]
    if said is None:
        assert found == []
        return
    (fault,) = [each for each in found if said in each.message]
    assert cure in fault.hint


def without_ranges(experiment, *names):
    kept = {name: values for name, values in experiment.space.ranges.items() if name not in names}
    space = dataclasses.replace(experiment.space, ranges=type(experiment.space.ranges)(**kept))
    return dataclasses.replace(experiment, space=space)


def test_ranges_that_a_missing_one_leaves_idle_are_told():
    experiment = shrunken.load(*shrunken.DIGITS, "Mutation.learned=True").experiment
    found = doubtful_settings(without_ranges(experiment, "mutation_probability"))
    assert any("Mutation.learned does nothing" in each.message for each in found)
    experiment = shrunken.load(*shrunken.DIGITS, "Hyperparameters.crop=False").experiment
    found = doubtful_settings(without_ranges(experiment, "crop"))
    assert any("Ranges.area_min does nothing: crop is never" in each.message for each in found)
    assert not any("area_min" in each.message for each in doubtful_settings(experiment))


def test_options_that_others_let_work_are_not_told():
    """The same options, with what they wait for."""
    sound = [
        ("Evolution.parents='probed'", "Evolution.probes=3"),
        ("Evolution.population=2", "Evolution.target_quality=0.9"),
        ("Evolution.stopping=@Halving()", "Training.intervals=2"),
        ("Evolution.budget=@Budget()", "Budget.money=1.0", "Budget.price_per_hour=1.0"),
        ("Scoring.num_parameters=1000", "Stream.shuffle=True"),
        ("Mutation.learned=True", "Ranges.mutation_probability=(0.1, 0.2)"),
    ]
    for bindings in sound:
        found = doubtful_settings(shrunken.load(*shrunken.SMALL, *bindings).experiment)
        assert [each.message for each in found if "does nothing" in each.message] == [], bindings


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


@pytest.mark.parametrize("holder", ["Hyperparameters", "Ranges"])
def test_an_image_that_fits_into_no_memory_is_told_with_its_size(monkeypatch, capsys, holder):
    memory = 1 << 30
    monkeypatch.setattr(dry_run, "memory_bytes", lambda: memory)
    values = {
        "Hyperparameters": ["Hyperparameters.image_size=20000", "Ranges.image_size=(20000,)"],
        "Ranges": ["Ranges.image_size=(16, 20000)"],
    }[holder]
    words = [f"--gin.{each}" for each in shrunken.merged(*shrunken.DIGITS, *values)]
    assert cli.main(["check", shrunken.FILE, *words]) == 2
    said = capsys.readouterr().err
    assert f"--gin.{values[0]}: {holder}.image_size is as high as 20,000: one image of task" in said
    assert "20,000 x 20,000 x 1 numbers, which take 4.8 GiB to make" in said
    assert "this machine has 1.0 GiB" in said
    assert "Traceback" not in said


def test_memory_that_is_used_up_while_an_example_is_read_is_told_as_such():
    experiment = shrunken.load(*shrunken.DIGITS).experiment
    (task,) = experiment.stream.tasks

    class Hungry(type(task.source)):
        """A source of images that fit nowhere."""

        def reader(self, split):
            raise MemoryError("Unable to allocate 6.0 GiB")

    found = read_first(dataclasses.replace(task, source=Hungry()), "train", (20000, 20000, 1))
    assert "there is not memory enough for the first example of train" in found.message
    assert "20,000 x 20,000 x 1 numbers: Unable to allocate 6.0 GiB." in found.message


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
