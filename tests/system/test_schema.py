"""Records by others: whatever their values, one message, and no wrong answer."""

import copy
import functools
import json
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mu2.cli import main
from mu2.errors import Mu2Error
from mu2.store.files import encode, sha256
from mu2.store.journal import Journal
from mu2.system import System
from mu2.system.inference import Inference
from mu2.system.record import Progress, TaskRecord
from tests import shrunken
from tests.shrunken import DIGITS, ONCE


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    directory = tmp_path_factory.mktemp("schema") / "system"
    shrunken.evolve(directory, *DIGITS, ONCE)
    return directory


@pytest.fixture(scope="module")
def document(made):
    return json.loads(json.dumps(System.open(made).task("digits").to_json()))


def places(value, at=()):
    """Every place in a document."""
    yield at
    items = enumerate(value) if isinstance(value, list) else ()
    for key, item in value.items() if isinstance(value, dict) else items:
        yield from places(item, (*at, key))


def put(document, place, value):
    changed = copy.deepcopy(document)
    if not place:
        return value
    parent = functools.reduce(lambda each, key: each[key], place[:-1], changed)
    parent[place[-1]] = value
    return changed


ABSURD = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=40)),
    st.sampled_from([10**12, -(10**12), 1e300, 2**64, "", "x" * 5000, [], {}, [[]], {"a": {}}]),
    st.recursive(
        st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=20,
    ),
)


@settings(
    max_examples=1000,
    deadline=5000,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_records_of_any_values_are_read_or_refused(document, data):
    """Read as the system reads them: ValueError, KeyError and the like become one message."""
    place = data.draw(st.sampled_from(sorted(places(document), key=repr)))
    changed = put(document, place, data.draw(ABSURD))
    try:
        record = TaskRecord.from_json(changed)
    except (AttributeError, KeyError, TypeError, ValueError):
        return
    path = record.path
    assert path is None or path.num_classes == len(record.class_names)
    assert json.dumps(record.to_json(), allow_nan=False)


@settings(max_examples=300, deadline=5000, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(sorted(Progress().to_json())), ABSURD))
def test_progress_of_any_values_is_read_or_refused(changes):
    try:
        progress = Progress.from_json({**Progress().to_json(), **changes})
    except (AttributeError, KeyError, TypeError, ValueError):
        return
    assert progress.runs >= 0
    assert progress.log_bytes >= 0


def replaced(system, change):
    """Puts another record in place of the task's, whose digests fit."""
    with open(system / "HEAD", encoding="ascii") as file:
        assert file.read().strip()
    journal = Journal.open(system)
    record = change(json.loads(json.dumps(journal.record("task/digits"))))
    journal.commit({"task/digits": record}, journal.newest.progress, "by others")
    assert sha256(encode(record))


def predict(system):
    inference = Inference(System.open(system))
    inference.predict("digits", np.zeros((1, *inference.input_shape("digits")), np.uint8))


def other_classes(record):
    record["class_names"] = record["class_names"][:-1]


def another_head(record):
    record["class_names"] = record["class_names"][:-1]
    record["path"]["num_classes"] -= 1
    head = record["path"]["components"][-1]
    old, new = record["path"]["num_classes"] + 1, record["path"]["num_classes"]
    head["signature"] = (
        head["signature"].replace(f",{old}]", f",{new}]").replace(f"[{old}]", f"[{new}]")
    )
    head["size"] = head["size"] // old * new


def another_size(record):
    record["path"]["components"][0]["size"] += 1


def many_layers(record):
    record["path"]["hyperparameters"]["num_layers"] = 10**9


def half_a_layer(record):
    record["path"]["hyperparameters"]["num_layers"] = 0.5


def no_share(record):
    record["path"]["test_accuracy"] = 97.0


def another_task(record):
    record["name"] = "latin"


@pytest.mark.parametrize(
    "change",
    [
        *(other_classes, another_head, another_size, many_layers, half_a_layer, no_share),
        another_task,
    ],
)
def test_a_record_that_cannot_be_is_never_predicted_with(made, tmp_path, change, capsys):
    system = shutil.copytree(made, tmp_path / "system")

    def apply(record):
        change(record)
        return record

    replaced(system, apply)
    with pytest.raises(Mu2Error):
        predict(system)
    assert main(["verify", str(system)]) in (0, 2)
    assert "Traceback" not in capsys.readouterr().err
