"""Ridge regression, streaming, against the same worked out at once in float64."""

import numpy as np
import pytest

from mu2.training.ridge import TEMPERATURES, Regression, Ridge

CLASSES, WIDTH, D = 3, 16, 12
RIDGE = Ridge((1e-5, 1e-3, 1e-1, 10.0), 5)


def data(count, noise=0.5, seed=0):
    """Features far from zero, whose classes lie apart by as much as the noise lets them."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, CLASSES, count).astype(np.int32)
    centres = draw.normal(size=(CLASSES, D))
    x = centres[labels] + noise * draw.normal(size=(count, D)) + 5
    return x.astype(np.float32), labels


def solved(x, y, batch, ridge=RIDGE):
    """Kernel and bias, of batches of which the last is filled up with what does not count."""
    regression = Regression(ridge, len(x), CLASSES, WIDTH)
    fill = -len(x) % batch
    x = np.concatenate([x, np.full((fill, D), np.nan, np.float32)])
    y = np.concatenate([y, np.zeros(fill, np.int32)])
    for start in range(0, len(x), batch):
        regression.add(x[start : start + batch], y[start : start + batch])
    return regression.solve()


def at_once(x, y, strength):
    """Kernel and bias in float64 by the normal equations of centred data."""
    x, targets = x.astype(np.float64), np.eye(CLASSES)[y]
    centred = x - x.mean(0)
    gram = centred.T @ centred / len(x)
    penalty = strength * np.trace(gram) / D * np.eye(D)
    kernel = np.linalg.solve(gram + penalty, centred.T @ (targets - targets.mean(0)) / len(x))
    return kernel, targets.mean(0) - x.mean(0) @ kernel


def cross_entropy(logits, y):
    peak = logits.max(1, keepdims=True)
    logs = logits - peak - np.log(np.exp(logits - peak).sum(1, keepdims=True))
    return -logs[np.arange(len(y)), y].mean()


@pytest.mark.parametrize("batch", [16, 200])
@pytest.mark.parametrize("count", [60, 200])
def test_it_is_what_the_choice_by_hand_gives(count, batch):
    x, y = data(count, noise=1.5)
    kernel, bias = solved(x, y, batch)
    kept = count - count // RIDGE.hold_out
    tried = []
    for strength in RIDGE.strengths:
        k, b = at_once(x[:kept], y[:kept], strength)
        logits = x[kept:].astype(np.float64) @ k + b
        losses = [cross_entropy(t * logits, y[kept:]) for t in TEMPERATURES]
        right = (logits.argmax(1) == y[kept:]).mean()
        tried.append((right, -min(losses), strength, TEMPERATURES[int(np.argmin(losses))]))
    _, _, strength, factor = max(tried)
    k, b = at_once(x, y, strength)
    np.testing.assert_allclose(kernel, factor * k, rtol=2e-3, atol=2e-4)
    np.testing.assert_allclose(bias, factor * b, rtol=2e-3, atol=2e-3)


def test_strength_follows_the_noise():
    # 40 examples of 12 features that tell nothing: the strongest generalises, so its logits are
    # closer to equal than those of the weakest alone would be.
    draw = np.random.default_rng(1)
    x, y = draw.normal(size=(40, D)).astype(np.float32), draw.integers(0, 3, 40).astype(np.int32)
    weak, _ = solved(x, y, 16, Ridge((1e-5,) * 4, 5))
    both, _ = solved(x, y, 16, Ridge((1e-5, 1e3, 1e3, 1e3), 5))
    assert np.abs(both).max() <= np.abs(weak).max()
    x, y = data(200, noise=0.3)
    kernel, bias = solved(x, y, 16)
    assert ((x @ kernel + bias).argmax(1) == y).all()
    # The factor makes of regressions' 1 and 0 what a softmax takes for certain.
    assert cross_entropy(x @ kernel + bias, y) < 0.1


def test_few_examples_and_features_that_never_vary_have_a_solution():
    x, y = data(4)
    kernel, bias = solved(x, y, 16)
    assert np.isfinite(kernel).all()
    assert np.isfinite(bias).all()
    kernel, bias = solved(np.ones((20, D), np.float32), y[np.arange(20) % 4], 16)
    assert np.isfinite(kernel).all()
    shares = np.bincount(y[np.arange(20) % 4], minlength=CLASSES) / 20
    logits = np.ones(D) @ kernel + bias
    assert logits.argmax() == shares.argmax()


def test_what_is_not_finite_is_told_by_the_solution():
    x, y = data(50)
    x[3, 3] = np.inf
    assert not np.isfinite(solved(x, y, 16)[0]).all()
