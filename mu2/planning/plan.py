"""The plan of a run: its cost by task, on each accelerator, and beside what is known."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mu2.config import shipped
from mu2.errors import Mu2Error
from mu2.evolution.stopping import Halving
from mu2.experiment import Experiment
from mu2.planning.forecast import Bounds, TaskForecast, forecast_run, root_parameters, store_bytes
from mu2.planning.preview import stored_bytes
from mu2.system import System, documents
from mu2.system.prices import Accelerator, Prices, affordable
from mu2.system.spending import spending

FORMAT = 1
REPORTED = "benchmarks/tables/reported.json"
CORE_HOURS = "TPU core-hours"


def plan_document(
    experiment: Experiment,
    prices: Prices,
    *,
    budget: float | None = None,
    devices: int | None = None,
) -> dict[str, Any]:
    """The document without what is beside the run: its missing data, and what was reported.

    Args:
      experiment: sound; its data may be described only.
      prices: of the accelerators.
      budget: a sum, or None.
      devices: that children are shared out over; None: those of the layout.

    Raises:
      Mu2Error: data are missing of which nobody knows what they hold.
    """
    tasks = forecast_run(experiment)
    own = experiment.evolution.stopping
    ways = {"whole": None, "halved": own or Halving()}
    flops = {way: sum((t.total(s) for t in tasks), Bounds()) for way, s in ways.items()}
    parameters = sum((t.parameters for t in tasks), Bounds())
    roots = root_parameters(experiment, experiment.stream.tasks)
    devices, stored = devices or used_devices(experiment), stored_bytes(experiment.space)
    dtype = experiment.training.dtype
    return {
        "format": FORMAT,
        "run": {
            "tasks": len(tasks),
            "visits": experiment.stream.iterations * len(tasks),
            "children": sum(t.children for t in tasks),
            "stopping": own is not None,
            "steps": {way: sum(t.total_steps(s) for t in tasks) for way, s in ways.items()},
            "flops": {way: total.document() for way, total in flops.items()},
            "parameters": (parameters + Bounds(roots, roots)).document(),
            "root_parameters": roots,
            "store_bytes": store_bytes(parameters, roots, stored).document(),
        },
        "tasks": [
            {
                "task": t.task,
                "visits": t.visits,
                "children": t.children,
                "steps": t.total_steps(own),
                "flops": t.total(own).document(),
                "parameters": t.parameters.document(),
            }
            for t in tasks
        ],
        "accelerators": [
            {
                "name": each.name,
                "dtype": dtype,
                "peak": each.peak[dtype],
                "utilisation": each.utilisation,
                "devices": devices,
                **{way: _cost(each, total, dtype, devices) for way, total in flops.items()},
                "bought": _affordable(each, tasks, ways, dtype, budget),
            }
            for each in prices.accelerators
        ],
        "currency": prices.currency,
    }


def used_devices(experiment: Experiment) -> int:
    """Devices that an experiment's children are shared out over, all workers together."""
    executor = experiment.executor
    if executor is None:
        return experiment.layout.size
    return executor.devices(experiment.layout)


def _cost(accelerator: Accelerator, flops: Any, dtype: str, devices: int) -> dict[str, Any]:
    """Hours, money and energy of operations."""
    hours = {k: accelerator.hours(v, dtype) for k, v in flops.document().items()}
    price, watts = accelerator.price, accelerator.watts
    return {
        "device_hours": hours,
        "wall_hours": {k: v / devices for k, v in hours.items()},
        "money": None if price is None else {k: v * price for k, v in hours.items()},
        "kwh": None if watts is None else {k: v * watts / 1000 for k, v in hours.items()},
    }


def _affordable(
    accelerator: Accelerator,
    tasks: Sequence[TaskForecast],
    ways: Mapping[str, Halving | None],
    dtype: str,
    budget: float | None,
) -> dict[str, Any] | None:
    """What a sum pays, if all goes by `most`."""
    if budget is None or not accelerator.price:
        return None
    found = {}
    for way, stopping in ways.items():
        visits = [
            (t.children // t.visits, accelerator.hours(t.total(stopping).most / t.visits, dtype))
            for _ in range(tasks[0].visits)
            for t in tasks
        ]
        got = affordable(budget, accelerator.price, visits)
        found[way] = {"tasks": got.tasks, "children": got.children, "share": got.share}
    return found


def compare_reported(
    files: Sequence[str], experiment: Experiment, document: Mapping[str, Any], prices: Prices
) -> dict[str, Any] | None:
    """The hours that a paper's table took, and which assumption leads from the forecast to them."""
    tables = documents.read(shipped(REPORTED), "list of reported values")["tables"]
    for stem in (Path(file).stem for file in files):
        table = tables.get(stem, {})
        hardware = table.get("hardware")
        values = [v for v in table.get("values", ()) if v["metric"] == CORE_HOURS and v["value"]]
        if hardware and values:
            implied = _implied(values[0], hardware, experiment, document, prices)
            return implied | {"parameters": _grown(table["values"], document)}
    return None


def _grown(
    values: Sequence[Mapping[str, Any]], document: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The reported size of a system, and the share of their layers that its tasks trained."""
    scale = {"M": 1e6, "parameters": 1.0}
    for each in values:
        if each["metric"] == "total parameters" and each["value"] and each["unit"] in scale:
            total = each["value"] * scale[each["unit"]]
            roots = document["run"]["root_parameters"]
            most = document["run"]["parameters"]["most"]
            return {
                "total": total,
                "evidence": each["evidence"],
                "trained_share": (total - roots) / (most - roots),
            }
    return None


def _implied(
    value: Mapping[str, Any],
    hardware: Mapping[str, Any],
    experiment: Experiment,
    document: Mapping[str, Any],
    prices: Prices,
) -> dict[str, Any]:
    """Device-hours, money and utilisation that reported core-hours imply."""
    device = prices.find(hardware["accelerator"])
    hours = value["value"] / hardware["cores"]
    children = experiment.evolution.children
    generations = document["run"]["visits"] * math.ceil(children / hardware["devices"])
    flops, dtype = document["run"]["flops"]["whole"], hardware["dtype"]
    ours = {k: device.hours(v, dtype) for k, v in flops.items()}
    return {
        "core_hours": value["value"],
        "evidence": value["evidence"],
        "source": value["source"],
        "accelerator": device.name,
        "devices": hardware["devices"],
        "device_hours": hours,
        "wall_hours": hours / hardware["devices"],
        "generations": generations,
        "hours_a_generation": hours / hardware["devices"] / generations,
        "money": None if device.price is None else hours * device.price,
        "money_by_core": None if device.price is None else value["value"] * device.price,
        "forecast_device_hours": ours,
        "assumed_utilisation": device.utilisation,
        "utilisation": {k: device.utilisation_of(v, hours * 3600, dtype) for k, v in flops.items()},
        "busy": {k: v / hours for k, v in ours.items()},
    }


def measured_cost(directory: str, experiment: Experiment) -> dict[str, dict[str, float]]:
    """What the experiment's tasks took in a system.

    Raises:
      Mu2Error: there is no system, or it has none of these tasks.
    """
    system = System.open(directory)
    names = [task.name for task in experiment.stream.tasks]
    found = spending(names, list(system.log), list(system.times))
    if not found:
        raise Mu2Error(
            f"{directory} has trained no child of these tasks.",
            hint=f"It has {', '.join(system.tasks) or 'no tasks'}.",
        )
    return found
