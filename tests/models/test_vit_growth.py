"""A ViT that grows: a layer that begins as the identity leaves the function as it was."""

import jax
import numpy as np
import pytest

from mu2.models import Network, ViT, nest
from mu2.random_keys import Key

MODEL = ViT(patch=4, width=16, heads=2, mlp_dim=32, channels=1)
KEY = Key.from_seed(3)


def network(layers):
    return MODEL.network({"image_size": 8, "num_layers": layers}, 3)


def fresh(component, *, identity):
    key = KEY.fold_in(component.name).jax()
    return nest(component.init(key, identity=identity))


@pytest.mark.parametrize("layers", [0, 1, 2])
def test_an_inserted_layer_that_is_the_identity_preserves_the_function(layers):
    small, large = network(layers), network(layers + 1)
    params = {c.name: fresh(c, identity=False) for c in small}
    body = Network(small[:-1])
    x = jax.random.normal(jax.random.key(0), (4, 8, 8, 1))
    grown = params | {c.name: fresh(c, identity=True) for c in large if c.name not in params}
    before = body.apply(params, x)
    after = Network(large[:-1]).apply(grown, x)
    # To rounding: a last block computes one token, any other all of them.
    np.testing.assert_allclose(before, after, rtol=1e-5, atol=1e-5)
    # And one that begins at random does not.
    other = params | {c.name: fresh(c, identity=False) for c in large if c.name not in params}
    if layers:
        assert np.abs(before - Network(large[:-1]).apply(other, x)).max() > 1e-3


def test_a_layer_that_is_the_identity_still_learns():
    (block,) = [c for c in network(1) if c.name == "encoderblock_0"]
    params = fresh(block, identity=True)
    x = jax.random.normal(jax.random.key(1), (2, 5, 16))
    gradient = jax.grad(lambda p: (block.apply(p, x) ** 3).sum())(params)
    for name in block.identity:
        leaf = gradient
        for part in name.split("/"):
            leaf = leaf[part]
        assert np.abs(leaf).max() > 0
