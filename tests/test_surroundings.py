"""What surrounds the process is input too: homes, streams, devices, switches, file systems."""

import errno
import os
import stat
import subprocess
import sys

import pytest

from mu2 import cli, config
from mu2.cli import process
from mu2.errors import Mu2Error
from mu2.models import devices
from mu2.store import files
from tests import shrunken


def mu2(*words, closed=(), **environment):
    """A process of the command, some of its standard streams closed; a value None unsets."""
    shut = " ".join(f"{number}>&-" for number in closed)
    surroundings = {**os.environ, **environment}
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {shut}', "sh", sys.executable, "-W", "error", "-m", "mu2", *words],
        cwd=shrunken.ROOT,
        env={name: value for name, value in surroundings.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("home", [None, "", "relative"])
def test_a_user_without_a_home_is_answered(home):
    done = mu2("--help", HOME=home, XDG_CACHE_HOME=None, JAX_COMPILATION_CACHE_DIR=None)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_tilde_without_a_home_is_a_folder_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    source = (
        config.load(
            [shrunken.FILE], shrunken.merged("digits/Task.source=@Folder()", "Folder.path='~/none'")
        )
        .experiment.stream.tasks[0]
        .source
    )
    with pytest.raises(Mu2Error, match="none"):
        source.num_classes()


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_closed_streams_are_no_files_of_ours(closed):
    done = mu2("list", closed=closed)
    assert done.returncode == 0
    assert done.stderr == ""
    assert bool(done.stdout) == (1 not in closed)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no /dev/full")
@pytest.mark.parametrize("words", [("list",), ("list", "--json"), ("check", "none.gin", "--json")])
def test_output_that_nobody_takes_is_told(words):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "mu2", *words],
            cwd=shrunken.ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("platform", ["tpu", "cuda", "nonsense"])
def test_devices_that_are_not_there_are_one_fault(platform):
    done = mu2("check", shrunken.FILE, JAX_PLATFORMS=platform)
    assert done.returncode == 2
    assert f"JAX_PLATFORMS is {platform!r}" in done.stderr
    assert "JAX_PLATFORMS=cpu" in done.stderr
    assert "faults" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("switch", "value"),
    [
        ("JAX_ENABLE_X64", "1"),
        ("JAX_NUMPY_DTYPE_PROMOTION", "strict"),
        ("JAX_NUMPY_RANK_PROMOTION", "raise"),
        ("JAX_DISABLE_JIT", "1"),
    ],
)
def test_switches_of_jax_that_cannot_be_borne_are_named(switch, value):
    done = mu2("check", shrunken.FILE, **{switch: value})
    assert done.returncode == 2
    assert f"JAX's switch {switch} is" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("switch", "value"),
    [
        ("JAX_ENABLE_X64", "maybe"),
        ("JAX_DEFAULT_MATMUL_PRECISION", "bogus"),
        ("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "soon"),
    ],
)
def test_values_that_jax_refuses_are_named(switch, value):
    done = mu2("check", shrunken.FILE, **{switch: value})
    assert done.returncode == 2
    assert done.stderr.startswith(f"mu2: {switch} is {value!r}: JAX refuses it (")
    assert len(done.stderr.splitlines()) == 2
    assert switch in done.stderr.splitlines()[1]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--bogus", "Unknown flag in XLA_FLAGS: --bogus"),
        ("--xla_cpu_multi_thread_eigen=maybe", "Couldn't interpret value maybe for flag xla_cpu"),
        ("/proc/none", 'Could not open file "/proc/none"'),
    ],
)
def test_flags_that_xla_refuses_are_named(flags, said):
    done = mu2("check", shrunken.FILE, XLA_FLAGS=flags)
    assert done.returncode == 2
    assert done.stderr.startswith(f"mu2: XLA refuses what XLA_FLAGS says, {flags!r}: {said}")
    assert len(done.stderr.splitlines()) == 2


