"""`mu2 list`: the files and configurables of mu2 and of packages that extend it."""

import dataclasses
import json
import sys

import pytest

from mu2 import cli, config
from mu2.cli import catalogue
from mu2.config import documentation
from mu2.models import installed_models


@pytest.fixture
def theirs(tmp_path, monkeypatch):
    """An installed package with a constructor and Gin files, and nothing else of that name."""
    site = tmp_path / "site"
    files = {
        "their_nets-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: their-nets\n",
        "their_nets-1.0.dist-info/entry_points.txt": "[mu2]\nDots = their_nets.sources:Dots\n",
        "their_nets/__init__.py": "",
        "their_nets/sources.py": '''"""Theirs."""
import dataclasses

from mu2.tasks import Glyphs


@dataclasses.dataclass(frozen=True)
class Dots(Glyphs):
    """Dots, as i has. More of them.

    Attributes:
      dots: how many.
    """

    dots: int = 1
''',
        "their_nets/gin/dotted.gin": "# Letters with dots. A run.\n\n"
        "include 'gin/quickstart.gin'\ninclude 'dotted_stream.gin'\n",
        "their_nets/gin/dotted_stream.gin": "# A stream of dots.\n\n"
        "Stream.tasks = (@dots/Task(),)\ndots/Task.name = 'dots'\n"
        "dots/Task.source = @dots/Dots()\ndots/Dots.dots = 3\n",
        "their_nets/gin/quickstart.gin": "# Not the quickstart.\n",
    }
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.chdir(tmp_path)
    installed_models.cache_clear()
    yield site
    installed_models.cache_clear()
    for name in [name for name in sys.modules if name.startswith("their_nets")]:
        del sys.modules[name]


def listed(capsys):
    assert cli.main(["list", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_files_by_kind(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = {file["name"]: file for file in listed(capsys)["files"]}
    for name, kind in {
        "search_spaces/vit_micro.gin": "spaces",
        "gin/mutation/mu2net.gin": "methods",
        "gin/mutation/baseline/adapters.gin": "methods",
        "gin/ranges/v2.gin": "ranges",
        "gin/budget/thrifty.gin": "budgets",
        "gin/optimizer/sgd_laptop.gin": "optimizers",
        "gin/augmentation/crops.gin": "augmentations",
        "gin/stream/scripts.gin": "streams",
        "gin/mesh/cpu.gin": "meshes",
        "gin/root/system.gin": "roots",
        "gin/quickstart.gin": "runs",
        "benchmarks/tables/cmaterdb_ti0.gin": "tables",
    }.items():
        assert (files[name]["kind"], files[name]["package"]) == (kind, "mu2")
    assert files["search_spaces/vit.gin"]["summary"] == (
        "The Vision Transformer search space: what all sizes share."
    )
    assert all(file["summary"] for file in files.values())


def test_configurables_by_kind(capsys):
    found = {each["name"]: each for each in listed(capsys)["configurables"]}
    assert {found[name]["kind"] for name in ("Digits", "Glyphs", "TFDS")} == {"sources"}
    assert (found["ViT"]["kind"], found["RandomRoot"]["kind"]) == ("models", "roots")
    assert (found["Training"]["kind"], found["Task"]["kind"]) == ("others", "others")
    assert found["Task"]["summary"] == "One classification task."
    assert set(found) == set(config.vocabulary().configurables)
    assert all(each["summary"] for each in found.values())


def test_words(capsys):
    assert cli.main(["list"]) == 0
    said = capsys.readouterr().out
    assert "Search spaces\n  search_spaces/" in said
    assert "\n\nRuns\n  gin/quickstart.gin  Four tasks evolve one multitask system" in said
    assert "\n  Digits " in said


def test_packages_that_extend_it(theirs, capsys):
    found = listed(capsys)
    own = [each for each in found["files"] if each["package"] == "their_nets"]
    assert [each["name"] for each in own] == ["dotted_stream.gin", "dotted.gin", "quickstart.gin"]
    assert [each["kind"] for each in own] == ["streams", "runs", "others"]
    assert own[1]["summary"] == "Letters with dots."
    (dots,) = [each for each in found["configurables"] if each["package"] == "their_nets"]
    assert (dots["name"], dots["kind"]) == ("Dots", "sources")
    assert dots["summary"] == "Dots, as i has."
    assert cli.main(["list"]) == 0
    assert "dotted.gin (their_nets)" in capsys.readouterr().out


def test_their_files_are_included_by_name_and_replace_none_of_mu2(theirs):
    assert "their_nets" not in sys.modules
    assert config.search_paths()[1:] == [theirs / "their_nets", theirs / "their_nets/gin"]
    assert "their_nets" not in sys.modules  # nothing is imported to find files
    for name in ("dotted.gin", "gin/dotted.gin"):
        (task,) = config.load([name], []).experiment.stream.tasks
        assert (task.name, task.source.dots) == ("dots", 3)
    assert config.load(["gin/quickstart.gin"], []).experiment.stream.tasks[0].name == "digits"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("ViT-B/16: width 768, of 12 layers. A part.", "ViT-B/16: width 768, of 12 layers."),
        ("Of 0.5 and\nmore lines, e.g. two. Then", "Of 0.5 and more lines, e.g. two."),
        ("No full stop\n\nMore.", "No full stop"),
        ("", ""),
    ],
)
def test_first_sentences(text, first):
    assert catalogue.first_sentence(text) == first


def test_headers():
    assert catalogue.header("\ufeff# One,\n#   two.\n#\n# Three.\n\n# Four.\n") == (
        "One,\n  two.\n\nThree."
    )
    assert catalogue.header("A.b = 1\n# One.\n") == ""


def test_texts_wrap_in_a_terminal():
    rows = [("one", "a word " * 12), ("three", "b")]
    lines = "\n".join(catalogue.align_columns(rows, 40)).splitlines()
    assert max(map(len, lines)) <= 40
    assert lines[0].startswith("  one    a word")
    assert lines[1].startswith("         word a")
    unwrapped = list(catalogue.align_columns(rows, None))
    assert unwrapped == ["  one    " + ("a word " * 12).strip(), "  three  b"]


@dataclasses.dataclass(frozen=True)
class Base:
    """A base.

    Attributes:
      one: the first.
      two: the second.
    """

    one: int = 1
    two: int = 2


@dataclasses.dataclass(frozen=True)
class Silent(Base):
    three: int = 3


def test_what_nobody_described_is_told_by_its_module():
    assert documentation.constructor_doc(Base).startswith("A base.")
    assert documentation.constructor_doc(Silent) == sys.modules[__name__].__doc__
    assert documentation.parameter_docs(Silent) == {"one": "the first.", "two": "the second."}
