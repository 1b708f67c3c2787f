"""The tables of the papers as Gin files: each is checked, and forecast, where no data are there."""

import functools
import json
from pathlib import Path

import pytest

from mu2.config import load
from mu2.config.reading import read_table
from mu2.config.start import open_for_run
from mu2.errors import Mu2Error
from mu2.planning.forecast import forecast_run
from mu2.planning.preview import preview_run, with_described_data
from tests import shrunken

ROOT = Path(__file__).parents[2]
TABLES = sorted((ROOT / "benchmarks/tables").glob("*.gin"))
PARTS = ("mu2net_large",)
# Of sets that a user keeps in folders: nobody knows what is in those that are not there.
FOLDERS = ("photos_small", "tables_40")
# Nobody else has measured these.
UNREPORTED = ("characters_ocr", "scripts_40")
WHOLE = [file.stem for file in TABLES if file.stem not in (*PARTS, *FOLDERS)]


@functools.cache
def table(name):
    return read_table(f"benchmarks/tables/{name}.gin", [])


EACH = [(name, c.column.name) for name in WHOLE for c in table(name).columns]


def column(name, called):
    (found,) = (c for c in table(name).columns if c.column.name == called)
    return found


def is_baseline(each):
    return "baseline" in str(each.column.parts)


@pytest.fixture(autouse=True)
def _without_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)


def experiment(table):
    return load([f"benchmarks/tables/{table}.gin"], []).experiment


def names(table):
    return [task.name for task in experiment(table).stream.tasks]


# The order of introduction, as mu2Net.ipynb has it.
VIT = ["imagenet2012", "cifar100", "cifar10"]
FULL = [
    "caltech101",
    "dtd",
    "oxford_flowers102",
    "oxford_iiit_pet",
    "sun397",
    "svhn_cropped",
    "patch_camelyon",
    "eurosat",
    "resisc45",
    "diabetic_retinopathy_detection/btgraham-300",
    "clevr/count_cylinders",
    "clevr/count_all",
    "clevr/closest_object_distance",
    "dmlab",
    "dsprites/label_x_position",
    "dsprites/label_orientation",
    "kitti/closest_object_distance",
    "kitti/count_vehicles",
    "kitti/closest_vehicle_distance",
    "smallnorb/label_category",
    "smallnorb/label_lighting",
    "smallnorb/label_azimuth",
    "smallnorb/label_elevation",
]
DECATHLON = [
    f"visual_domain_decathlon/{name}"
    for name in (
        "imagenet12",
        "svhn",
        "cifar100",
        "gtsrb",
        "daimlerpedcls",
        "omniglot",
        "ucf101",
        "aircraft",
        "dtd",
        "vgg-flowers",
    )
]
CHARACTERS = [
    "emnist/digits",
    "emnist/letters",
    "kmnist",
    "mnist",
    "omniglot",
    "cmaterdb/bangla",
    "cmaterdb/devanagari",
    "cmaterdb/telugu",
]
SMALL = [f"{name}/1k" for name in (FULL[0], "cifar100", "cifar10", *FULL[1:])]


SEGMENTS = [f"mu2net_{name}" for name in ("vit", "vtab_full", "decathlon", "characters", "vtab_1k")]


def test_the_69_tasks_come_in_the_papers_order():
    chain = [VIT, FULL, DECATHLON, CHARACTERS, SMALL]
    assert [len(segment) for segment in chain] == [3, 23, 10, 8, 25]
    assert names("mu2net_69") == [name for segment in chain for name in segment]
    assert [names(segment) for segment in SEGMENTS] == chain
    after = None
    for segment in SEGMENTS:
        declared = table(segment).table
        assert (declared.segment_of, declared.after) == ("mu2net_69", after)
        after = f"benchmarks/tables/{segment}.gin"


def test_a_segment_is_the_whole_chain_with_fewer_tasks():
    whole = experiment("mu2net_69")
    tasks = {task.name: task for task in whole.stream.tasks}
    for segment in SEGMENTS:
        part = experiment(segment)
        assert all(tasks[task.name] == task for task in part.stream.tasks)
        for name in ("space", "evolution", "training", "roots", "layout", "seed"):
            assert getattr(part, name) == getattr(whole, name)
        assert part.stream.iterations == whole.stream.iterations == 1


