"""Samples: a few test examples of a task with their logits, to prove predictions by later.

A record of its own, `sample/<task>`, apart from the task's: nothing else reads it.
"""

import base64
import dataclasses
import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from mu2.system import schema
from mu2.tasks.examples import ExampleStream

SAMPLE = "sample/"
# Examples that are kept at most, and bytes of them all; one is kept at least.
MOST, BYTES = 8, 1 << 18
_DTYPES = ("uint8", "float32")
_FIELDS = schema.fields(
    {
        "path": schema.text(1000, empty=False),
        "shape": schema.array(schema.count(1 << 24, least=1), 8),
        "dtype": schema.one_of(*_DTYPES),
        "inputs": schema.text(1 << 24),
        "logits": schema.text(1 << 24),
    }
)


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """Test examples of a task, and what its path made of them when it was locked.

    Attributes:
      path: id of the path.
      inputs: uint8 or float32 [N, ...].
      logits: float32 [N, classes].
    """

    path: str
    inputs: np.ndarray
    logits: np.ndarray

    def to_json(self) -> dict[str, Any]:
        """A JSON document; arrays as base64 of their little-endian bytes."""
        return {
            "path": self.path,
            "shape": list(self.inputs.shape),
            "dtype": self.inputs.dtype.name,
            "inputs": _encoded(self.inputs),
            "logits": _encoded(self.logits),
        }

    @classmethod
    def of(cls, path: str, test: ExampleStream, answer: Callable[[np.ndarray], np.ndarray]) -> Self:
        """The first examples of a test set, and what a path makes of them.

        Args:
          path: id of the path.
          test: the test set.
          answer: inputs [N, ...] to the path's logits, float32 [N, classes].
        """
        (block,) = test.blocks(MOST, stop=MOST)
        inputs = block.inputs[: examples_kept(block.inputs.shape[1:], block.inputs.itemsize)]
        return cls(path, inputs, answer(inputs))

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """The sample of a document that `to_json` made.

        Raises:
          ValueError: the document is not as it is declared, or its parts do not go together.
          KeyError: a part is missing.
        """
        schema.require(_FIELDS, document)
        shape = document["shape"]
        inputs = _decoded(document["inputs"], document["dtype"])
        logits = _decoded(document["logits"], "float32")
        if not shape or inputs.size != math.prod(shape) or logits.size % shape[0]:
            raise ValueError("the arrays of a sample are not of its shape")
        return cls(document["path"], inputs.reshape(shape), logits.reshape(shape[0], -1))


def examples_kept(shape: tuple[int, ...], itemsize: int) -> int:
    """How many examples of a shape a sample holds."""
    return max(1, min(MOST, BYTES // max(1, math.prod(shape) * itemsize)))


def _encoded(array: np.ndarray) -> str:
    little = array.astype(array.dtype.newbyteorder("<"))
    return base64.b64encode(np.ascontiguousarray(little).tobytes()).decode("ascii")


def _decoded(text: str, dtype: str) -> np.ndarray:
    content = base64.b64decode(text, validate=True)
    return np.frombuffer(content, np.dtype(dtype).newbyteorder("<")).astype(dtype)
