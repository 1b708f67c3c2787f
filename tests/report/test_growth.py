"""What each task iteration added and took, against the system that it is read from."""

import csv
import io
import itertools

import pytest

from mu2.report import plots
from mu2.report.charts import Axis
from mu2.report.growth import growth_panels, growth_steps
from mu2.report.reading import read_history
from mu2.system import System
from mu2.tables import comparison
from mu2.tables.results import LONG, growth_of
from tests.report.written import write_system

TASKS = 24


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    made = tmp_path_factory.mktemp("grown") / "system"
    write_system(made, TASKS, 3)
    return made


@pytest.fixture(scope="module")
def steps(directory):
    return growth_steps(read_history(directory))


def test_what_is_added_is_the_system(directory, steps):
    system = System.open(directory)
    live = {c.id: c.size for path in system.paths().values() for c in path.components}
    (root,) = system.roots()
    assert [step.task for step in steps] == list(system.tasks)
    assert steps[-1].system == sum(live.values())
    whole = sum(c.size for c in root.components)
    for step in steps:
        whole += step.added + step.head
        assert step.system == whole
        path = system.path(step.task)
        assert step.active == sum(c.size for c in path.components)
        assert step.head == path.component("head").size
        assert (step.test_accuracy, step.forward_flops) == (path.test_accuracy, path.flops)
    assert steps[-1].unshared == sum(step.active for step in steps)
    log = list(system.log)
    assert [step.flops for step in steps] == [
        sum(line["flops"] for line in log if line["task"] == step.task) for step in steps
    ]
    assert [step.seconds for step in steps] == [9.0] * TASKS


def test_every_panel_is_over_all_task_iterations(directory):
    panels = growth_panels(read_history(directory))
    for chart in panels.charts:
        for series in chart.series:
            assert series.x == tuple(range(1, TASKS + 1))
            assert len(series.y) == TASKS


def test_the_first_quarter_and_the_last_are_told_of_long_streams(steps):
    growth = growth_of([steps])
    quarter = TASKS // 4
    for name, part in (("early", steps[:quarter]), ("late", steps[-quarter:])):
        assert growth[name]["added"]["mean"] == sum(step.added for step in part) / quarter
        assert growth[name]["seconds"]["mean"] == 9.0
    assert growth_of([steps[: LONG - 1]]) is None
    assert growth_of([(*steps, steps[0])]) is None


def test_growth_is_a_grid_and_a_file(steps):
    column = {"name": "µ2Net", "seeds": [3], "growth": growth_of([steps])}
    other = {"name": "short", "seeds": [3], "growth": None}
    grid = comparison._growth([column])
    assert len(grid.head) == len(grid.rows[0]) == 13
    read = list(csv.DictReader(io.StringIO(comparison.growth_csv({"columns": [other, column]}))))
    assert [int(row["i"]) for row in read] == list(range(1, TASKS + 1))
    assert [int(row["added"]) for row in read] == [step.added for step in steps]
    assert {row["seed"] for row in read} == {"3"}


@pytest.mark.parametrize("ends", [(1e5, 5e5), (4.1e4, 1.3e5), (3e4, 2.9e5), (91_050, 91_340)])
@pytest.mark.parametrize("height", [1.2, 3.0])
def test_numbers_of_a_log_axis_keep_clear_of_each_other(ends, height):
    agg = pytest.importorskip("matplotlib.backends.backend_agg")
    figure, axes = plots._figure(3.0, height)
    axes.plot((1, 2), ends)
    plots._scale(axes.yaxis, Axis("parameters", "count", log=True))
    agg.FigureCanvasAgg(figure).draw()
    low, high = axes.get_ylim()
    ticks = [*axes.yaxis.get_major_ticks(), *axes.yaxis.get_minor_ticks()]
    drawn = [
        tick.label1.get_window_extent()
        for tick in ticks
        if low <= tick.get_loc() <= high and tick.label1.get_text()
    ]
    assert len(drawn) >= (2 if high < 10 * low else 1)
    drawn.sort(key=lambda box: box.y0)
    assert all(below.y1 < above.y0 for below, above in itertools.pairwise(drawn))
