"""Prepared TFDS sets: all of them, and a copy of a small one that a test may change."""

import shutil

import pytest

from mu2.tasks import TFDS


@pytest.fixture
def source(tfds_dir):
    def make(name, **attributes):
        return TFDS(name, data_dir=str(tfds_dir), **attributes)

    return make


@pytest.fixture
def copied(tfds_dir, tmp_path):
    """A folder of one's own with one small set, and the folder of its version."""
    version = tmp_path / "cmaterdb/telugu/1.0.0"
    version.mkdir(parents=True)
    for path in (tfds_dir / "cmaterdb/telugu/1.0.0").iterdir():
        shutil.copyfile(path, version / path.name)
    return tmp_path, version
