"""Scaling: what the training rows say, and nothing that others say."""

import numpy as np

from mu2.tasks.table import Scaling

NAN = np.nan


def test_training_rows_have_mean_0_and_deviation_1():
    rows = np.random.default_rng(0).normal(5, [1, 20, 0.001], (200, 3))
    scaled = Scaling.of(rows).apply(rows)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-5)


def test_other_rows_are_measured_by_the_training_rows():
    scaling = Scaling.of(np.array([[0.0], [2.0]]))
    assert scaling.apply(np.array([[1.0], [3.0], [-5.0]])).tolist() == [[0], [2], [-6]]


def test_gaps_become_the_mean_and_are_told():
    scaling = Scaling.of(np.array([[1.0, NAN], [3.0, 4.0], [5.0, 8.0]]))
    assert scaling.gaps.tolist() == [1]
    applied = scaling.apply(np.array([[NAN, NAN], [3.0, 6.0]]))
    # A column for the gaps of the second alone: the first has none in training.
    assert applied.tolist() == [[0, 0, 1], [0, 0, 0]]


def test_columns_that_do_not_differ_or_are_missing_throughout_become_0():
    rows = np.array([[0.1, NAN], [0.1, NAN], [0.1, NAN]])
    applied = Scaling.of(rows).apply(np.array([[0.1, 3.0], [0.1, NAN]]))
    assert np.isfinite(applied).all()
    assert applied[:, 0].tolist() == [0, 0]
    assert applied[1].tolist() == [0, 0, 1]


def test_huge_and_tiny_values_stay_finite():
    rows = np.array([[1e300, 1e-300], [-1e300, -1e-300], [0.0, 0.0]])
    assert np.isfinite(Scaling.of(rows / 1e200).apply(rows / 1e200)).all()
