"""Reports and figures that show themselves in a notebook."""

import dataclasses
import html
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mu2.report.figures import figure_of
from mu2.report.history import History
from mu2.report.html.page import report_page
from mu2.report.plots import plot_format, render_plot
from mu2.report.words import lineage, percent
from mu2.system import documents

HEIGHT = 640  # of a page within a notebook, in pixels


@dataclasses.dataclass(frozen=True)
class Report:
    """The page of one system or of several; the last value of a notebook's cell shows it.

    Attributes:
      histories: what `read_history` returns, of each system.
    """

    histories: tuple[History, ...]

    @property
    def html(self) -> str:
        """The page, complete in itself."""
        return report_page(self.histories)

    def save(self, file: str | Path) -> None:
        """Writes the page."""
        documents.write(Path(file), self.html.encode())

    def __repr__(self) -> str:
        return f"<mu2 report: {', '.join(history.name for history in self.histories)}>"

    def _repr_html_(self) -> str:
        """The page in a frame of its own, which may run its scripts and nothing else."""
        return (
            f'<iframe sandbox="allow-scripts" srcdoc="{html.escape(self.html)}" '
            f'style="width:100%;height:{HEIGHT}px;border:1px solid #ccc"></iframe>'
        )


@dataclasses.dataclass(frozen=True)
class Plot:
    """A figure; the last value of a notebook's cell shows it.

    Attributes:
      history: the system.
      kind: of chart, as `mu2 plot` names them.
      task: for charts of one task.
      hyperparameter: for a course.
    """

    history: History
    kind: str
    task: str | None = None
    hyperparameter: str | None = None

    def __post_init__(self) -> None:
        self._draw()  # what cannot be drawn is refused here, not where it is shown

    def render(self, ending: str) -> bytes:
        """The figure's bytes as `pdf`, `png` or `svg`."""
        return render_plot(self._draw(), ending)

    def save(self, file: str | Path) -> None:
        """Writes the figure, in the format of the file's ending.

        Raises:
          Mu2Error: the ending is none of a format.
        """
        documents.write(Path(file), self.render(plot_format(Path(file))))

    def __repr__(self) -> str:
        return f"<mu2 plot: {self.kind} of {self.task or self.history.name}>"

    def _repr_png_(self) -> bytes:
        return self.render("png")

    def _draw(self) -> Any:
        return figure_of([self.history], self.kind, self.task, self.hyperparameter)


def summary_html(summary: Mapping[str, Any]) -> str:
    """The table of a system's tasks as HTML.

    Args:
      summary: what `System.summary` returns.
    """
    head = ("task", "test", "validation", "comes from", "layers reused", "parameters added")
    rows = []
    for task in summary["tasks"]:
        done = task["path"] is not None
        cells = (
            task["name"],
            percent(task["test_accuracy"]),
            percent(task["validation_accuracy"]),
            lineage(task["lineage"]) if done else "–",
            f"{task['reused_components']}/{task['components']}" if done else "–",
            f"{task['added_parameters']:,}" if done else "–",
        )
        rows.append("".join(f"<td>{html.escape(cell)}</td>" for cell in cells))
    return (
        f"<p><b>{html.escape(summary['system'])}</b>: {len(summary['tasks'])} tasks, "
        f"{summary['parameters']:,} parameters</p><table><thead><tr>"
        + "".join(f"<th>{name}</th>" for name in head)
        + "</tr></thead><tbody>"
        + "".join(f"<tr>{row}</tr>" for row in rows)
        + "</tbody></table>"
    )
