"""What would stop a run is found by `check`, and a run that made nothing leaves nothing behind."""

import importlib.util
import os

import pytest

from mu2 import cli, config
from mu2.config import start
from mu2.config.linter import Faults
from mu2.config.validation import validate
from mu2.errors import Mu2Error
from mu2.system import System
from mu2.tasks import Digits, Folder, Glyphs, Sklearn, Task
from tests import own_data, shrunken
from tests.planning.test_doubtful import PARTS


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return own_data.system(tmp_path_factory)


def faults(*bindings, files=(shrunken.FILE,)):
    reading = config.read(files, bindings)
    with pytest.raises(Faults) as caught:
        validate(reading.faults, reading.made, reading.place)
    return [str(fault) for fault in caught.value.faults]


@pytest.mark.parametrize("file", ["none.npz", "text.npz"])
def test_a_source_that_looks_into_its_file_is_told_at_its_place_beside_all_else(tmp_path, file):
    (tmp_path / "text.npz").write_text("no archive")
    run = tmp_path / "run.gin"
    run.write_text(
        f"""include '{shrunken.FILE}'
Stream.tasks = (@a/Task(),)
a/Task.name = 'a'
a/Task.source = @a/Npz()
a/Npz.path = '{tmp_path / file}'
ViT.heads = 5
"""
    )
    found = faults(files=(str(run),))
    assert [each.split(": ")[0] for each in found] == [f"{run}:5", f"{run}:6"]
    assert "Npz(" in found[0]


@pytest.mark.parametrize("task", ["trees", "mood"])
def test_a_root_of_another_architecture(made, task):
    found = faults(
        "Experiment.roots=(@SystemRoot(),)",
        f"SystemRoot.path='{made.directory}'",
        f"SystemRoot.task='{task}'",
    )
    assert any("the root 'system' has no weights for ViT" in each for each in found)


def test_a_kind_of_examples_without_a_root(made):
    files = ["search_spaces/mixed_micro.gin", *(p for p in PARTS if "stream" not in p)]
    own = ["MLP.width=16", "MLP.mlp_dim=32", "Training.batch_size=16"]
    root = [
        "Experiment.roots=(@SystemRoot(),)",
        f"SystemRoot.path='{made.directory}'",
        "SystemRoot.task='trees'",
        "Hyperparameters.num_layers=1",
        "Hyperparameters.num_features=4",
        "Stream.tasks=(@wine/Task(), @digits/Task())",
    ]
    found = faults(*own, *root, files=[*files, "gin/stream/mixed.gin"])
    assert any("no root has weights for ViT, with which evolution" in each for each in found)


@pytest.mark.parametrize(
    ("source", "module", "said"),
    [
        (Digits(), "sklearn", "Digits needs scikit-learn."),
        (Sklearn("wine"), "sklearn", "Sklearn needs scikit-learn."),
        (Glyphs("latin"), "matplotlib", "Glyphs needs matplotlib."),
    ],
)
def test_missing_extras(source, module, said, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == module else found(name, *a)
    )
    with pytest.raises(Faults) as caught:
        validate((), (Task("t", source),))
    assert caught.value.faults[0].message == said
    assert "mu2[demo]" in caught.value.faults[0].hint


def test_class_names_that_cannot_be_written(tmp_path):
    own_data.write_images(tmp_path, 40)
    try:
        os.rename(tmp_path / "dark", os.fsencode(tmp_path) + b"/d\xff")
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    with pytest.raises(Faults) as caught:
        validate((), (Task("t", Folder(str(tmp_path))),))
    assert any("\\udcff" in each.message for each in caught.value.faults)


def test_a_run_that_makes_nothing_leaves_nothing(tmp_path, monkeypatch, capsys):
    def fail(*arguments):
        raise Mu2Error("the weights are damaged.")

    monkeypatch.setattr("mu2.experiment.introduce_roots", fail)
    target = tmp_path / "deep" / "system"
    words = [f"--gin.{b}" for b in shrunken.merged(*shrunken.DIGITS, shrunken.ONCE)]
    assert cli.main(["run", shrunken.FILE, "--system", str(target), *words]) == 2
    assert "the weights are damaged" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    # A folder that somebody made stays, empty.
    target.mkdir(parents=True)
    assert cli.main(["run", shrunken.FILE, "--system", str(target), *words]) == 2
    assert list(target.iterdir()) == []


def test_a_system_that_holds_something_stays(tmp_path, monkeypatch):
    directory = tmp_path / "system"
    shrunken.evolve(directory, *shrunken.DIGITS, shrunken.ONCE)

    def fail(*arguments):
        raise Mu2Error("the weights are damaged.")

    monkeypatch.setattr("mu2.experiment.introduce_roots", fail)
    with pytest.raises(Mu2Error, match="damaged"):
        shrunken.evolve(directory, *shrunken.DIGITS)
    assert System.open(directory).tasks == ("digits",)
    # So does a new one that has got its roots.
    monkeypatch.undo()
    monkeypatch.setattr(start, "run", _fails_after_roots)
    with pytest.raises(Mu2Error, match="later"):
        shrunken.evolve(tmp_path / "other", *shrunken.DIGITS)
    assert System.open(tmp_path / "other").roots()


def _fails_after_roots(experiment, system, workers, reporter):
    from mu2.system.roots import introduce_roots

    dtype = experiment.training.dtype
    introduce_roots(system, experiment.space, experiment.roots, experiment.seed, dtype)
    raise Mu2Error("it failed later.")
