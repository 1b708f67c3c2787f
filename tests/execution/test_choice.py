"""Which executor trains the children: what Gin files say, and the devices of this process else."""

import pytest

from mu2 import config
from mu2.config import start
from mu2.config.linter import Faults
from mu2.config.writing import resolved
from mu2.execution import LocalExecutor, LocalWorkers
from tests import shrunken

LOCAL = "gin/executor/local.gin"


@pytest.mark.parametrize("files", [(LOCAL, shrunken.FILE), (shrunken.FILE, LOCAL)])
def test_a_gin_file_names_the_executor(files):
    loaded = config.load(files, shrunken.merged())
    assert loaded.experiment.executor == LocalExecutor()
    assert isinstance(start.start_workers(loaded.experiment), LocalWorkers)
    assert "Experiment.executor = @LocalExecutor()" in resolved(loaded.experiment)


def test_without_one_the_devices_of_this_process_train():
    experiment = shrunken.load().experiment
    assert experiment.executor is None
    assert isinstance(start.start_workers(experiment), LocalWorkers)


def test_what_is_no_executor_is_told():
    with pytest.raises(Faults, match=r"Experiment\.executor"):
        config.load([shrunken.FILE], shrunken.merged("Experiment.executor=@Layout()"))


def test_the_executor_changes_no_bit(tmp_path):
    small = (*shrunken.DIGITS, shrunken.ONCE)
    plain = shrunken.evolve(tmp_path / "plain", *small)
    named = shrunken.evolve(tmp_path / "named", *small, "Experiment.executor=@LocalExecutor()")
    assert list(plain.log) == list(named.log)
    path, other = plain.path("digits"), named.path("digits")
    assert [c.digest for c in path.components] == [c.digest for c in other.components]
