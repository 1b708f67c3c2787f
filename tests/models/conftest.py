"""What the tests of several models share."""

import pytest

from mu2.training import Trainer, Training
from mu2.training.layout import Layout


@pytest.fixture(scope="module")
def trainer():
    (devices,) = Layout().slices()
    return Trainer(Training(batch_size=32, intervals=2), devices)
