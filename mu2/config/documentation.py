"""What the authors of constructors and hyperparameters say of them, read off their docstrings."""

import dataclasses
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from mu2.config.linter import makers
from mu2.config.reading import vocabulary
from mu2.evolution.space import AUGMENTATION, MUTATION_PROBABILITY
from mu2.models import Model, Root, models
from mu2.tasks import Source
from mu2.training.augment import Augmentation
from mu2.training.optimizer import Optimizer


def configurables() -> dict[str, list[str]]:
    """The names of the constructors by kind: sources, models, roots, others."""
    known = vocabulary().configurables
    kinds = {
        kind: makers(wanted, known)
        for kind, wanted in (("sources", Source), ("models", Model), ("roots", Root))
    }
    told = {name for names in kinds.values() for name in names}
    kinds["others"] = [name for name in known if name not in told]
    return {kind: sorted(names, key=str.casefold) for kind, names in kinds.items()}


def hyperparameter_notes(name: str) -> tuple[str, list[str]]:
    """What a hyperparameter is, and what uses it: models, augmentation, mutation or training."""
    told = {**entries(Optimizer.__doc__), **entries(Augmentation.__doc__)}
    users = [each for each, made in models().items() if name in made.hyperparameters]
    if name in AUGMENTATION:
        users.append("augmentation of images")
    elif name == MUTATION_PROBABILITY:
        users.append("mutation")
        told[name] = "the probability µ of each mutation of a child."
    elif name in Optimizer._fields:
        users.append("training")
    return told.get(name, ""), users


def constructor_doc(make: Callable[..., Any]) -> str:
    """What the author says of a constructor, or else of the module it is in."""
    text = inspect.cleandoc(make.__doc__ or "")
    if dataclasses.is_dataclass(make) and text.startswith(f"{make.__name__}("):
        text = ""  # Python's own words
    return text or inspect.cleandoc(inspect.getdoc(inspect.getmodule(make)) or "")


def parameter_docs(make: Callable[..., Any]) -> Mapping[str, str]:
    """What is said of each parameter, by the constructor or by a class it is made from."""
    classes = reversed(make.__mro__) if isinstance(make, type) else [make]
    return {name: text for each in classes for name, text in entries(each.__doc__).items()}


def sections(docstring: str | None) -> Mapping[str, Mapping[str, str]]:
    """The entries of each section of a Google-style docstring: title to name to text."""
    found: dict[str, dict[str, str]] = {}
    title = name = None
    for line in inspect.cleandoc(docstring or "").splitlines():
        if heading := re.fullmatch(r"(\w+):", line):
            title, name = heading[1], None
        elif line and not line.startswith(" "):
            title = name = None
        elif title and (entry := re.fullmatch(r"  (?:  )?(\w+)(?: \([^)]*\))?: (.*)", line)):
            name = entry[1]
            found.setdefault(title, {})[name] = entry[2]
        elif title and name and line.strip():
            found[title][name] += f" {line.strip()}"
    return found


def entries(docstring: str | None) -> Mapping[str, str]:
    """What a docstring says of each parameter."""
    titles = sections(docstring)
    return {**titles.get("Args", {}), **titles.get("Attributes", {})}
