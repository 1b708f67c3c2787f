"""What a command has done is where the user wanted it: no temporary file stays, nothing at home."""

import json
import subprocess
import sys

import jax
import pytest

from mu2.tasks.sources import tfds_prepare
from mu2.tasks.sources.tfds_home import Home
from tests import own_data, shrunken
from tests.cli.test_data import builder

COMMANDS = """
import json, sys
from mu2 import cli
for words in json.loads(sys.argv[1]):
    assert cli.main(words) == 0, words
"""


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.slow  # nine commands in a process of their own
def test_commands_leave_nothing_behind(tmp_path):
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    own_data.write_images(tmp_path / "shapes", 2)
    system, image = str(tmp_path / "system"), str(next((tmp_path / "shapes").rglob("*.png")))
    run = shrunken.words(system, *shrunken.DIGITS, shrunken.ONCE)
    export = ["export", system, "--task", "digits", "--format"]
    commands = [
        ["check", run[1], *run[4:]],
        ["plan", run[1], *run[4:]],
        run,
        ["predict", system, "--task", "digits", image],
        ["report", system, "--to", str(tmp_path / "report.html")],
        *([*export, form, "--to", str(tmp_path / form)] for form in ("orbax", "safetensors")),
        [*export, "stablehlo", "--to", str(tmp_path / "stablehlo")],
        ["verify", system],
    ]
    places = {"HOME": str(home), "XDG_CACHE_HOME": "", "TMPDIR": str(temporary)}
    places["JAX_COMPILATION_CACHE_DIR"] = jax.config.jax_compilation_cache_dir
    process = shrunken.python("-c", COMMANDS, json.dumps(commands), **places)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert (names(temporary), names(home)) == ([], [])


def test_preparing_a_set_leaves_its_folder_alone(tmp_path, monkeypatch):
    """A builder of TFDS whose set is not there yet makes a temporary folder and keeps it."""
    pytest.importorskip("tensorflow_datasets")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tfds_prepare.tempfile, "tempdir", str(temporary))
    with builder(tmp_path, "LeavesNothing"):
        tfds_prepare.prepare(Home.of("leaves_nothing", str(tmp_path / "tfds")), print)
    assert (tmp_path / "tfds" / "leaves_nothing" / "1.0.0" / "features.json").is_file()
    assert names(temporary) == []
    assert tfds_prepare.tempfile.tempdir == str(temporary)


def test_an_environment_is_told_where_its_temporary_files_go(tmp_path, monkeypatch):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tfds_prepare.tempfile, "tempdir", str(temporary))
    within = []

    def run(command, **options):
        left = "import tempfile; tempfile.mkdtemp('tfds')"
        subprocess_run([sys.executable, "-c", left], check=True, env=options["env"])
        within.append(names(temporary))
        return subprocess.CompletedProcess(command, 0, "", "")

    subprocess_run = subprocess.run
    monkeypatch.setattr(tfds_prepare.subprocess, "run", run)
    tfds_prepare._apart(Home.of("dark_and_light", str(tmp_path / "tfds")), print)
    assert any(name.endswith("tfds") for name in within[-1])
    assert names(temporary) == []
