"""Texts as bytes."""

from collections.abc import Sequence

import numpy as np


def to_bytes(text: str) -> np.ndarray:
    """A text in UTF-8, uint8 [T]; what UTF-8 cannot say becomes '?', and NUL becomes a space.

    Zeros are what is written behind a text, so that none may stand inside.
    """
    return np.frombuffer(text.replace("\0", " ").encode("utf-8", "replace"), np.uint8)


def pad_texts(texts: Sequence[np.ndarray], size: int) -> np.ndarray:
    """Texts of UTF-8 bytes, each cut or filled up with zeros to `size`, uint8 [N, size].

    A text is cut between two characters and never inside one, so that up to three bytes of a text
    that is too long are zeros as well.
    """
    fill_batch = np.zeros((len(texts), size), np.uint8)
    for row, text in zip(fill_batch, texts, strict=True):
        end = min(len(text), size)
        # Bytes 10xxxxxx go on with the character before them.
        while 0 < end < len(text) and text[end] & 0xC0 == 0x80:
            end -= 1
        row[:end] = text[:end]
    return fill_batch
