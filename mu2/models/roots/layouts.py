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
    (
        r"mlp\.(w12|w3|weights_in|weights_out|gate_proj|up_proj|down_proj)\.",
        "a SwiGLU MLP (as DINOv2 giant); take a smaller",
    ),
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
      bare: the position embedding leaves out the class token.
    """

    title: str
    shapes: Mapping[str, str]
    leaves: Mapping[str, tuple[Leaf, ...]]
    layers: int
    gelu: str
    epsilon: float
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    bare: bool = False

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
                    f"this network has {reason}: {_reported(found)}. ViT has no such layer.",
                    location=place,
                )
        missing = sorted(set(self.shapes) - set(names))
        if missing or extra:
            lacks = [f"lacks {_reported(missing)}"] if missing else []
            holds = [f"holds {_reported(extra)}, which ViT has not"] if extra else []
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
                f"shapes that do not fit the rest of the file: {_reported(told)}; "
                f"{key} should be {wanted}.",
                location=place,
                hint="Its MLP is a SwiGLU, which ViT has not; take a smaller model."
                if gated
                else None,
            )
        return dims


def _reported(names: Iterable[str]) -> str:
    names = [name if len(name) <= 200 else f"{name[:200]} …" for name in names]
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more


def same(dims: Dims, array: np.ndarray) -> np.ndarray:
    """A tensor that is a leaf as it stands."""
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
        raise Mu2Error(
            f"the encoder blocks {_reported(map(str, lost))} are missing.", location=place
        )
    return len(found)


# AugReg: our own names, below other folders.

ATTENTION = "MultiHeadDotProductAttention_1"
_AUGREG_BLOCK = {
    "LayerNorm_0/scale": "D",
    "LayerNorm_0/bias": "D",
    **{f"{ATTENTION}/{part}/kernel": "DHK" for part in ("query", "key", "value")},
    **{f"{ATTENTION}/{part}/bias": "HK" for part in ("query", "key", "value")},
    f"{ATTENTION}/out/kernel": "HKD",
    f"{ATTENTION}/out/bias": "D",
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
            component: tuple(Leaf(leaf, (folder + leaf,), same) for leaf in leaves)
            for component, folder, leaves in parts
        },
        layers=layers,
        gelu="tanh",
        epsilon=1e-6,
    )
    layout.check_names(names, place)
    return layout
