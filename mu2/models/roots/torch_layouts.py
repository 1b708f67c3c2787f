"""The layouts of PyTorch ViTs: those of transformers and of timm.

A Dense kernel is [out, in] there, and attention's matrices are not cut into heads.
"""

import dataclasses
import re
from collections.abc import Callable, Collection, Mapping

import numpy as np

from mu2.errors import Mu2Error
from mu2.models import foreign
from mu2.models.roots.layouts import ATTENTION, Dims, Layout, Leaf, count_layers, same, side_of


def _dense(dims: Dims, weight: np.ndarray) -> np.ndarray:
    return weight.T


def _scaled_dense(dims: Dims, weight: np.ndarray, gamma: np.ndarray) -> np.ndarray:
    """[in, out], its outputs times LayerScale's factors."""
    return weight.T * gamma


def _scaled_bias(dims: Dims, bias: np.ndarray, gamma: np.ndarray) -> np.ndarray:
    return bias * gamma


def _patches(dims: Dims, weight: np.ndarray) -> np.ndarray:
    """[P, P, C, D] of a convolution's [D, C, P, P]."""
    return weight.transpose(2, 3, 1, 0)


def _into_heads(dims: Dims, weight: np.ndarray) -> np.ndarray:
    """[D, H, K] of a weight [D, D], [H, K] of a bias [D]."""
    return weight.T.reshape(*weight.shape[1:], dims["H"], -1)


def _third(part: int) -> Callable[[Dims, np.ndarray], np.ndarray]:
    """One of queries, keys and values, cut out of the three and into heads."""
    return lambda dims, weight: _into_heads(dims, np.split(weight, 3)[part])


