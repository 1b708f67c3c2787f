import io

import pytest

from mu2.report.live import LiveReporter
from mu2.report.progress import LogReporter, choose_reporter
from mu2.report.status import Status
from tests.report import fakes


@pytest.fixture
def clock():
    return fakes.Clock()


def test_lines_where_there_is_no_terminal(clock):
    stream = io.StringIO()
    with LogReporter(stream, Status(clock)) as reporter:
        fakes.tell(reporter, clock)
    lines = stream.getvalue().splitlines()
    assert "\x1b" not in stream.getvalue()
    assert lines[0] == "systems/x: 2 tasks, 4 task iterations, 16 children."
    assert lines[1] == (
        "digits 1/2  generation 1  child 1/4  quality 50.0% kept  best 50.0%  from root/random"
        "  2.0 s  time left 0:30"
    )
    assert lines[5] == (
        "digits 1/2  test 75.0%  validation 80.0%  layers 1 its own, 2 of root, 1 of latin"
    )
    assert lines[-3].endswith("time left 0:00")
    assert lines[-1] == "systems/x: done in 32 s, 5 programs compiled."
    assert len(lines) == 1 + 16 + 4 + 1


def test_a_diverged_child_has_no_quality():
    stream = io.StringIO()
    reporter = LogReporter(stream)
    reporter.run_started(fakes.experiment(), fakes.system())
    reporter.task_started("digits", 0)
    lost = {"quality": None, "score": None, "best": None, "retained": False, "diverged": True}
    reporter.child_done(fakes.child("digits", 0, 0, **lost, parent_task="latin"))
    assert "quality – diverged  best –  from latin" in stream.getvalue()


def test_a_resumed_run_counts_on(clock):
    stream = io.StringIO()
    fakes.tell(LogReporter(stream, Status(clock)), clock, position=2)
    lines = stream.getvalue().splitlines()
    assert "goes on after 2 of 4 task iterations" in lines[0]
    assert lines[1].startswith("digits 2/2")
    assert lines[1].endswith("time left 0:14")


def test_a_finished_run_says_so(clock):
    stream = io.StringIO()
    fakes.tell(LogReporter(stream, Status(clock)), clock, position=4)
    assert stream.getvalue().splitlines() == ["systems/x: this run is complete; nothing is left."]


def test_time_left_within_a_resumed_task_iteration(clock):
    standing = Status(clock)
    standing.run_started(fakes.experiment(), fakes.system(3))
    standing.task_started("latin")
    assert standing.time_left() is None
    clock.now += 2
    standing.child_done(fakes.child("latin", 1, 2))
    assert (standing.done, standing.total) == (15, 16)
    assert standing.time_left() == pytest.approx(2)
    clock.now += 1.5
    assert standing.time_left() == pytest.approx(0.5)
    clock.now += 10
    assert standing.time_left() == 0


def test_the_live_view_shows_task_child_quality_best_and_time(clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    stream = fakes.Terminal()
    with LiveReporter(stream, Status(clock)) as reporter:
        fakes.tell(reporter, clock, until=6)
        reporter._live.refresh()
        shown = stream.getvalue()
    for part in (
        "digits 1/2  test 75.0%",
        "6/16 children, 0:12 gone, 0:20 left",
        "2/4, iteration 1/2, best 60.0%",
        "generation 2, child 2 from root/random: 60.0%, kept, 2.0 s",
    ):
        assert part in shown
    # The cursor is back when the view ends.
    assert stream.getvalue().rindex("\x1b[?25h") > stream.getvalue().rindex("\x1b[?25l")


def test_the_live_view_fits_a_narrow_terminal(clock, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    stream = fakes.Terminal()
    reporter = LiveReporter(stream, Status(clock))
    fakes.tell(reporter, clock, until=6)
    long = fakes.child("latin", 0, 2, parent="root/" + 100 * "x")
    reporter.child_done(long)
    lines = reporter._console.render_lines(reporter._view())
    assert len(lines) == 3


def test_the_live_view_ends_with_the_run(clock, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = fakes.Terminal()
    with LiveReporter(stream, Status(clock)) as reporter:
        fakes.tell(reporter, clock)
    assert "done in 32 s, 5 programs compiled." in stream.getvalue()


@pytest.mark.parametrize(
    ("stream", "term", "kind"),
    [
        (fakes.Terminal(), "xterm-256color", LiveReporter),
        (fakes.Terminal(), "dumb", LogReporter),
        (fakes.Terminal(), "", LogReporter),
        (io.StringIO(), "xterm-256color", LogReporter),
    ],
)
def test_the_stream_decides(stream, term, kind, monkeypatch):
    monkeypatch.setenv("TERM", term)
    assert isinstance(choose_reporter(stream), kind)
