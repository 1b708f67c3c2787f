"""tables_40: forty tables, and a run of two such, shrunken, in all columns."""

import collections
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from mu2 import cli
from mu2.config.columns import Column
from mu2.config.reading import read_table
from mu2.system import System
from tests import own_data

TWO = ("letter", "magic")
SMALL = (
    f"Stream.tasks=({', '.join(f'@{name}/Task()' for name in TWO)})",
    *("Training.intervals=5", "Training.batch_size=16", "Scoring.scale=0.5"),
)


def experiments():
    table = read_table("benchmarks/tables/tables_40.gin", [])
    assert table.faults == table.warnings == ()
    return {each.column.name: each.run.load().experiment for each in table.columns}


def test_forty_tables_are_divided_by_one_rule():
    made = experiments()
    assert len(made) == 4
    for experiment in made.values():
        tasks = experiment.stream.tasks
        assert len({task.name for task in tasks}) == len(tasks) == 40
        assert [Path(task.source.path).stem for task in tasks] == [task.name for task in tasks]
        rules = {(task.train, task.validation, task.test) for task in tasks}
        assert rules == {("train[40%:]", "train[:20%]", "train[20%:40%]")}


def test_the_baseline_trains_no_less():
    thrifty, probed, roots, alone = experiments().values()
    for other, parents in ((probed, "probed"), (roots, "own")):
        assert other.evolution == dataclasses.replace(thrifty.evolution, parents=parents)
    children = thrifty.evolution.children_per_iteration
    intervals = thrifty.evolution.stopping.expected(children, thrifty.training.intervals)
    assert alone.training.intervals >= sum(intervals)
    assert alone.training.batch_size == thrifty.training.batch_size


def write(name, seed, columns):
    """A table whose class is whether some of its columns together are large."""
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(200, columns))
    labels = np.where(rows[:, 0] * rows[:, 1] > 0, "yes", "no")
    lines = [
        {**{f"c{n + 1}": f"{value:.4f}" for n, value in enumerate(row)}, "class": label}
        for row, label in zip(rows, labels, strict=True)
    ]
    own_data.write_csv(Path("data/keel") / f"{name}.csv", lines)


@pytest.mark.slow
def test_blocks_are_shared_between_tables_of_different_columns(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("data/keel").mkdir(parents=True)
    for seed, name in enumerate(TWO):
        write(name, seed, columns=2 + seed)
    assert cli.main(["table", "tables_40", "--json", *(f"--gin.{each}" for each in SMALL)]) == 0
    document = json.loads(capsys.readouterr().out)
    parameters = {}
    for column in document["columns"]:
        folder = Path("systems/tables/tables_40", Column(column["name"]).folder, "seed-0")
        system = System.open(folder)
        users = collections.Counter(c for name in TWO for c in system.path(name).components)
        parameters[column["name"]] = sum(component.size for component in users)
        shared = {component.name for component, count in users.items() if count > 1}
        assert {"embedding", "head"}.isdisjoint(shared)
        if column["name"].endswith("alone"):
            assert not shared
        if column["name"] == "µ2Net, thrifty":
            assert {"block_0", "block_1"} & shared
    few, _, *many = parameters.values()
    assert few < min(many)
