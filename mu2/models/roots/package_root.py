"""A root whose weights are in a file that an installed package brings."""

import abc
import dataclasses
import importlib.metadata
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from mu2.errors import Mu2Error
from mu2.models.component import Arrays, Component, Model
from mu2.random_keys import Key


@dataclasses.dataclass(frozen=True)
class PackageFile:
    """A file of a package, which is not imported for it.

    Attributes:
      package: as it is imported.
      distribution: as pip names it.
      path: of the file within the package.
      extra: of mu2, that installs the package.
    """

    package: str
    distribution: str
    path: str
    extra: str

    @property
    def install(self) -> str:
        """The command that installs the package."""
        return f"pip install 'mu2[{self.extra}]'"

    def is_installed(self) -> bool:
        """Whether the package is."""
        return importlib.util.find_spec(self.package) is not None

    def locate(self) -> Path:
        """Where the file lies.

        Raises:
          Mu2Error: the package has no such file.
        """
        spec = importlib.util.find_spec(self.package)
        for folder in (spec.submodule_search_locations if spec else None) or []:
            if (place := Path(folder) / self.path).is_file():
                return place
        version = importlib.metadata.version(self.distribution)
        raise Mu2Error(
            f"the installed {self.distribution} {version} has no {self.path}.",
            hint=f"Install the version that has it: {self.install}",
        )


@dataclasses.dataclass(frozen=True)
class PackageRoot(abc.ABC):
    """A root of one architecture, out of a file that a package brings or that `path` names.

    There are as many layers in the root as it says, however few the search space's default has, so
    that a path that grows finds them. What reads their output, `norm`, begins anew.

    Attributes:
      path: the file; None for that of the installed package.
      name: the root's name.
    """

    path: str | None = None
    name: str = ""

    # The architecture, and where the file comes from.
    architecture: ClassVar[type[Model]]
    source: ClassVar[PackageFile]

    def __post_init__(self) -> None:
        if self.path is not None and (not self.path or "\0" in self.path):
            kind = type(self).__name__
            raise Mu2Error(f"{kind}.path is {self.path!r}, which names no file.")

    @property
    @abc.abstractmethod
    def depth(self) -> int:
        """Layers, from the first on, that are in the root."""

    @abc.abstractmethod
    def find_missing(self, model: Model) -> tuple[Mu2Error, ...]:
        """See `RemoteRoot.find_missing`; known is the file of the package."""

    @abc.abstractmethod
    def read_layers(
        self, file: Path, layers: Sequence[Component]
    ) -> Iterator[tuple[Component, Arrays]]:
        """The layers with their weights.

        Args:
          file: with the weights.
          layers: those that are in the root, in forward order.

        Raises:
          Mu2Error: as `components`.
        """

    def check(self, model: Model, hyperparameters: Mapping[str, Any]) -> None:
        """Finds out whether the file fits; it is read for it.

        Raises:
          Mu2Error: as `components`.
        """
        self.components(model, hyperparameters, Key.from_seed(0))

    def components(
        self, model: Model, hyperparameters: Mapping[str, Any], key: Key
    ) -> tuple[tuple[Component, Arrays], ...]:
        """See `Root.components`; of `key` the norm alone draws.

        Raises:
          Mu2Error: a package is missing, the file is missing or damaged, or it holds another
            network.
        """
        if not isinstance(model, self.architecture):
            return ()
        for lacking in self.find_missing(model):
            raise lacking
        whole = model.network({**hyperparameters, "num_layers": self.depth}, num_classes=1)
        layers = [c for c in whole if not c.optional and c.name not in ("norm", "head")]
        (norm,) = model.network(hyperparameters, num_classes=1).select(["norm"])
        fresh = (norm, norm.init(key.fold_in("init", "norm").jax()))
        file = self.source.locate() if self.path is None else Path(self.path)
        return (*self.read_layers(file, layers), fresh)