def _no_bias(dims: Dims) -> np.ndarray:
    """The bias [H, K] of a model that has none."""
    return np.zeros((dims["H"], dims["D"] // dims["H"]), np.float32)


def _out_of_heads(dims: Dims, weight: np.ndarray, *gamma: np.ndarray) -> np.ndarray:
    """[H, K, D] of a weight [D, D]."""
    kernel = weight.T * gamma[0] if gamma else weight.T
    return kernel.reshape(dims["H"], -1, kernel.shape[-1])


def _after_class_token(dims: Dims, embedding: np.ndarray) -> np.ndarray:
    """[1, T + 1, D] of positions [1, T, D] that leave out the class token."""
    return np.concatenate([np.zeros_like(embedding[:, :1]), embedding], axis=1)


@dataclasses.dataclass(frozen=True)
class Torch:
    """Names of a PyTorch layout, without `.weight` and `.bias`.

    Attributes:
      title: what the user would call it.
      cls: the class token.
      position: the position embedding.
      patches: the patch embedding.
      norm: the last norm.
      block: before the names of encoder block `{}`.
      norms: both norms of a block.
      attention: queries, keys and values, or one tensor of all three.
      out: attention's output.
      mlp: both layers of the MLP.
      scales: LayerScale's factors, folded into `out` and the second of `mlp`; () where none.
      epsilon: of the norms, where no config.json says.
      mean: of images, where no file says.
      std: likewise.
      bare: the position embedding may leave out the class token.
    """

    title: str
    cls: str
    position: str
    patches: str
    norm: str
    block: str
    norms: tuple[str, str]
    attention: tuple[str, ...]
    out: str
    mlp: tuple[str, str]
    scales: tuple[()] | tuple[str, str]
    epsilon: float
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    bare: bool = False


# Of ImageNet: what self-supervised ViTs and those with LayerScale are trained with.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

HF_VIT = Torch(
    title="a ViT of Hugging Face transformers",
    cls="embeddings.cls_token",
    position="embeddings.position_embeddings",
    patches="embeddings.patch_embeddings.projection",
    norm="layernorm",
    block="encoder.layer.{}.",
    norms=("layernorm_before", "layernorm_after"),
    attention=tuple(f"attention.attention.{part}" for part in ("query", "key", "value")),
    out="attention.output.dense",
    mlp=("intermediate.dense", "output.dense"),
    scales=(),
    epsilon=1e-12,
)
HF_DINOV2 = dataclasses.replace(
    HF_VIT,
    title="a DINOv2 of Hugging Face transformers",
    norms=("norm1", "norm2"),
    mlp=("mlp.fc1", "mlp.fc2"),
    scales=("layer_scale1.lambda1", "layer_scale2.lambda1"),
    epsilon=1e-6,
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
)
# The names that the modules of transformers 5 have; what it saves may bear the older ones.
_ATTENTION_5 = tuple(f"attention.{part}_proj" for part in "qkv")
HF_VIT_5 = dataclasses.replace(
    HF_VIT,
    title="a ViT of Hugging Face transformers 5",
    block="layers.{}.",
    attention=_ATTENTION_5,
    out="attention.o_proj",
    mlp=("mlp.fc1", "mlp.fc2"),
)
HF_DINOV2_5 = dataclasses.replace(
    HF_DINOV2,
    title="a DINOv2 of Hugging Face transformers 5",
    attention=_ATTENTION_5,
    out="attention.o_proj",
)
TIMM = Torch(
    title="a ViT of timm",
    cls="cls_token",
    position="pos_embed",
    patches="patch_embed.proj",
    norm="norm",
    block="blocks.{}.",
    norms=("norm1", "norm2"),
    attention=("attn.qkv",),
    out="attn.proj",
    mlp=("mlp.fc1", "mlp.fc2"),
    scales=(),
    epsilon=1e-6,
    bare=True,
)
TIMM_SCALED = dataclasses.replace(
    TIMM,
    title="a ViT of timm with LayerScale",
    scales=("ls1.gamma", "ls2.gamma"),
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
)

# A style, and how names end that are not all in a file of a later one with the same patches.
_NORM, _QUERY = ".norm1.weight", ".attention.q_proj.weight"
_STYLES: tuple[tuple[Torch, tuple[str, ...]], ...] = (
    (dataclasses.replace(HF_DINOV2_5, block="layers.{}."), (_NORM, f".layers.0{_QUERY}")),
    (HF_DINOV2_5, (_NORM, _QUERY)),
    (HF_DINOV2, (_NORM,)),
    (HF_VIT_5, (_QUERY,)),
    (HF_VIT, ()),
    (TIMM_SCALED, (".gamma",)),
    (TIMM, ()),
)


def detect(shapes: Mapping[str, tuple[int, ...]], place: str) -> Layout:
    """The layout of a PyTorch ViT, found out from the names.

    Raises:
      Mu2Error: no layout has such names; a tensor is missing or too much.
    """
    style, prefix = _detect(shapes, place)
    block = re.escape(prefix + style.block).replace(r"\{\}", r"(\d{1,6})")
    layers = count_layers(shapes, block, place)
    words: dict[str, str] = {}
    leaves: dict[str, tuple[Leaf, ...]] = {}

    def leaf(name: str, key: str, word: str, make: Callable[..., np.ndarray] = same) -> Leaf:
        words[prefix + key] = word
        return Leaf(name, (prefix + key,), make)

    def scaled(leaf: Leaf, scale: str | None, make: Callable[..., np.ndarray]) -> Leaf:
        if scale is None:
            return leaf
        words[prefix + scale] = "D"
        return Leaf(leaf.name, (*leaf.keys, prefix + scale), make)

    def norm(name: str, key: str) -> tuple[Leaf, ...]:
        return (
            leaf(f"{name}scale", f"{key}.weight", "D"),
            leaf(f"{name}bias", f"{key}.bias", "D"),
        )

    leaves["embedding"] = (
        leaf("kernel", f"{style.patches}.weight", "DCPP", _patches),
        leaf("bias", f"{style.patches}.bias", "D"),
    )
    leaves["cls"] = (leaf("cls", style.cls, "11D"),)
    # 196 positions are 14 x 14 patches; 197 are these and the class token.
    (tokens,) = shapes.get(prefix + style.position, ())[1:2] or (0,)
    bare = style.bare and tokens > 1 and side_of(tokens) is not None
    positions = _after_class_token if bare else same
    leaves["posembed_input"] = (leaf("pos_embedding", style.position, "1TD", positions),)
    for i in range(layers):
        at = style.block.format(i)
        scales = tuple(at + scale for scale in style.scales) or (None, None)
        out, mlp = at + style.out, [at + name for name in style.mlp]
        dense = "MlpBlock_3/Dense_1"
        leaves[f"encoderblock_{i}"] = (
            *norm("LayerNorm_0/", at + style.norms[0]),
            *_attention(style, at, prefix, shapes, leaf),
            scaled(
                leaf(f"{ATTENTION}/out/kernel", f"{out}.weight", "DD", _out_of_heads),
                scales[0],
                _out_of_heads,
            ),
            scaled(leaf(f"{ATTENTION}/out/bias", f"{out}.bias", "D"), scales[0], _scaled_bias),
            *norm("LayerNorm_2/", at + style.norms[1]),
            leaf("MlpBlock_3/Dense_0/kernel", f"{mlp[0]}.weight", "MD", _dense),
            leaf("MlpBlock_3/Dense_0/bias", f"{mlp[0]}.bias", "M"),
            scaled(
                leaf(f"{dense}/kernel", f"{mlp[1]}.weight", "DM", _dense), scales[1], _scaled_dense
            ),
            scaled(leaf(f"{dense}/bias", f"{mlp[1]}.bias", "D"), scales[1], _scaled_bias),
        )
    leaves["encoder_norm"] = norm("", style.norm)
    layout = Layout(
        title=style.title,
        shapes=words,
        leaves=leaves,
        layers=layers,
        gelu="exact",
        epsilon=style.epsilon,
        mean=style.mean,
        std=style.std,
        bare=bare,
    )
    layout.check_names(shapes, place, prefix)
    return layout


def _attention(
    style: Torch,
    at: str,
    prefix: str,
    shapes: Mapping[str, tuple[int, ...]],
    leaf: Callable[..., Leaf],
) -> list[Leaf]:
    """The leaves of queries, keys and values; where no layer has biases, they are zeros."""
    biases = any(name.endswith(f"{style.attention[0]}.bias") for name in shapes)
    made = []
    for part, name in enumerate(("query", "key", "value")):
        fused = len(style.attention) == 1
        key = at + style.attention[0 if fused else part]
        make = _third(part) if fused else _into_heads
        wide = "Q" if fused else "D"
        made.append(leaf(f"{ATTENTION}/{name}/kernel", f"{key}.weight", f"{wide}D", make))
        if biases:
            made.append(leaf(f"{ATTENTION}/{name}/bias", f"{key}.bias", wide, make))
        else:
            made.append(Leaf(f"{ATTENTION}/{name}/bias", (), _no_bias))
    return made


def _detect(names: Collection[str], place: str) -> tuple[Torch, str]:
    """The names' style, and what stands before each (`vit.`, `dinov2.`, `model.` or nothing)."""
    foreign.check_tensors(names, place)
    for style, endings in _STYLES:
        if not all(any(f".{name}".endswith(end) for name in names) for end in endings):
            continue
        # Two marks, so that a file that lacks one of them is told what it lacks.
        for mark in (f"{style.patches}.weight", style.cls):
            for name in names:
                if name == mark or name.endswith(f".{mark}"):
                    return style, name.removesuffix(mark)
    some = [name[:80] for name in sorted(names)[:6]]
    raise Mu2Error(
        f"these are the tensors of no ViT that mu2 knows: {', '.join(some)}"
        f"{' …' if len(names) > len(some) else ''}.",
        location=place,
        hint="It knows ViT and DINOv2 as transformers and timm name them.",
    )
