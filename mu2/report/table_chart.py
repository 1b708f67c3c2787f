"""A table as a chart: accuracy against parameters a task, a point a column."""

from collections.abc import Mapping
from typing import Any

from mu2.report.charts import Axis, Chart, Series


def table_chart(document: Mapping[str, Any]) -> Chart | None:
    """The chart of a table's document; None where no column has a result.

    Args:
      document: what `mu2 table --json` prints.
    """
    series = []
    for column in document["columns"]:
        whole = column["whole"]
        if whole is None:
            continue
        accuracy, parameters = whole["test_accuracy"], whole["accounted_parameters"]
        if accuracy["mean"] is None or parameters["mean"] is None:
            continue
        place = (float(parameters["mean"]),)
        series.append(
            Series(column["name"], place, (accuracy["mean"],), spread=(accuracy["spread"],))
        )
    if not series:
        return None
    return Chart(
        kind="table",
        title=document["table"],
        caption="Mean test accuracy against parameters a task, a point a column; bars are the "
        "standard deviation over seeds.",
        shape="points",
        x=Axis("parameters a task", "count", log=True),
        y=Axis("mean test accuracy", "percent"),
        series=tuple(series),
    )
