"""Roots of pretrained weights: public ViT files as components."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mu2.errors import Mu2Error
from mu2.models.component import Arrays, Component, Model
from mu2.models.roots import layouts, public, tensors, torch_layouts
from mu2.models.roots.layouts import Layout
from mu2.models.roots.location import Location
from mu2.models.roots.root import fit_size
from mu2.models.roots.tensors import Tensors
from mu2.models.vit import ViT
from mu2.models.weights_config import CONFIG, WeightsConfig
from mu2.random_keys import Key


@dataclasses.dataclass(frozen=True)
class AugReg:
    """A root of the public JAX ViT weights, `.npz`, without their head.

    Source: arXiv 2106.10270 and https://github.com/google-research/vision_transformer. The files
    of ImageNet-21k and those fine-tuned from them name their tensors alike; a `pre_logits` layer
    goes with the head. Fewer layers than the file has are its first ones, as in the papers; the
    position embedding is resampled to the space's default image size.

    Attributes:
      path: the file: a local path, or a URL that fsspec understands.
      name: the root's name.
    """

    path: str
    name: str = "augreg"

    def __post_init__(self) -> None:
        _check_path(self)

    def find_missing(self, model: Model) -> tuple[Mu2Error, ...]:
        """See `RemoteRoot.find_missing`; known are the files of AugReg by their names."""
        return public.find_missing(self.path, model)

    def fits(self, model: Model) -> bool:
        """See `SelectiveRoot.fits`; the weights are those of a Vision Transformer."""
        return isinstance(model, ViT)

    def check(self, model: Model, hyperparameters: Mapping[str, Any]) -> None:
        """Finds out whether the file fits, from its header alone.

        Raises:
          Mu2Error: as `components`, but for damaged numbers.
        """
        if isinstance(model, ViT):
            with tensors.Npz(Location(self.path)) as file:
                _Fit(file, layouts.augreg(file.shapes, self.path), model, hyperparameters)

    def components(
        self, model: Model, hyperparameters: Mapping[str, Any], key: Key
    ) -> tuple[tuple[Component, Arrays], ...]:
        """See `Root.components`; nothing is drawn from `key`.

        Raises:
          Mu2Error: the file is missing or damaged, is no plain ViT, or is one of other sizes.
        """
        if not isinstance(model, ViT):
            return ()
        with tensors.Npz(Location(self.path)) as file:
            layout = layouts.augreg(file.shapes, self.path)
            return _Fit(file, layout, model, hyperparameters).components()


@dataclasses.dataclass(frozen=True)
class Safetensors:
    """A root of a PyTorch ViT in `safetensors`, as transformers or timm save it, without its head.

    The names tell which it is: ViT, DeiT (not distilled) and DINOv2 (without registers) of
    transformers, and timm's ViTs, DINOv2 among them. LayerScale is folded into the layer before
    it, and the normalisation of images into the patch embedding, as mu2's images are in [-1, 1];
    both leave the function what it was. Layers and image size are as in `AugReg`.

    The number of heads cannot be seen in the tensors. It is taken from `config.json` where that
    lies beside a `model.safetensors`; otherwise ViT.heads has to be right, and nothing checks it.

    Attributes:
      path: a file, or a folder with `model.safetensors` or with its shards and their index: a local
        path, or a URL that fsspec understands, such as `hf://owner/model`.
      name: the root's name.
      mean: of the images, by channel, in [0, 1], that the weights were trained on. None: what the
        files beside say, else ImageNet's for a ViT with LayerScale, else 0.5.
      std: likewise.
    """

    path: str
    name: str = "safetensors"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        _check_path(self)
        for field in ("mean", "std"):
            values = getattr(self, field)
            if values is not None and (not values or (field == "std" and min(values) <= 0)):
                raise Mu2Error(
                    f"Safetensors.{field} is {values!r}.",
                    hint=f"Give a number for each channel, as {field} = (0.5, 0.5, 0.5).",
                )

    def fits(self, model: Model) -> bool:
        """See `SelectiveRoot.fits`; the weights are those of a Vision Transformer."""
        return isinstance(model, ViT)

    def check(self, model: Model, hyperparameters: Mapping[str, Any]) -> None:
        """Finds out whether the files fit, from their headers alone.

        Raises:
          Mu2Error: as `components`, but for damaged numbers.
        """
        if isinstance(model, ViT):
            with tensors.Safetensors(Location(self.path)) as file:
                self._fit(file, model, hyperparameters)

    def components(
        self, model: Model, hyperparameters: Mapping[str, Any], key: Key
    ) -> tuple[tuple[Component, Arrays], ...]:
        """See `Root.components`; nothing is drawn from `key`.

        Raises:
          Mu2Error: a file is missing or damaged, is no ViT that can be run, or is one of other
            sizes.
        """
        if not isinstance(model, ViT):
            return ()
        with tensors.Safetensors(Location(self.path)) as file:
            return self._fit(file, model, hyperparameters).components()

    def guesses(self, model: Model) -> tuple[str, ...]:
        """What the files do not say and mu2 assumed of them, each in a sentence with its option.

        Raises:
          Mu2Error: as `check`.
        """
        if not isinstance(model, ViT):
            return ()
        with tensors.Safetensors(Location(self.path)) as file:
            layout = torch_layouts.detect(file.shapes, self.path)
            published = WeightsConfig.read(file.location)
        told = []
        if published.heads is None:
            told.append(
                f"nothing beside {self.path} says how many heads it has: ViT.heads = {model.heads} "
                "is believed."
            )
        if published.sides is None:
            told.append(f"the positions of {self.path} are taken for a square of patches.")
        for name in ("mean", "std"):
            if getattr(self, name) is None and getattr(published, name) is None:
                told.append(
                    f"nothing beside {self.path} says the {name} of its images: "
                    f"{getattr(layout, name)}, as {layout.title} has it; Safetensors.{name} sets "
                    "another."
                )
        return tuple(told)

    def _fit(self, file: Tensors, model: ViT, hyperparameters: Mapping[str, Any]) -> "_Fit":
        layout = torch_layouts.detect(file.shapes, self.path)
        published = WeightsConfig.read(file.location)
        layout = dataclasses.replace(
            layout,
            gelu=published.gelu or layout.gelu,
            epsilon=published.epsilon or layout.epsilon,
            mean=self.mean or published.mean or layout.mean,
            std=self.std or published.std or layout.std,
        )
        return _Fit(file, layout, model, hyperparameters, published)


def _check_path(root: AugReg | Safetensors) -> None:
    if not root.path or "\0" in root.path:
        raise Mu2Error(f"{type(root).__name__}.path is {root.path!r}, which names no file.")


class _Fit:
    """A file's weights as the components of a search space.

    Raises:
      Mu2Error: they do not fit; every setting that has to change is named.
    """

    def __init__(
        self,
        file: Tensors,
        layout: Layout,
        model: ViT,
        hyperparameters: Mapping[str, Any],
        published: WeightsConfig | None = None,
    ):
        self._file = file
        self._layout = layout
        self._model = model
        self._hyperparameters = hyperparameters
        self._place = str(file.location)
        self._dims = layout.solve(file.shapes, self._place)
        published = published or WeightsConfig()
        self._check_model(published.heads)
        self._check_layers()
        self._check_positions(published.sides)
        self._dims.setdefault("H", model.heads)
        self._check_images()

    def components(self) -> tuple[tuple[Component, Arrays], ...]:
        """The components and their float32 arrays, without head and adapters.

        A position embedding of another size than the default's is there in both (see
        `Model.original`).
        """
        made: list[tuple[Component, Arrays]] = []
        for component in self._model.network(self._hyperparameters, num_classes=1):
            if component.optional or component.name == "head":
                continue
            arrays = self._arrays(component)
            if self._model.resamples(component.name):
                made += fit_size(self._model, component, arrays)
            else:
                made.append((component, arrays))
        return tuple(made)

    def _arrays(self, component: Component) -> Arrays:
        arrays: Arrays = {
            leaf.name: leaf.make(self._dims, *map(self._file.read, leaf.keys))
            for leaf in self._layout.leaves[component.name]
        }
        if component.name == "embedding":
            arrays = _see(arrays, *self._images())
        for name, array in arrays.items():
            if not np.isfinite(array).all():
                raise Mu2Error(
                    f"leaf {name!r} of {component.name} is too large for float32.",
                    location=self._place,
                )
        return {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}

    def _images(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation by channel, float64 [C]."""
        channels = self._model.channels
        mean, std = (np.array(v, np.float64) for v in (self._layout.mean, self._layout.std))
        return np.broadcast_to(mean, channels), np.broadcast_to(std, channels)

    def _check_images(self) -> None:
        for name in ("mean", "std"):
            values = getattr(self._layout, name)
            # Half of everything is no news, whatever the number of channels.
            if len(set(values)) > 1 and len(values) != self._model.channels:
                raise Mu2Error(
                    f"{name} {values} of the images has not {self._model.channels} channels.",
                    location=self._place,
                    hint=f"Set Safetensors.{name} to a number for each channel.",
                )
        if len(set(self._layout.mean)) == 1:
            self._layout = dataclasses.replace(self._layout, mean=self._layout.mean[:1])
        if len(set(self._layout.std)) == 1:
            self._layout = dataclasses.replace(self._layout, std=self._layout.std[:1])

    def _check_model(self, heads: int | None) -> None:
        """Compares the fields of ViT with what the file shows of them."""
        keys = self._layout.shapes
        wrong: list[tuple[str, Any, str]] = []
        for field, letter in (
            ("patch", "P"),
            ("width", "D"),
            ("heads", "H"),
            ("mlp_dim", "M"),
            ("channels", "C"),
        ):
            there = self._dims.get(letter)
            why = next((f"{k} {list(self._file.shapes[k])}" for k in keys if letter in keys[k]), "")
            if field == "heads" and there is None:
                there, why = heads, f"{CONFIG}"
            if there not in (None, getattr(self._model, field)):
                wrong.append((field, there, why))
        for field in ("gelu", "epsilon"):
            there = getattr(self._layout, field)
            if there != getattr(self._model, field):
                wrong.append((field, there, self._layout.title))
        if not wrong:
            return
        here = type(self._model).__name__
        told = ", ".join(f"{field} {there!r} ({why})" for field, there, why in wrong)
        mine = ", ".join(f"{field} {getattr(self._model, field)!r}" for field, _, _ in wrong)
        raise Mu2Error(
            f"the weights have {told}; the search space has {mine}.",
            location=self._place,
            hint="; ".join(f"Set {here}.{field} = {there!r}" for field, there, _ in wrong) + ".",
        )

    def _check_layers(self) -> None:
        wanted, there = self._hyperparameters["num_layers"], self._layout.layers
        if wanted > there:
            raise Mu2Error(
                f"Hyperparameters.num_layers is {wanted}, and the weights have {there} layers.",
                location=self._place,
                hint=f"Set Hyperparameters.num_layers = {there} or less; Ranges.num_layers may "
                "go further, and what is added then begins at random.",
            )

    def _check_positions(self, sides: tuple[int, int] | None) -> None:
        tokens, patch, bare = self._dims["T"], self._dims["P"], self._layout.bare
        rows, columns = (side // patch for side in sides or (patch, patch))
        what = None
        if rows != columns:
            what = f"{rows} x {columns} patches, as {CONFIG} says, and no square"
        elif layouts.side_of(tokens if bare else tokens - 1) in (None, 0):
            what = "no square of patches" + " and a class token" * (not bare)
        if what is not None:
            raise Mu2Error(
                f"its {tokens} positions are {what}.",
                location=self._place,
                hint="Take weights of square images.",
            )


def _see(arrays: Arrays, mean_C: np.ndarray, std_C: np.ndarray) -> Arrays:
    """A patch embedding that reads images in [-1, 1] in place of normalised ones.

    With x in [-1, 1] the weights were trained on (x / 2 + 1 / 2 - mean) / std, which is linear, and
    there is no padding that it would have to leave alone.

    Args:
      arrays: `kernel` [P, P, C, D] and `bias` [D].
      mean_C: of the images in [0, 1].
      std_C: likewise.
    """
    if (mean_C == 0.5).all() and (std_C == 0.5).all():
        return arrays
    kernel = arrays["kernel"].astype(np.float64)
    shift = np.einsum("pqcd,c->d", kernel, (0.5 - mean_C) / std_C)
    with np.errstate(over="ignore"):
        return {
            "kernel": (kernel / (2 * std_C)[:, None]).astype(np.float32),
            "bias": (arrays["bias"] + shift).astype(np.float32),
        }
