"""Damage to any file that a commit names, history included: found, named, and never a wrong answer.

CI tries 60; `python -m tests.test_damages 500 1` as many as it is told, from a seed, and every
command on a fifth of them.
"""

import json
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

from mu2.errors import Mu2Error
from mu2.store.journal import Journal
from mu2.store.sweep import find_reachable
from mu2.system.audit import verify
from tests import shrunken
from tests.forked import Mu2
from tests.shrunken import ONCE, SMALL

RUN = (*SMALL, ONCE)


def files_named(system):
    """Every file that a commit of the history names, and the header, HEAD and log."""
    keep = find_reachable(Journal.open(system))
    found = [system / name for name in ("mu2.json", "HEAD", "log.jsonl")]
    found += [system / name for name in keep.files if (system / name).exists()]
    found += [system / text.name for text in keep.texts]
    for pack in keep.packs:
        below = (system / "components" / pack).rglob("*")
        found += [path for path in below if path.is_file()]
    return sorted(found)


def damage(path, draw, others):
    """Damages a file; says how."""
    content = path.read_bytes()
    way = draw.choice(("flip", "cut", "empty", "lose", "more", "zeros", "exchange"))
    if way == "flip" and content:
        at = draw.randrange(len(content))
        path.write_bytes(
            content[:at] + bytes([content[at] ^ 1 << draw.randrange(8)]) + content[at + 1 :]
        )
    elif way == "cut" and content:
        path.write_bytes(content[: draw.randrange(len(content))])
    elif way == "more" and path.name != "log.jsonl":  # behind what a commit names it is not its own
        path.write_bytes(content + draw.choice((b"\n", b"x", b"\0" * 4096)))
    elif way == "zeros" and content.strip(b"\0"):
        path.write_bytes(bytes(len(content)))
    elif way == "exchange" and (other := draw.choice(others).read_bytes()) != content:
        path.write_bytes(other)
    elif way == "empty" and content:
        path.write_bytes(b"")
    else:
        way = "lose"
        path.unlink()
    return way


def commands(system, folder):
    yield "show", [system]
    yield "log", [system]
    yield "du", [system]
    yield "verify", [system]
    yield "verify", [system, "--fast"]
    yield "predict", [system, folder / "seven.png", "--all", "--json"]
    yield (
        "export",
        [system, *("--task", "digits", "--format", "safetensors", "--to", folder / "net")],
    )
    yield "repair", [system]
    yield "gc", [system]
    yield "run", [shrunken.FILE, *shrunken.words(system, *RUN)[2:]]
    yield "repair", [system, "--yes"]


def answers(mu2, system, folder):
    """What every command says of a system: its exit code and standard output."""
    found = {}
    for name, words in commands(system, folder):
        for made in (folder / "net", folder / "net.json"):
            made.unlink(missing_ok=True)
        ended = mu2(name, *words, limit=120)
        assert ended.code in (0, 2), (name, ended)
        assert "Traceback" not in ended.err, (name, ended.err)
        text = ended.out
        if name == "export" and ended.code == 0:
            text = (folder / "net").read_bytes().hex()
        found[f"{name} {len(words)}"] = ended.code, text
    return found


def tried(folder, count, seed, every, told=lambda said: None):
    """Damages copies of a system; returns how often in which way.

    Args:
      folder: for them.
      count: damages.
      seed: of all.
      every: every command is tried on each so many-th.
      told: gets a line for each damage that was found.
    """
    from PIL import Image

    whole = folder / "whole"
    shrunken.evolve(whole, *RUN)
    Image.new("L", (16, 16), 200).save(folder / "seven.png")
    draw, ways = random.Random(seed), Counter()
    with Mu2() as mu2:
        system = folder / "system"
        shutil.copytree(whole, system)
        right = answers(mu2, system, folder)
        shutil.rmtree(system)
        for number in range(count):
            shutil.copytree(whole, system)
            paths = files_named(system)
            path = paths[number % len(paths)] if number % 2 else draw.choice(paths)
            said = f"{number}: {damage(path, draw, paths)} {path.relative_to(system)}"
            ways[said.split()[1]] += 1
            try:
                named = {fault.file for fault in verify(system)}
            except Mu2Error as error:  # without its header it is no system
                named = {str(system / "mu2.json") if "no mu2.json" in error.message else ""}
            assert any(each.startswith(str(path)) for each in named), (said, named)
            if number % every == 0:
                for name, (code, text) in answers(mu2, system, folder).items():
                    answer = name.split()[0] in ("show", "predict", "export", "log")
                    assert code == 2 or not answer or text == right[name][1], (said, name, text)
            told(said)
            shutil.rmtree(system)
    return ways


@pytest.mark.slow
def test_every_damage_is_found_and_no_command_gives_a_wrong_answer(tmp_path):
    assert sum(tried(tmp_path, 60, 1, every=6).values()) == 60


def main(count, seed):
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(shrunken.ROOT)
        sys.stdout.write(f"{json.dumps(tried(Path(folder), count, seed, every=5))}\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
