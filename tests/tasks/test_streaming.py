"""Examples that do not fit into memory: the same batches, bit for bit, and little held."""

import sys
import threading

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.random_keys import Key
from mu2.tasks import TFDS, Digits, Examples, Folder, Restratified, Task
from mu2.tasks.streaming import StreamingExamples

pytest.importorskip("grain")
KEY = Key.from_seed(3)


def same(left, right):
    pairs = [*zip(left, right, strict=True)]
    assert pairs
    for a, b in pairs:
        np.testing.assert_array_equal(a.inputs, b.inputs)
        np.testing.assert_array_equal(a.labels, b.labels)
        assert (a.inputs.dtype, a.labels.dtype) == (b.inputs.dtype, b.labels.dtype)


@pytest.fixture
def telugu(tfds_dir):
    pytest.importorskip("tensorflow_datasets")
    return Task("telugu", TFDS("cmaterdb/telugu", data_dir=str(tfds_dir)))


def test_a_real_set_beyond_the_limit_gives_the_batches_that_memory_gives(telugu):
    shape = (20, 20, 1)
    held, streamed = telugu.stream("train", shape), telugu.stream("train", shape, 1)
    # 2,375 images of 400 bytes fit into one MiB; those of twice the side do not.
    assert isinstance(streamed, Examples)
    shape = (40, 40, 1)
    held, streamed = telugu.stream("train", shape), telugu.stream("train", shape, 1)
    assert isinstance(held, Examples)
    assert isinstance(streamed, StreamingExamples)
    assert len(streamed) == len(held) == 2375
    same(streamed.batches(300, 11, KEY), held.batches(300, 11, KEY))  # into the second epoch
    same(streamed.blocks(500, stop=1700), held.blocks(500, stop=1700))


def test_new_splits_of_a_set_stream_as_well(telugu):
    task = Task("again", Restratified(telugu.source))
    held, streamed = task.stream("train", (48, 48, 3)), task.stream("train", (48, 48, 3), 1)
    assert isinstance(streamed, StreamingExamples)
    same(streamed.batches(64, 5, KEY), held.batches(64, 5, KEY))


def test_the_whole_of_a_set_comes_once_an_epoch():
    whole = Task("digits", Digits()).read("train", (8, 8, 1))
    streamed = StreamingExamples(
        lambda indices: Examples(whole.inputs[[*indices]], whole.labels[[*indices]]), 1258, 64, 999
    )
    same(streamed.batches(1258, 2, KEY), whole.batches(1258, 2, KEY))
    same(streamed.blocks(100), whole.blocks(100))


def test_what_is_read_ahead_is_bounded():
    made, gate = [], threading.Event()

    def read(indices):
        made.append(indices)
        if len(made) > 1:
            gate.wait(5)
        return Examples(np.zeros((len(indices), 1), np.uint8), np.zeros(len(indices), np.int32))

    # Of three batches of 8 bytes there is room for two.
    batches = StreamingExamples(read, 100, 1, 20).batches(8, 50, KEY)
    next(batches)
    ahead = len(made)
    gate.set()
    batches.close()
    assert ahead <= 4


def test_a_stream_that_is_left_leaves_no_threads_reading():
    count = 0

    def read(indices):
        nonlocal count
        count += 1
        return Examples(np.zeros((len(indices), 1), np.uint8), np.zeros(len(indices), np.int32))

    batches = StreamingExamples(read, 100, 1, 1000).batches(4, 100_000, KEY)
    next(batches)
    batches.close()
    before = count
    threading.Event().wait(0.1)
    assert count == before < 1000


def test_a_bad_image_is_named_from_within_a_thread(tmp_path):
    image = pytest.importorskip("PIL.Image")
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for i in range(20):
            image.new("RGB", (300, 300), (i, 0, 0)).save(tmp_path / name / f"{i}.png")
        (tmp_path / name / "bad.png").write_bytes(b"none")
    task = Task("pets", Folder(str(tmp_path)), test="train[:2]", train="train[2:]")
    streamed = task.stream("train", (300, 300, 3), 1)
    assert isinstance(streamed, StreamingExamples)
    with pytest.raises(Mu2Error, match=r"(cat|dog)/bad\.png: no image that Pillow knows"):
        [*streamed.batches(40, 1, KEY)]


def test_labels_are_looked_at_as_they_are_read(monkeypatch):
    task = Task("digits", Digits())
    streamed = task.stream("train", (64, 64, 3), 1)
    assert isinstance(streamed, StreamingExamples)
    monkeypatch.setattr(Digits, "num_classes", lambda self: 9)
    with pytest.raises(Mu2Error, match=r"example \d+ of train \(train\) has label 9"):
        [*streamed.batches(200, 1, KEY)]


def test_without_grain_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "grain", None)
    streamed = Task("digits", Digits()).stream("train", (64, 64, 3), 1)
    with pytest.raises(Mu2Error, match="read by grain") as caught:
        [*streamed.batches(8, 1, KEY)]
    assert "pip install 'mu2[grain]'" in caught.value.hint
    assert "Stream.memory_limit_mb" in caught.value.hint
