"""`mu2 check` and `mu2 plan` of a root whose weights come with a package that is not installed."""

import importlib.util
import json
from pathlib import Path

import pytest

from mu2 import cli

RUN = """\
include 'search_spaces/ocr.gin'
include 'gin/root/ocr.gin'
include 'gin/mutation/baseline/multihead.gin'
include 'gin/budget/laptop.gin'
include 'gin/optimizer/sgd_laptop.gin'
include 'gin/augmentation/characters.gin'
include 'gin/stream/scripts.gin'
include 'gin/mesh/cpu.gin'
Stream.tasks = (@greek/Task(),)
"""


@pytest.fixture(autouse=True)
def _without_the_package(tmp_path, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "rapidocr" else find(name)
    )
    Path("run.gin").write_text(RUN, encoding="utf-8")


@pytest.mark.parametrize("command", ["check", "plan"])
def test_what_is_missing_is_told_beside_the_rest(command, capsys):
    assert cli.main([command, "run.gin", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (missing,) = (document["preview"] if command == "check" else document)["missing"]
    assert "gin/root/ocr.gin:" in missing["location"]
    assert "rapidocr, which is not installed" in missing["message"]
    assert missing["hint"] == "pip install 'mu2[ocr]'"


def test_a_run_needs_it(capsys):
    assert cli.main(["run", "run.gin", "--system", "system"]) == 2
    assert "pip install 'mu2[ocr]'" in capsys.readouterr().err
    assert not Path("system").exists()
