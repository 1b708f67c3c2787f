"""Where the prepared TFDS sets are; tests that need them are skipped where nobody says."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tfds_dir():
    """The folder that TFDS_DATA_DIR names."""
    folder = os.environ.get("TFDS_DATA_DIR")
    if not folder:
        pytest.skip("TFDS_DATA_DIR is not set: it names a folder of prepared TFDS data sets")
    return Path(folder)
