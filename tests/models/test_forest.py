"""The forest: networks that share layers give what each gives alone, and share the work."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mu2.models import forest as module
from mu2.models.component import nest
from mu2.models.forest import Forest
from mu2.models.vit import ViT

MODEL = ViT(patch=4, width=8, heads=2, mlp_dim=16, channels=1)
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), np.uint8)
SHAPE = (8, 8, 1)


def network(layers=2, classes=3, size=8, **more):
    hyperparameters = {"image_size": size, "num_layers": layers, **more}
    return MODEL.network(hyperparameters, classes)


@functools.cache
def leaves(component, key):
    """Parameters of which no two keys have the same."""
    fresh = component.init(jax.random.key(0))
    made = np.random.default_rng(list(key.encode()))
    return {
        name: made.normal(0, 0.3, leaf.shape).astype(np.float32) for name, leaf in fresh.items()
    }


def prepare(x):
    return x.astype(jnp.float32) / 127.5 - 1.0


class Store:
    """Some networks, the forest of them, and how often each key was read."""

    def __init__(self, networks, keys, held_bytes=1 << 20):
        self.networks, self.keys = networks, keys
        self.arrays, self.reads = {}, []
        for name, components in networks.items():
            for component, key in zip(components, keys[name], strict=True):
                self.arrays[key] = leaves(component, key)
        self.forest = Forest(self.read, jax.jit(prepare), held_bytes)
        for name, components in networks.items():
            self.forest.add(name, components, keys[name])

    def read(self, key):
        self.reads.append(key)
        return self.arrays[key]

    def alone(self, name, images, components=None):
        network = self.networks[name] if components is None else components
        keys = dict(zip([c.name for c in self.networks[name]], self.keys[name], strict=True))
        params = {c.name: nest(self.arrays[keys[c.name]]) for c in network}
        run = jax.jit(lambda params, images: network.apply(params, prepare(images)))
        return np.asarray(run(params, jnp.asarray(images)))


def keys(components, own=(), task=""):
    return [f"{c.name}{task if c.name in own else ''}" for c in components]


@pytest.fixture
def store():
    """Two tasks that part before the last block, one that parts at the head."""
    return Store(
        {name: network() for name in "abc"},
        {
            "a": keys(network()),
            "b": keys(network(), ("encoderblock_1", "head"), "b"),
            "c": keys(network(), ("head",), "c"),
        },
    )


def test_each_network_gives_what_it_gives_alone(store):
    made = store.forest({SHAPE: IMAGES}, "abc")
    assert list(made) == ["a", "b", "c"]
    for name, logits in made.items():
        assert (logits.dtype, logits.shape) == (np.float32, (5, 3))
        np.testing.assert_allclose(logits, store.alone(name, IMAGES), atol=1e-5)
        np.testing.assert_array_equal(logits, store.forest({SHAPE: IMAGES}, [name])[name])
    assert len({logits.tobytes() for logits in made.values()}) == 3


def test_shared_layers_are_computed_and_read_once(store, monkeypatch):
    ran = []
    program = module._program

    def counted(linen):
        return lambda params, x: ran.append(linen) or program(linen)(params, x)

    monkeypatch.setattr(module, "_program", counted)
    again = Store(store.networks, store.keys)
    again.forest({SHAPE: IMAGES}, "abc")
    # 3 before the blocks, a block, then a: block, norm, head; b: the same; c: a head.
    assert again.forest.nodes == len(ran) == 3 + 1 + 3 + 3 + 1
    # The norm of a and b is one layer in two places.
    assert sorted(again.reads) == sorted(set(again.arrays))
    again.forest({SHAPE: IMAGES}, "c")
    assert len(again.reads) == len(set(again.arrays))
    assert len(ran) == 11 + 7


def test_without_room_nothing_stays_on_the_device(store):
    poor = Store(store.networks, store.keys, held_bytes=0)
    rich = store.forest({SHAPE: IMAGES}, "ab")
    for _ in range(2):
        made = poor.forest({SHAPE: IMAGES}, "ab")
        assert all((made[name] == rich[name]).all() for name in "ab")
    assert len(poor.reads) == 2 * poor.forest.nodes - 2 * 1  # c's head was not asked for


def test_activations_before_the_head(store):
    made = store.forest({SHAPE: IMAGES}, "ac", headless=True)
    assert made["a"].shape == (5, 8)
    np.testing.assert_array_equal(made["a"], made["c"])
    body = network().select({c.name for c in network()} - {"head"})
    np.testing.assert_allclose(made["a"], store.alone("a", IMAGES, body), atol=1e-5)


def test_inputs_of_several_shapes():
    small, large = network(size=8), network(size=16)
    store = Store(
        {"small": small, "large": large},
        {"small": keys(small), "large": keys(large, ("posembed_input",), "16")},
    )
    twice = IMAGES.repeat(2, 1).repeat(2, 2)
    made = store.forest({SHAPE: IMAGES, (16, 16, 1): twice}, ["large", "small"])
    np.testing.assert_allclose(made["large"], store.alone("large", twice), atol=1e-5)
    np.testing.assert_allclose(made["small"], store.alone("small", IMAGES), atol=1e-5)
    with pytest.raises(ValueError, match=r"hold \[4, 5\] examples"):
        store.forest({SHAPE: IMAGES, (16, 16, 1): twice[:4]}, ["large", "small"])
    with pytest.raises(KeyError):
        store.forest({SHAPE: IMAGES}, ["large"])
    with pytest.raises(KeyError):
        store.forest({SHAPE: IMAGES}, ["none"])


def test_a_head_that_is_wider_than_its_parameters(store):
    forest = Forest(store.read, jax.jit(prepare), 1 << 20)
    forest.add("a", store.networks["a"].widen_head(64), store.keys["a"])
    logits = forest({SHAPE: IMAGES}, "a")["a"]
    assert logits.shape == (5, 64)
    np.testing.assert_allclose(logits[:, :3], store.alone("a", IMAGES), atol=1e-5)
    assert not logits[:, 3:].any()


@pytest.mark.parametrize("n", [0, 1, 4, 5])
def test_any_number_of_examples(store, n, monkeypatch):
    monkeypatch.setattr(module, "TOGETHER", 4)
    made = store.forest({SHAPE: IMAGES[:n]}, "ab")
    assert made["a"].shape == (n, 3)
    np.testing.assert_allclose(made["b"], store.alone("b", IMAGES[:n]), atol=1e-5)


def test_as_many_keys_as_components(store):
    with pytest.raises(ValueError, match="shorter"):
        store.forest.add("d", network(), ["embedding"])
    assert "d" not in store.forest
    assert "a" in store.forest
