"""Roots of networks in ONNX files that installed packages bring: PP-OCRv6's small backbone.

Only the graph and its numbers are read, and nothing of it is run.
"""

import dataclasses
import importlib.util
import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from mu2.errors import Mu2Error, lfs_pointer
from mu2.models.component import Arrays, Component, Model
from mu2.models.ocr import BLOCKS, LCNetBlock, LCNetV4
from mu2.models.roots.package_root import PackageFile, PackageRoot
from mu2.random_keys import Key

# Of version 3.10.0.
SOURCE = PackageFile("rapidocr", "rapidocr", "models/PP-OCRv6_rec_small.onnx", extra="ocr")

# The layer of a block that convolves, and the stride of one that halves the height.
CHANNELWISE = "DepthwiseConv_0"
HALVING = (2, 1)


@dataclasses.dataclass(frozen=True)
class Convolution:
    """One convolution of a graph and the bias that is added to what comes out of it.

    Attributes:
      kernel: float32 [out, in / groups, height, width].
      bias: float32 [out].
      strides: of rows and columns.
    """

    kernel: np.ndarray
    bias: np.ndarray
    strides: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class PPOCR(PackageRoot):
    """A root of the small model that reads text in PP-OCRv6, without its neck and its classifier.

    Source: arXiv 2606.13108; the weights come with the package `rapidocr` (Apache-2.0), which the
    extra 'ocr' installs. They were trained on lines of text of 48 pixels in height, in 50
    languages: Chinese, English, Japanese and others in Latin script. All 13 blocks are in the
    root, unless `num_layers` says otherwise, so that a path that grows finds them. What reads
    their output, `norm`, begins as a LayerNorm begins.

    Attributes:
      path: the ONNX file; None for that of the installed package.
      name: the root's name.
      num_layers: blocks from the first on that are in the root, for a search space in which no
        path has more of them; None: all.
    """

    path: str | None = None
    name: str = "ppocr"
    num_layers: int | None = None

    architecture: ClassVar[type[Model]] = LCNetV4
    source: ClassVar[PackageFile] = SOURCE

    def __post_init__(self) -> None:
        if self.num_layers is not None and not 0 <= self.num_layers <= len(BLOCKS):
            raise Mu2Error(
                f"PPOCR.num_layers is {self.num_layers}; the network has {len(BLOCKS)} blocks.",
                hint=f"Set it from 0 to {len(BLOCKS)}.",
            )
        super().__post_init__()

    @property
    def depth(self) -> int:
        """See `PackageRoot.depth`."""
        return len(BLOCKS) if self.num_layers is None else self.num_layers

    def find_missing(self, model: Model) -> tuple[Mu2Error, ...]:
        """See `RemoteRoot.find_missing`; known is the file of the package."""
        if not isinstance(model, LCNetV4):
            return ()
        packages = ("onnx",) if self.path is not None else (SOURCE.package, "onnx")
        lacking = [name for name in packages if importlib.util.find_spec(name) is None]
        if not lacking:
            return ()
        verb = "is" if len(lacking) == 1 else "are"
        return (
            Mu2Error(
                f"PPOCR reads PP-OCRv6's weights with {' and '.join(lacking)}, which {verb} not "
                "installed.",
                hint=SOURCE.install,
            ),
        )

    def components(
        self, model: Model, hyperparameters: Mapping[str, Any], key: Key
    ) -> tuple[tuple[Component, Arrays], ...]:
        """See `PackageRoot.components`.

        Raises:
          Mu2Error: or the search space's default has more blocks than the root.
        """
        if isinstance(model, LCNetV4) and hyperparameters["num_layers"] > self.depth:
            raise Mu2Error(
                f"PPOCR.num_layers is {self.depth}, fewer than Hyperparameters.num_layers, "
                f"{hyperparameters['num_layers']}.",
                hint="Set PPOCR.num_layers to the most blocks that a path may have.",
            )
        return super().components(model, hyperparameters, key)

    def read_layers(
        self, file: Path, layers: Sequence[Component]
    ) -> Iterator[tuple[Component, Arrays]]:
        """See `PackageRoot.read_layers`."""
        found = _convolutions(file)
        if layers[0].input_shape[-1] == 1:
            found = _as_grey(found)
        for component in layers:
            yield component, _take(component, found, file)


