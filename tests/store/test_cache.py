"""What stays in the cache, and that it never holds more than its limit."""

import numpy as np

from mu2.store.cache import Cache


def component(size):
    return {"params/a": np.zeros(size - 4, np.uint8), "params/b": np.zeros(1, np.float32)}


def test_the_least_lately_used_goes_first():
    cache, arrays = Cache(300), component(100)
    for name in "abc":
        cache.put(name, arrays)
    assert cache.get("a") is arrays
    cache.put("d", component(100))
    assert [name for name in "abcd" if cache.get(name)] == ["a", "c", "d"]
    assert cache.bytes == 300


def test_what_comes_again_counts_once():
    cache = Cache(300)
    for _ in range(5):
        cache.put("a", component(100))
    assert cache.bytes == 100


def test_one_that_is_larger_than_the_limit_is_not_kept():
    cache = Cache(300)
    cache.put("a", component(100))
    cache.put("b", component(301))
    assert cache.get("b") is None
    assert cache.bytes == 0
    assert Cache(0).get("a") is None
