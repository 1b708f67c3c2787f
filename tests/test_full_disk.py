"""A full disk: what was there before stays."""

import errno
import os

import pytest

from mu2.cli import main
from tests.report.written import write_system


@pytest.fixture
def system(tmp_path):
    write_system(tmp_path / "system", 2, 3)
    return tmp_path / "system"


@pytest.mark.parametrize(
    ("command", "name"), [(["report"], "page.html"), (["plot", "flow"], "figure.svg")]
)
def test_an_old_report_stays(system, tmp_path, monkeypatch, capsys, command, name):
    file = tmp_path / name
    file.write_text("old")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    verb, *kind = command
    assert main([verb, str(system), *kind, "--to", str(file)]) == 2
    assert f"{file} cannot be written: No space left on device" in capsys.readouterr().err
    assert file.read_text() == "old"
    assert {path.name for path in tmp_path.iterdir()} == {"system", name}


def test_a_report_may_go_to_what_is_no_file(system):
    assert main(["report", str(system), "--to", os.devnull]) == 0
    assert not os.path.isfile(os.devnull)