def _convolutions(file: Path) -> Iterator[Convolution]:
    """The convolutions of a file's graph in its order, as far as each is followed by its bias."""
    import onnx

    try:
        content = file.read_bytes()
    except OSError as error:
        raise Mu2Error(
            f"the file cannot be read ({error.strerror}).", location=str(file)
        ) from error
    if (pointer := lfs_pointer(content[:64], str(file))) is not None:
        raise pointer
    try:
        graph = onnx.load_model_from_string(content).graph
        numbers = {each.name: each for each in graph.initializer}
        added = {node.input[0]: node.input[1] for node in graph.node if node.op_type == "Add"}
        for node in graph.node:
            bias = numbers.get(added.get(node.output[0], "")) if node.op_type == "Conv" else None
            if bias is None:
                continue
            settings = {each.name: each for each in node.attribute}
            rows, columns = settings["strides"].ints
            yield Convolution(
                onnx.numpy_helper.to_array(numbers[node.input[1]]),
                onnx.numpy_helper.to_array(bias).reshape(-1),
                (rows, columns),
            )
    # protobuf, onnx and numpy each raise what they please at what does not hold together.
    except Exception as error:
        raise Mu2Error(
            "the file is damaged, or no ONNX network.",
            location=str(file),
            hint=f"Take the file that comes with {SOURCE.package}: {SOURCE.install}",
        ) from error


def _as_grey(found: Iterator[Convolution]) -> Iterator[Convolution]:
    """The same for images of one channel, which stands for three that are alike."""
    for first in itertools.islice(found, 1):
        yield dataclasses.replace(first, kernel=first.kernel.sum(1, keepdims=True))
    yield from found


def _take(component: Component, found: Iterator[Convolution], file: Path) -> Arrays:
    """A component's leaves out of the next convolutions.

    Raises:
      Mu2Error: they are of other shapes or strides, or not finite.
    """
    halves = isinstance(component.module, LCNetBlock) and component.module.shape.halves
    arrays: dict[str, np.ndarray] = {}
    for layer in _layers(component):
        shapes = {k: v.shape for k, v in component.shapes.items() if k.startswith(f"{layer}/")}
        each = next(found, None)
        leaves = _leaves(layer, each) if each else {}
        fits = {name: leaf.shape for name, leaf in leaves.items()} == shapes
        # The model that finds text has the same blocks, and halves the width as well.
        if fits and each and halves and layer == CHANNELWISE:
            fits = each.strides == HALVING
        if not fits:
            raise Mu2Error(
                f"this is not PP-OCRv6's small network that reads text: {layer} of "
                f"{component.name} differs.",
                location=str(file),
                hint=f"Take the file that comes with {SOURCE.package}: {SOURCE.install}",
            )
        if not all(np.isfinite(leaf).all() for leaf in leaves.values()):
            raise Mu2Error(
                f"{layer} of {component.name} holds NaN or infinite values.",
                location=str(file),
                hint="The file is damaged; take the one that comes with "
                f"{SOURCE.package}: {SOURCE.install}",
            )
        arrays |= leaves
    return arrays


def _layers(component: Component) -> list[str]:
    """The layers of a component in the order of their convolutions."""
    names = {name.rpartition("/")[0] for name in component.shapes}
    first = {CHANNELWISE: 0, "Gate_0": 1}
    return sorted(names, key=lambda name: (first.get(name.split("/")[0], 2), name))


def _leaves(layer: str, found: Convolution) -> dict[str, np.ndarray]:
    """Kernel [height width in, out], or [9, C] of each channel by itself, and bias, as float32."""
    kernel = found.kernel.transpose(2, 3, 1, 0).reshape(-1, found.kernel.shape[0])
    return {
        f"{layer}/kernel": np.ascontiguousarray(kernel, np.float32),
        f"{layer}/bias": np.ascontiguousarray(found.bias, np.float32),
    }
