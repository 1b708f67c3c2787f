"""Every command that writes, killed by system call and by clock, ends as the uninterrupted one.

A killed command is given once more, sometimes to be killed again; then all that it leaves is
compared with what one leaves that nothing stopped. CI kills each 10 times;
`python -m tests.test_killed_commands 100 11 gc repair` as often as it is told, from a seed.
"""

import dataclasses
import json
import os
import random
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from mu2.store.components import ComponentStore
from mu2.store.journal import Journal
from mu2.system.audit import verify
from tests import shrunken
from tests.forked import Mu2
from tests.kills import compare
from tests.shrunken import DIGITS, ONCE, SMALL

NEW_LINE = "\n"
TABLE = f"""\
include '{shrunken.FILE}'
{NEW_LINE.join(shrunken.merged(*DIGITS, ONCE))}
Table.columns = (@own/Column(),)
Table.seeds = 1
own/Column.name = 'digits'
"""


@dataclasses.dataclass(frozen=True)
class Killed:
    """A kill that hit.

    Attributes:
      command: which was killed.
      where: `call n of m` or `s of t seconds`.
      left: folders that the kill left beside the results, whose names begin with a dot.
    """

    command: str
    where: str
    left: tuple[str, ...]


class Command:
    """A command in a folder of its own, and what is to be the same afterwards."""

    name = "run"
    leaves = True  # killed at its last call, it has done all

    def __init__(self, source):
        self.source = source  # a system that is complete

    def prepare(self, folder):
        """Puts into the folder what the command is given."""

    def words(self, folder, draw):
        return shrunken.words(folder / "system", *DIGITS, ONCE)

    def check(self, folder, whole):
        """AssertionError where the folder is not as the uninterrupted one."""
        compare(folder / "system", whole / "system")


class From(Command):
    name = "from"

    def words(self, folder, draw):
        return [*shrunken.words(folder / "system", *SMALL, ONCE), "--from", str(self.source)]


class Export(Command):
    name = "export"

    def words(self, folder, draw):
        form = draw.choice(("orbax", "safetensors", "stablehlo"))
        return [
            *("export", self.source, "--task", "digits", "--format", form, "--to", folder / "net")
        ]

    def check(self, folder, whole):
        assert {p.name for p in folder.iterdir()} == {"net", "net.json"}
        document = json.loads((folder / "net.json").read_text())
        if document["form"] == "safetensors":
            from safetensors.numpy import load_file

            assert load_file(folder / "net")
        if document["form"] == "orbax":
            from orbax.checkpoint import v1 as ocp

            assert ocp.load(folder / "net")
        if document["form"] == "stablehlo":
            from jax import export

            assert export.deserialize((folder / "net").read_bytes())


class Gc(Command):
    name = "gc"

    def prepare(self, folder):
        system = shutil.copytree(self.source, folder / "system")
        store = ComponentStore(system / "components")
        for number in range(3):
            store.write({"c": {"w": np.full((9, number + 1), number, np.float32)}})
        for name in ("records", "index"):
            (system / name / f"{'0' * 64}.json").write_text("{}\n")

    def words(self, folder, draw):
        return ["gc", folder / "system"]

    def check(self, folder, whole):
        one, other = (files(each / "system") for each in (folder, whole))
        assert one == other
        assert verify(folder / "system") == []


class Repair(Gc):
    name = "repair"

    def prepare(self, folder):
        system = shutil.copytree(self.source, folder / "system")
        earlier = [name for name, _ in Journal.open(system).history()][2]
        (system / "HEAD").write_text(f"{earlier}\n")
        pointers = sorted((system / "components" / "where").iterdir())
        for pointer in pointers[:3]:
            pointer.unlink()
        (system / "records" / ".new").write_text("half")

    def words(self, folder, draw):
        return ["repair", folder / "system", "--yes"]


