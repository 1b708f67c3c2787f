"""Rows of a table as a network reads them: gaps filled, columns of one scale."""

import dataclasses
from collections.abc import Mapping, Sequence

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


@dataclasses.dataclass(frozen=True, eq=False)
class Encoding:
    """How the columns of a table become numbers, learnt from the training rows.

    Attributes:
      columns: those learnt from, in the order of the file.
      scaling: of the columns of numbers, in that order.
      categories: name to the categories of the training rows, of the other columns.
    """

    columns: tuple[str, ...]
    scaling: Scaling
    categories: Mapping[str, tuple[str, ...]]

    @property
    def numbers(self) -> tuple[str, ...]:
        """The columns of numbers, in order."""
        return tuple(name for name in self.columns if name not in self.categories)

    def check(self) -> None:
        """ValueError where its parts do not go together."""
        scaling, numbers = self.scaling, len(self.numbers)
        if not {*self.categories} <= {*self.columns} or len({*self.columns}) < len(self.columns):
            raise ValueError("its columns are named twice, or categories are of none of them")
        if {len(scaling.mean), len(scaling.deviation)} != {numbers}:
            raise ValueError(f"of its {numbers} columns of numbers not each is scaled")
        if not (scaling.deviation > 0).all():
            raise ValueError("a column's deviation is 0")
        if not ((scaling.gaps >= 0) & (scaling.gaps < numbers)).all():
            raise ValueError("a gap is in none of its columns of numbers")

    def num_features(self) -> int:
        """Numbers that a row becomes."""
        widths = map(len, self.categories.values())
        return len(self.numbers) + len(self.scaling.gaps) + sum(widths)

    def apply(self, numbers: np.ndarray, categories: Mapping[str, Sequence[str]]) -> np.ndarray:
        """Rows as float32 [N, F].

        Args:
          numbers: float64 [N, columns of numbers], NaN where a value is missing.
          categories: name to values, one a row, of the other columns; one that is no category of
            the training rows is 0 in all of them.
        """
        parts = [self.scaling.apply(numbers)]
        for name, known in self.categories.items():
            part = np.zeros((len(numbers), len(known)), np.float32)
            place = {value: column for column, value in enumerate(known)}
            for i, value in enumerate(categories[name]):
                if (column := place.get(value)) is not None:
                    part[i, column] = 1
            parts.append(part)
        return np.concatenate(parts, axis=1)
