"""Arrays: the compiled step, the trainer that turns jobs into trained components, and layouts."""

from mu2.models.component import Arrays, Network
from mu2.training.executor import Executor, Workers
from mu2.training.job import Job, SelectSurvivors, Training, TrainingResult
from mu2.training.layout import Layout, Slice
from mu2.training.race import Race, in_order
from mu2.training.trainer import Trainer

__all__ = [
    "Arrays",
    "Executor",
    "Job",
    "Layout",
    "Network",
    "Race",
    "SelectSurvivors",
    "Slice",
    "Trainer",
    "Training",
    "TrainingResult",
    "Workers",
    "in_order",
]
