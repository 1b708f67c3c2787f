"""Every command in README, CONTRIBUTING and docs runs, or the page says why it does not.

Each page runs in a folder where the parts that decide how long a run takes are small ones: a search
space, a budget and a stream of the same names, which are found first. What pages run is what stands
in them.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.docs.blocks import ROOT, Block, blocks, pages, spans

SMALL = {
    "search_spaces/vit_micro.gin": {
        "ViT.width": "16",
        "ViT.heads": "2",
        "ViT.mlp_dim": "32",
        "Hyperparameters.num_layers": "1",
        "Ranges.num_layers": "(0, 1)",
    },
    "gin/budget/laptop.gin": {
        "Evolution.children_per_iteration": "2",
        "Training.intervals": "1",
        "Training.max_train_examples": "64",
        "Training.max_validation_examples": "64",
    },
    "gin/stream/scripts.gin": {
        "Stream.iterations": "1",
        "Glyphs.per_class": "8",
        "Glyphs.side": "16",
    },
}
FIRST = "mu2 run gin/quickstart.gin --system systems/first"
ALL = [block for page in pages() for block in blocks(page)]


def statements(text: str) -> list[str]:
    """Lines of Gin, TOML or Python without empty ones and comments."""
    lines = (re.sub(r"(^|\s)#.*", "", line).rstrip() for line in text.splitlines())
    return [line for line in lines if line]


def makefile_targets() -> set[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.search(r"^\.PHONY: (.*)$", text, re.M)[1].split())


def made(text: str) -> list[str]:
    """The targets of the `make` commands in a text."""
    return re.findall(r"^make(?: [A-Z]+=\S+)* ([a-z-]+)", text, re.M)


# What needs no run


@pytest.mark.parametrize("block", ALL, ids=lambda block: block.place)
def test_a_block_can_be_run_or_says_why_not(block):
    if block.kind == "needs":
        assert re.fullmatch(r"data|weights|\d+ [A-Z]+s", block.value), block.value
    elif block.kind == "run by" and block.value != "hand":
        assert (ROOT / block.value).is_file(), block.value
    elif block.kind == "in":
        told, there = block.text, (ROOT / block.value).read_text(encoding="utf-8")
        assert statements(told) == statements(there)
    elif block.kind is None:
        assert block.language in ("sh", "python"), "say above it what is to be done with it"
    if block.language == "sh":
        assert set(made(block.text)) <= makefile_targets()


def test_ci_runs_what_pages_say_that_it_runs():
    ci = (ROOT / ".ci/run").read_text(encoding="utf-8")
    told = [block for block in ALL if block.value == ".ci/run"]
    targets = {target for block in told for target in made(block.text)}
    assert targets
    assert targets <= set(re.findall(r"^within make ([a-z-]+)$", ci, re.M))


@pytest.mark.parametrize("page", pages())
def test_commands_in_sentences_exist(page):
    from mu2.cli.registry import NAMES

    for place, text in spans(page):
        words = text.split()
        if words[0] == "mu2" and len(words) > 1 and re.fullmatch(r"[a-z]+", words[1]):
            assert words[1] in NAMES, f"{place}: {text}"
        elif words[0] == "make" and len(words) > 1:
            assert set(made(text)) <= makefile_targets(), f"{place}: {text}"
        elif words[:2] == ["python", "-m"] and words[2] != "mu2":
            assert importlib.util.find_spec(words[2]), f"{place}: {text}"


@pytest.mark.parametrize("page", pages())
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        if "generated/" not in target:
            assert ((ROOT / page).parent / target).is_file(), target


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


def test_a_block_that_says_nothing_would_be_told():
    text = "```gin\nExperiment.seed = 0\n```\n\n<!-- needs data -->\n```sh\nmu2 table x\n```\n"
    bare, marked = blocks("page.md", text)
    assert (bare.kind, marked.kind) == (None, "needs")
    test_a_block_can_be_run_or_says_why_not(marked)
    with pytest.raises(AssertionError):
        test_a_block_can_be_run_or_says_why_not(bare)


# What is run


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with what the pages speak of: small parts, images, Gin files, a first system."""
    home = tmp_path_factory.mktemp("docs")
    for name, values in SMALL.items():
        write(home / name, shrunken((ROOT / name).read_text(encoding="utf-8"), values))
    for block in (block for block in ALL if block.kind == "file:"):
        path = home / block.value
        if path.exists():
            same = statements(path.read_text(encoding="utf-8")) == statements(block.text)
            assert same, f"{block.place}: another page has another {block.value}"
        write(path, block.text)
    draw_images(home)
    command = home / "bin" / "mu2"
    write(command, f'#!/bin/sh\nexec "{sys.executable}" -m mu2 "$@"\n')
    command.chmod(0o755)
    run(Block("the first system", "sh", FIRST), home)
    shutil.copytree(
        home / "systems/first", home / "systems/quickstart"
    )  # that of `make quickstart`
    (home / "docs/images").mkdir(parents=True)
    return home


def shrunken(text: str, values: dict[str, str]) -> str:
    """A Gin text that sets some parameters to these values."""
    for name, value in values.items():
        line = f"{name} = {value}\n"
        text, times = re.subn(rf"^{re.escape(name)} = .*\n", line, text, flags=re.M)
        text += "" if times else line
    return text


def to_run(page: str) -> list[Block]:
    return [block for block in blocks(page) if block.kind is None]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def draw_images(home: Path) -> None:
    """Digits of scikit-learn's, and squares and circles, no two alike."""
    from PIL import Image, ImageDraw
    from sklearn.datasets import load_digits

    digits = (load_digits().images[:3] * 15).astype(np.uint8)
    (home / "photos").mkdir()
    for name, pixels in zip(("image.png", "photos/a.png", "photos/b.jpg"), digits, strict=True):
        Image.fromarray(pixels).resize((32, 32)).save(home / name)
    for shape in ("square", "circle"):
        folder = home / "data/shapes/train" / shape
        folder.mkdir(parents=True)
        for i in range(40):
            image = Image.new("L", (32, 32), 255 - i)
            draw = ImageDraw.Draw(image)
            draw_it = draw.rectangle if shape == "square" else draw.ellipse
            draw_it((2 + i % 8, 3 + i % 5, 20 + i % 11, 20 + i % 11), fill=i)
            image.save(folder / f"{i}.png")


def run(block: Block, home: Path) -> None:
    environment = {
        **os.environ,
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    shell = ["bash", "-euo", "pipefail", "-c"]
    words = [sys.executable, "-c"] if block.language == "python" else shell
    done = subprocess.run(
        [*words, block.text],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    said = f"{block.place}\n{block.text}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    assert done.returncode == 0, said


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in pages() if any(to_run(page))])
def test_what_a_page_says_runs(page, home, tmp_path):
    """Each page begins with the first system, whatever other pages have done."""
    folder = Path(shutil.copytree(home, tmp_path / "home"))
    for block in to_run(page):
        run(block, folder)
