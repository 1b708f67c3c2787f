"""How public ViT files name and lay out their tensors, and what each leaf of ours is made of.

Shapes are words of letters, one an axis: P patch, C channels, D width, H heads, K width of a head,
M width of the MLP, T tokens, Q three times D. The letters are solved for from the file, so that a
tensor that does not fit the others is found before any is read.
"""

import dataclasses
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping

import numpy as np

from mu2.errors import Mu2Error

# Why a tensor that is too much makes another network of a ViT; the first that fits is told.
_REASONS: tuple[tuple[str, str], ...] = (
    (r"reg(ister)?_tokens?$", "register tokens; take the variant without registers"),
    (r"dist(illation)?_token$", "a distillation token; take the variant that was not distilled"),
    (r"mlp\.(w12|w3|weights_in|weights_out)\.", "a SwiGLU MLP (as DINOv2 giant); take a smaller"),
    (r"\.[qk]_norm\.", "normalised queries and keys"),
    (r"(norm_pre|pre_layrnorm)\.", "a norm before its first block"),
    (r"fc_norm\.", "a head that reads the mean of all tokens in place of the class token"),
    (r"relative_position", "relative positions"),
    (r"conv_root|^block\d+/", "a ResNet in place of patches (a hybrid)"),
)
# Layers after the last norm, and what only pretraining used: all dropped with the head.
_DROPPED = re.compile(
    r"(head|head_dist|pre_logits|pooler|classifier|decoder|lm_head)[./]"
    r"|(embeddings\.)?mask_token$|embeddings\.position_ids$"
)
_TOLD = 40  # names in one message

Dims = Mapping[str, int]


@dataclasses.dataclass(frozen=True)
class Leaf:
    """What one leaf of a component is made of.

    Attributes:
      name: the leaf.
      keys: tensors of the file.
      make: from the letters' values and the tensors, in float32, to the leaf.
    """

    name: str
    keys: tuple[str, ...]
    make: Callable[..., np.ndarray]


@dataclasses.dataclass(frozen=True)
class Layout:
    """One file's layout.

    Attributes:
      title: what the user would call it.
      shapes: every tensor that is needed, to its shape in letters.
      leaves: component to what its leaves are made of; the position embedding in the file's size.
      layers: encoder blocks in the file.
      gelu: as the software that the file is made for computes it.
      epsilon: likewise.
      mean: of the images the weights were trained on, in [0, 1].
      std: likewise.
    """

    title: str
    shapes: Mapping[str, str]
    leaves: Mapping[str, tuple[Leaf, ...]]
    layers: int
    gelu: str
    epsilon: float
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)

    def check_names(self, names: Collection[str], place: str, prefix: str = "") -> None:
        """Refuses a file that lacks a tensor, or holds one that a ViT has not.

        Raises:
          Mu2Error: naming all of them.
        """
        extra = sorted(
            name
            for name in set(names) - set(self.shapes)
            if name.startswith(prefix) and not _DROPPED.match(name[len(prefix) :])
        )
        for pattern, reason in _REASONS:
            if found := [name for name in extra if re.search(pattern, name)]:
                raise Mu2Error(
                    f"this network has {reason}: {_told(found)}. ViT has no such layer.",
                    location=place,
                )
        missing = sorted(set(self.shapes) - set(names))
        if missing or extra:
            lacks = [f"lacks {_told(missing)}"] if missing else []
            holds = [f"holds {_told(extra)}, which ViT has not"] if extra else []
            raise Mu2Error(
                f"as {self.title}, the file {' and '.join(lacks + holds)}.",
                location=place,
                hint="Take a file of a plain ViT with a class token.",
            )

    def solve(self, shapes: Mapping[str, tuple[int, ...]], place: str) -> dict[str, int]:
        """The letters' values.

        Raises:
          Mu2Error: tensors that do not fit the others, all named.
        """
        dims: dict[str, int] = {"1": 1}
        faults = []
        for key, word in self.shapes.items():
            shape = list(shapes[key])
            for letter, side in zip(word, shape, strict=False):
                dims.setdefault(letter, 3 * dims.get("D", 0) if letter == "Q" else side)
            if shape != [dims.get(letter) for letter in word]:
                faults.append((key, shape, word))
        if faults:
            told = [f"{key} {shape}" for key, shape, _ in faults]
            key, shape, word = faults[0]
            wanted = [dims.get(letter, letter) for letter in word]
            gated = ".fc2." in key and len(shape) == 2 and 2 * shape[1] == dims.get("M")
            raise Mu2Error(
                f"shapes that do not fit the rest of the file: {_told(told)}; "
                f"{key} should be {wanted}.",
                location=place,
                hint="Its MLP is a SwiGLU, which ViT has not; take a smaller model."
                if gated
                else None,
            )
        return dims


def _told(names: Iterable[str]) -> str:
    names = [name if len(name) <= 200 else f"{name[:200]} …" for name in names]
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more


def _same(dims: Dims, array: np.ndarray) -> np.ndarray:
    return array


