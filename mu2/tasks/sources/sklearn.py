"""Handwritten digits that come with scikit-learn."""

import dataclasses
from typing import ClassVar

import numpy as np

from mu2.errors import Mu2Error
from mu2.key import Key
from mu2.tasks import split as splits
from mu2.tasks.examples import Examples
from mu2.tasks.image import resize

# Shares of each class; the remainder is the test split.
_TRAIN, _VALIDATION = 0.70, 0.15

_SIZES = {"train": 1258, "validation": 270, "test": 269}


@dataclasses.dataclass(frozen=True)
class Digits:
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

    def splits(self) -> tuple[str, ...]:
        """'train', 'validation' and 'test'."""
        return tuple(_SIZES)

    def size(self, split: str) -> int:
        """Number of examples that a split expression selects.

        Raises:
          Mu2Error: the expression is wrong or selects nothing.
        """
        return sum(map(len, splits.parse(split, _SIZES, "Digits")))

    def read(self, split: str, image_size: int) -> Examples:
        """The selected examples: images uint8 [N, S, S, 1], S `image_size`, and labels int32 [N].

        Raises:
          Mu2Error: scikit-learn is missing; the expression is wrong or selects nothing.
        """
        spans = splits.parse(split, _SIZES, "Digits")
        try:
            from sklearn.datasets import load_digits
        except ImportError as error:
            raise Mu2Error("Digits needs scikit-learn.", hint="pip install 'mu2[demo]'") from error
        images, labels = load_digits(return_X_y=True)
        members = _members(labels)
        order = np.concatenate([members[span.split][span.start : span.stop] for span in spans])
        pixels = np.rint(images[order] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
        return Examples(resize(pixels, image_size), labels[order].astype(np.int32))


def _members(labels: np.ndarray) -> dict[str, np.ndarray]:
    """Indices of the examples of each split, in order."""
    key = Key.from_seed(0).fold_in("Digits")
    members: dict[str, list[np.ndarray]] = {name: [] for name in _SIZES}
    for label in range(10):
        order = key.fold_in("class", label).numpy().permutation(np.flatnonzero(labels == label))
        cuts = np.rint(np.cumsum([_TRAIN, _VALIDATION]) * len(order)).astype(int)
        for name, part in zip(members, np.split(order, cuts), strict=True):
            members[name].append(part)
    return {
        name: key.fold_in("split", name).numpy().permutation(np.concatenate(parts))
        for name, parts in members.items()
    }
