"""The pages that are made from the code have everything that a user can name."""

import importlib.util

import pytest

from mu2.cli import catalogue
from mu2.cli.registry import NAMES
from mu2.config import vocabulary
from tests.docs.blocks import ROOT


@pytest.fixture(scope="module")
def reference():
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(reference):
    return reference.pages()


def test_every_command_with_the_keys_of_its_document(pages):
    for name in NAMES:
        assert f"## mu2 {name}\n" in pages["commands"]
    assert "test_accuracy" in pages["commands"]


def test_every_constructor_and_parameter(pages):
    for name, made in vocabulary().configurables.items():
        assert f"\n### {name}\n" in pages["constructors"]
        for parameter in made.parameters:
            assert f"`{name}.{parameter}`" in pages["constructors"]
    assert "- `Training.batch_size`: a whole number; default `" in pages["constructors"]


def test_every_hyperparameter(pages):
    known = vocabulary()
    for name in {**known.hyperparameters, **known.model_hyperparameters}:
        assert f"\n## {name}\n" in pages["hyperparameters"]


def test_every_gin_file_with_the_comment_it_opens_with(pages):
    for file in catalogue.files():
        assert f"\n### {file.name}\n" in pages["files"]
        assert file.header in pages["files"]


def test_pages_that_have_not_changed_are_left_alone(reference, pages, tmp_path, monkeypatch):
    monkeypatch.setattr(reference, "pages", lambda: pages)
    reference.write_pages(tmp_path / "generated")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "generated").iterdir()}
    reference.write_pages(tmp_path / "generated")
    assert times == {path: path.stat().st_mtime_ns for path in times}
    assert len(times) == len(pages)


def test_sections_of_a_docstring_are_left_to_the_list_of_parameters(reference, pages):
    text = "One.\n\nAttributes:\n  a: b.\n\n  c.\nRaises:\n  E: f.\nTwo.\n\n    a * b"
    assert [*reference.prose(text)] == ["One.", "", "Two.", "", "    a * b"]
    assert "Raises:" not in pages["constructors"]


@pytest.mark.parametrize(
    ("text", "markdown"),
    [("a_b of <x> and `c_d`", r"a\_b of \<x\> and `c_d`"), ("[N, *shape]", r"\[N, \*shape\]")],
)
def test_signs_of_markdown_mean_nothing_outside_of_code(reference, text, markdown):
    assert reference.escaped(text) == markdown
