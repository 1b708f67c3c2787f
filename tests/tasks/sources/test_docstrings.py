"""Lines of Python's documentation: enough of them, each in one class and one split."""

import collections

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import Docstrings, Source, Task
from mu2.tasks.sources import docstrings

PARTS = ("train", "validation", "test")


def texts(part):
    reader = Docstrings().reader(part)
    inputs, labels = reader.fetch(range(len(reader)))
    return [(bytes(text).decode(), int(label)) for text, label in zip(inputs, labels, strict=True)]


def test_there_are_enough_of_every_class():
    source = Docstrings()
    assert isinstance(source, Source)
    sizes = Task("docstrings", source).check()
    assert sizes["train"] > 3000
    assert min(sizes["validation"], sizes["test"]) > 500
    for part in PARTS:
        labels = source.read(part, 16).labels
        assert len(labels) == source.size(part) == sizes[part]
        assert np.bincount(labels, minlength=8).min() > 0.03 * len(labels)


def test_no_line_is_in_two_classes_or_two_splits():
    found = collections.Counter(text for part in PARTS for text, _ in texts(part))
    assert set(found.values()) == {1}
    assert min(map(len, found)) >= 20


def test_lines_are_those_of_the_modules_themselves():
    import logging

    here = {
        line.strip()
        for thing in (logging, logging.Logger, logging.Logger.info, logging.basicConfig)
        for line in (thing.__doc__ or "").splitlines()
        if len(line.strip()) >= 20
    }
    label = Docstrings().class_names().index("logging")
    known = {text for part in PARTS for text, of in texts(part) if of == label}
    assert len(here & known) > 0.9 * len(here) > 5


def test_the_texts_can_be_told_apart_by_their_bytes():
    """A count of letter pairs does far better than the commonest class."""
    source = Docstrings()

    def pairs(part):
        examples = source.read(part, 80)
        codes = (examples.inputs[:, :-1].astype(int) * 31 + examples.inputs[:, 1:]) % 1024
        counts = np.zeros((len(codes), 1024))
        for column in codes.T:
            counts[np.arange(len(codes)), column] += 1
        return counts, examples.labels

    counts, labels = pairs("train")
    by_class = np.array([counts[labels == label].sum(axis=0) + 1 for label in range(8)])
    weights = np.log(by_class / by_class.sum(axis=1, keepdims=True))
    counts, labels = pairs("test")
    accuracy = ((counts @ weights.T).argmax(axis=1) == labels).mean()
    assert accuracy > 1.8 * np.bincount(labels).max() / len(labels)


def test_the_order_is_the_same_at_every_reading():
    before = Docstrings().read("train[:50]", 32)
    docstrings._lines.cache_clear()
    after = Docstrings().read("train[:50]", 32)
    np.testing.assert_array_equal(before.inputs, after.inputs)
    assert len(set(before.labels)) == 8


def test_a_python_without_its_sources_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(docstrings.sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(Mu2Error, match="finds no sources of 'asyncio'") as caught:
        Docstrings().size("train")
    assert "another" in caught.value.hint
