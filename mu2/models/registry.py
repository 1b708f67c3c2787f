"""Models by name: those of mu2 and those of installed packages."""

import functools
import importlib.metadata
import json
from collections.abc import Callable, Mapping
from typing import Any

from mu2.errors import Mu2Error, did_you_mean
from mu2.models.component import Model
from mu2.models.convnet import ConvNet
from mu2.models.efficientnet_lite import EfficientNetLite0
from mu2.models.mlp import MLP
from mu2.models.ocr import LCNetV4
from mu2.models.text import ByteTransformer
from mu2.models.vit import ViT

# A package offers its constructors as entry points of this group, each under its name in Gin.
ENTRY_POINTS = "mu2"
OWN: tuple[type[Model], ...] = (ViT, ConvNet, LCNetV4, EfficientNetLite0, MLP, ByteTransformer)


@functools.cache
def installed_models() -> Mapping[str, Callable[..., Any]]:
    """Constructors that other packages offer, by name; importing them runs their code.

    Raises:
      Mu2Error: one cannot be imported, or takes a name that is taken.
    """
    found: dict[str, Callable[..., Any]] = {}
    own = {model.__name__ for model in OWN}
    for entry in sorted(importlib.metadata.entry_points(group=ENTRY_POINTS)):
        package = entry.dist.name if entry.dist else "a package"
        if entry.name in own or entry.name in found:
            raise Mu2Error(f"{package} offers {entry.name!r}, a name that is taken already.")
        try:
            found[entry.name] = entry.load()
        except Exception as error:  # whatever foreign code raises when imported
            raise Mu2Error(
                f"{entry.name!r} of {package} cannot be imported: {error}",
                hint=f"Mend {package}, or uninstall it.",
            ) from error
    return found


def models() -> dict[str, type[Model]]:
    """Every model class by name."""
    known = {model.__name__: model for model in OWN}
    for name, made in installed_models().items():
        if isinstance(made, type) and issubclass(made, Model):
            known[name] = made
    return known


def restore(name: str) -> Model:
    """The model that a path names; the opposite of `Model.name`.

    Raises:
      Mu2Error: no such model is installed, or it has other settings now.
    """
    try:
        ((kind, settings),) = json.loads(name).items()
    except (AttributeError, TypeError, ValueError) as error:
        raise Mu2Error(f"a path names no model: {name[:80]!r}.") from error
    known = models()
    if kind not in known:
        raise Mu2Error(
            f"the model {kind} is not installed.",
            hint=did_you_mean(kind, known) or "Install the package that offers it.",
        )
    try:
        return known[kind](**settings)
    except TypeError as error:
        raise Mu2Error(f"the model {kind} has other settings now: {error}") from error
