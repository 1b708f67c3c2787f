"""What a run would do and cost, before anything is spent, and whether it can still be repeated."""

from mu2.planning.forecast import Bounds, TaskForecast, forecast_run
from mu2.planning.plan import plan_document
from mu2.planning.preview import preview_run, with_described_data
from mu2.planning.verification import Proof, prove

__all__ = [
    "Bounds",
    "Proof",
    "TaskForecast",
    "forecast_run",
    "plan_document",
    "preview_run",
    "prove",
    "with_described_data",
]
