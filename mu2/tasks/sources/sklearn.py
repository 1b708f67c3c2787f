"""The data sets that come with scikit-learn: handwritten digits, and three tables."""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from mu2.errors import Mu2Error, did_you_mean
from mu2.random_keys import Key
from mu2.tasks import split as splits
from mu2.tasks.preparation import Preparation
from mu2.tasks.reader import Arrays, Reader
from mu2.tasks.sources.checks import check_library, check_text
from mu2.tasks.sources.split_source import SplitSource
from mu2.tasks.table import Encoding, Scaling

# Shares of each class; the remainder is the test split.
_TRAIN, _VALIDATION = 0.70, 0.15

_SIZES = {"train": 1258, "validation": 270, "test": 269}

# table: its classes with their numbers of rows, and its columns.
_TABLES = {
    "wine": ({"class_0": 59, "class_1": 71, "class_2": 48}, 13),
    "breast_cancer": ({"malignant": 212, "benign": 357}, 30),
    "iris": ({"setosa": 50, "versicolor": 50, "virginica": 50}, 4),
}


@dataclasses.dataclass(frozen=True)
class Digits(SplitSource):
    """1,797 handwritten digits of 8x8 pixels, light on dark; needs no download.

    The pixels of `sklearn.datasets.load_digits` run from 0 to 16 and are stretched to 0 to 255.
    scikit-learn has no splits, so mu2 makes them once and for all: each class is shuffled by a
    fixed key and divided 70 / 15 / 15, and each split is shuffled again. They hold 1,258 (train),
    270 (validation) and 269 (test) images. The set does not say who wrote what, so the splits
    share their writers.

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI (1998), CC BY
    4.0; the copy is that of scikit-learn.
    """

    input: ClassVar[str] = "image"

    def num_classes(self) -> int:
        """Ten."""
        return 10

    def class_names(self) -> tuple[str, ...]:
        """'0' to '9'."""
        return tuple("0123456789")

    def check_libraries(self) -> None:
        """See `Requires.check_libraries`: scikit-learn."""
        check_library("sklearn", "Digits", "scikit-learn", "demo")

    def reader(self, split: str) -> Reader:
        """The selected images, 8x8 pixels of 1 channel each.

        Raises:
          Mu2Error: scikit-learn is missing; the expression is wrong or selects nothing.
        """
        spans = self._spans(split)
        try:
            from sklearn.datasets import load_digits
        except ImportError as error:
            raise Mu2Error("Digits needs scikit-learn.", hint="pip install 'mu2[demo]'") from error
        images, labels = load_digits(return_X_y=True)
        order = splits.members(spans, _members(labels, "Digits"))
        pixels = np.rint(images[order] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
        return Arrays(pixels, labels[order])

    @property
    def _owner(self) -> str:
        return "Digits"

    def _sizes(self) -> dict[str, int]:
        return _SIZES


@dataclasses.dataclass(frozen=True)
class Sklearn(SplitSource):
    """A table that comes with scikit-learn; needs no download.

    'wine': 178 Italian wines of three growers, 13 chemical measurements each. 'breast_cancer': 569
    tumours, 30 measurements of an image of their cells, malignant or benign. 'iris': 150 flowers of
    three species, 4 measurements each. No value is missing; each column is scaled as `CSV` says,
    by the training examples alone.

    As scikit-learn has no splits, mu2 makes them once and for all, as it does for `Digits`: each
    class is divided 70 / 15 / 15 into 'train', 'validation' and 'test'.

    Source: UCI Machine Learning Repository, CC BY 4.0: M. Forina et al. (wine); W. Wolberg,
    O. Mangasarian, N. Street and W. Street (breast cancer, Wisconsin); R. A. Fisher (iris). The
    copies are those of scikit-learn.

    Attributes:
      name: 'wine', 'breast_cancer' or 'iris'.
      fit: the examples that set the scale, as a split expression; by default those that the task
        trains on.

    Raises:
      Mu2Error: there is no such table.
    """

    input: ClassVar[str] = "table"

    name: str = "wine"
    fit: str | None = None

    def __post_init__(self) -> None:
        check_text(self, "name", optional=("fit",))
        if self.name not in _TABLES:
            raise Mu2Error(
                f"Sklearn has no table {self.name!r}.", hint=did_you_mean(self.name, _TABLES)
            )

    def fit_to(self, train: str) -> "Sklearn":
        """The same, its scale set by the examples of a split expression unless `fit` says other."""
        return self if self.fit is not None else dataclasses.replace(self, fit=train)

    def num_classes(self) -> int:
        """Number of classes."""
        return len(_TABLES[self.name][0])

    def class_names(self) -> tuple[str, ...]:
        """The names that scikit-learn gives them."""
        return tuple(_TABLES[self.name][0])

    def num_features(self) -> int:
        """Columns of the table."""
        return _TABLES[self.name][1]

    def check_libraries(self) -> None:
        """See `Requires.check_libraries`: scikit-learn."""
        check_library("sklearn", "Sklearn", "scikit-learn", "demo")

    def reader(self, split: str) -> Reader:
        """The selected rows, in memory.

        Raises:
          Mu2Error: scikit-learn is missing; the expression is wrong or selects nothing.
        """
        rows, labels = self._selected(split)
        return Arrays(self._scaling.apply(rows), labels)

    def preparation(self) -> Preparation:
        """How its columns are scaled; they are named as scikit-learn names them.

        Raises:
          Mu2Error: as `reader`.
        """
        return Preparation(encoding=Encoding(self._columns, self._scaling, {}))

    def raw_rows(self, split: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """The columns of the selected rows as they stand, by name, and labels, int32 [N].

        Raises:
          Mu2Error: as `reader`.
        """
        rows, labels = self._selected(split)
        named = zip(self._columns, rows.T, strict=True)
        return dict(named), labels

    @property
    def _scaling(self) -> Scaling:
        return Scaling.of(self._selected(self.fit or "train")[0])

    @property
    def _columns(self) -> tuple[str, ...]:
        return tuple(map(str, self._loaded.feature_names))

    @property
    def _loaded(self) -> Any:
        """The table as scikit-learn has it."""
        try:
            from sklearn import datasets
        except ImportError as error:
            raise Mu2Error("Sklearn needs scikit-learn.", hint="pip install 'mu2[demo]'") from error
        return getattr(datasets, f"load_{self.name}")()

    def _selected(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Rows, float64 [N, F], and labels of a split expression, in order."""
        spans = self._spans(split)
        loaded = self._loaded
        order = splits.members(spans, _members(loaded.target, "Sklearn", self.name))
        return loaded.data[order], loaded.target[order]

    @property
    def _owner(self) -> str:
        return f"Sklearn({self.name!r})"

    def _sizes(self) -> dict[str, int]:
        cuts = np.array([_cuts(n) for n in _TABLES[self.name][0].values()])
        bounds = np.concatenate([cuts.sum(axis=0), [sum(_TABLES[self.name][0].values())]])
        return dict(zip(_SIZES, map(int, np.diff(bounds, prepend=0)), strict=True))


def _members(labels: np.ndarray, *names: str) -> dict[str, np.ndarray]:
    """Indices of the examples of each split, in order."""
    key = Key.from_seed(0).fold_in(*names)
    members: dict[str, list[np.ndarray]] = {name: [] for name in _SIZES}
    for label in range(int(labels.max()) + 1):
        order = key.fold_in("class", label).numpy().permutation(np.flatnonzero(labels == label))
        for name, part in zip(members, np.split(order, _cuts(len(order))), strict=True):
            members[name].append(part)
    return {
        name: key.fold_in("split", name).numpy().permutation(np.concatenate(parts))
        for name, parts in members.items()
    }


def _cuts(n: int) -> Sequence[int]:
    """Where the n examples of a class are cut into train, validation and test."""
    return [int(cut) for cut in np.rint(np.cumsum([_TRAIN, _VALIDATION]) * n)]
