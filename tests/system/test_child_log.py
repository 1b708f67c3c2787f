import json

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.system.child_log import ChildLog


@pytest.fixture
def log(tmp_path):
    return ChildLog(tmp_path / "log.jsonl")


def test_no_file_is_an_empty_log(log, tmp_path):
    assert len(log) == 0
    assert list(log) == []
    log.keep(3)
    log.flush()
    assert log.size() == 0
    assert list(tmp_path.iterdir()) == []


def test_lines_come_back_in_order(log, tmp_path):
    log.append({"child": 0, "task": "ελληνικά", "steps": (1, 2)})
    log.append({"child": 1})
    log.flush()
    assert log.size() == (tmp_path / "log.jsonl").stat().st_size
    assert list(ChildLog(tmp_path / "log.jsonl")) == [
        {"child": 0, "task": "ελληνικά", "steps": [1, 2]},
        {"child": 1},
    ]


def test_every_line_is_strict_json(log, tmp_path):
    log.append({"quality": float("nan"), "seconds": np.float32(0.5), "n": np.int64(3)})
    text = (tmp_path / "log.jsonl").read_text(encoding="utf-8")
    assert json.loads(text) == {"quality": None, "seconds": 0.5, "n": 3}
    assert "NaN" not in text


@pytest.mark.parametrize("torn", [b"{", b'{"child": 1', b'{"child": 1}', b"\xcf"])
def test_a_torn_last_line_is_not_there(log, tmp_path, torn):
    log.append({"child": 0})
    with (tmp_path / "log.jsonl").open("ab") as file:
        file.write(torn)
    assert len(log) == 1
    assert list(log) == [{"child": 0}]
    log.append({"child": 2})
    assert list(log) == [{"child": 0}, {"child": 2}]


def test_a_torn_first_line_is_not_there(log, tmp_path):
    (tmp_path / "log.jsonl").write_bytes(b"x" * 100_000)
    log.append({"child": 0})
    assert list(log) == [{"child": 0}]


@pytest.mark.parametrize("lines", range(5))
def test_keep_drops_what_no_commit_has_seen(log, tmp_path, lines):
    for child in range(3):
        log.append({"child": child})
    with (tmp_path / "log.jsonl").open("ab") as file:
        file.write(b'{"chi')
    log.keep(lines)
    assert [record["child"] for record in log] == list(range(min(lines, 3)))
    assert (tmp_path / "log.jsonl").read_bytes().count(b"\n") == min(lines, 3)
    assert not (tmp_path / "log.jsonl").read_bytes().endswith(b"chi")


@pytest.mark.parametrize("lines", range(5))
def test_cut_drops_what_came_after_a_flush(log, tmp_path, lines):
    lengths = [log.size()]
    for child in range(3):
        log.append({"child": child})
        lengths.append(log.size())
    with (tmp_path / "log.jsonl").open("ab") as file:
        file.write(b'{"chi')
    log.cut(lengths[min(lines, 3)])
    assert [record["child"] for record in log] == list(range(min(lines, 3)))
    assert (tmp_path / "log.jsonl").stat().st_size == lengths[min(lines, 3)]


def test_ancestors_are_found_from_the_end(log):
    parents = {"a/0/0": "root", "a/0/1": "a/0/0", "b/0/0": "root", "b/0/1": "a/0/1"}
    for path, parent in parents.items():
        log.append({"task": '"path": "c"', "path": path, "parent": parent})
    assert list(log.ancestors(["b/0/1"])) == ["b/0/1", "a/0/1", "a/0/0"]
    assert log.ancestors(["b/0/1"])["a/0/1"]["parent"] == "a/0/0"
    assert log.ancestors(["nobody"]) == {}


def test_a_foreign_line_among_the_ancestors_is_named(log, tmp_path):
    (tmp_path / "log.jsonl").write_text('{}\n{"path": "a", \n{}\n')
    with pytest.raises(Mu2Error) as caught:
        log.ancestors(["a"])
    assert caught.value.location == f"{tmp_path / 'log.jsonl'}:2"


@pytest.mark.parametrize("line", [b"no json\n", b"[1]\n", b"\xff\n"])
def test_a_foreign_line_is_named(log, tmp_path, line):
    log.append({"child": 0})
    with (tmp_path / "log.jsonl").open("ab") as file:
        file.write(line)
    with pytest.raises(Mu2Error) as caught:
        list(log)
    assert caught.value.location == f"{tmp_path / 'log.jsonl'}:2"


def test_a_value_without_a_json_form_is_refused(log):
    with pytest.raises(TypeError, match="object"):
        log.append({"x": object()})
    assert len(log) == 0
