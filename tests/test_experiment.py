"""A run: stopped anywhere and resumed, extended, refused, changed."""

import random
import signal
import time

import pytest

from mu2 import cli, experiment
from mu2.errors import Mu2Error
from mu2.store import Journal
from mu2.store.verify import verify
from mu2.system import System
from mu2.system.writable import WritableSystem
from tests import shrunken
from tests.shrunken import DIGITS, ONCE, SMALL


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a small run that nothing interrupted."""
    directory = tmp_path_factory.mktemp("whole") / "system"
    shrunken.evolve(directory, *SMALL)
    return directory


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """The folder of the same run, killed amid an iteration, what was under way left behind."""
    directory = tmp_path_factory.mktemp("half") / "system"
    with (
        shrunken.stopped_at("_commit", after=False, commits=6),
        pytest.raises(shrunken.Stopped),
    ):
        shrunken.evolve(directory, *SMALL)
    return directory


def assert_same_run(directory, whole):
    """All that a run leaves but its times: HEAD's name is a digest of every commit and record."""
    one, other = System.open(directory), System.open(whole)
    assert one.paths() == other.paths()
    assert one.progress == other.progress
    for log in ("log.jsonl", "HEAD"):
        assert (directory / log).read_bytes() == (whole / log).read_bytes()
    assert len(one.times) == len(other.times)
    packs = {path.name for path in (directory / "components").iterdir()}
    assert packs == {path.name for path in (whole / "components").iterdir()}
    assert verify(directory) == []


# Stopped and resumed


def resume_until_done(directory, name, after):
    """Goes on again and again, stopped each time after some commit; returns how often."""
    for stops in range(100):
        try:
            with shrunken.stopped_at(name, after):
                shrunken.evolve(directory, *SMALL)
        except shrunken.Stopped:
            continue
        return stops
    raise AssertionError("it never ends")


