"""`mu2 export`: what it writes, says and refuses."""

import json

import pytest

from mu2 import cli
from mu2.cli import export as command
from mu2.system.export import FORMS
from tests import shrunken


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return shrunken.evolved(tmp_path_factory)


def ask(run, *words):
    return cli.main(["export", str(run.directory), *map(str, words)])


def test_the_forms_are_those_of_the_library():
    assert tuple(FORMS) == command.FORMS


def test_what_it_says(run, tmp_path, capsys):
    file = tmp_path / "x.safetensors"
    assert ask(run, "--task", "digits", "--format", "safetensors", "--to", file) == 0
    size = sum(component.size for component in run.system.path("digits").components)
    assert capsys.readouterr().out == (
        f"{file}: digits, 10 classes, {size:,} parameters\n"
        f"{file}.json says what it is. Read it with safetensors.numpy.load_file(PATH)\n"
    )
    assert file.exists()


def test_one_document(run, tmp_path, capsys):
    place = tmp_path / "x"
    assert ask(run, "--task", "digits", "--format", "orbax", "--to", place, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document == json.loads((tmp_path / "x.json").read_text())
    told = command.EPILOG.partition("PATH.json, which")[2]
    assert all(f"  {key}" in told or f", {key}" in told for key in document)


def test_platforms_are_told(run, tmp_path, capsys):
    pytest.importorskip("flatbuffers")
    assert ask(run, "--task", "digits", "--format", "stablehlo", "--to", tmp_path / "x") == 0
    assert capsys.readouterr().out.splitlines()[0].endswith(" parameters, for cpu, cuda, tpu")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--task", "digits", "--format", "onnx", "--to", "x"], "invalid choice: 'onnx'"),
        (["--task", "digits", "--format", "orbax"], "--to"),
        (["--task", "digit", "--format", "orbax", "--to", "x"], "Did you mean 'digits'?"),
        (["--task", "digits", "--format", "orbax", "--to", "."], "is there already"),
        (["--task", "digits", "--format", "orbax", "--to", "a/b"], "there is no folder"),
    ],
)
def test_what_is_refused(run, words, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ask(run, *words) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
