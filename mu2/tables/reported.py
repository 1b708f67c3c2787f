"""What a paper reports of a table's tasks."""

import dataclasses
from collections.abc import Mapping
from typing import Any

# Accuracies first: an error is told only where there is none.
_METRICS = ("test accuracy", "accuracy", "top-1 accuracy", "top-1 error")
EVIDENCE = ("primary", "secondary", "derived", "hearsay")


@dataclasses.dataclass(frozen=True)
class ReportedAccuracy:
    """An accuracy that somebody tells of.

    Attributes:
      value: test accuracy in [0, 1].
      evidence: how well it is known, one of `EVIDENCE`.
      system: whose it is, as its source says.
      source: where it stands.
    """

    value: float
    evidence: str
    system: str
    source: str


def accuracies(document: Mapping[str, Any], table: str) -> dict[str, ReportedAccuracy]:
    """The reported test accuracy of each task, the best known one where there are several.

    Args:
      document: `benchmarks/tables/reported.json`.
      table: its name there; one that is not there reports nothing.
    """
    values = document["tables"].get(table, {}).get("values", ())
    ranked: dict[str, tuple[int, int, ReportedAccuracy]] = {}
    for each in values:
        metric, evidence = each["metric"], each["evidence"]
        usable = metric in _METRICS and evidence in EVIDENCE and each["unit"] == "%"
        if not usable or each["value"] is None or each.get("comparator"):
            continue
        share = each["value"] / 100
        value = 1 - share if metric == "top-1 error" else share
        found = ReportedAccuracy(value, evidence, each["system"], each["source"])
        rank = (EVIDENCE.index(evidence), _METRICS.index(metric), found)
        before = ranked.get(each["task"])
        if before is None or rank[:2] < before[:2]:
            ranked[each["task"]] = rank
    return {task: rank[2] for task, rank in ranked.items()}
