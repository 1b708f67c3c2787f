"""Arrays: the compiled step, and the trainer that turns plans into trained components."""

from mu2.training.job import Devices, GoingOn, Job, Trained, Training
from mu2.training.leaves import as_stored, of_stored
from mu2.training.race import in_order
from mu2.training.trainer import Trainer

__all__ = [
    "Devices",
    "GoingOn",
    "Job",
    "Trained",
    "Trainer",
    "Training",
    "as_stored",
    "in_order",
    "of_stored",
]
