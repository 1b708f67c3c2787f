"""What a command sets for its process: where programs are kept, and that it hurts nobody."""

import os
import subprocess
import sys
import zlib

import pytest

from mu2.cli import process
from tests import shrunken

TELL = """
import os
from mu2.cli import process
print(process.keep_freed_memory())
process.keep_compiled_programs()
print(os.environ.get("JAX_COMPILATION_CACHE_DIR", ""))
"""
COMPILE = """
from mu2.cli import process
process.prepare()
import jax
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
print(jax.jit(lambda x: x @ x + 1)(jax.numpy.ones((8, 8))).sum())
"""


def python(code, **environment):
    kept = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith("MALLOC_") and k not in ("GLIBC_TUNABLES", "JAX_COMPILATION_CACHE_DIR")
    }
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=shrunken.ROOT,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=True,
    )


def test_programs_lie_in_the_users_cache_folder(tmp_path):
    memory, folder = python(TELL, XDG_CACHE_HOME=str(tmp_path)).stdout.splitlines()
    assert memory == str(sys.platform.startswith("linux"))
    assert folder.startswith(str(tmp_path / "mu2" / "programs"))
    assert python(TELL, XDG_CACHE_HOME=str(tmp_path)).stdout.splitlines()[1] == folder


def test_what_the_user_has_set_stays(tmp_path):
    set_ = {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "own"), "MALLOC_ARENA_MAX": "2"}
    assert python(TELL, **set_).stdout.splitlines() == ["False", str(tmp_path / "own")]


def test_a_program_is_compiled_once_for_two_processes(tmp_path):
    one = python(COMPILE, XDG_CACHE_HOME=str(tmp_path))
    files = sorted(tmp_path.rglob("*-cache"))
    assert files
    other = python(COMPILE, XDG_CACHE_HOME=str(tmp_path))
    assert (one.stdout, other.stderr) == (other.stdout, "")
    assert sorted(tmp_path.rglob("*-cache")) == files


@pytest.mark.parametrize("kind", ["file", "nowhere"])
def test_a_folder_that_cannot_be_made_stops_nothing(tmp_path, kind):
    home = tmp_path / "home"
    if kind == "file":
        home.write_text("no folder")
    else:
        home = "/proc/nowhere"
    memory_folder = python(TELL, XDG_CACHE_HOME=str(home)).stdout.splitlines()
    assert memory_folder[1:] in ([], [""])
    assert python(COMPILE, XDG_CACHE_HOME=str(home)).stderr == ""


SPOIL = """
import os, pathlib, shutil
folder = pathlib.Path(os.environ["JAX_COMPILATION_CACHE_DIR"])
shutil.rmtree(folder)
folder.write_text("no folder")
"""


def test_a_cache_that_cannot_be_written_after_all_says_nothing(tmp_path):
    before, after = COMPILE.split("import jax\n")
    code = f"{before}{SPOIL}import jax\n{after}"
    assert python(code, XDG_CACHE_HOME=str(tmp_path)).stderr == ""


def test_what_a_killed_process_left_half_written_is_removed(tmp_path):
    one = python(COMPILE, XDG_CACHE_HOME=str(tmp_path))
    for program in tmp_path.rglob("*-cache"):
        program.write_bytes(program.read_bytes()[:100])
    for stamp in tmp_path.rglob(".tidied"):
        os.utime(stamp, (0, 0))
    other = python(COMPILE, XDG_CACHE_HOME=str(tmp_path))
    assert (one.stdout, other.stderr) == (other.stdout, "")
    programs = list(tmp_path.rglob("*-cache"))
    assert programs
    assert all(process.is_whole(program.read_bytes()) for program in programs)


def test_the_longest_unused_programs_give_way(tmp_path, monkeypatch):
    content = zlib.compress(b"a program")
    monkeypatch.setattr(process, "CACHED_BYTES", 2 * len(content) + 1)
    for number in range(5):
        program = tmp_path / f"{number}-cache"
        program.write_bytes(content)
        os.utime(program, (number, number))
    (tmp_path / "0-atime").write_text("")
    (tmp_path / "5-cache").write_bytes(b"\x28\xb5\x2f\xfd cut short")
    process.tidy_programs(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {".tidied", "3-cache", "4-cache"}
    (tmp_path / "0-cache").write_bytes(b"")
    process.tidy_programs(tmp_path)  # not again so soon
    assert (tmp_path / "0-cache").exists()
