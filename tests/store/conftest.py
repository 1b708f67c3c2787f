"""A small system that a test may spoil."""

import shutil

import numpy as np
import pytest

from mu2.store import Journal
from mu2.store.components import ComponentStore


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A system of one record and one component."""
    directory = tmp_path_factory.mktemp("made") / "system"
    Journal.create(directory, {})
    store = ComponentStore(directory / "components")
    (stored,) = store.write({"c": {"params/w": np.ones((3, 3), np.float32)}}).values()
    Journal.open(directory).commit({"task/t": {"path": stored._asdict()}}, {}, "first")
    return directory


@pytest.fixture
def system(made, tmp_path):
    """A system to be spoilt, beside a secret."""
    (tmp_path / "secret").write_text("secret\n")
    return shutil.copytree(made, tmp_path / "system")
