import importlib
import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest

from mu2 import cli
from mu2.cli.command import quote_errors
from mu2.cli.main import parse
from mu2.cli.registry import NAMES
from mu2.config.linter import Faults
from mu2.errors import Mu2Error
from tests.report import fakes

ROOT = str(Path(__file__).parents[2])
EXPERIMENT = types.SimpleNamespace(executor=None, trackers=())


def python(*words, **environment):
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


# Start


def test_help_loads_no_library():
    program = """
import sys
from mu2.cli import main
code = main(["--help"])
heavy = {"jax", "flax", "gin", "rich", "numpy", "PIL", "orbax", "ml_collections"}
sys.exit(code or ", ".join(sorted(heavy & set(sys.modules))) or 0)
"""
    done = python("-c", program)
    assert (done.returncode, done.stderr) == (0, "")
    for command in NAMES:
        assert f"  {command} " in done.stdout


def test_python_m_is_the_same_command():
    done = python("-m", "mu2", "show", "no/such/system")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "no/such/system" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_is_quiet(unbuffered):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "mu2", "show", "no/such/system", "--json"],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


def test_no_command_shows_the_help(capsys):
    assert cli.main([]) == 2
    assert "check" in capsys.readouterr().err


@pytest.mark.parametrize("command", NAMES)
def test_every_command_has_help(command, capsys):
    assert cli.main([command, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"usage: mu2 {command} ")
    assert max(len(line) for line in said.splitlines()) <= 100


# The command line


def test_bindings_are_taken_out_in_order():
    words, bindings = cli.split_bindings(
        ["run", "--gin.A.b=1", "x.gin", "--gin.s/C.d = (1, 2)", "--system", "d", "--gin.E=''"]
    )
    assert words == ["run", "x.gin", "--system", "d"]
    assert bindings == ["A.b=1", "s/C.d=(1, 2)", "E=''"]


def test_after_two_dashes_nothing_is_a_binding():
    words, bindings = cli.split_bindings(["check", "--", "--gin.a=1"])
    assert (words, bindings) == (["check", "--", "--gin.a=1"], [])


@pytest.mark.parametrize("word", ["--gin.A.b", "--gin.A.b=", "--gin.=1", "--gin."])
def test_a_binding_without_name_or_value_is_refused(word, capsys):
    assert cli.main(["check", "x.gin", word, "5"]) == 2
    said = capsys.readouterr().err
    assert f"{word} is no binding" in said
    assert "=VALUE" in said


@pytest.mark.parametrize(
    "value",
    [
        *("1", "-1", "1e-3", ".5", "True", "None", "'a'", '"a b"', "('a', 'b')", "[1, (2,)]"),
        *("{'a': 1}", "@Task()", "@digits/Task()", "@mu2.tasks.Task", "%SEED", "(@a/T(), @b/T())"),
        *("[%A, %b/C]", "'train[20%:]'", "('@x', '%y')"),
    ],
)
def test_gin_values_pass(value):
    assert quote_errors([f"A.b={value}"]) == []


@pytest.mark.parametrize(
    ("value", "right"),
    [
        ("digits", "'\"digits\"'"),
        ("train[20%:]", "'\"train[20%:]\"'"),
        ("train[:5%]+train[10%:]", "'\"train[:5%]+train[10%:]\"'"),
        ("/data/sets", "'\"/data/sets\"'"),
        ("true", "'\"true\"'"),
        ("(cosine, linear)", "'(cosine, linear)', with each string in double quotes"),
    ],
)
def test_a_string_that_lost_its_quotes(value, right):
    (fault,) = quote_errors(["A.b=1", f"x/A.b={value}"])
    assert f"--gin.x/A.b={value}: a string without quotes" in fault.message
    assert fault.hint == f"Write --gin.x/A.b={right}."


def test_files_may_stand_on_both_sides_of_an_option():
    options = parse(["run", "a.gin", "--system", "d", "b.gin", "--accept-changes", "c.gin"])
    assert options.files == ["a.gin", "b.gin", "c.gin"]
    assert (options.system, options.accept_changes, options.json) == ("d", True, False)


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "d", "--task", "t", "1.png", "2.png"],
        ["predict", "d", "1.png", "--task", "t", "2.png"],
        ["predict", "--task", "t", "d", "1.png", "2.png"],
        ["predict", "d", "1.png", "2.png", "--task=t"],
    ],
)
def test_images_may_stand_on_both_sides_of_an_option(words):
    options = parse(words)
    assert (options.system, options.task, options.top) == ("d", "t", 1)
    assert options.data == ["1.png", "2.png"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "a.gin"], "--system"),
        (["check"], "FILE"),
        (["check", "a.gin", "--jsn"], "did you mean --json?"),
        (["run", "a.gin", "--system", "d", "--acept-changes"], "did you mean --accept-changes?"),
        (["run", "a.gin", "--system", "d", "--iterations", "3"], "unknown: --iterations"),
        (["show", "d", "e"], "unknown: e"),
        (["show", "d", "--gin.A.b=1"], "show takes no Gin bindings"),
        (["predict", "d", "--task", "t"], "DATA"),
        (["predict", "d", "1.png"], "one of the arguments --task --all is required"),
        (["predict", "d", "1.png", "--all", "--task", "t"], "not allowed with argument"),
        (["predict", "d", "--task", "t", "1.png", "--top", "0"], "'0' is no whole number"),
        (["predict", "d", "--task", "t", "1.png", "--top", "x"], "'x' is no whole number"),
        (["learn"], "learn"),
    ],
)
def test_a_wrong_command_line(words, said, capsys):
    assert cli.main(words) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err


