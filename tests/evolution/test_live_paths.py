"""Who uses which component, and that changes are seen without a look at the rest."""

import random

from mu2.evolution.live_paths import Head, LivePaths
from mu2.evolution.path import Path
from tests.evolution import toys


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
        after = living.replace([old], [new])
        assert dict(living) == before
        living = after
        anew = LivePaths(living.values())
        assert dict(anew) == dict(living)
        everything = {c.id for path in [*living.values(), old] for c in path.components}
        assert {c: living.users(c) for c in everything} == {c: anew.users(c) for c in everything}


def test_a_path_is_made_when_it_is_asked_for(system):
    made = []

    def make(document):
        made.append(document["id"])
        return Path.from_json(document)

    documents = [path.to_json() for path in system.values()]
    living = LivePaths.of((Head.of(d), lambda d=d: make(d)) for d in documents)
    assert list(living.heads) == list(system.heads)
    assert living.users("a/0/0/encoderblock_0") == {"a", "b", "c"}
    assert made == []
    old, new = living["b/0/0"], toys.path("b/0/1")
    after = living.replace([old], [new])
    assert (after["b/0/1"], living["b/0/0"]) == (new, old)
    assert after.users("a/0/0/encoderblock_0") == {"a", "c"}
    assert made == ["b/0/0"]
    assert living == dict(system)
