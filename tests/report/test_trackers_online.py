"""Trackers that have a server, against their real client libraries, with no network.

Their libraries are in extras of their own: pip install 'mu2[mlflow,wandb]'.
"""

import json
import struct

import pytest

from mu2.report.reading import read_history
from mu2.report.trackers.feed import feed
from mu2.report.trackers.tracker import open_tracker
from tests.report.written import write_system

TASKS, CHILDREN = 3, 5
# What these libraries say of Python and of each other is theirs.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def history(tmp_path):
    write_system(tmp_path / "system", TASKS, CHILDREN)
    return read_history(tmp_path / "system")


def give(history, target):
    tracker = open_tracker(target)
    given = feed(history, tracker)
    tracker.close()
    return given


def test_mlflow_has_every_child_once(history, tmp_path):
    tracking = pytest.importorskip("mlflow.tracking", reason="needs mu2[mlflow]")
    pytest.importorskip("sqlalchemy", reason="needs SQLAlchemy, for a store without a server")
    where = f"sqlite:///{tmp_path / 'runs.db'}"
    assert give(history, f"mlflow:{where}") == TASKS * CHILDREN
    assert give(history, f"mlflow:{where}") == 0
    client = tracking.MlflowClient(tracking_uri=where)
    experiment = client.get_experiment_by_name("mu2").experiment_id
    runs = {run.data.tags["mu2.task"]: run for run in client.search_runs([experiment])}
    assert set(runs) == set(history.by_task)
    for task, children in history.by_task.items():
        told = client.get_metric_history(runs[task].info.run_id, "quality")
        assert [metric.step for metric in told] == list(range(CHILDREN))
        assert [metric.value for metric in told] == [child.quality for child in children]
        assert runs[task].info.status == "FINISHED"


def records(content):
    """The records of a .wandb file: after a header of 7 bytes, the log format of LevelDB."""
    at, begun = 7, b""
    while at + 7 <= len(content):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        length, kind = struct.unpack_from("<HB", content, at + 4)
        begun += content[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or its last part
            yield begun
            begun = b""


def test_wandb_writes_every_child_once(history, tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="needs mu2[wandb]")
    from wandb.proto import wandb_internal_pb2

    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    assert give(history, "wandb:mu2-test") == TASKS * CHILDREN
    assert give(history, "wandb:mu2-test") == 0
    found = {}
    for file in (tmp_path / "wandb").glob("offline-run-*/*.wandb"):
        name, qualities = None, []
        for content in records(file.read_bytes()):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(content)
            if record.WhichOneof("record_type") == "run":
                name = record.run.display_name
            elif record.WhichOneof("record_type") == "history":
                values = {
                    item.key or "/".join(item.nested_key): json.loads(item.value_json)
                    for item in record.history.item
                }
                qualities.append(values["quality"])
        found[name] = qualities
    assert found == {
        task: [child.quality for child in children] for task, children in history.by_task.items()
    }