# Commands, the rooms behind them replaced by fakes


class FakeSystem:
    """A folder `d` that can be opened and shown."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    @classmethod
    def open(cls, directory, at=None):
        if directory != "d":
            raise Mu2Error(f"{directory} is no system.", hint="mu2 run makes one.")
        return cls()


@pytest.fixture
def rooms(monkeypatch):
    """What stands behind the commands: set its attributes to change what they do."""
    # Whatever a command imports besides is made of the real rooms, and stays so in other tests.
    real = ("planning.preview", "report.one_task", "report.trackers.live")
    for name in (*real, "system.cost", "system.system_root"):
        importlib.import_module(f"mu2.{name}")

    def place(made, text):
        return None

    def read(files, bindings):
        rooms.read = files, bindings
        loaded = types.SimpleNamespace(experiment=EXPERIMENT, resolved="resolved")
        return types.SimpleNamespace(
            faults=(), warnings=(), made=(), place=place, load=lambda: loaded
        )

    def evolve(experiment, resolved, directory, reporter, *, accept_changes, place, tell):
        rooms.begun = experiment, resolved, directory, accept_changes
        tell(types.SimpleNamespace(state="new"))
        with reporter as told:
            rooms.run(told)

    rooms = types.SimpleNamespace(
        config=types.SimpleNamespace(read=read, read_table=lambda *_: None, Faults=Faults),
        start=types.SimpleNamespace(evolve=evolve),
        preview=types.SimpleNamespace(preview_run=lambda experiment, place: WOULD),
        doubtful=types.SimpleNamespace(doubtful_settings=lambda experiment, place: ()),
        dry_run=types.SimpleNamespace(read_first_examples=lambda experiment, place: ()),
        summary=types.SimpleNamespace(summarise=lambda system: fakes.summary()),
        run=lambda reporter: fakes.tell(reporter, fakes.Clock()),
        system=types.SimpleNamespace(System=FakeSystem),
    )
    planning = ("planning.doubtful", "planning.preview", "planning.dry_run")
    for name in ("config", "config.start", *planning, "report.summary", "system"):
        monkeypatch.setitem(sys.modules, f"mu2.{name}", getattr(rooms, name.split(".")[-1]))
    return rooms


def fail(error):
    def raising(*_, **__):
        raise error

    return raising


WOULD = {
    "tasks": [{"name": "t", "classes": 3, "train": 1500, "validation": 20, "test": 30}],
    "iterations": 2,
    "children": 128,
    "training_steps": 4096,
    "programs": 2,
    "parameters": {"smallest": 1000, "largest": 2000},
    "forward_flops": {"smallest": 1e6, "largest": 2e6},
    "run_flops": {"smallest": 1e12, "largest": 2e12},
    "device_bytes": 12_345_678,
    "disk_bytes": {"runs": 3e9, "ended": 400},
    "devices": 1,
    "missing": [],
    "guesses": [],
}


def test_check_says_ok_and_what_a_run_would_do(rooms, capsys):
    assert cli.main(["check", "a.gin", "b.gin", "--gin.A.b=1", "--gin.C.d='x'"]) == 0
    assert rooms.read == (["a.gin", "b.gin"], ["A.b=1", "C.d='x'"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("ok")
    assert lines[1:4] == [
        "  tasks       t  3 classes; 1,500 train, 20 validation, 30 test",
        "  children    128 at most, 2 visits a task",
        "  steps       4,096 at most",
    ]
    said = "\n".join(lines)
    assert "1,000 to 2,000 in a network" in said
    assert "1e+12 to 2e+12 in all" in said
    assert "12.3 MB a device" in said
    assert "3 GB at most while it runs, 400 B at its end" in said


def test_check_prints_one_document(rooms, capsys):
    assert cli.main(["check", "a.gin", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ok": True, "faults": [], "preview": WOULD}


FAULTS = Faults([Mu2Error("wrong.", location="a.gin:3", hint="Mend it."), Mu2Error("too.")])


def test_check_tells_every_fault(rooms, capsys):
    rooms.config.read = fail(FAULTS)
    assert cli.main(["check", "a.gin"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "a.gin:3: wrong.\n  Mend it.\nmu2: too.\n2 faults.\n"


def test_check_tells_every_fault_in_one_document(rooms, capsys):
    rooms.config.read = fail(FAULTS)
    assert cli.main(["check", "a.gin", "--json"]) == 2
    printed = capsys.readouterr()
    assert printed.err == ""
    assert json.loads(printed.out) == {
        "ok": False,
        "faults": [
            {"message": "wrong.", "location": "a.gin:3", "hint": "Mend it."},
            {"message": "too.", "location": None, "hint": None},
        ],
    }


def test_lost_quotes_are_told_before_gin_stumbles(rooms, capsys):
    rooms.config.read = fail(AssertionError("not reached"))
    assert cli.main(["check", "a.gin", "--gin.A.b=x", "--gin.A.c=y", "--json"]) == 2
    faults = json.loads(capsys.readouterr().out)["faults"]
    assert ["--gin.A.b=x" in faults[0]["message"], "--gin.A.c=y" in faults[1]["message"]]
    assert len(faults) == 2


def test_run_shows_lines_then_the_table(rooms, capsys):
    assert cli.main(["run", "a.gin", "--system", "d", "--gin.A.b=2", "--accept-changes"]) == 0
    assert rooms.read == (["a.gin"], ["A.b=2"])
    assert rooms.begun == (EXPERIMENT, "resolved", "d", True)
    printed = capsys.readouterr()
    assert "digits 1/2  generation 1  child 1/4" in printed.err
    assert "params" in printed.out
    assert printed.out.rstrip().endswith("its last run is complete.")


def test_an_interrupted_run_says_how_to_go_on(rooms, capsys):
    rooms.run = fail(KeyboardInterrupt())
    assert cli.main(["run", "a.gin", "--system", "d"]) == 130
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        "mu2: interrupted. The last commit of d is whole; the same command goes on from it.\n"
    )


def test_an_interrupt_elsewhere_is_quiet(rooms, capsys):
    rooms.config.read = fail(KeyboardInterrupt())
    assert cli.main(["run", "a.gin", "--system", "d"]) == 130
    assert capsys.readouterr().err == "mu2: interrupted.\n"


def test_an_interrupt_of_an_import_is_an_interrupt(rooms, capsys):
    error = ImportError("Encountered an error while initializing the extension.")
    error.__cause__ = KeyboardInterrupt()
    rooms.config.read = fail(error)
    assert cli.main(["run", "a.gin", "--system", "d"]) == 130
    assert capsys.readouterr().err == "mu2: interrupted.\n"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Mu2Error("no.", hint="So."), "mu2: no.\n  So.\n"),
        (PermissionError(13, "Permission denied", "d/HEAD"), "mu2: d/HEAD: Permission denied.\n"),
        (
            OSError(28, "No space left on device"),
            "mu2: No space left on device.\n"
            "  Make room, then give the same command again: what is committed is whole.\n",
        ),
    ],
)
def test_a_run_that_fails(error, said, rooms, capsys):
    rooms.run = fail(error)
    assert cli.main(["run", "a.gin", "--system", "d"]) == 2
    assert capsys.readouterr().err == said


def test_a_fault_of_mu2_itself_is_not_hidden(rooms):
    rooms.run = fail(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        cli.main(["run", "a.gin", "--system", "d"])


def test_show(rooms, capsys):
    assert cli.main(["show", "d"]) == 0
    assert "digits" in capsys.readouterr().out
    assert cli.main(["show", "d", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == fakes.summary()


def test_show_of_what_is_no_system(rooms, capsys):
    assert cli.main(["show", "e", "--json"]) == 2
    (fault,) = json.loads(capsys.readouterr().out)["faults"]
    assert fault["message"] == "e is no system."