@pytest.mark.parametrize("table", WHOLE)
def test_it_is_checked_without_its_data(table):
    made = experiment(table)
    would = preview_run(made)
    assert len(would["tasks"]) == len(made.stream.tasks)
    hints = " ".join(each["hint"] for each in would["missing"])
    for task in made.stream.tasks:
        name = getattr(task.source, "name", None)
        assert name is None or f'builder("{name}"' in hints or f"dataset({name!r}, " in hints
    if made.roots[0].name == "augreg":
        assert "vit_models/augreg" in hints


@pytest.mark.parametrize("table", WHOLE)
def test_it_is_forecast_without_its_data(table):
    made = experiment(table)
    tasks = forecast_run(with_described_data(made))
    assert sum(each.children for each in tasks) == made.children
    assert all(0 < each.flops.least <= each.flops.most for each in tasks)


def test_a_run_without_data_says_how_to_get_each_set(tmp_path):
    loaded = load(["benchmarks/tables/munet_characters_ti3.gin"], [])
    with pytest.raises(Mu2Error) as caught:
        open_for_run(loaded.experiment, loaded.resolved, str(tmp_path / "system"))
    said = str(caught.value)
    for name in CHARACTERS:
        assert f'tfds.builder("{name}"' in said
    assert "Get them with: curl" in said
    assert not (tmp_path / "system").exists()


def test_our_own_tables_have_the_sizes_of_their_sets():
    would = {task["name"]: task for task in preview_run(experiment("characters_small"))["tasks"]}
    sizes = {n: tuple(t[p] for p in ("classes", "train", "test")) for n, t in would.items()}
    assert sizes["omniglot"] == (964, 964 * 14, 964 * 3)
    assert sizes["kannada"] == sizes["kmnist"] == (10, 6800, 1500)
    assert sizes["letters"] == (13, 6800, 1500)


# Splits as mu2Net.ipynb has them, with the numbers of examples that TFDS's catalog says.
SPLITS = {
    "imagenet2012": (1_281_167, 10_000, 50_000),
    "cifar100": (49_000, 1000, 10_000),
    "cifar10": (50_000, 2021, 10_000),
    "svhn_cropped": (65_931, 7326, 26_032),
    "eurosat": (16_200, 5400, 5400),
    "clevr/count_all": (63_000, 7000, 15_000),
    "dsprites/label_x_position": (589_824, 73_728, 73_728),
    "smallnorb/label_elevation": (24_300, 12_150, 12_150),
    "visual_domain_decathlon/ucf101": (7585, 976, 976),
    "omniglot": (19_280, 2720, 3120),
    "emnist/letters": (84_360, 4440, 14_800),
    "cmaterdb/bangla": (4000, 1000, 1000),
    **dict.fromkeys(SMALL, (800, 200)),
}


def test_splits_are_the_papers():
    would = {task["name"]: task for task in preview_run(experiment("mu2net_69"))["tasks"]}
    for name, sizes in SPLITS.items():
        found = tuple(would[name][part] for part in ("train", "validation", "test"))
        assert found[: len(sizes)] == sizes, name


def test_small_tasks_take_what_the_large_ones_train_and_validate_on():
    tasks = {task.name: task for task in with_described_data(experiment("mu2net_69")).stream.tasks}
    for name in FULL:
        small, large = tasks[f"{name}/1k"], tasks[name]
        for part in ("train", "validation"):
            few, many = (spans(task, part) for task in (small, large))
            assert few[0].split == many[0].split
            # A percentage of CIFAR's or Caltech's examples may round the other way in a version.
            assert abs(few[0].start - many[0].start) <= 1
            assert few[0].stop <= many[0].stop
        assert small.splits().test == large.splits().test


def spans(task, part):
    from mu2.tasks import split

    sizes = {name: task.source.size(name) for name in task.source.splits()}
    return split.parse(getattr(task.splits(), part), sizes, task.name)


@pytest.mark.parametrize(("name", "called"), EACH)
def test_a_column_is_an_experiment(name, called):
    each = column(name, called)
    assert each.run.warnings == ()
    made = each.run.load().experiment
    assert [task.name for task in made.stream.tasks] == names(name)
    if is_baseline(each):
        assert made.evolution.children_per_iteration == 1
        assert made.stream.iterations == 1
        # A baseline leaves the limits of its table alone, but for the intervals.
        other = next(
            c
            for c in table(name).columns
            if not is_baseline(c) and c.scope[:4] in ("vit/", "mune", "mu2n")
        )
        base = other.run.load().experiment.training
        for limit in ("batch_size", "max_train_examples", "max_validation_examples"):
            assert getattr(made.training, limit) == getattr(base, limit), limit


