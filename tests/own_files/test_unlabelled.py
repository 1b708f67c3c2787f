"""Evaluation on data of which some examples have no label: refused, or left out and counted."""

import json

import numpy as np
import pytest

from mu2 import cli
from mu2.errors import Mu2Error
from tests import own_data

pytest.importorskip("pyarrow")


def ask(command, made, *words):
    return cli.main([command, str(made.directory), *map(str, words)])


def answer(capsys, command, made, *words):
    assert ask(command, made, *words, "--json") == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("kind", ["trees", "reviews"])
def test_rows_without_a_label_are_refused_or_left_out(made, system, tmp_path, capsys, kind):
    label = "kind" if kind == "trees" else "stars"
    if kind == "trees":
        whole = own_data.rows(30, seed=5)
    else:
        whole = [{"words": text, "stars": each} for text, each in own_data.texts(30, 5)]
    holes = {3: "", 7: "NA", 20: " "}
    lines = [{**row, label: holes.get(n, row[label])} for n, row in enumerate(whole)]
    rest = [row for n, row in enumerate(whole) if n not in holes]
    data = own_data.write_csv(tmp_path / "new.csv", lines)
    expected = system.evaluate(kind, rest)
    assert ask("evaluate", made, "--task", kind, data) == 2
    said = capsys.readouterr().err
    assert "3 labels are missing, the first in row 4" in said
    assert "--skip-unlabelled" in said
    document = answer(capsys, "evaluate", made, "--task", kind, data, "--skip-unlabelled")
    assert (document["examples"], document["unlabelled"]) == (27, 3)
    assert document["confusion"] == expected.confusion.tolist()
    assert ask("evaluate", made, "--task", kind, data, "--skip-unlabelled") == 0
    assert "left out, as they have no label: 3" in capsys.readouterr().out
    # In Python, a table with gaps of its own kind.
    gaps = [
        {**row, label: (None, float("nan"))[n % 2] if n in holes else row[label]}
        for n, row in enumerate(whole)
    ]
    found = system.evaluate(kind, gaps, skip_unlabelled=True)
    assert found.unlabelled == 3
    np.testing.assert_array_equal(found.confusion, expected.confusion)
    with pytest.raises(Mu2Error, match="3 labels are missing"):
        system.evaluate(kind, gaps)


def test_images_without_a_label_are_left_out(made, system, tmp_path, capsys):
    pixels = np.random.default_rng(0).integers(0, 256, (12, 17, 20, 3), np.uint8)
    labels = np.array([0, 1, -1, 1] * 3)
    np.savez(tmp_path / "new.npz", x=pixels, y=np.array(["dark", "light", "", "light"] * 3))
    expected = system.evaluate("shapes", pixels[labels >= 0], labels[labels >= 0])
    found = system.evaluate("shapes", pixels, labels, skip_unlabelled=True)
    assert (found.examples, found.unlabelled) == (9, 3)
    np.testing.assert_array_equal(found.confusion, expected.confusion)
    with pytest.raises(Mu2Error, match=r"3 labels are missing, the first \(-1\) in row 3"):
        system.evaluate("shapes", pixels, labels)
    words = ("evaluate", made, "--task", "shapes", tmp_path / "new.npz")
    assert ask(*words) == 2
    assert "skip_unlabelled" in capsys.readouterr().err
    document = answer(capsys, *words, "--skip-unlabelled")
    assert (document["examples"], document["unlabelled"]) == (9, 3)
    assert document["confusion"] == expected.confusion.tolist()
    # A folder's files all have the class of their folder.
    own_data.write_images(tmp_path / "some", 6)
    folder = ("evaluate", made, "--task", "shapes", tmp_path / "some", "--skip-unlabelled")
    assert answer(capsys, *folder)["unlabelled"] == 0
    with pytest.raises(Mu2Error, match="no example has a label"):
        system.evaluate("shapes", pixels, [-1] * 12, skip_unlabelled=True)
