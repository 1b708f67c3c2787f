"""Rows of a table as a network reads them: gaps filled, columns of one scale."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class Scaling:
    """How the columns of a table are filled and scaled, learnt from its training rows alone.

    Attributes:
      mean: float64 [F], of the training values that are there; 0 where none is.
      deviation: float64 [F], their standard deviation; infinite where they do not
        differ, so that the column says nothing and is 0.
      gaps: int64 [G], the columns that have a gap in a training row.
    """

    mean: np.ndarray
    deviation: np.ndarray
    gaps: np.ndarray

    @classmethod
    def of(cls, training: np.ndarray) -> "Scaling":
        """Learns from training rows, float64 [N, F], NaN where a value is missing."""
        there = ~np.isnan(training)
        count = np.maximum(there.sum(axis=0), 1)
        values = np.where(there, training, 0.0)
        mean = values.sum(axis=0) / count
        variance = (np.where(there, training - mean, 0.0) ** 2).sum(axis=0) / count
        # What rounding makes of equal values is no deviation.
        deviation = np.sqrt(variance)
        equal = deviation <= 1e-12 * np.maximum(np.abs(mean), 1e-300)
        gaps = np.flatnonzero(~there.all(axis=0))
        return cls(mean, np.where(equal, np.inf, deviation), gaps)

    def apply(self, rows: np.ndarray) -> np.ndarray:
        """Rows, float64 [N, F], as float32 [N, F + G].

        A value becomes its distance from the mean in deviations, a gap becomes 0, which is the
        mean. Behind the columns stands one for each that has gaps in training: 1 in the rows where
        its value is missing, else 0.
        """
        there = ~np.isnan(rows)
        scaled = np.where(there, (rows - self.mean) / self.deviation, 0.0)
        missing = ~there[:, self.gaps]
        return np.concatenate([scaled, missing], axis=1).astype(np.float32)
