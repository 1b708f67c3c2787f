"""Children whose head is solved: which there are, of which seeds, and what they are made of."""

import pytest

from mu2.errors import Mu2Error
from mu2.evolution import Evolution, Mutation, Ranges, engine
from mu2.evolution.closed_form import HOLD_OUT, STRENGTHS, solving_flops
from mu2.random_keys import Key
from tests.evolution import toys

KEY = Key.from_seed(3)
ROOT, OTHER = toys.path("root/Toy/a"), toys.path("root/Toy/b")
SOLVED = Evolution(children_per_iteration=6, children_per_generation=3, closed_form_children=2)


def kept(task):
    """The path of another task, which shares its bottom with a root."""
    return toys.path(f"{task}/0/0", parent="root/Toy/a", shares=ROOT.components[:3])


def planned(evolution, paths, **settings):
    """The population and plans of the first generation."""
    population = toys.start_population(paths, "new", evolution=evolution, key=KEY, **settings)
    return engine.plan_generation(evolution, toys.space(), paths, population, KEY)


def test_the_first_generation_is_of_the_roots_and_then_of_the_seeds():
    paths = toys.live(ROOT, OTHER, *map(kept, "xyz"))
    four = Evolution(children_per_iteration=6, closed_form_children=4)
    population, plans = planned(four, paths)
    parents = [plan.parent.id for plan in plans]
    assert set(parents[:2]) == {"root/Toy/a", "root/Toy/b"}
    assert len({*parents}) == 4
    assert population.offspring == dict.fromkeys(parents, 1)
    assert (population.children, population.generation) == (4, 1)
    # They go to the end of the order, and the walk begins with those that are left.
    assert population.seeds[-4:] == tuple(parents)
    assert [plan.child for plan in plans] == [0, 1, 2, 3]


def test_no_more_than_there_are_seeds():
    _, plans = planned(SOLVED, toys.live(ROOT))
    assert [plan.parent.id for plan in plans] == ["root/Toy/a"]
    roots = Evolution(children_per_iteration=6, closed_form_children=5, parents="roots")
    _, plans = planned(roots, toys.live(ROOT, kept("x")))
    assert [plan.parent.id for plan in plans] == ["root/Toy/a"]


@pytest.mark.parametrize("clone_roots", [False, True])
def test_all_is_shared_frozen_and_the_head_is_solved(clone_roots):
    mutation = Mutation(clone_roots=clone_roots, adapters="insert")
    evolution = Evolution(closed_form_children=1, mutation=mutation)
    moving = toys.space(Ranges(**toys.RANGES))
    paths = toys.live(ROOT)
    population = toys.start_population(paths, "new", evolution=evolution, key=KEY)
    _, (plan,) = engine.plan_generation(evolution, moving, paths, population, KEY)
    actions = {component.name: component.action for component in plan.components}
    assert actions == {**dict.fromkeys(toys.BODY, "share"), "head": "solve"}
    assert [c.name for c in plan.components if c.trainable] == ["head"]
    assert plan.solves_head
    assert dict(plan.hyperparameters) == toys.DEFAULTS
    assert plan.score_to_reach is None


def test_what_cannot_be_shared_is_its_own_and_stays_as_it_begins():
    wide = toys.path("root/Toy/a", image_size=48)
    without = toys.changed(wide)
    paths = toys.live(without)
    small = toys.space(image_size=16, num_layers=3)
    evolution = Evolution(closed_form_children=1)
    population = toys.start_population(
        paths, "new", evolution=evolution, search_space=small, key=KEY
    )
    _, (plan,) = engine.plan_generation(evolution, small, paths, population, KEY, {"num_layers": 3})
    by_name = {component.name: component for component in plan.components}
    assert by_name["posembed_input"].action == "resample"
    assert by_name["encoderblock_2"].action == "new"
    for name in ("posembed_input", "encoderblock_2"):
        assert by_name[name].frozen
        assert by_name[name].id == f"new/0/0/{name}"
    assert [c.name for c in plan.components if c.trainable] == ["head"]


def test_what_comes_after_is_trained_and_so_is_a_task_that_has_a_path():
    paths = toys.live(ROOT)
    population, (plan,) = planned(SOLVED, paths)
    child = engine.child_path(plan, 0.5, engine.child_score(plan, SOLVED.scoring, paths))
    population = toys.retain(population, plan, child)
    population, plans = engine.plan_generation(SOLVED, toys.space(), paths, population, KEY)
    assert len(plans) == 3
    assert not any(each.solves_head for each in plans)
    heads = {each.parent.id: each.components[-1] for each in plans}
    assert heads[child.id].action == "clone"
    assert heads[child.id].source.id == "new/0/0/head"
    again = toys.path("new/0/5", parent="root/Toy/a")
    _, plans = planned(SOLVED, toys.live(ROOT, again), iteration=1)
    assert not any(each.solves_head for each in plans)
    # Nor is it tried again where the first generation came to nothing.
    nothing, _ = planned(SOLVED, paths)
    _, plans = engine.plan_generation(SOLVED, toys.space(), paths, nothing, KEY)
    assert not any(each.solves_head for each in plans)


def test_without_the_option_nothing_is_different():
    paths = toys.live(ROOT, OTHER, *map(kept, "xyz"))
    off = Evolution(children_per_iteration=6, children_per_generation=3)
    population = toys.start_population(paths, "new", evolution=off, key=KEY)
    order = sorted(paths)
    KEY.fold_in("seeds").numpy().shuffle(order)
    assert list(population.seeds) == order
    _, plans = engine.plan_generation(off, toys.space(), paths, population, KEY)
    assert not any(plan.solves_head for plan in plans)


@pytest.mark.parametrize("value", [-1, 7])
def test_numbers_that_cannot_be_are_refused(value):
    with pytest.raises(Mu2Error, match="closed_form_children"):
        Evolution(children_per_iteration=6, closed_form_children=value)
    with pytest.raises(Mu2Error, match="seeds_first"):
        Evolution(closed_form_children=1, seeds_first=True)


def test_operations_by_hand():
    # 3 features and a constant, 5 classes, 100 training examples and 10 to validate.
    width, classes, tried = 4, 5, len(STRENGTHS)
    by_hand = 1000 * 110
    by_hand += 100 * 2 * width * (width + classes)
    by_hand += 100 // HOLD_OUT * 2 * width * classes * tried
    by_hand += (tried + 1) * (2 / 3 * width**3 + 2 * width**2 * classes)
    assert solving_flops(1000, width * classes, classes, 100, 10) == pytest.approx(by_hand)
