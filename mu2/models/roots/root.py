"""Roots: the paths that no task owns, where evolution begins."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from mu2.errors import Mu2Error
from mu2.models.component import Arrays, Component, Model
from mu2.random_keys import Key


class Root(Protocol):
    """Where evolution begins: components that are there before the first task."""

    @property
    def name(self) -> str:
        """The root's name; its path is `root/<model class>/<name>`."""

    def components(
        self, model: Model, hyperparameters: Mapping[str, Any], key: Key
    ) -> tuple[tuple[Component, Arrays], ...]:
        """The components and their parameters, without a head.

        Args:
          model: the architecture.
          hyperparameters: the search space's defaults.
          key: consumed.

        Returns:
          Nothing where the root has no weights for this architecture. Optional components only
          where the weights came with them.
        """

    def check(self, model: Model, hyperparameters: Mapping[str, Any]) -> None:
        """Looks whether `components` will succeed, without reading any weights.

        Raises:
          Mu2Error: files are missing, damaged, or do not fit the architecture.
        """


@runtime_checkable
class RemoteRoot(Protocol):
    """A root whose weights may be known although their file is not there."""

    def find_missing(self, model: Model) -> tuple[Mu2Error, ...]:
        """The files that are not there and whose contents are known all the same.

        Returns:
          What is not there, and how to get it. Nothing where it is there, or where nobody knows
          what would be in it.

        Raises:
          Mu2Error: what is known of it does not fit the architecture.
        """
        ...


@runtime_checkable
class SelectiveRoot(Protocol):
    """A root with weights for some architectures; one that does not say so has them for all."""

    def fits(self, model: Model) -> bool:
        """Whether it has weights for an architecture; nothing is read but what it is of.

        Raises:
          Mu2Error: what it is of is not there, or has other settings.
        """
        ...


@runtime_checkable
class HasGuesses(Protocol):
    """A root that assumes things which its files do not say."""

    def guesses(self, model: Model) -> tuple[str, ...]:
        """Each in a sentence, with the option that says otherwise.

        Raises:
          Mu2Error: as `Root.check`.
        """
        ...


@dataclasses.dataclass(frozen=True)
class RandomRoot:
    """A root of random weights with the search space's default hyperparameters.

    Attributes:
      name: the root's name.
    """

    name: str = "random"

    def check(self, model: Model, hyperparameters: Mapping[str, Any]) -> None:
        """See `Root.check`; random weights are always there."""

    def components(
        self, model: Model, hyperparameters: Mapping[str, Any], key: Key
    ) -> tuple[tuple[Component, Arrays], ...]:
        """See `Root.components`.

        Every component draws from its own name, so that equal shapes start differently.
        """
        return tuple(
            (component, component.init(key.fold_in("init", component.name).jax()))
            for component in model.network(hyperparameters, num_classes=1)
            if not component.optional and component.name != "head"
        )


def fit_size(
    model: Model, component: Component, arrays: Arrays
) -> tuple[tuple[Component, Arrays], ...]:
    """A root's component out of weights of any size, and these weights where the sizes differ.

    Args:
      model: the architecture, which resamples components of this name.
      component: of the size that the search space's defaults give.
      arrays: float32 leaves; the first axis but one of each is the length.
    """
    ((leaf, array),) = arrays.items()
    if array.shape == component.shapes[leaf].shape:
        return ((component, arrays),)
    original = dataclasses.replace(
        component, name=model.original(component.name), input_shape=array.shape[1:]
    )
    return ((component, model.resample(component.name, arrays, component)), (original, arrays))
