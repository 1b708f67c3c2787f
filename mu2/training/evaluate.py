"""Evaluation: logits of a whole split in batches of one shape."""

import hashlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from mu2.training.program import Program


def logits(
    program: Program,
    params: Mapping[str, Any],
    inputs: np.ndarray,
    num_classes: int,
    batch_size: int,
) -> np.ndarray:
    """float32 logits [N, num_classes] of examples [N, ...].

    The last batch is filled up with zeros, so that one program serves every split and the logits
    of an example do not depend on how many follow.
    """
    pending = []
    for start in range(0, len(inputs), batch_size):
        batch = inputs[start : start + batch_size]
        filled = np.zeros((batch_size, *inputs.shape[1:]), inputs.dtype)
        filled[: len(batch)] = batch
        pending.append((program.logits(params, filled), len(batch)))
    parts = [np.asarray(jax.device_get(y))[:n, :num_classes] for y, n in pending]
    return np.concatenate([np.empty((0, num_classes), np.float32), *parts])


def accuracy(logits_NxC: np.ndarray, label_N: np.ndarray) -> float:
    """Share of examples whose largest logit is their label's."""
    return float(np.mean(np.argmax(logits_NxC, axis=-1) == label_N))


def digest(logits_NxC: np.ndarray) -> str:
    """sha256 (hex) of the logits' bytes: equal digests are bit-identical predictions."""
    return hashlib.sha256(np.ascontiguousarray(logits_NxC).tobytes()).hexdigest()
