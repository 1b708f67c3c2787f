"""Results of a table: its columns' systems, one a seed, put together."""

import dataclasses
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mu2.report.growth import GrowthStep
from mu2.system.prices import Accelerator
from mu2.tables.reported import ReportedAccuracy

Stat = dict[str, Any]
_OF_TASK = ("test_accuracy", "added_parameters", "accounted_parameters", "activated_share")
_SPENT = ("children", "steps", "flops", "seconds")
# Task iterations of a stream of which growth is told.
LONG = 20
NUMBERS = (*_OF_TASK, *_SPENT, "device_hours", "money", "kwh")
_LEARNED = ("average_accuracy", "backward_transfer", "forgetting", "revisits")


@dataclasses.dataclass(frozen=True)
class Result:
    """What one seed of a column came to.

    Attributes:
      seed: of the run.
      summary: what `System.summary` returns.
      spent: task to what its children took: `children`, `steps`, `flops`, `seconds`.
      devices: that one child occupied.
      kind: of these, as JAX calls it.
      continual: what `mu2.tables.continual.continual` returns.
      growth: its task iterations.
    """

    seed: int
    summary: Mapping[str, Any]
    spent: Mapping[str, Mapping[str, float]]
    devices: int
    kind: str
    continual: Mapping[str, Any]
    growth: Sequence[GrowthStep] = ()


def column(
    results: Sequence[Result],
    tasks: Sequence[str],
    reported: Mapping[str, ReportedAccuracy],
    priced: Callable[[str], Accelerator | None],
) -> dict[str, Any]:
    """The numbers of a column, over its seeds.

    Args:
      results: of finished runs, one a seed.
      tasks: names of those that the table is about, in order.
      reported: what is reported of them in this column.
      priced: a kind of device to the accelerator whose price and power hours are multiplied with,
        or None where nobody says.

    Returns:
      A JSON document: `tasks`, `whole` (the mean or the sum over tasks), `continual` and `growth`
      (of long streams; see `growth_of`), these three None without a result; then `tasks` are those
      of which something is reported. A number is `mean`, `spread` (sample standard deviation; None
      of one seed) and `values`.
    """
    each = [_seed(result, tasks, priced(result.kind)) for result in results]
    found = []
    for task in tasks if results else filter(reported.__contains__, tasks):
        numbers = {key: stat([s[task][key] for s in each]) for key in NUMBERS}
        told, mean = reported.get(task), numbers["test_accuracy"]["mean"]
        found.append(
            {
                "task": task,
                **numbers,
                "reported": told.value if told else None,
                "evidence": told.evidence if told else None,
                "source": f"{told.system}: {told.source}" if told else None,
                "difference": mean - told.value if told and mean is not None else None,
            }
        )
    if not results:
        return {"tasks": found, "whole": None, "continual": None, "growth": None}
    wholes = [_whole(s, result) for s, result in zip(each, results, strict=True)]
    learned = [result.continual for result in results]
    return {
        "tasks": found,
        "whole": {key: stat([whole[key] for whole in wholes]) for key in wholes[0]},
        "continual": {
            **{key: stat([one[key] for one in learned]) for key in _LEARNED},
            "proved": all(one["proved"] for one in learned),
            "changed": sorted({task for one in learned for task in one["changed"]}),
            "matrices": [
                {"seed": r.seed, **{k: r.continual[k] for k in ("tasks", "visits", "matrix")}}
                for r in results
            ],
        },
        "growth": growth_of([result.growth for result in results]),
    }


def growth_of(seeds: Sequence[Sequence[GrowthStep]]) -> dict[str, Any] | None:
    """What the first and the last quarter of long streams added and took, over the seeds.

    Args:
      seeds: the task iterations of each.

    Returns:
      A JSON document: `early` and `late`, each `added` (parameters without heads, mean over the
      quarter), `head`, `active`, `flops`, `seconds` (medians) and `test_accuracy` (mean); and
      `steps`, of each seed every task iteration. None where a stream has fewer than
      `LONG` task iterations, or a task comes twice, as a later visit replaces what an earlier made.
    """
    tasks = [[step.task for step in steps] for steps in seeds]
    if any(len(names) < LONG or len({*names}) < len(names) for names in tasks):
        return None
    early = [steps[: len(steps) // 4] for steps in seeds]
    late = [steps[-(len(steps) // 4) :] for steps in seeds]
    return {
        **{
            name: {
                key: stat([_typical(steps, key) for steps in part])
                for key in ("added", "head", "active", "flops", "seconds", "test_accuracy")
            }
            for name, part in (("early", early), ("late", late))
        },
        "steps": [[dataclasses.asdict(step) for step in steps] for steps in seeds],
    }


def _typical(steps: Sequence[GrowthStep], key: str) -> float | None:
    values = [getattr(step, key) for step in steps]
    if None in values:
        return None
    # What a task adds is mostly nothing or much, so that its median would say little.
    mean = key in ("added", "test_accuracy")
    return float(statistics.mean(values) if mean else statistics.median(values))


def stat(values: Sequence[float | None]) -> Stat:
    """Mean and sample standard deviation; None for both where a value is missing."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return {"mean": None, "spread": None, "values": list(values)}
    mean = sum(known) / len(known)
    spread = None
    if len(known) > 1:
        spread = math.sqrt(sum((value - mean) ** 2 for value in known) / (len(known) - 1))
    return {"mean": mean, "spread": spread, "values": list(values)}


def _seed(
    result: Result, tasks: Sequence[str], accelerator: Accelerator | None
) -> dict[str, dict[str, float | None]]:
    """The numbers of each task of one seed."""
    known = {task["name"]: task for task in result.summary["tasks"]}
    made = {}
    for task in tasks:
        spent = result.spent.get(task, dict.fromkeys(_SPENT, 0.0))
        hours = spent["seconds"] / 3600 * result.devices
        price, watts = (accelerator.price, accelerator.watts) if accelerator else (None, None)
        made[task] = {
            **{key: known[task][key] for key in _OF_TASK},
            **{key: spent[key] for key in _SPENT},
            "device_hours": hours,
            "money": None if price is None else hours * price,
            "kwh": None if watts is None else hours * watts / 1000,
        }
    return made


def _whole(
    tasks: Mapping[str, Mapping[str, float | None]], result: Result
) -> dict[str, float | None]:
    """Means over tasks of what a task has, sums of what was spent, and the system's size."""
    rows = list(tasks.values())
    parameters = result.summary["parameters"]
    whole: dict[str, float | None] = {}
    for key in rows[0]:
        values = [row[key] for row in rows]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            whole[key] = None
        else:
            whole[key] = sum(known) / (len(known) if key in _OF_TASK else 1)
    whole["parameters"] = parameters
    whole["parameters_per_task"] = parameters / len(result.summary["tasks"])
    return whole
