"""What users get: the wheel holds every Gin file and works far from any checkout.

The wheel is built from the sdist, so the sdist is whole too, and installed without its
dependencies into a fresh virtual environment. These come from the environment that runs the tests,
through a .pth file, rather than from a download of hundreds of megabytes; that pip can install them
by their names is what `make test` has just shown. An editable mu2 of that environment stays unseen,
because .pth files that are reached through a .pth file are not read.
"""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
GIN_FOLDERS = ("gin", "search_spaces", "benchmarks/tables")


def gin_files() -> set[str]:
    return {
        file.relative_to(ROOT).as_posix()
        for folder in GIN_FOLDERS
        for file in (ROOT / folder).rglob("*.gin")
    }


def _run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command that knows no checkout, and returns it with both of its outputs."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        text=True,
        capture_output=True,
        timeout=600,
        check=False,
    )
    said = f"{' '.join(done.args)}\n{done.stdout}{done.stderr}"
    assert done.returncode == 0, said
    return done


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel built from it."""
    folder = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (found,) = dist.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def bin_folder(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of a fresh environment with the wheel in it."""
    home = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(home, with_pip=False, symlinks=True)
    paths = {"base": str(home), "platbase": str(home)}
    packages = Path(sysconfig.get_path("purelib", "venv", paths))
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "libraries.pth").write_text("\n".join(sorted(libraries)) + "\n", encoding="utf-8")
    folder = Path(sysconfig.get_path("scripts", "venv", paths))
    install = ("install", "--no-deps", "--no-index", "--disable-pip-version-check", wheel)
    _run(sys.executable, "-m", "pip", "--python", folder / "python", *install, cwd=home)
    return folder


def test_wheel_holds_every_gin_file(wheel: Path):
    assert "gin/quickstart.gin" in gin_files()
    with zipfile.ZipFile(wheel) as archive:
        held = {name.removeprefix("mu2/files/") for name in archive.namelist()}
    assert sorted(gin_files() - held) == []


def test_wheel_holds_nothing_but_the_package(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    assert tops == {"mu2", wheel.name.split("-py3")[0] + ".dist-info"}


def test_sdist_holds_tests_and_house(dist: Path):
    (sdist,) = dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    house = {"BUILD", "MODULE.bazel", "Makefile", "LICENSE", "constraints.txt", ".ci/run"}
    assert sorted((house | gin_files() | {"tests/test_wheel.py"}) - held) == []


def test_installed_package_is_the_wheels(bin_folder: Path, tmp_path: Path):
    program = "import mu2; print(mu2.__file__)"
    where = _run(bin_folder / "python", "-c", program, cwd=tmp_path).stdout
    assert Path(where).is_relative_to(bin_folder.parent)


@pytest.mark.parametrize("command", [("mu2",), ("python", "-m", "mu2")])
def test_help_from_another_directory(command: tuple[str, ...], bin_folder: Path, tmp_path: Path):
    said = _run(bin_folder / command[0], *command[1:], "--help", cwd=tmp_path).stdout
    assert "check" in said


def test_quickstart_is_checked_from_another_directory(bin_folder: Path, tmp_path: Path):
    done = _run(bin_folder / "mu2", "check", "gin/quickstart.gin", "--json", cwd=tmp_path)
    assert isinstance(json.loads(done.stdout), dict)
    assert list(tmp_path.iterdir()) == []


# A table of a user's own over a stream of their own: one file, outside the repository.
OWN_TABLE = """\
# Two learning rates on my own images.
include 'gin/quickstart.gin'
Stream.tasks = (@mine/Task(),)
mine/Task.name = 'mine'
mine/Task.source = @Npz()
Npz.path = 'images.npz'
Table.columns = (@slow/Column(), @fast/Column())
slow/Column.name = 'a rate of 0.01'
slow/Hyperparameters.learning_rate = 0.01
fast/Column.name = 'a rate of 0.1'
"""
SMALL = (
    *("Training.max_train_examples=64", "Training.intervals=1", "Stream.iterations=1"),
    *("Evolution.children_per_iteration=1", "Hyperparameters.num_layers=1"),
    *("Ranges.num_layers=(1,)", "Hyperparameters.mutation_probability=0.1"),
)


def test_a_table_of_ones_own_in_ten_lines(bin_folder: Path, tmp_path: Path):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (128, 16, 16), np.uint8)
    labels = np.arange(128) % 2
    images[labels == 1, :8] = 0
    np.savez(tmp_path / "images.npz", x_train=images, y_train=labels)
    (tmp_path / "mine.gin").write_text(OWN_TABLE, encoding="utf-8")
    _run(bin_folder / "mu2", "check", "mine.gin", cwd=tmp_path)
    flags = [f"--gin.{binding}" for binding in SMALL]
    command = ("table", "mine.gin", "--system", "mine", "--json", *flags)
    document = json.loads(_run(bin_folder / "mu2", *command, cwd=tmp_path).stdout)
    slow, fast = document["columns"]
    assert (document["table"], slow["name"], fast["name"]) == (
        *("mine", "a rate of 0.01", "a rate of 0.1"),
    )
    assert slow["bindings"] == ["Hyperparameters.learning_rate = 0.01"]
    assert slow["seeds"] == fast["seeds"] == [0]
    assert [task["task"] for task in fast["tasks"]] == ["mine"]
    assert (tmp_path / "mine/mine.md").read_text(encoding="utf-8").count("a rate of") >= 2


def test_a_table_is_forecast_from_another_directory(bin_folder: Path, tmp_path: Path):
    table = "benchmarks/tables/mu2net_vtab_1k.gin"
    done = _run(bin_folder / "mu2", "plan", table, "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["accelerators"]
    assert list(tmp_path.iterdir()) == []