def test_flags_that_xla_takes_are_looked_at_once_and_none_never(monkeypatch):
    tried = []
    run = subprocess.run
    monkeypatch.setattr(process.subprocess, "run", lambda *a, **k: tried.append(a) or run(*a, **k))
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    process.check_environment()
    assert not tried
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=1")
    process.check_environment()
    process.check_environment()
    assert len(tried) == 1


def test_a_folder_of_programs_that_cannot_be_made_is_named():
    done = mu2("check", shrunken.FILE, JAX_COMPILATION_CACHE_DIR="/proc/none")
    assert done.returncode == 2
    assert "JAX_COMPILATION_CACHE_DIR is '/proc/none', which cannot be made" in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_other_values_are_faults_of_nobody():
    assert process.wrong_switch(ValueError("JAX_ENABLE_X64")) is None
    assert process.wrong_switch(OSError("JAX_ENABLE_X64")) is None


def test_matplotlib_draws_into_files_whatever_is_set_around_it(tmp_path):
    """An absent backend and a broken style file stop no figure, and say nothing beside it."""
    style = tmp_path / "matplotlibrc"
    style.write_text("no such line\ntext.usetex: True\nfigure.dpi: 7\n")
    places = {"MPLBACKEND": "bogus", "MATPLOTLIBRC": str(style), "MPLCONFIGDIR": "/proc/none"}
    shrunken.evolve(tmp_path / "system", *shrunken.DIGITS, shrunken.ONCE)
    words = ("plot", str(tmp_path / "system"), "growth", "--to")
    done = mu2(*words, str(tmp_path / "a.svg"), **places)
    assert (done.returncode, done.stderr) == (0, "")
    assert mu2(*words, str(tmp_path / "b.svg")).returncode == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    done = mu2("check", shrunken.FILE, MPLBACKEND="bogus")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    "places",
    [
        {"COLUMNS": "abc", "LINES": "-1", "LANG": "C", "LC_ALL": "C"},
        {
            "COLUMNS": "0",
            "TERM": "bogus",
            "FORCE_COLOR": "1",
            "PYTHONOPTIMIZE": "2",
            "NPROC": "abc",
        },
        {"TZ": "bogus", "PJRT_NPROC": "0"},
    ],
)
def test_what_else_is_set_around_a_process_stops_nothing(places):
    done = mu2("check", shrunken.FILE, **places)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ok; ")


def test_switches_that_change_numbers_are_a_change(monkeypatch, tmp_path):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    assert devices.changed_switches() == {}
    directory, small = tmp_path / "system", (*shrunken.DIGITS, shrunken.ONCE)
    with shrunken.stopped_at("_commit", after=True, commits=2), pytest.raises(shrunken.Stopped):
        shrunken.evolve(directory, *small)
    done = mu2(
        *shrunken.words(directory, *small),
        JAX_DEFAULT_MATMUL_PRECISION="highest",
        JAX_COMPILATION_CACHE_DIR=None,
    )
    assert done.returncode == 2
    assert "jax_default_matmul_precision was None, is highest" in done.stderr


def test_flags_of_xla_are_a_change_but_for_those_that_leave_numbers_alone(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=2 --xla_dump_to=x")
    assert devices.changed_switches() == {}
    monkeypatch.setenv("XLA_FLAGS", "--xla_b=1 --xla_dump_to=x --xla_a=2")
    assert devices.changed_switches() == {"xla_flags": "--xla_a=2 --xla_b=1"}


def test_folders_that_cannot_be_flushed_stop_nothing(monkeypatch, tmp_path):
    real = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    files.flush(tmp_path)
    system = shrunken.evolve(tmp_path / "system", *shrunken.DIGITS, shrunken.ONCE)
    assert system.tasks == ("digits",)
    assert cli.main(["verify", str(tmp_path / "system")]) == 0


def test_a_disk_that_fails_is_told(monkeypatch, tmp_path):
    def fsync(descriptor):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="Input/output"):
        files.flush(tmp_path)


def test_a_terminal_of_few_letters_shows_escapes(tmp_path):
    done = mu2("explain", "Evolution", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", LC_ALL="C")
    assert done.returncode == 0
    assert "\\xb5" in done.stdout
