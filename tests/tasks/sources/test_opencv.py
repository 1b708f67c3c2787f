"""The pixels of a set are the same whether OpenCV is installed, as some extras do, or not."""

import os
import sys

import numpy as np
import pytest

from mu2.tasks.sources.tfds import TFDS


@pytest.mark.parametrize("name", ["omniglot", "mnist", "cmaterdb/bangla"])
def test_pixels_do_not_depend_on_opencv(name, monkeypatch):
    if "TFDS_DATA_DIR" not in os.environ:
        pytest.skip("TFDS_DATA_DIR is not set: it names a folder of prepared TFDS data sets")
    pytest.importorskip("cv2")
    source = TFDS(name)
    beside = [source.read("train[:50]", size).inputs for size in (28, 105)]
    monkeypatch.setitem(sys.modules, "cv2", None)  # importing it fails from here on
    for side, before in zip((28, 105), beside, strict=True):
        np.testing.assert_array_equal(source.read("train[:50]", side).inputs, before)
    assert {0, 255} <= set(np.unique(beside[1]).tolist())
