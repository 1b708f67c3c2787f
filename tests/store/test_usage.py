"""Where the bytes are: every one counted once."""

import numpy as np

from mu2.store.components import ComponentStore
from mu2.store.journal import Journal
from mu2.store.sweep import bytes_below, sweep
from mu2.store.usage import usage


def test_every_byte_is_counted_once(tmp_path):
    directory = tmp_path / "s"
    noise = np.random.Generator(np.random.Philox(1))  # does not compress
    journal, store = Journal.create(directory, {}), ComponentStore(directory / "components")

    def stored(name, size):
        made = store.write({name: {"w": noise.random(size, np.float32)}})
        return [s._asdict() for s in made.values()]

    shared, old = stored("shared", 4000), stored("old", 30_000)
    journal.commit({"root/r": {"c": shared}, "task/a": {"c": [*shared, *old]}}, None, "1")
    journal.commit({"task/a": {"c": [*shared, *stored("new", 10_000)]}}, None, "2")
    stored("lost", 20_000)
    (directory / "log.jsonl").write_text("{}\n" * 100)
    used = usage(directory)
    assert used.total == bytes_below(directory)
    assert used.records["root/r"] > 14_000
    assert 34_000 < used.records["task/a"] < 40_000 + 16_000
    assert used.history > 100_000
    assert used.unnamed > 70_000
    assert used.other >= 300
    assert sweep(directory) > 0
    assert usage(directory).unnamed == 0
