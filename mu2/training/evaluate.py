"""Evaluation: logits of a split in batches of one shape."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np

from mu2.tasks.examples import Examples
from mu2.training.program import Program


def predictions(
    program: Program,
    params: Mapping[str, Any],
    blocks: Iterable[Examples],
    num_classes: int,
    batch_size: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Logits and labels of examples that come in blocks.

    A block is filled up with zeros, so that one program serves every split and the logits of an
    example do not depend on how many follow.

    Args:
      program: of the network.
      params: its parameters, on the devices.
      blocks: at most `batch_size` examples each.
      num_classes: classes that exist.
      batch_size: examples that the program takes.

    Returns:
      Logits float32 [N, num_classes] and labels int32 [N].
    """
    pending, labels = [], [np.empty(0, np.int32)]
    for block in blocks:
        inputs = block.inputs
        if len(block) < batch_size:
            inputs = np.zeros((batch_size, *inputs.shape[1:]), inputs.dtype)
            inputs[: len(block)] = block.inputs
        pending.append((program.logits(params, inputs), len(block)))
        labels.append(block.labels)
    parts = [np.asarray(jax.device_get(y))[:n, :num_classes] for y, n in pending]
    logits = np.concatenate([np.empty((0, num_classes), np.float32), *parts])
    return logits, np.concatenate(labels)


def accuracy(logits_NxC: np.ndarray, label_N: np.ndarray) -> float:
    """Share of examples whose largest logit is their label's."""
    return float(np.mean(np.argmax(logits_NxC, axis=-1) == label_N))


def digest(logits_NxC: np.ndarray) -> str:
    """sha256 (hex) of the logits' bytes: equal digests are bit-identical predictions."""
    return hashlib.sha256(np.ascontiguousarray(logits_NxC).tobytes()).hexdigest()
