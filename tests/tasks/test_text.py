"""Texts as bytes: cut between characters, zeros behind."""

import numpy as np
import pytest

from mu2.tasks.text import pad_texts, to_bytes


@pytest.mark.parametrize("text", ["", "plain", "naïve", "µ²", "漢字かな", "🙂🙃", "a🙂é漢"])
@pytest.mark.parametrize("size", range(1, 20))
def test_a_text_is_cut_at_the_last_character_that_fits(text, size):
    (row,) = pad_texts([to_bytes(text)], size)
    assert row.shape == (size,)
    assert row.dtype == np.uint8
    kept = bytes(row).rstrip(b"\0").decode()  # whole characters, or this raises
    assert text.startswith(kept)
    longer = text[: len(kept) + 1].encode()
    assert kept == text or len(longer) > size


def test_what_cannot_stand_in_a_text_is_replaced():
    assert bytes(to_bytes("a\0b")) == b"a b"
    assert bytes(to_bytes("a\ud800b")) == b"a?b"


def test_texts_of_several_lengths():
    rows = pad_texts([to_bytes("abc"), to_bytes(""), to_bytes("abcdef")], 4)
    assert rows.tolist() == [[97, 98, 99, 0], [0, 0, 0, 0], [97, 98, 99, 100]]
