"""Splits made anew, class by class, out of another source's examples."""

import dataclasses
import functools

import numpy as np

from mu2.errors import Mu2Error
from mu2.random_keys import Key
from mu2.tasks import split as splits
from mu2.tasks.description import Description, HasDescription
from mu2.tasks.reader import Reader, Subset, reader_of
from mu2.tasks.source import Source
from mu2.tasks.sources.checks import check_text
from mu2.tasks.sources.split_source import SplitSource

_SPLITS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class Restratified(SplitSource):
    """Images or texts of another source, each class divided into train, validation and test.

    For sets whose own splits hold different classes, or the same examples: the drawings of each
    character of Omniglot, of which `Restratified(TFDS('omniglot'), pool='train')` tests one that
    it was not trained on. Each class is shuffled by a key and divided, and each split is shuffled
    again; an example is in one split alone. The classes are those that occur in the pool, in their
    order.

    Examples that the other source has twice may be told apart: `mu2 check --data` counts them.

    Attributes:
      source: another source of images or texts.
      pool: the examples to divide, a split expression of that source.
      validation: share of each class, rounded to whole examples.
      test: share of each class; what the two leave is 'train'.
      seed: another seed, another division.

    Raises:
      Mu2Error: the source is none, or one of tables, whose scale would be learnt from the whole
        pool; the shares leave nothing; an attribute is of another type.
    """

    source: Source
    pool: str = "train"
    validation: float = 0.15
    test: float = 0.15
    seed: int = 0

    def __post_init__(self) -> None:
        check_text(self, "pool")
        if isinstance(self.source, type) or not hasattr(self.source, "read"):
            raise Mu2Error(
                f"Restratified.source must be a source, not {self.source!r}.",
                hint="In Gin, an object is written with parentheses: @TFDS().",
            )
        for name in ("validation", "test"):
            share = getattr(self, name)
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
                raise Mu2Error(f"Restratified.{name} must be above 0 and below 1, not {share!r}.")
        if self.validation + self.test >= 1:
            raise Mu2Error(
                "Restratified.validation and Restratified.test leave nothing to train on."
            )
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise Mu2Error(f"Restratified.seed must be an int, not {self.seed!r}.")

    @property
    def input(self) -> str:
        """As the other source has it."""
        return self.source.input

    def num_classes(self) -> int:
        """Number of classes that occur in the pool.

        Raises:
          Mu2Error: as the other source.
        """
        return len(self._divided[0])

    def class_names(self) -> tuple[str, ...]:
        """The other source's names of the classes that occur in the pool.

        Raises:
          Mu2Error: as the other source.
        """
        names = self.source.class_names()
        return tuple(names[label] for label in self._divided[0])

    def splits(self) -> tuple[str, ...]:
        """'train', 'validation' and 'test'."""
        return _SPLITS

    def reader(self, split: str) -> Reader:
        """The selected examples of the other source at any index, with labels of their own.

        Raises:
          Mu2Error: as the other source; a class of the pool has fewer examples than there are
            splits; the split expression is wrong or selects nothing.
        """
        spans = self._spans(split)
        classes, members = self._divided

        def relabel(labels: np.ndarray) -> np.ndarray:
            return np.searchsorted(classes, labels).astype(np.int32)

        return Subset(self._pool, splits.members(spans, members), relabel)

    def find_missing(self) -> tuple[Mu2Error, ...]:
        """See `HasDescription.find_missing`; known are pools of as many examples of each class."""
        return () if self._balanced is None else self._balanced[1]

    def describe(self) -> Description:
        """See `HasDescription.describe`.

        Raises:
          Mu2Error: it is not known what is in the pool.
        """
        if self._balanced is None:
            raise Mu2Error(f"it is not known what is in {self._owner}.")
        pool, absent = self._balanced
        classes = pool.balanced[self.pool]
        counts = self._counts(pool.size(self.pool) // classes)
        sizes = {split: classes * count for split, count in counts.items()}
        return Description(self._owner, self.input, classes, sizes, absent[0])

    @property
    def _balanced(self) -> tuple[Description, tuple[Mu2Error, ...]] | None:
        """What is known of a pool that is not there, and what is missing; None if too little is."""
        if not isinstance(self.source, HasDescription) or not (
            absent := self.source.find_missing()
        ):
            return None
        pool = self.source.describe()
        return (
            (pool, absent) if isinstance(pool, Description) and self.pool in pool.balanced else None
        )

    def _counts(self, n: int) -> dict[str, int]:
        """Of n examples of a class those of each split, in order; n is 3 at least."""
        validation = max(1, round(self.validation * n))
        test = min(max(1, round(self.test * n)), n - validation - 1)
        return dict(zip(_SPLITS, (n - validation - test, validation, test), strict=True))

    @property
    def _owner(self) -> str:
        return f"Restratified({self.source!r})"

    @functools.cached_property
    def _pool(self) -> Reader:
        if self.source.input == "table":
            raise Mu2Error(
                f"{self._owner}: a table's scale would be learnt from the whole pool.",
                hint="Slices do as well: 'train[:70%]', 'train[70%:85%]' and 'train[85%:]'.",
            )
        return reader_of(self.source, self.pool)

    def _sizes(self) -> dict[str, int]:
        return {split: len(members) for split, members in self._divided[1].items()}

    @functools.cached_property
    def _divided(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """The labels that occur, in order, and the examples of the pool that each split has."""
        key = Key.from_seed(self.seed).fold_in("Restratified")
        labels = self._pool.labels()
        classes, counts = np.unique(labels, return_counts=True)
        if len(classes) and classes[0] < 0:
            raise Mu2Error(f"{self._owner}: {self.pool} has examples without labels.")
        if (few := classes[counts < len(_SPLITS)]).size:
            name = self.source.class_names()[few[0]]
            raise Mu2Error(
                f"{self._owner}: the class {name!r} has {counts.min()} of the examples of "
                f"{self.pool}, too few for three splits.",
            )
        members: dict[str, list[np.ndarray]] = {split: [] for split in _SPLITS}
        # Labels in order are found once, and not once a class.
        by_class = np.split(np.argsort(labels, kind="stable"), np.cumsum(counts)[:-1])
        for label, own in zip(classes, by_class, strict=True):
            order = key.fold_in("class", int(label)).numpy().permutation(own)
            cuts = np.cumsum(list(self._counts(len(own)).values()))[:-1]
            for split, part in zip(_SPLITS, np.split(order, cuts), strict=True):
                members[split].append(part)
        return classes, {
            split: key.fold_in("split", split).numpy().permutation(np.concatenate(parts))
            for split, parts in members.items()
        }
