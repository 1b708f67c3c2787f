"""What no one who opens a system could read, `verify` tells, though every digest fits."""

import json
import shutil

import pytest

from mu2.cli import main
from mu2.store.files import encode, sha256
from mu2.store.journal import Journal
from mu2.system.audit import READERS, verify
from tests import shrunken
from tests.shrunken import DIGITS, ONCE

RECORDS = ("root/ViT/random", "task/digits", "run/0", "predictions/digits", "sample/digits")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    directory = tmp_path_factory.mktemp("audit") / "system"
    shrunken.evolve(directory, *DIGITS, ONCE)
    assert not verify(directory)
    return directory


def put(system, name, document):
    """Commits a record; returns its file."""
    journal = Journal.open(system)
    journal.commit({name: document}, journal.newest.progress, "by others")
    return str(system / "records" / f"{sha256(encode(document))}.json")


def test_every_kind_of_record_is_read(made):
    names = Journal.open(made).names()
    assert {next(kind for kind in READERS if name.startswith(kind)) for name in names} == {
        next(kind for kind in READERS if name.startswith(kind)) for name in RECORDS
    }


@pytest.mark.parametrize("name", [*RECORDS, "removed/gone", "aliases"])
def test_a_record_that_no_system_reads_is_told(made, tmp_path, name, capsys):
    system = shutil.copytree(made, tmp_path / "system")
    file = put(system, name, {"no": "such thing"})
    (fault,) = verify(system)
    assert fault.file == file
    assert name in fault.problem
    assert fault.records == (name,)
    assert main(["verify", str(system), "--fast"]) == 2
    assert file in capsys.readouterr().out


def test_a_path_with_a_component_many_times_is_told(made, tmp_path):
    system = shutil.copytree(made, tmp_path / "system")
    record = json.loads(json.dumps(Journal.open(system).record("task/digits")))
    record["path"]["components"] *= 2
    file = put(system, "task/digits", record)
    (fault,) = verify(system)
    assert (fault.file, fault.records) == (file, ("task/digits",))
    # Also once a later commit has put it right.
    put(system, "task/digits", Journal.open(made).record("task/digits"))
    (fault,) = verify(system)
    assert (fault.file, fault.records) == (file, ())