class Table(Command):
    name = "table"

    def prepare(self, folder):
        (folder / "small.gin").write_text(TABLE, encoding="utf-8")

    def words(self, folder, draw):
        return ["table", folder / "small.gin", "--system", folder / "all"]

    def check(self, folder, whole):
        seeds = [each / "all" / "digits" / "seed-0" for each in (folder, whole)]
        compare(*seeds)
        for ending in ("md", "tex", "csv"):
            assert (folder / "all" / f"small.{ending}").read_text()
        one, other = ((each / "all" / "small_matrix.csv").read_text() for each in (folder, whole))
        assert one == other


COMMANDS = {each.name: each for each in (Command, From, Export, Gc, Table, Repair)}


def files(directory):
    """Every file with its bytes, but the leases, which say who is writing."""
    found = shrunken.files(directory).items()
    return {name: each for name, each in found if not name.startswith(("leases/", "repaired/"))}


def kills(folder, name, count, seed, told=lambda kill: None):
    """Kills a command until enough kills hit; each is repeated to its end and compared.

    Returns:
      The kills.
    """
    found, draw = [], random.Random(f"{name}/{seed}")
    source = folder / "source"
    if not source.exists():
        shrunken.evolve(source, *SMALL, ONCE)
    command = COMMANDS[name](source)
    with Mu2() as mu2:
        whole = folder / f"{name}-whole"
        whole.mkdir()
        command.prepare(whole)
        seconds = 0.0
        for _ in range(2):  # the second time what it compiles is there
            shutil.rmtree(whole)
            whole.mkdir()
            command.prepare(whole)
            ended = mu2(*command.words(whole, random.Random(0)), below=whole)
            assert ended.code == 0, ended.err
            seconds, calls = ended.seconds, ended.calls
        while len(found) < count:
            attempt = folder / f"{name}-{len(found)}"
            attempt.mkdir()
            command.prepare(attempt)
            words = command.words(attempt, draw)
            while len(found) < count:
                if draw.random() < 0.5:
                    call = draw.randint(1, calls)
                    where, ended = (
                        f"call {call} of {calls}",
                        mu2(*words, at_call=call, below=attempt),
                    )
                else:
                    second = draw.uniform(0, seconds)
                    where = f"{second:.3f} of {seconds:.3f} seconds"
                    ended = mu2(*words, at_second=second, below=attempt)
                assert ended.killed or ended.code == 0, (where, ended)
                assert "Traceback" not in ended.err, (where, ended.err)
                if not ended.killed:
                    break
                left = sorted(p.name for p in attempt.rglob(".*"))
                kill = Killed(name, where, tuple(left))
                found.append(kill)
                told(kill)
                if draw.random() < 0.7:
                    ended = mu2(*words)
                    break
            else:
                ended = mu2(*words)
            assert ended.code == 0, (found[-1:], words, ended.err)
            command.check(attempt, whole)
            assert not [p for p in attempt.iterdir() if p.name.startswith(".")], found[-1]
            shutil.rmtree(attempt)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_killed_command_that_is_given_again_ends_as_the_uninterrupted_one(name, tmp_path):
    found = kills(tmp_path, name, 10, seed=1, told=print)
    assert len(found) == 10
    assert {kill.where.split()[0] == "call" for kill in found} == {True, False}


def test_the_words_of_every_command_are_known(tmp_path):
    from mu2.cli.main import parse, split_bindings

    for each in COMMANDS.values():
        words = [str(word) for word in each(Path("source")).words(tmp_path, random.Random(0))]
        assert parse(*split_bindings(words)).command in words


def main(count, seed, *names):
    os.chdir(shrunken.ROOT)
    with tempfile.TemporaryDirectory() as folder:
        for name in names or COMMANDS:
            found = kills(Path(folder), name, int(count), int(seed))
            by_call = sum(kill.where.startswith("call") for kill in found)
            left = sum(bool(kill.left) for kill in found)
            said = f"{name}: {len(found)} kills, {by_call} by call, {left} left something behind"
            sys.stdout.write(f"{said}; all ended as the uninterrupted\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
