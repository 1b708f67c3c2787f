"""Who uses which component, and that changes are seen without a look at the rest."""

import random

import pytest

from mu2.evolution.living import Living
from tests.evolution import toys


@pytest.fixture
def system():
    """A root and three tasks: b shares the embedding with the root and a block with a; c with b."""
    root = toys.path("root/random")
    a = toys.path("a/0/0", shares=[root.component("embedding")])
    block = a.component("encoderblock_0")
    b = toys.path("b/0/0", shares=[root.component("embedding"), block])
    c = toys.path("c/0/0", shares=[block], private=True)
    return Living([root, a, b, c])


def test_a_component_is_used_by_the_kept_paths_that_have_it(system):
    assert system.users("root/random/embedding") == {None, "a", "b"}
    assert system.users("root/random/encoder_norm") == {None}
    assert system.users("a/0/0/encoderblock_0") == {"a", "b", "c"}
    assert system.users("c/0/0/head") == {"c"}
    assert system.users("nobody's") == frozenset()


def test_changes_leave_the_living_paths_as_if_made_at_once(system):
    draw, living = random.Random(0), system
    for i in range(40):
        old = draw.choice([path for path in living.values() if path.task is not None])
        shares = draw.sample(draw.choice(list(living.values())).components[:5], 2)
        new = toys.path(f"{old.task}/0/{i + 1}", shares=shares)
        before = dict(living)
        after = living.changed([old], [new])
        assert dict(living) == before
        living = after
        anew = Living(living.values())
        assert dict(anew) == dict(living)
        everything = {c.id for path in [*living.values(), old] for c in path.components}
        assert {c: living.users(c) for c in everything} == {c: anew.users(c) for c in everything}
