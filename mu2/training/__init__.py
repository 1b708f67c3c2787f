"""Arrays: the compiled step, and the trainer that turns plans into trained components."""

from mu2.training.trainer import Job, Trained, Trainer, Training, as_stored, of_stored

__all__ = ["Job", "Trained", "Trainer", "Training", "as_stored", "of_stored"]
