"""Gin at the edge: files and bindings in, one frozen Experiment out.

Gin is used once, here, and never looked at again: it configures the real constructors, which know
nothing of it.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import gin.config as gin_config

from mu2.errors import Mu2Error
from mu2.linter import ROOT, Configurable, Faults, Vocabulary, lint, read, write

if TYPE_CHECKING:
    from mu2.experiment import Experiment

__all__ = ["Faults", "Loaded", "load"]

MODULE = "mu2"


@dataclasses.dataclass(frozen=True)
class Loaded:
    """An experiment and where it came from.

    Attributes:
      experiment: what to run.
      resolved: one Gin text without includes that gives the same experiment; it depends on what is
        set, not on the names of files.
      bindings: (scope, selector, parameter) to `file:line`, or to the flag, of each value in force.
    """

    experiment: "Experiment"
    resolved: str
    bindings: Mapping[tuple[str, str, str], str]


def load(
    files: Sequence[str],
    bindings: Sequence[str],
    extra_search_paths: Sequence[str | Path] = (),
) -> Loaded:
    """Reads Gin files and bindings into one frozen experiment.

    A file is found as given from the working directory, else beside the file that includes it,
    else in the extra search paths, else among the files that come with mu2. What a later file or
    binding sets replaces what an earlier one did.

    Args:
      files: Gin files, read in order.
      bindings: `NAME=VALUE`, read after the files.
      extra_search_paths: folders searched before mu2's own.

    Raises:
      Faults: everything that is wrong, at once, each with its place.
    """
    vocabulary = _vocabulary()
    faults, used = lint(read(files, bindings, extra_search_paths), vocabulary)
    if faults:
        raise Faults(faults)
    resolved = write(used.bindings, vocabulary.configurables)
    places = {binding.key: binding.location for binding in used.bindings}
    return Loaded(_build(resolved), resolved, MappingProxyType(places))


def _constructors() -> dict[str, Callable[..., Any]]:
    """What Gin files may name. Imported here, as `mu2 --help` should not wait for jax."""
    from mu2.evolution.budget import Budget
    from mu2.evolution.engine import Evolution
    from mu2.evolution.mutation import Mutation
    from mu2.evolution.scoring import Scoring
    from mu2.evolution.space import Choices, Hyperparameters, Ranges, SearchSpace
    from mu2.evolution.stopping import Halving
    from mu2.experiment import Experiment
    from mu2.mesh import Layout
    from mu2.models import RandomRoot, installed, models
    from mu2.tasks import TFDS, Digits, Glyphs, Stream, Task
    from mu2.training import Training

    classes = (
        *(Experiment, Stream, Task, Digits, Glyphs, TFDS),
        *(SearchSpace, Hyperparameters, Ranges, Choices, RandomRoot),
        *(Evolution, Mutation, Scoring, Halving, Budget, Training, Layout),
    )
    return {**{made.__name__: made for made in classes}, **models(), **installed()}


def _vocabulary() -> Vocabulary:
    from mu2.evolution.space import AUGMENTATION, MUTATION_PROBABILITY
    from mu2.models import models
    from mu2.training.optimizer import SCHEDULES

    types: dict[str, Any] = {
        "learning_rate": float,
        "schedule": Literal[SCHEDULES],
        "warmup_ratio": float,
        "momentum": float,
        "nesterov": bool,
        MUTATION_PROBABILITY: float,
        **dict.fromkeys(AUGMENTATION, float),
        "crop": bool,
        "flip": bool,
    }
    made = {name: Configurable.of(name, make) for name, make in _constructors().items()}
    known = models().values()
    return Vocabulary(
        configurables=made,
        hyperparameters=types,
        model_hyperparameters={k: v for model in known for k, v in model.hyperparameters.items()},
        optional=frozenset().union(*(model.optional for model in known)),
    )


def _register() -> None:
    """Makes the constructors known to Gin; its registry outlives this call and is asked first."""
    for name, make in _constructors().items():
        try:
            gin_config.get_configurable(f"{MODULE}.{name}")
        except (KeyError, ValueError):
            gin_config.external_configurable(make, name=name, module=MODULE)


def _build(resolved: str) -> "Experiment":
    """Builds the experiment of a text without faults; whatever Gin held before is lost."""
    _register()
    with gin_config.unlock_config():
        gin_config.clear_config()
        try:
            gin_config.parse_config(resolved)
            return gin_config.get_configurable(f"{MODULE}.{ROOT[1]}")()
        except Exception as error:
            # Gin puts its own lines behind a message; a Mu2Error has said all there is to say.
            message = error.message if isinstance(error, Mu2Error) else f"Gin refuses: {error}"
            raise Faults([Mu2Error(message, hint=getattr(error, "hint", None))]) from error
        finally:
            gin_config.clear_config()
