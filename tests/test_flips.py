"""One flipped bit anywhere in a system is found and named by `mu2 verify`, whatever it hits."""

import json
import random

import pytest

from mu2 import cli
from tests import shrunken
from tests.shrunken import SMALL

LOGS = ("log.jsonl", "times.jsonl")  # for reading only: no path and no commit needs them


@pytest.mark.slow
def test_200_flips_are_found_and_named(tmp_path, capsys):
    directory = tmp_path / "system"
    shrunken.evolve(directory, *SMALL)
    files = sorted(
        path
        for path in directory.rglob("*")
        if path.is_file() and path.stat().st_size and path.name not in LOGS
    )
    assert {path.relative_to(directory).parts[0] for path in files} == {
        *("HEAD", "mu2.json", "commits", "components", "index", "records", "runs"),
    }
    draw = random.Random(0)
    for number in range(200):
        # Every file first, so that none is left out by chance.
        path = files[number] if number < len(files) else draw.choice(files)
        content = path.read_bytes()
        flipped = bytearray(content)
        flipped[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(flipped)
        code = cli.main(["verify", str(directory), "--fast", "--json"])
        told = json.loads(capsys.readouterr().out)
        assert (code, told["ok"]) == (2, False)
        assert any(str(path) in str(fault) for fault in told["faults"]), (path, told)
        path.write_bytes(content)
    assert cli.main(["verify", str(directory), "--fast"]) == 0


def test_a_flip_in_one_tasks_layer_leaves_the_others_as_they_were(tmp_path, capsys):
    directory = tmp_path / "system"
    before = shrunken.evolve(directory, *SMALL)
    others = {
        c.digest
        for path in before.paths().values()
        if path.task != "latin"
        for c in path.components
    }
    own = next(c for c in before.path("latin").components if c.digest not in others)
    [path, *_] = sorted(
        path
        for path in directory.rglob(f"{own.digest}/**/*")
        if path.is_file() and path.stat().st_size
    )
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert cli.main(["verify", str(directory), "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert {task for fault in told["faults"] for task in fault["tasks"]} == {"latin"}
    assert {p["task"]: p["same"] for p in told["predictions"]} == {"digits": True, "latin": None}
