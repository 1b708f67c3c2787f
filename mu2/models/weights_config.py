"""What the files beside public weights say of them."""

import dataclasses

from mu2.errors import Mu2Error
from mu2.models.roots import tensors
from mu2.models.roots.location import Location

CONFIG, PREPROCESSOR = "config.json", "preprocessor_config.json"
# What config.json calls the activation, and what ViT calls it.
_GELUS = {
    "gelu": "exact",
    "gelu_python": "exact",
    "gelu_new": "tanh",
    "gelu_fast": "tanh",
    "gelu_pytorch_tanh": "tanh",
}


@dataclasses.dataclass(frozen=True)
class WeightsConfig:
    """What the files beside the weights say of them; None where they do not.

    Attributes:
      heads: attention heads.
      gelu: as ViT.gelu.
      epsilon: of the norms.
      mean: of images.
      std: of images.
      sides: height and width of images, in pixels.
    """

    heads: int | None = None
    gelu: str | None = None
    epsilon: float | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    sides: tuple[int, int] | None = None

    @classmethod
    def read(cls, location: Location) -> "WeightsConfig":
        """Reads `config.json` and `preprocessor_config.json`.

        Raises:
          Mu2Error: one of them is damaged, or says what no ViT can be.
        """
        folder = location.is_folder()
        # Beside a file of another name they may well be another model's.
        if not folder and location.name not in (tensors.WHOLE, tensors.INDEX):
            return cls()
        find = location.inside if folder else location.sibling
        config = find(CONFIG).document() or {}
        images = config.get("pretrained_cfg")  # timm's
        if not isinstance(images, dict):
            images = find(PREPROCESSOR).document() or {}
        place = str(find(CONFIG))
        activation = config.get("hidden_act")
        if activation is not None and activation not in _GELUS:
            raise Mu2Error(
                f"its activation is {activation!r}, which ViT has not.",
                location=place,
                hint="ViT.gelu is 'tanh' or 'exact'.",
            )
        heads, epsilon = config.get("num_attention_heads"), config.get("layer_norm_eps")
        mean, std = (images.get(k, images.get(f"image_{k}")) for k in ("mean", "std"))
        if images.get("do_normalize") is False:
            mean, std = [0.0], [1.0]
        for value, fits in (
            (heads, type(heads) is int and heads > 0),
            (epsilon, isinstance(epsilon, float) and epsilon > 0),
            (mean, isinstance(mean, list) and all(map(_is_number, mean))),
            (std, isinstance(std, list) and all(_is_number(v) and v > 0 for v in std)),
        ):
            if value is not None and not fits:
                raise Mu2Error(f"{value!r} makes no sense in the files beside.", location=place)
        return cls(
            heads=heads,
            gelu=None if activation is None else _GELUS[activation],
            epsilon=epsilon,
            mean=tuple(mean) if mean else None,
            std=tuple(std) if std else None,
            sides=_sides(config.get("image_size")) or _sides(images.get("input_size")),
        )


def _sides(size: object) -> tuple[int, int] | None:
    """Height and width of images: a side, a pair, height and width by name, or channels first."""
    if isinstance(size, dict):
        size = [size.get("height"), size.get("width")]
    both = size[-2:] if isinstance(size, list) and len(size) > 1 else [size, size]
    height, width = both
    if type(height) is int and type(width) is int and height > 0 and width > 0:
        return height, width
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
