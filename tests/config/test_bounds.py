"""Gin texts of absurd sizes and shapes: refused in seconds, with a place."""

import re
import time

import pytest

from mu2.config import read
from mu2.config.linter import Faults
from mu2.config.validation import validate
from tests.config.test_gin_fuzz import BASE, ROOT, SECONDS


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.chdir(ROOT)


def faults_of(file, text=None):
    if text is not None:
        file.write_text(text)
    start = time.process_time()
    reading = read([str(file)], [])
    try:
        validate(reading.faults, reading.made, reading.place)
        found = reading.faults
    except Faults as faults:
        found = faults.faults
    assert time.process_time() - start < SECONDS
    return found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Stream.iterations = 1000000000000", "task iterations"),
        ("Hyperparameters.num_layers = 1000000000", "num_layers is 1,000,000,000"),
        ("Hyperparameters.num_layers = 1e9", "num_layers"),
        ("Ranges.num_layers = (0, 2, 1000000000)", "num_layers is 1,000,000,000"),
        ("ViT.width = 1000000000", r"^ViT.width is 1,000,000,000: .* GiB"),
        ("ViT.mlp_dim = 1000000000000", r"^ViT.mlp_dim is 1,000,000,000,000: .* GiB"),
        ("Ranges.image_size = (16, 4000000)", r"^image_size is 4,000,000: .* GiB"),
        ("Experiment.space = 5", "is not a SearchSpace"),
        ("Experiment.roots = (5,)", "5 is not a Root"),
        ("roots = (5,)\nExperiment.roots = %roots", "5 is not a Root"),
        ("root = 5\nExperiment.roots = (%root,)", "5 is not a Root"),
        ("Experiment.stream = (", "opened and not closed"),
        ("Experiment.seed = '", "quote is missing"),
        ("Glyphs.per_class = 99999999999999999999", "Glyphs.per_class|will not do"),
    ],
)
def test_a_value_that_is_absurd_is_refused_at_its_place(tmp_path, line, message):
    found = faults_of(tmp_path / "run.gin", f"{BASE}{line}\n")
    told = [fault for fault in found if re.search(message, fault.message)]
    assert told, found
    assert all(fault.location for fault in found)
    if "GiB" in message:
        assert told[0].location == f"{tmp_path / 'run.gin'}:4"


def test_all_other_faults_stand_beside_it(tmp_path):
    text = f"{BASE}Experiment.space = 5\nTraining.batch_size = 'x'\nnothing = 3\n"
    found = faults_of(tmp_path / "run.gin", text)
    assert {int(fault.location.rpartition(":")[2]) for fault in found} >= {4, 5, 6}


def test_includes_without_end(tmp_path):
    for number in range(900):
        (tmp_path / f"{number}.gin").write_text(f"include '{number + 1}.gin'\n")
    (tmp_path / "900.gin").write_text("")
    assert "one in the other" in str(faults_of(tmp_path / "0.gin")[0])
    for number in range(22):
        (tmp_path / f"{number}.gin").write_text(f"include '{number + 1}.gin'\n" * 2)
    (tmp_path / "22.gin").write_text("")
    assert "files are included" in str(faults_of(tmp_path / "0.gin")[0])
    (found, *_) = faults_of(tmp_path / "long.gin", f"include '{'y' * 5000}'\n")
    assert "no such Gin file" in found.message
    assert len(found.message) < 200


def test_macros_without_end(tmp_path):
    doubled = [f"m{i} = (%m{i + 1}, %m{i + 1})" for i in range(40)]
    lines = [*doubled, "m40 = 1", "Experiment.roots = %m0"]
    found = faults_of(tmp_path / "run.gin", BASE + "\n".join(lines) + "\n")
    assert any("stands for more than" in fault.message for fault in found)
    chain = [f"m{i} = %m{i + 1}" for i in range(3000)]
    lines = [*chain, "m3000 = 1", "Experiment.seed = %m0"]
    found = faults_of(tmp_path / "run.gin", BASE + "\n".join(lines) + "\n")
    assert any("deep" in fault.message for fault in found)


def test_files_of_absurd_sizes(tmp_path):
    found = faults_of(tmp_path / "run.gin", "a = 1\n" * 60_000)
    assert "more than 20,000 lines" in found[0].message
    with (tmp_path / "sparse.gin").open("wb") as file:
        file.truncate(1 << 40)
    assert "bytes" in str(faults_of(tmp_path / "sparse.gin")[0])