def side_of(patches: int) -> int | None:
    """The side of a square of so many patches; None where they make none."""
    side = math.isqrt(patches)
    return side if side * side == patches else None


def count_layers(names: Iterable[str], block: str, place: str) -> int:
    """How many encoder blocks there are; `block` is a pattern with the number as its group.

    Raises:
      Mu2Error: their numbers are not 0, 1, 2 and so on.
    """
    found = {int(match[1]) for name in names if (match := re.match(block, name))}
    if found != set(range(len(found))):
        lost = sorted(set(range(len(found))) - found)
        raise Mu2Error(f"the encoder blocks {_told(map(str, lost))} are missing.", location=place)
    return len(found)


# AugReg: our own names, below other folders.

_ATTENTION = "MultiHeadDotProductAttention_1"
_AUGREG_BLOCK = {
    "LayerNorm_0/scale": "D",
    "LayerNorm_0/bias": "D",
    **{f"{_ATTENTION}/{part}/kernel": "DHK" for part in ("query", "key", "value")},
    **{f"{_ATTENTION}/{part}/bias": "HK" for part in ("query", "key", "value")},
    f"{_ATTENTION}/out/kernel": "HKD",
    f"{_ATTENTION}/out/bias": "D",
    "LayerNorm_2/scale": "D",
    "LayerNorm_2/bias": "D",
    "MlpBlock_3/Dense_0/kernel": "DM",
    "MlpBlock_3/Dense_0/bias": "M",
    "MlpBlock_3/Dense_1/kernel": "MD",
    "MlpBlock_3/Dense_1/bias": "D",
}


def augreg(names: Collection[str], place: str) -> Layout:
    """The layout of the public JAX weights (google-research/vision_transformer).

    Raises:
      Mu2Error: a tensor is missing or too much.
    """
    layers = count_layers(names, r"Transformer/encoderblock_(\d{1,6})/", place)
    parts = [
        ("embedding", "embedding/", {"kernel": "PPCD", "bias": "D"}),
        ("cls", "", {"cls": "11D"}),
        ("posembed_input", "Transformer/posembed_input/", {"pos_embedding": "1TD"}),
        *(
            (f"encoderblock_{i}", f"Transformer/encoderblock_{i}/", _AUGREG_BLOCK)
            for i in range(layers)
        ),
        ("encoder_norm", "Transformer/encoder_norm/", {"scale": "D", "bias": "D"}),
    ]
    layout = Layout(
        title="AugReg weights",
        shapes={
            folder + leaf: word for _, folder, leaves in parts for leaf, word in leaves.items()
        },
        leaves={
            component: tuple(Leaf(leaf, (folder + leaf,), _same) for leaf in leaves)
            for component, folder, leaves in parts
        },
        layers=layers,
        gelu="tanh",
        epsilon=1e-6,
    )
    layout.check_names(names, place)
    return layout


# PyTorch: a Dense kernel is [out, in] there, and attention's matrices are not cut into heads.


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
)
TIMM_SCALED = dataclasses.replace(
    TIMM,
    title="a ViT of timm with LayerScale",
    scales=("ls1.gamma", "ls2.gamma"),
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
)

# A style, and how a name ends that is found in no file of a later one with the same patches.
_STYLES = ((HF_DINOV2, ".norm1.weight"), (HF_VIT, ""), (TIMM_SCALED, ".gamma"), (TIMM, ""))


def torch(shapes: Mapping[str, tuple[int, ...]], place: str) -> Layout:
    """The layout of a PyTorch ViT, found out from the names.

    Raises:
      Mu2Error: no layout has such names; a tensor is missing or too much.
    """
    style, prefix = _detect(shapes, place)
    block = re.escape(prefix + style.block).replace(r"\{\}", r"(\d{1,6})")
    layers = count_layers(shapes, block, place)
    words: dict[str, str] = {}
    leaves: dict[str, tuple[Leaf, ...]] = {}

    def leaf(name: str, key: str, word: str, make: Callable[..., np.ndarray] = _same) -> Leaf:
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
    positions = _after_class_token if tokens > 1 and side_of(tokens) else _same
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
                leaf(f"{_ATTENTION}/out/kernel", f"{out}.weight", "DD", _out_of_heads),
                scales[0],
                _out_of_heads,
            ),
            scaled(leaf(f"{_ATTENTION}/out/bias", f"{out}.bias", "D"), scales[0], _scaled_bias),
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
        made.append(leaf(f"{_ATTENTION}/{name}/kernel", f"{key}.weight", f"{wide}D", make))
        if biases:
            made.append(leaf(f"{_ATTENTION}/{name}/bias", f"{key}.bias", wide, make))
        else:
            made.append(Leaf(f"{_ATTENTION}/{name}/bias", (), _no_bias))
    return made


def _detect(names: Collection[str], place: str) -> tuple[Torch, str]:
    """The names' style, and what stands before each (`vit.`, `dinov2.`, `model.` or nothing)."""
    for style, ending in _STYLES:
        if not any(name.endswith(ending) for name in names):
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
