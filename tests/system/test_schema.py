"""Records by others: whatever their values, one message, and no wrong answer.

CI reads 1,300 documents and 100 systems; `python -m tests.system.test_schema 5000 7` as many
documents of each kind as it is told, from a seed, and a tenth as many systems.
"""

import base64
import contextlib
import copy
import functools
import io
import json
import os
import shutil
import sys
import tempfile
import time
import zlib
from collections import Counter
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mu2.cli import main
from mu2.errors import Mu2Error
from mu2.evolution.population import Population
from mu2.store.files import encode, sha256
from mu2.store.journal import Journal
from mu2.system import System, schema
from mu2.system.inference import Inference
from mu2.system.predictions import TestPredictions
from mu2.system.record import Progress, TaskRecord
from mu2.tasks.preparation import Preparation
from mu2.tasks.table import Encoding, Scaling
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


PREPARATION = Preparation(
    label="kind",
    encoding=Encoding(
        ("height", "colour"),
        Scaling(np.array([1.0]), np.array([np.inf]), np.array([0])),
        {"colour": ("blue", "red")},
    ),
).to_json()
SECONDS = 5.0  # that a document may take; a system that is read by three commands has three times


def changed(document, data):
    """A document with an absurd value somewhere."""
    place = data.draw(st.sampled_from(sorted(places(document), key=repr)))
    return put(document, place, data.draw(ABSURD))


def read_record(document, data):
    """Read as the system reads them: ValueError, KeyError and the like become one message."""
    try:
        record = TaskRecord.from_json(changed(document, data))
    except (AttributeError, KeyError, TypeError, ValueError):
        return "refused"
    path = record.path
    assert path is None or path.num_classes == len(record.class_names)
    assert json.dumps(record.to_json(), allow_nan=False)
    return "read"


def read_progress(document, data):
    changes = data.draw(st.dictionaries(st.sampled_from(sorted(Progress().to_json())), ABSURD))
    try:
        progress = Progress.from_json({**Progress().to_json(), **changes})
    except (AttributeError, KeyError, TypeError, ValueError):
        return "refused"
    assert progress.runs >= 0
    assert progress.log_bytes >= 0
    return "read"


def read_preparation(document, data):
    document = changed(document, data)
    try:
        schema.require(schema.PREPARATION, document)
        preparation = Preparation.from_json(document)
    except (AttributeError, KeyError, TypeError, ValueError):
        return "refused"
    if preparation.encoding is None:  # of texts; a table's record has one
        return "read"
    with contextlib.suppress(Mu2Error), np.errstate(over="ignore"):
        assert preparation.rows({"height": [1.5, None], "colour": ["red", "?"]}, "it").ndim == 2
    return "read"


def read_predictions(document, data):
    try:
        predictions = TestPredictions.from_json(changed(document, data))
    except (AttributeError, KeyError, TypeError, ValueError):
        return "refused"
    assert len(predictions.labels) == len(predictions.classes) == len(predictions.probabilities)
    assert 0 <= predictions.accuracy <= 1
    return "read"


def read_system(made, data):
    """Any record, root, sample, predictions or progress of a system, under digests that fit."""
    with tempfile.TemporaryDirectory() as folder:
        system = shutil.copytree(made, Path(folder) / "system")
        journal = Journal.open(system)
        name = data.draw(st.sampled_from(["HEAD", *journal.names()]))
        progress, records = journal.newest.progress, {}
        if name == "HEAD":
            progress = changed(progress, data)
        else:
            records[name] = changed(json.loads(json.dumps(journal.record(name))), data)
        try:
            journal.commit(records, progress, "by others")
        except ValueError:  # no JSON; whatever is not spelt as mu2 spells it is refused as damage
            hypothesis.reject()
        codes = []
        for command in ("show", "log", "verify"):
            said = io.StringIO()
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                codes.append(main([command, str(system)]))
            assert "Traceback" not in said.getvalue()
        assert set(codes) <= {0, 2}, codes
        for read in (predict, lambda system: System.open(system).predictions("digits")):
            with contextlib.suppress(Mu2Error):
                read(system)
        return "refused" if 2 in codes else "read"