STOPS = [
    # Just behind a commit; just before the next, its components and log lines written.
    ("_commit", True, 15),
    ("_commit", False, 14),
    # Between two children of a generation, one of them in the log.
    ("log_child", True, 8),
    # A child stored that no log knows.
    pytest.param("stage", True, 4, marks=pytest.mark.slow),
    # An iteration committed, and what did not survive not yet removed.
    pytest.param("_remove_unused", False, 4, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("name", "after", "least"), STOPS)
def test_a_run_stopped_again_and_again_ends_as_the_uninterrupted_one(
    name, after, least, whole, tmp_path
):
    stops = resume_until_done(tmp_path / "system", name, after)
    assert stops >= least
    assert_same_run(tmp_path / "system", whole)


def lines(directory):
    try:
        return (directory / "log.jsonl").read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def kill_when(directory, ready, wait=0.0):
    """Runs the command in a process of its own, and kills it."""
    process = shrunken.python("-m", "mu2", *shrunken.words(directory, *SMALL))
    deadline = time.monotonic() + 300
    while not ready() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    out, err = process.communicate()
    assert "Traceback" not in err
    assert (process.returncode, out) == (-signal.SIGKILL, ""), err


def test_a_killed_command_is_resumed(whole, tmp_path):
    directory = tmp_path / "system"
    kill_when(directory, lambda: lines(directory) >= 2)
    assert not System.open(directory).progress.complete
    shrunken.evolve(directory, *SMALL)
    assert_same_run(directory, whole)


@pytest.mark.slow
def test_a_command_killed_at_many_moments(whole, tmp_path):
    directory, draw = tmp_path / "system", random.Random(5)
    head = directory / "HEAD"
    kill_when(directory, lambda: head.exists())
    kill_when(directory, lambda: head.exists() and head.read_bytes() != b"none\n")
    for least in (1, 3, 5, 8, 10):
        kill_when(directory, lambda n=least: lines(directory) >= n, draw.uniform(0, 0.15))
        assert verify(directory) == []
    process = shrunken.python("-m", "mu2", *shrunken.words(directory, *SMALL))
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "its last run is complete" in out
    assert_same_run(directory, whole)


# A shell starts what it puts into the background deaf to interrupts.
HEARING = """
import signal, sys
from mu2.__main__ import main
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(main())
"""
# Rests after each child: this run is over in less time than a busy machine may take to look at it.
RESTING = f"""
import time
from mu2.report.progress import LogReporter
said = LogReporter.child_done
LogReporter.child_done = lambda *words: (said(*words), time.sleep(2))
{HEARING}"""


@pytest.mark.slow
def test_an_interrupt_says_how_to_go_on(whole, tmp_path):
    directory = tmp_path / "system"
    process = shrunken.python("-c", RESTING, *shrunken.words(directory, *SMALL))
    while lines(directory) < 2 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "the same command goes on" in err
    assert "Traceback" not in err
    shrunken.evolve(directory, *SMALL)
    assert_same_run(directory, whole)


def committed(directory):
    """Whether there is something to go on from; what was not is removed by an interrupt."""
    head = directory / "HEAD"
    return head.exists() and head.read_text() != "none\n"


@pytest.mark.slow
@pytest.mark.parametrize("wait", [0.0, 0.3, 1.0])
def test_an_interrupt_while_programs_are_compiled_is_an_interrupt(wait, tmp_path):
    directory = tmp_path / "system"
    process = shrunken.python(
        *("-c", HEARING, *shrunken.words(directory, *SMALL)), JAX_ENABLE_COMPILATION_CACHE="false"
    )
    while not committed(directory) and process.poll() is None:
        time.sleep(0.01)
    time.sleep(wait)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert "the same command goes on" in err
    assert "Traceback" not in err


# Extended


def test_another_stream_extends_the_system(whole, tmp_path):
    directory = shrunken.copy(whole, tmp_path / "system")
    before, log = System.open(whole), (whole / "log.jsonl").read_bytes()
    cyrillic = ("Stream.tasks=(@cyrillic/Task(),)", *SMALL[1:], ONCE)
    after = shrunken.evolve(directory, *cyrillic)
    assert after.tasks == ("digits", "latin", "cyrillic")
    for name in before.tasks:
        assert after.task(name) == before.task(name)
    assert after.roots() == before.roots()
    assert after.path("cyrillic").num_classes == 33
    assert (directory / "log.jsonl").read_bytes().startswith(log)
    assert len(after.log) == len(before.log) + 3
    for file, content in shrunken.files(whole / "components").items():
        assert (directory / "components" / file).read_bytes() == content
    assert after.progress.runs == 2
    assert after.gin_file(0).read_bytes() == before.gin_file(0).read_bytes()
    assert after.gin_file(1).read_text() == shrunken.load(*cyrillic).resolved
    # The new task may build on the old ones.
    (first, *_) = list(after.log)[len(before.log) :]
    assert first["task"] == "cyrillic"
    assert verify(directory) == []


def test_the_same_command_again_says_so_and_changes_nothing(whole, tmp_path, capsys):
    directory = shrunken.copy(whole, tmp_path / "system")
    before = shrunken.files(directory)
    with shrunken.shared_programs():
        assert cli.main(shrunken.words(directory, *SMALL)) == 0
    said = capsys.readouterr()
    assert "this run is complete; nothing is left" in said.err
    assert "digits" in said.out
    assert shrunken.files(directory) == before


# Refused, the system as it was


@pytest.fixture
def unchanged(half, tmp_path):
    """A copy of the unfinished system that the test must leave as it was."""
    directory = shrunken.copy(half, tmp_path / "system")
    before = shrunken.files(directory)
    yield directory
    assert shrunken.files(directory) == before


def refused(directory, *bindings):
    with pytest.raises(Mu2Error) as caught:
        shrunken.evolve(directory, *SMALL, *bindings)
    return str(caught.value)


def test_an_unfinished_run_of_other_settings_is_refused(unchanged):
    said = refused(unchanged, "Experiment.seed=1")
    assert "unfinished run with other settings" in said
    assert "It has: Experiment.seed = 0." in said
    assert "Now there is: Experiment.seed = 1." in said
    assert "--accept-changes" in said


def test_another_search_space_is_refused(unchanged):
    said = refused(unchanged, "ViT.width=32")
    assert "another search space" in said
    assert "its ViT.width is 16, not 32." in said


def test_another_search_space_is_refused_even_where_changes_are_accepted(unchanged):
    with pytest.raises(Mu2Error, match="another search space"):
        shrunken.evolve(unchanged, *SMALL, "ViT.mlp_dim=64", accept_changes=True)


def test_a_task_of_the_same_name_with_other_classes_is_refused(unchanged):
    said = refused(unchanged, "digits/Task.source=@greek/Glyphs()")
    assert "'digits'" in said
    assert "10 classes" in said
    assert "24" in said
    assert "a name of its own" in said


def test_a_batch_larger_than_the_data_is_refused(unchanged):
    said = refused(unchanged, "Training.batch_size=209")
    assert "task 'latin' has 208 training examples" in said
    assert "208 or less" in said


def test_a_run_that_is_refused_makes_no_folder(tmp_path):
    refused(tmp_path / "new" / "system", "Training.batch_size=209")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_data_set_ends_the_command_with_2(unchanged, tmp_path, capsys):
    bangla = (
        "Stream.tasks=(@digits/Task(), @bangla/Task())",
        "bangla/Task.name='bangla'",
        "bangla/Task.source=@bangla/TFDS()",
        "bangla/TFDS.name='cmaterdb/bangla'",
        f"bangla/TFDS.data_dir='{tmp_path / 'sets'}'",
    )
    assert cli.main([*shrunken.words(unchanged, *SMALL, *bangla), "--accept-changes"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "'cmaterdb/bangla' is not prepared" in said.err
    assert "tfds.builder(" in said.err
    assert "Traceback" not in said.err


def test_a_second_writer_is_refused(unchanged, capsys):
    with WritableSystem.extend(unchanged):
        assert cli.main(shrunken.words(unchanged, *SMALL)) == 2
    said = capsys.readouterr().err
    assert "is being written by process" in said
    assert "Traceback" not in said


def test_after_a_refusal_the_system_can_be_written_again(half, whole, tmp_path):
    directory = shrunken.copy(half, tmp_path / "system")
    refused(directory, "ViT.width=32")
    refused(directory, "Experiment.seed=1")
    shrunken.evolve(directory, *SMALL)
    assert_same_run(directory, whole)


def test_a_system_of_a_newer_format_is_left_alone(unchanged, monkeypatch, capsys):
    header = unchanged / "mu2.json"
    old = header.read_bytes()
    header.write_bytes(old.replace(b'"format":2', b'"format":3'))
    newer = shrunken.files(unchanged)
    assert newer["mu2.json"] != old
    assert cli.main(shrunken.words(unchanged, *SMALL)) == 2
    assert "newer mu2 (format 3" in capsys.readouterr().err
    with pytest.raises(Mu2Error, match="newer mu2"):
        Journal.open(unchanged)
    assert shrunken.files(unchanged) == newer
    header.write_bytes(old)


# Changes accepted


def test_an_unfinished_run_goes_on_with_accepted_changes(half, whole, tmp_path):
    directory = shrunken.copy(half, tmp_path / "system")
    before = System.open(directory)
    assert not before.progress.complete
    assert before.task("latin").population.children == 2
    system = shrunken.evolve(directory, *SMALL, "Experiment.seed=1", accept_changes=True)
    assert system.progress.complete
    assert system.progress.runs == 1
    assert "Experiment.seed = 1" in system.gin_file(0).read_text()
    # What was committed stays, and what comes is made by the new settings.
    made, old, new = before.progress.log_lines, list(System.open(whole).log), list(system.log)
    assert made == 5
    assert new[:made] == old[:made]
    assert [line["path"] for line in new] == [line["path"] for line in old]
    assert new[made:] != old[made:]
    # They are the run's now: the old ones are others, and it is complete with these.
    files = shrunken.files(directory)
    shrunken.evolve(directory, *SMALL, "Experiment.seed=1")
    assert shrunken.files(directory) == files
    assert verify(directory) == []


def test_a_kill_while_changes_are_accepted_keeps_the_old_settings(half, whole, tmp_path):
    directory = shrunken.copy(half, tmp_path / "system")
    with (
        shrunken.stopped_at("_commit", after=False, commits=0),
        pytest.raises(shrunken.Stopped),
    ):
        shrunken.evolve(directory, *SMALL, "Experiment.seed=1", accept_changes=True)
    system = shrunken.evolve(directory, *SMALL)
    assert system.gin_file(0).read_text() == shrunken.load(*SMALL).resolved
    assert_same_run(directory, whole)


def test_an_iteration_put_aside_goes_on_without_the_seeds_that_went(tmp_path):
    directory, latin = tmp_path / "system", ("Stream.tasks=(@latin/Task(),)", *SMALL[1:], ONCE)
    shrunken.evolve(directory, *latin)
    with (
        shrunken.stopped_at("_commit", after=True, commits=2),
        pytest.raises(shrunken.Stopped),
    ):
        shrunken.evolve(directory, *DIGITS)
    old = System.open(directory).path("latin").id
    assert old in System.open(directory).task("digits").population.seeds
    more = "Evolution.children_per_iteration=6"
    system = shrunken.evolve(directory, *latin, more, accept_changes=True)
    assert old not in system.paths()
    loaded = shrunken.load(*DIGITS).experiment
    (task,) = loaded.stream.tasks
    seeds = experiment.begin_task_iteration(loaded, system, task).current_population.seeds
    assert set(seeds) <= system.paths().keys()