@pytest.mark.slow
@pytest.mark.parametrize(("name", "called"), [each for each in EACH if each[0] != "scripts_40"])
def test_a_column_is_checked_without_its_data(name, called):
    # The fonts of scripts_40 are kept in the checkout, where they may be.
    assert preview_run(column(name, called).run.load().experiment)["missing"]


def test_budgets_of_baselines_are_the_methods_shared_out_over_8():
    for name, shares in (
        ("munet_characters_ti3", 80),
        ("munet_decathlon_b16", 480),
        ("munet_vit_l16", 128),
    ):
        whole = experiment(name)
        spent = whole.training.intervals * whole.stream.iterations
        assert spent * whole.evolution.children_per_iteration / 8 == shares
        for each in filter(is_baseline, table(name).columns):
            assert each.run.load().experiment.training.intervals == shares


def test_the_rows_of_munets_tables_are_the_papers():
    for name, depths in (
        ("munet_characters_ti3", (0, 1, 2, 3)),
        ("munet_decathlon_b16", (0, 1, 2, 3, 4, 12)),
        ("munet_vit_l16", (0, 1, 2, 3, 4, 12)),
    ):
        made = {c.column.name: c.run.load().experiment for c in table(name).columns}
        for frozen in depths:
            mutation = made[f"Freeze bottom layers {frozen}"].evolution.mutation
            assert (mutation.frozen_bottom, mutation.adapters) == (frozen, "none")
        for dim in (8, 16, 32, 64, 128, 256, 512):
            each = made[f"Residual adapters dim={dim}"]
            assert each.space.hyperparameters["adapter_dim"] == dim
            assert each.evolution.mutation.adapters == "every"
        for scale in (0.98, 0.95, 0.9, 0.7, 0.3, 0.02):
            each = made[f"muNet scale={scale}"]
            assert each.evolution.scoring.scale == scale
            assert "learning_rate" in each.space.ranges
        assert len(made) == len(depths) + 7 + 6 + 4


def test_every_table_says_what_is_reported_of_it():
    reported = json.loads((ROOT / "benchmarks/tables/reported.json").read_text(encoding="utf-8"))
    for name in WHOLE:
        expected = "mu2net_69" if name in SEGMENTS else None if name in UNREPORTED else name
        assert table(name).table.reported == expected
    files = {each["file"] for each in reported["tables"].values()} - {None}
    assert {Path(file).stem for file in files} == set(WHOLE) - set(SEGMENTS) - set(UNREPORTED)


def test_baselines_are_not_compared_with_what_is_reported():
    for name in WHOLE:
        compared = [c for c in table(name).columns if c.column.compared]
        assert compared or name in UNREPORTED, name
        assert not [c for c in compared if is_baseline(c) or "Scoring.scale" in str(c.lines)], name


def test_the_whole_of_characters_small_is_one_file():
    assert [f.stem for f in TABLES if f.stem.startswith("characters_small")] == ["characters_small"]
    assert len(table("characters_small").columns) == 10


def test_what_is_reported_is_found_by_the_names_of_the_tasks():
    reported = json.loads((ROOT / "benchmarks/tables/reported.json").read_text(encoding="utf-8"))
    for name, table in reported["tables"].items():
        told = {each["task"] for each in table["values"]} - {"(all)", "(root)", "(average)"}
        assert table["file"] is None or told <= set(names(name)), name


def test_every_table_opens_with_its_command_hardware_result_and_cost():
    for file in TABLES:
        if file.stem in (*PARTS, "cmaterdb_ti0"):
            continue
        head = file.read_text(encoding="utf-8").split("\n\n")[0]
        for part in ("# Table:", "# Command:", "# Hardware", "# Should give", "# Costs:"):
            assert part in head, (file.name, part)
        assert f"mu2 run benchmarks/tables/{file.name}" in head


def test_a_chain_of_runs_ends_where_one_run_of_all_its_tasks_ends(tmp_path):
    """What the header of mu2net_69 promises of its segments, on the shrunken quickstart."""
    small = (*shrunken.SMALL[1:], shrunken.ONCE)
    both = shrunken.evolve(
        tmp_path / "both", *small, "Stream.tasks=(@digits/Task(), @latin/Task())"
    )
    for name in ("digits", "latin"):
        chained = shrunken.evolve(tmp_path / "chain", *small, f"Stream.tasks=(@{name}/Task(),)")
    assert chained.tasks == both.tasks == ("digits", "latin")
    for name in both.tasks:
        ours, theirs = (system.task(name).path for system in (chained, both))
        assert ours.test_digest == theirs.test_digest
        assert [c.id for c in ours.components] == [c.id for c in theirs.components]