def try_many(read, subject, count, seed=7):
    """Reads what hypothesis makes; returns how often what came of it."""
    found = Counter()

    @settings(
        max_examples=count,
        deadline=None,  # it counts what drawing takes, too
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(data=st.data())
    def read_one(data):
        start = time.process_time()
        found[read(subject, data)] += 1
        assert time.process_time() - start < SECONDS * (3 if read is read_system else 1)

    hypothesis.seed(seed)(read_one)()
    return found


def test_records_of_any_values_are_read_or_refused(document):
    assert try_many(read_record, document, 1000)["refused"] > 100


def test_preparations_of_any_values_are_read_or_refused():
    assert try_many(read_preparation, PREPARATION, 300)["refused"] > 30


def test_predictions_of_any_values_are_read_or_refused(made):
    document = System.open(made).predictions("digits").to_json()
    assert try_many(read_predictions, document, 200)["refused"] > 20


def test_predictions_that_would_fill_the_memory_are_refused():
    bomb = {"dtype": "<u1", "zlib": base64.b64encode(zlib.compress(bytes(1 << 25))).decode()}
    with pytest.raises(ValueError, match="more than any test set has"):
        TestPredictions.from_json(
            {"path": "a/0/0", "labels": bomb, "classes": bomb, "probabilities": bomb}
        )


@pytest.mark.parametrize("name", ["id", "task", "parent", "private", "model", "components"])
def test_live_paths_of_any_values_are_refused(made, tmp_path, name):
    system = shutil.copytree(made, tmp_path / "system")
    journal = Journal.open(system)
    root = next(each for each in journal.names() if each.startswith("root/"))
    record = {**journal.record(root), name: [[]]}
    journal.commit({root: record}, journal.newest.progress, "by others")
    with pytest.raises(Mu2Error, match="none that mu2 writes"):
        System.open(system).paths()


def test_a_table_without_its_columns_is_refused(document):
    with pytest.raises(ValueError, match="have no encoding"):
        TaskRecord.from_json(
            document | {"input": "table", "preparation": PREPARATION | {"encoding": None}}
        )


@pytest.mark.parametrize("kind", ["path", "population"])
def test_every_field_is_declared(document, kind):
    """None takes a value that no field may have."""
    own = [document["path"]]
    fields = document["path"]
    if kind == "population":
        fields = Population("digits", 0, False, 10, (), (), {}).to_json() | {"own": own}
        document = document | {"population": fields}
    for name in fields:
        with pytest.raises((AttributeError, KeyError, TypeError, ValueError)):
            TaskRecord.from_json(put(document, (kind, name), {"absurd": [[]]}))


@pytest.mark.parametrize("model", ["", "ViT", "[]", "{}", '{"ViT": 1}', "[" * 9999, 1])
def test_an_architecture_is_a_name_and_its_settings(document, model):
    TaskRecord.from_json(document)
    with pytest.raises(ValueError, match="model must be a text, JSON of one name"):
        TaskRecord.from_json(put(document, ("path", "model"), model))


def test_progress_of_any_values_is_read_or_refused():
    assert try_many(read_progress, None, 300)["refused"] > 30


@pytest.mark.slow
def test_systems_with_any_record_are_read_or_refused(made):
    assert try_many(read_system, made, 100)["refused"] > 10


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
    assert main(["verify", str(system)]) == 2
    assert "Traceback" not in capsys.readouterr().err


def run(count, seed):
    os.chdir(shrunken.ROOT)
    with tempfile.TemporaryDirectory() as folder:
        system = Path(folder) / "system"
        shrunken.evolve(system, *DIGITS, ONCE)
        document = json.loads(json.dumps(System.open(system).task("digits").to_json()))
        predictions = System.open(system).predictions("digits").to_json()
        for read, subject, times in (
            (read_record, document, count),
            (read_progress, None, count),
            (read_preparation, PREPARATION, count),
            (read_predictions, predictions, count),
            (read_system, system, count // 10),
        ):
            found = try_many(read, subject, times, seed)
            sys.stdout.write(f"{read.__name__} {dict(found)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    run(*map(int, sys.argv[1:]))
