"""A toy architecture, paths and whole runs for the tests of evolution; nothing is trained."""

import dataclasses
import json
import math

from ml_collections import FrozenConfigDict

from mu2.evolution import (
    Component,
    Evolution,
    Hyperparameters,
    Path,
    Plan,
    Population,
    Ranges,
    SearchSpace,
    engine,
)
from mu2.evolution.live_paths import LivePaths
from mu2.random_keys import Key

DEFAULTS = {
    "mutation_probability": 0.2,
    "learning_rate": 0.01,
    "num_layers": 2,
    "image_size": 32,
    "adapter_dim": 4,
    "hue": 0.0,
    "flip": True,
}
RANGES = {
    "mutation_probability": (0.1, 0.2, 0.3),
    "learning_rate": (0.001, 0.01, 0.1),
    "num_layers": (0, 1, 2, 3),
    "image_size": (16, 32, 48),
    "adapter_dim": (2, 4, 8),
    "hue": (0.0, 0.1, 0.2),
}
BODY = ("embedding", "posembed_input", "encoderblock_0", "encoderblock_1", "encoder_norm")


@dataclasses.dataclass(frozen=True)
class Slot:
    """A place whose signature is its size."""

    name: str
    size: int
    optional: bool = False

    @property
    def signature(self):
        return f"float32[{self.size}]"

    @property
    def flops(self):
        return 2.0 * self.size

    @property
    def dense_flops(self):
        return 3.0 * self.size


@dataclasses.dataclass(frozen=True)
class Toy:
    """A ViT in outline: blocks of 1000 parameters, an adapter may stand before each."""

    input = "image"
    name = "Toy"

    def hyperparameter_names(self):
        return ("image_size", "num_layers", "adapter_dim")

    def slots(self, hyperparameters, num_classes):
        body = [Slot("embedding", 100), Slot("posembed_input", hyperparameters["image_size"])]
        for i in range(hyperparameters["num_layers"]):
            body.append(Slot(f"adapter_{i}", hyperparameters["adapter_dim"], optional=True))
            body.append(Slot(f"encoderblock_{i}", 1000))
        return (*body, Slot("encoder_norm", 10), Slot("head", 10 * num_classes))

    def resamples(self, name):
        return name == "posembed_input"

    def original(self, name):
        return f"{name}_original"


def space(ranges=None, choices=None, **defaults):
    """A space over the toy; no ranges means that nothing moves."""
    return SearchSpace(
        (Toy(),),
        Hyperparameters(**{**DEFAULTS, **defaults}),
        ranges or Ranges(),
        *filter(None, [choices]),
    )


def path(path_id, *, parent=None, parent_task=None, shares=(), adapters=(), classes=10, **settings):
    """A path of the toy whose components are its own, but those that it `shares`.

    Settings are fields of Path or hyperparameters.
    """
    fields = {field.name for field in dataclasses.fields(Path)}
    given = {k: v for k, v in settings.items() if k in fields}
    hyperparameters = {**DEFAULTS, **{k: v for k, v in settings.items() if k not in fields}}
    task = None if path_id.startswith("root/") else path_id.rsplit("/", 2)[0]
    shared = {component.name: component for component in shares}
    components = tuple(
        shared.get(slot.name) or component(f"{path_id}/{slot.name}", slot)
        for slot in Toy().slots(hyperparameters, classes)
        if not (slot.optional and slot.name not in adapters and slot.name not in shared)
        and not (slot.name == "head" and task is None)
    )
    return Path(
        id=path_id,
        task=task,
        parent=parent,
        parent_task=parent_task,
        components=components,
        hyperparameters=space(**hyperparameters).defaults(),
        num_classes=0 if task is None else classes,
        model="Toy",
        **given,
    )


def changed(parent, **hyperparameters):
    """The path with other hyperparameters, its components as they are."""
    values = FrozenConfigDict({**parent.hyperparameters, **hyperparameters})
    return dataclasses.replace(parent, hyperparameters=values)


