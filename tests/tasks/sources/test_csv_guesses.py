"""What is learnt from a column of a CSV file, and may not have been meant so, is told."""

import numpy as np
import pytest

from mu2.tasks import CSV

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (lambda i: str(100 + i), "counts the rows"),
        (lambda i: str((i * 37) % 101), "another whole number in every row"),
        (lambda i: f"{i % 30:05d}", "looks like a code"),
        (lambda i: f"Mr {i}", "80 categories in 80 rows"),
        (
            lambda i: f"2026-{1 + i % 12:02d}-03",
            "holds dates or times, as '2026-01-03', and 12 cat",
        ),
        (lambda i: f"{1 + i % 28}.3.2026 10:00", "holds dates or times, as '1.3.2026 10:00'"),
        (lambda i: f"{i % 24}:30", "holds dates or times"),
        (lambda i: f"{1 + i % 12:02d}:15 PM", "holds dates or times"),
        (lambda i: f"{i % 20} kg", "holds numbers of 'kg', and 20 categories"),
        (lambda i: f"{i / 10}km/h", "holds numbers of 'km/h'"),
    ],
)
def test_columns_that_are_doubtful_are_told(tmp_path, value, told):
    lines = [f"{value(i)},{RNG.random():.3f},{'ab'[i >= 40]}" for i in range(80)]
    (tmp_path / "x.csv").write_text("\n".join(["id,x,label", *lines]) + "\n")
    source = CSV(str(tmp_path / "x.csv"), "label")
    (guess,) = source.guesses()
    assert told in guess
    assert "('id',)" in guess
    assert CSV(source.path, "label", ignore=("id",)).guesses() == ()


@pytest.mark.parametrize(
    "value",
    [
        lambda i: "abc"[i % 3],
        lambda i: f"{i % 5} kg",  # few: they may be sizes of a package
        lambda i: f"{i % 20}{'abcdefgh'[i % 8]}",  # numbers of houses
        lambda i: f"2.{i % 3}.1",  # versions
    ],
)
def test_other_categories_are_not_told(tmp_path, value):
    lines = [f"{value(i)},{RNG.random():.3f},{'ab'[i >= 40]}" for i in range(80)]
    (tmp_path / "x.csv").write_text("\n".join(["id,x,label", *lines]) + "\n")
    assert CSV(str(tmp_path / "x.csv"), "label").guesses() == ()
