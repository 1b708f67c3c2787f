"""What a path made of its task's test examples: class and probability of each, kept compactly."""

import base64
import dataclasses
import zlib
from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from mu2.system import schema

STEPS = 255  # a probability is kept in steps of one of so many
MOST_BYTES = 1 << 24  # that labels, classes or probabilities of a record become


@dataclasses.dataclass(frozen=True)
class TestPredictions:
    """The one look that a path had at its task's test set.

    Attributes:
      path: id of the path.
      labels: int64 [N], the true class of each test example, in the order of the test set.
      classes: int64 [N], the class that the path finds likeliest.
      probabilities: float64 [N] in [0, 1], which it gives to that class, in steps of 1/255.
    """

    __test__ = False  # for pytest: a class of the library, not of tests

    path: str
    labels: np.ndarray
    classes: np.ndarray
    probabilities: np.ndarray

    @classmethod
    def of(cls, path: str, logits_NxC: np.ndarray, labels: np.ndarray) -> Self:
        """Those of a path's logits.

        Args:
          path: id of the path.
          logits_NxC: float32 [N, C].
          labels: integers [N].
        """
        powers = np.exp(logits_NxC - logits_NxC.max(axis=1, keepdims=True))
        likeliest = powers.max(axis=1) / powers.sum(axis=1)
        steps = np.round(STEPS * likeliest.astype(np.float64))
        classes = logits_NxC.argmax(axis=1)
        return cls(path, labels.astype(np.int64), classes.astype(np.int64), steps / STEPS)

    @property
    def accuracy(self) -> float:
        """Share of the examples whose class is right."""
        return float(np.mean(self.labels == self.classes))

    def to_json(self) -> dict[str, Any]:
        """A JSON document, the same for equal predictions; about a byte an example."""
        steps = np.round(STEPS * self.probabilities)
        return {
            "path": self.path,
            "labels": _packed(self.labels),
            "classes": _packed(self.classes),
            "probabilities": _packed(steps.astype(np.int64)),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """The predictions of a document that `to_json` made.

        Raises:
          ValueError: it is not as `schema.PREDICTIONS` declares it, or its parts do not go
            together.
          KeyError: a part is missing.
        """
        schema.require(schema.PREDICTIONS, document)
        labels, classes, steps = (
            _unpacked(document[name]) for name in ("labels", "classes", "probabilities")
        )
        if not len(labels) == len(classes) == len(steps) or steps.max(initial=0) > STEPS:
            raise ValueError("labels, classes and probabilities do not go together")
        return cls(document["path"], labels, classes, steps / STEPS)


def _packed(values: np.ndarray) -> dict[str, str]:
    """Integers from 0 on, in the narrowest type that holds them, compressed."""
    largest = int(values.max(initial=0))
    dtype = "<u1" if largest < 1 << 8 else "<u2" if largest < 1 << 16 else "<u4"
    content = zlib.compress(values.astype(dtype).tobytes(), 9)
    return {"dtype": dtype, "zlib": base64.b64encode(content).decode("ascii")}


def _unpacked(packed: Mapping[str, str]) -> np.ndarray:
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(base64.b64decode(packed["zlib"]), MOST_BYTES)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not unpacking.eof:
        raise ValueError("its bytes are cut short, or more than any test set has")
    return np.frombuffer(content, packed["dtype"]).astype(np.int64)