def without(parent, name):
    """The path without a hyperparameter."""
    values = {k: v for k, v in parent.hyperparameters.items() if k != name}
    return dataclasses.replace(parent, hyperparameters=FrozenConfigDict(values))


def component(component_id, slot):
    """A stored component of that slot."""
    return Component(
        slot.name, component_id, slot.size, slot.signature, f"digest of {component_id}", "pack"
    )


def live(*paths):
    """Live paths."""
    return LivePaths(paths)


def retain(
    population: Population, plan: Plan, child: Path, must_improve: bool = False
) -> Population:
    """The population after a trained child, as a run has it."""
    keeps = engine.reaches_bar(plan, child, must_improve)
    return population.add(child) if keeps else population


def start_population(
    paths,
    task,
    *,
    evolution=None,
    search_space=None,
    private=False,
    iteration=0,
    offspring=None,
    key=None,
):
    """A task iteration's first population."""
    return engine.start_population(
        evolution or Evolution(),
        search_space or space(),
        paths,
        task=task,
        private=private,
        num_classes=10,
        iteration=iteration,
        offspring=offspring or {},
        key=key or Key.from_seed(0),
    )


def round_trip(population):
    """The population as it comes back from the disk."""
    return Population.from_json(json.loads(json.dumps(population.to_json(), sort_keys=True)))


def run(evolution, search_space, schedule, seed, *, private=(), stop=lambda population: population):
    """Goes over a schedule of task names as a real run does, with qualities that are drawn.

    Args:
      evolution: the rules.
      search_space: over the toy.
      schedule: a task a task iteration.
      seed: of the run.
      private: tasks that are.
      stop: called with the population after every generation; what it returns goes on.

    Yields:
      (paths before the iteration, plans made, paths after it) of every task iteration.
    """
    root = path("root/random")
    paths, offspring, visits = live(root), {}, {}
    for task in schedule:
        key = Key.from_seed(seed).fold_in(task, visits.get(task, 0))
        population = start_population(
            paths,
            task,
            evolution=evolution,
            private=task in private,
            iteration=visits.get(task, 0),
            offspring=offspring.get(task, {}),
            key=key,
        )
        made = []
        while population.children < evolution.children_per_iteration:
            population, plans = engine.plan_generation(
                evolution, search_space, paths, population, key
            )
            made += plans
            for plan in plans:
                quality = round(key.fold_in(plan.child, "quality").numpy().random(), 1)
                child = engine.child_path(
                    plan, quality, engine.child_score(plan, evolution.scoring, paths)
                )
                population = retain(population, plan, child, evolution.must_improve)
            population = stop(population.trim(evolution.population))
        best = engine.finish(population, paths, evolution.must_improve)
        old = next((p for p in paths.values() if p.task == task), None)
        gone, new = [] if old is None else [old], [best]
        if old is not None and old.id != best.id:
            orphans = [p for p in engine.orphans(paths, old) if p.task != task]
            gone, new = [*gone, *(paths[p.id] for p in orphans)], [*new, *orphans]
        after = paths.replace(gone, new)
        yield paths, made, after
        paths = after
        offspring[task] = dict(population.offspring)
        visits[task] = visits.get(task, 0) + 1


def assert_frequency(count, trials, probability):
    """Fails if a count is further than 4.5 standard deviations from its expectation."""
    expected = trials * probability
    deviation = math.sqrt(expected * (1 - probability))
    assert abs(count - expected) <= 4.5 * deviation + 1e-9, (count, expected, deviation)


def method_files(name):
    """The Gin files of a method: its rules, and an optimizer and an augmentation to begin with."""
    optimizer = "mu2net_plus" if name == "mu2net_plus" else "sgd_large"
    return [
        "search_spaces/adapters.gin",
        f"gin/mutation/{name}.gin",
        f"gin/optimizer/{optimizer}.gin",
        "gin/augmentation/none.gin",
        "gin/budget/laptop.gin",
    ]
