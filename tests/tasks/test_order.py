"""Orders: every example once an epoch, the same from a key, at any place."""

import itertools

import numpy as np
import pytest

from mu2.random_keys import Key
from mu2.tasks import order
from mu2.tasks.examples import Examples

KEY = Key.from_seed(7)


def examples(n):
    return Examples(np.arange(n, dtype=np.float32)[:, None], np.arange(n, dtype=np.int32))


@pytest.mark.parametrize(("n", "batch"), [(10, 3), (10, 10), (3, 10), (1, 4), (7, 7), (64, 5)])
def test_batches_are_fresh_permutations_one_after_another(n, batch):
    steps = 9
    got = [list(b.labels) for b in examples(n).batches(batch, steps, KEY)]
    assert {len(b) for b in got} == {batch}
    flat = [*itertools.chain(*got)]
    # Worked out here a second time, as the papers have it but example by example.
    permutations = [KEY.fold_in("epoch", e).numpy().permutation(n) for e in range(99)]
    assert flat == [*itertools.chain(*permutations)][: steps * batch]
    for start in range(0, len(flat) - n + 1, n):
        assert sorted(flat[start : start + n]) == list(range(n))


def test_inputs_come_with_their_labels():
    for batch in examples(20).batches(6, 8, KEY):
        assert batch.inputs[:, 0].tolist() == batch.labels.tolist()


def test_another_key_is_another_order_and_the_same_key_the_same():
    first, again, other = (
        [b.labels.tolist() for b in examples(50).batches(8, 6, key)]
        for key in (KEY, KEY, Key.from_seed(8))
    )
    assert first == again != other


def test_any_place_can_be_asked_for_at_any_time():
    epochs = order.Epochs(10, KEY)
    whole = order.Epochs(10, KEY)[range(60)]
    for start, stop in [(55, 60), (0, 3), (8, 33), (19, 21), (20, 20), (0, 60)]:
        assert epochs[range(start, stop)].tolist() == whole[start:stop].tolist()


def test_blocks_are_the_examples_in_order():
    blocks = [b.labels.tolist() for b in examples(10).blocks(4)]
    assert blocks == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert [b.labels.tolist() for b in examples(10).blocks(4, stop=5)] == [[0, 1, 2, 3], [4]]
    assert [len(b) for b in examples(3).blocks(4, stop=99)] == [3]


def test_a_split_is_shuffled_once_and_for_all():
    assert order.shuffle(8, "CSV", "train").tolist() == [1, 0, 2, 4, 6, 7, 3, 5]
    assert order.shuffle(100, "a").tolist() == order.shuffle(100, "a").tolist()
    assert order.shuffle(100, "a").tolist() != order.shuffle(100, "b").tolist()
    assert sorted(order.shuffle(100, "a")) == list(range(100))
