"""The rules of a paper, read from its method file."""

import functools

from mu2.config import load
from mu2.evolution import engine
from mu2.random_keys import Key
from tests.evolution import toys

MU = 0.3
TRIALS = 3000
ROOT = toys.path("root/random", mutation_probability=MU, num_layers=3)


TRIALS = 3000
ROOT = toys.path("root/random", mutation_probability=MU, num_layers=3)


ROOT = toys.path("root/random", mutation_probability=MU, num_layers=3)


@functools.cache
def method(name, *bindings):
    """The evolution of a paper's method file, one child a generation."""
    parts = ["search_spaces/vit_micro.gin", "gin/stream/scripts.gin", *toys.method_files(name)]
    return load(parts, list(bindings)).experiment.evolution


def planned(rules, paths, *, space=None, offspring=None, given=None, at=0, task="a", iteration=1):
    """The first plan of a task iteration."""
    space, key = space or toys.space(), Key.from_seed(7).fold_in(at)
    population = toys.start_population(
        paths,
        task,
        evolution=rules,
        search_space=space,
        iteration=iteration,
        offspring=offspring,
        key=key,
    )
    return engine.plan_generation(rules, space, paths, population, key, given)


def place(plan, name):
    return next(component for component in plan.components if component.name == name)
