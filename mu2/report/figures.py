"""From the name of a kind of chart to the figure."""

import functools
from collections.abc import Iterator, Sequence
from typing import Any

from mu2.errors import Mu2Error, did_you_mean
from mu2.report.charts import Chart, Matrix
from mu2.report.comparison_of_systems import compare_systems
from mu2.report.growth import growth_panels
from mu2.report.history import History
from mu2.report.kinds import KINDS, OF_SEVERAL, OF_TASK
from mu2.report.plots import draw_chart, draw_graph, draw_panels
from mu2.report.system_charts import system_charts
from mu2.report.task_charts import course, task_charts


def figure_of(
    histories: Sequence[History],
    kind: str,
    task: str | None = None,
    hyperparameter: str | None = None,
) -> functools.partial[Any]:
    """What draws a figure, once all that it needs is known to be there.

    Args:
      histories: one system, or those that are compared.
      kind: of `kinds.KINDS`.
      task: for charts of one task, by either of its names.
      hyperparameter: for a course.

    Returns:
      A function without arguments that returns a matplotlib figure; for `render_plot`.

    Raises:
      Mu2Error: the system has no such task, hyperparameter or data.
    """
    if kind not in KINDS:
        raise Mu2Error(f"no kind of chart is called {kind!r}.", hint=did_you_mean(kind, KINDS))
    titles = histories[0].titles
    histories = [each.with_titles() for each in histories]
    history, task = histories[0], titles.get(task or "", task)
    if kind in OF_SEVERAL:
        if len(histories) < 2:
            raise Mu2Error(f"a {kind} is of two systems or more; one is named.")
        charts = compare_systems(histories).charts
        chart = next(each for each in charts if each.kind == kind)
        return functools.partial(draw_chart, chart)
    if kind == "graph":
        if not history.kept_paths:
            raise Mu2Error(f"no task of {history.name} has a path yet.")
        return functools.partial(draw_graph, history)
    if kind == "growth":
        if not history.kept_paths:
            raise Mu2Error(f"no task of {history.name} has a path yet.")
        return functools.partial(draw_panels, growth_panels(history))
    if kind == "course":
        known = sorted({name for child in history.children for name in child.hyperparameters})
        if hyperparameter not in known:
            raise Mu2Error(
                f"no child of {history.name} has a hyperparameter {hyperparameter!r}."
                if hyperparameter
                else "a course is of one hyperparameter; none is named.",
                hint=f"--hyperparameter NAME. {did_you_mean(hyperparameter or '', known) or ''}",
            )
        return functools.partial(draw_chart, course(history, hyperparameter), history)
    found: Iterator[Chart | Matrix] = system_charts(history)
    if kind in OF_TASK:
        names = [each.name for each in history.tasks]
        if task not in names:
            raise Mu2Error(
                f"{history.name} has no task {task!r}."
                if task
                else f"a chart of kind {kind!r} is of one task; none is named.",
                hint=f"--task NAME. {did_you_mean(task or '', names) or ''}",
            )
        found = task_charts(history, task)
    drawn = next((each for each in found if each.kind == kind), None)
    if drawn is None:
        raise Mu2Error(
            f"{history.name} has no data for a chart of kind {kind!r}"
            + (f" of task {task!r}." if kind in OF_TASK else "."),
        )
    return functools.partial(draw_chart, drawn, history)
