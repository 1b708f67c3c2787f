"""Evaluation: logits of a split in batches of one shape."""

import hashlib
from collections.abc import Callable, Sequence

import jax
import numpy as np

from mu2.tasks.examples import ExampleStream

# Inputs [N, ...] to logits, float32 [N, num_classes].
Answer = Callable[[np.ndarray], np.ndarray]

# Test examples that are held at once, at least a batch.
TOGETHER = 8192


def fill_batch(inputs_Nx: np.ndarray, batch_size: int) -> np.ndarray:
    """Inputs with zeros behind them up to a whole batch.

    One program so serves every split, and an example's logits do not depend on how many follow.
    """
    if len(inputs_Nx) == batch_size:
        return inputs_Nx
    whole = np.zeros((batch_size, *inputs_Nx.shape[1:]), inputs_Nx.dtype)
    whole[: len(inputs_Nx)] = inputs_Nx
    return whole


def answer_all(
    answer: Answer, examples: ExampleStream, batch_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """The logits and labels of all examples of a part, many batches at a time.

    Args:
      answer: of the path.
      examples: the part.
      batch_size: of the program that answers.

    Returns:
      float32 [examples, num_classes], and int32 [examples].
    """
    together = batch_size * max(1, TOGETHER // batch_size)
    parts = [(answer(block.inputs), block.labels) for block in examples.blocks(together)]
    logits, labels = map(np.concatenate, zip(*parts, strict=True))
    return logits, labels


def gather(logits: Sequence[jax.Array], examples: int, num_classes: int) -> np.ndarray:
    """The logits of filled batches as one array.

    Args:
      logits: float32 [batch_size, bucket] each, on the devices.
      examples: how many there are; what is filled up comes last.
      num_classes: classes that exist.

    Returns:
      float32 [examples, num_classes].
    """
    parts = [np.asarray(part)[:, :num_classes] for part in jax.device_get(list(logits))]
    return np.concatenate([np.empty((0, num_classes), np.float32), *parts])[:examples]


def accuracy(logits_NxC: np.ndarray, label_N: np.ndarray) -> float:
    """Share of examples whose largest logit is their label's."""
    return float(np.mean(np.argmax(logits_NxC, axis=-1) == label_N))


def digest(logits_NxC: np.ndarray) -> str:
    """sha256 (hex) of the logits' bytes: equal digests are bit-identical predictions."""
    return hashlib.sha256(np.ascontiguousarray(logits_NxC).tobytes()).hexdigest()
