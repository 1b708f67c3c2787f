"""What the papers report: well formed, whole, and nothing filled in."""

import json
import math
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TABLES = ROOT / "benchmarks/tables"
REPORTED = json.loads((TABLES / "reported.json").read_text(encoding="utf-8"))
# The results as they were collected lie beside the checkout where this is developed.
COLLECTED = ROOT.parent / "shared/paper/results.json"
# Where a collected source was found to repeat an earlier one.
ORIGINS = {"Hacker News item 31540070": "Reddit thread of 27 May 2022 on the paper"}
NAMES = {"10-task visual decathlon average": "(average)", "all": "(all)", "root": "(root)"}

ENTRIES = [(name, entry) for name, table in REPORTED["tables"].items() for entry in table["values"]]


def find(table, task, metric, system=None):
    return [
        entry
        for entry in REPORTED["tables"][table]["values"]
        if entry["task"] == task
        and entry["metric"] == metric
        and system in (None, entry["system"])
        and not entry.get("comparator")
    ]


def test_tables_have_a_paper_and_a_file_or_none():
    assert REPORTED["format"] == 1
    for name, table in REPORTED["tables"].items():
        assert set(table) - {"hardware"} == {"file", "paper", "about", "not_found", "values"}
        assert table["paper"] in REPORTED["papers"]
        if table["file"] is not None:
            assert table["file"] == f"benchmarks/tables/{name}.gin"


@pytest.mark.parametrize(("table", "entry"), ENTRIES)
def test_entries_say_what_they_are_and_how_well_they_are_known(table, entry):
    required = {"task", "system", "metric", "value", "unit", "evidence", "source", "where"}
    assert required <= set(entry) <= required | {"note", "comparator"}
    assert entry["evidence"] in REPORTED["evidence"]
    assert (entry["value"] is None) == (entry["evidence"] == "unverified")
    assert entry["value"] is None or isinstance(entry["value"], int | float)
    assert all(isinstance(entry[name], str) and entry[name] for name in required - {"value"})


def test_a_value_is_told_once():
    keys = [
        (table, e["task"], e["system"], e["metric"], e["value"], e["where"]) for table, e in ENTRIES
    ]
    assert len(keys) == len(set(keys))


def test_every_collected_result_is_there():
    if not COLLECTED.is_file():
        pytest.skip("the collected results (shared/paper/results.json) are not beside the checkout")
    for result in json.loads(COLLECTED.read_text(encoding="utf-8")):
        same = [
            table
            for table, entry in ENTRIES
            if REPORTED["tables"][table]["paper"] == result["paper"]
            and entry["task"] == NAMES.get(result["task"], result["task"])
            and all(entry[k] == result[k] for k in ("system", "metric", "value", "unit"))
            and entry["source"] == ORIGINS.get(result["source"], result["source"])
            and (entry["source"] == result["source"] or result["source"] in entry["note"])
            and result["evidence"].startswith(entry["evidence"])
        ]
        assert same, result
        assert len(same) == len(set(same)), result


def test_the_size_of_the_system_fits_the_share_that_a_task_uses():
    (total,) = (e for e in find("mu2net_69", "(all)", "total parameters") if e["value"])
    (root,) = find("mu2net_69", "(root)", "parameters")
    (share,) = find("mu2net_69", "(all)", "share of parameters activated per task")
    assert (total["value"], total["unit"]) == (13_087, "M")
    assert math.isclose(100 * root["value"] / total["value"], share["value"], abs_tol=0.005)
    slips = [e for e in find("mu2net_69", "(all)", "total parameters") if e["value"] is None]
    assert "130.87B" in slips[0]["note"]


def test_the_cost_is_the_hours_at_the_price_of_a_device():
    (hours,) = find("mu2net_69", "(all)", "TPU core-hours")
    (cost,) = find("mu2net_69", "(all)", "cost")
    assert hours["source"] == cost["source"]
    assert math.isclose(hours["value"] * 3.22, cost["value"], abs_tol=0.5)
