"""Random ViT weights, the files that others would save them in, and their features in numpy."""

import json
import math
import struct

import numpy as np

from mu2.models import ViT

WIDTH, HEADS, MLP, PATCH, SIDE, LAYERS = 24, 3, 40, 4, 12, 3
IMAGENET = (np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]))
HALF = (np.full(3, 0.5), np.full(3, 0.5))
DEFAULTS = {"image_size": SIDE, "num_layers": LAYERS, "adapter_dim": 4}
SIZES = {
    "patch": PATCH,
    "width": WIDTH,
    "heads": HEADS,
    "mlp_dim": MLP,
}
JAX = ViT(**SIZES)
TIMM = ViT(**SIZES, gelu="exact")
HF = ViT(**SIZES, gelu="exact", epsilon=1e-12)


def weights(*, scaled=False, biases=True, seed=0):
    """Weights as PyTorch has them, under names of no library."""
    random = np.random.default_rng(seed)

    def draw(*shape, std=0.3, mean=0.0):
        return random.normal(mean, std, shape).astype(np.float32)

    d, tokens = WIDTH, (SIDE // PATCH) ** 2 + 1
    made = {
        "cls": draw(1, 1, d),
        "pos": draw(1, tokens, d),
        "patch.w": draw(d, 3, PATCH, PATCH),
        "patch.b": draw(d),
        "norm.w": draw(d, mean=1),
        "norm.b": draw(d),
    }
    for i in range(LAYERS):
        for name, shape in (("q", (d, d)), ("k", (d, d)), ("v", (d, d)), ("out", (d, d))):
            made[f"{i}.{name}.w"] = draw(*shape)
            made[f"{i}.{name}.b"] = draw(shape[0])
            if name != "out" and not biases:
                made[f"{i}.{name}.b"][:] = 0
        made |= {f"{i}.fc1.w": draw(MLP, d), f"{i}.fc1.b": draw(MLP)}
        made |= {f"{i}.fc2.w": draw(d, MLP), f"{i}.fc2.b": draw(d)}
        for norm in ("norm1", "norm2"):
            made |= {f"{i}.{norm}.w": draw(d, mean=1), f"{i}.{norm}.b": draw(d)}
        if scaled:
            made |= {f"{i}.g1": draw(d, mean=0.5), f"{i}.g2": draw(d, mean=0.5)}
    return made


def images(n=2, side=SIDE):
    return np.random.default_rng(9).uniform(-1, 1, (n, side, side, 3)).astype(np.float32)


def features(w, x, *, gelu, epsilon, normal=HALF, layers=LAYERS):
    """Class-token features [N, D] of images [N, S, S, 3] in [-1, 1], computed in float64."""
    w = {name: array.astype(np.float64) for name, array in w.items()}
    mean, std = normal
    x = ((x.astype(np.float64) + 1) / 2 - mean) / std

    def norm(x, name):
        x = x - x.mean(-1, keepdims=True)
        x = x / np.sqrt((x**2).mean(-1, keepdims=True) + epsilon)
        return x * w[f"{name}.w"] + w[f"{name}.b"]

    def dense(x, name):
        return x @ w[f"{name}.w"].T + w[f"{name}.b"]

    def activation(x):
        if gelu == "exact":
            return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2
        return x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2

    n, side = len(x), x.shape[1] // PATCH
    tokens = np.zeros((n, side * side, WIDTH))
    for row in range(side):
        for column in range(side):
            patch = x[:, row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH]
            tokens[:, row * side + column] = np.einsum("npqc,dcpq->nd", patch, w["patch.w"])
    tokens = np.concatenate([np.tile(w["cls"], (n, 1, 1)), tokens + w["patch.b"]], axis=1)
    y = tokens + w["pos"]
    for i in range(layers):
        z = norm(y, f"{i}.norm1")
        q, k, v = (
            dense(z, f"{i}.{part}").reshape(n, -1, HEADS, WIDTH // HEADS).transpose(0, 2, 1, 3)
            for part in "qkv"
        )
        a = q @ k.transpose(0, 1, 3, 2) / math.sqrt(WIDTH // HEADS)
        a = np.exp(a - a.max(-1, keepdims=True))
        z = (a / a.sum(-1, keepdims=True) @ v).transpose(0, 2, 1, 3).reshape(n, -1, WIDTH)
        y = y + dense(z, f"{i}.out") * w.get(f"{i}.g1", 1)
        z = dense(activation(dense(norm(y, f"{i}.norm2"), f"{i}.fc1")), f"{i}.fc2")
        y = y + z * w.get(f"{i}.g2", 1)
    return norm(y, "norm")[:, 0]


def _named(w, names, block, blocks):
    """The weights under a library's names; `.w` and `.b` become `.weight` and `.bias`."""
    found = {}
    for ours, array in w.items():
        i, _, rest = ours.partition(".")
        name, end = (rest, ours[-2:]) if i.isdigit() else (ours, ours[-2:])
        bare = name.removesuffix(end) if end in (".w", ".b") else name
        ending = {".w": ".weight", ".b": ".bias"}.get(end, "")
        if i.isdigit():
            found[block.format(i) + blocks[bare] + ending] = array
        else:
            found[names[bare] + ending] = array
    return found


def hf(w, prefix="", dinov2=False):
    names = {
        "cls": "embeddings.cls_token",
        "pos": "embeddings.position_embeddings",
        "patch": "embeddings.patch_embeddings.projection",
        "norm": "layernorm",
    }
    blocks = {
        "q": "attention.attention.query",
        "k": "attention.attention.key",
        "v": "attention.attention.value",
        "out": "attention.output.dense",
        "fc1": "mlp.fc1" if dinov2 else "intermediate.dense",
        "fc2": "mlp.fc2" if dinov2 else "output.dense",
        "norm1": "norm1" if dinov2 else "layernorm_before",
        "norm2": "norm2" if dinov2 else "layernorm_after",
        "g1": "layer_scale1.lambda1",
        "g2": "layer_scale2.lambda1",
    }
    found = _named(w, names, "encoder.layer.{}.", blocks)
    return {prefix + name: array for name, array in found.items()}


def timm(w, biases=True):
    names = {"cls": "cls_token", "pos": "pos_embed", "patch": "patch_embed.proj", "norm": "norm"}
    blocks = {"out": "attn.proj", "fc1": "mlp.fc1", "fc2": "mlp.fc2", "g1": "ls1.gamma"}
    blocks |= {"norm1": "norm1", "norm2": "norm2", "g2": "ls2.gamma", "q": "q", "k": "k", "v": "v"}
    found = _named(w, names, "blocks.{}.", blocks)
    for i in range(LAYERS):
        for end in ("weight", "bias"):
            parts = [found.pop(f"blocks.{i}.{part}.{end}") for part in "qkv"]
            if biases or end == "weight":
                found[f"blocks.{i}.attn.qkv.{end}"] = np.concatenate(parts)
    return found


def augreg(w):
    k = WIDTH // HEADS
    found = {
        "cls": w["cls"],
        "embedding/kernel": w["patch.w"].transpose(2, 3, 1, 0),
        "embedding/bias": w["patch.b"],
        "Transformer/posembed_input/pos_embedding": w["pos"],
        "Transformer/encoder_norm/scale": w["norm.w"],
        "Transformer/encoder_norm/bias": w["norm.b"],
        "head/kernel": np.zeros((WIDTH, 5), np.float32),
        "head/bias": np.zeros(5, np.float32),
        "pre_logits/kernel": np.zeros((WIDTH, WIDTH), np.float32),
        "pre_logits/bias": np.zeros(WIDTH, np.float32),
    }
    for i in range(LAYERS):
        at = f"Transformer/encoderblock_{i}/"
        for ours, theirs in (("norm1", "LayerNorm_0"), ("norm2", "LayerNorm_2")):
            found[f"{at}{theirs}/scale"] = w[f"{i}.{ours}.w"]
            found[f"{at}{theirs}/bias"] = w[f"{i}.{ours}.b"]
        attention = f"{at}MultiHeadDotProductAttention_1/"
        for ours, theirs in (("q", "query"), ("k", "key"), ("v", "value")):
            kernel = w[f"{i}.{ours}.w"].T.reshape(WIDTH, HEADS, k)
            found[f"{attention}{theirs}/kernel"] = kernel
            found[f"{attention}{theirs}/bias"] = w[f"{i}.{ours}.b"].reshape(HEADS, k)
        found[f"{attention}out/kernel"] = w[f"{i}.out.w"].T.reshape(HEADS, k, WIDTH)
        found[f"{attention}out/bias"] = w[f"{i}.out.b"]
        for ours, theirs in (("fc1", "Dense_0"), ("fc2", "Dense_1")):
            found[f"{at}MlpBlock_3/{theirs}/kernel"] = w[f"{i}.{ours}.w"].T
            found[f"{at}MlpBlock_3/{theirs}/bias"] = w[f"{i}.{ours}.b"]
    return found


def safetensors(arrays):
    """The bytes of a safetensors file."""
    names = {"float32": "F32", "float16": "F16", "float64": "F64", "bfloat16": "BF16"}
    names |= {"int64": "I64", "int8": "I8"}
    header, start = {"__metadata__": {"format": "pt"}}, 0
    for name, array in arrays.items():
        span = [start, start + array.nbytes]
        dtype = names[array.dtype.name]
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": span}
        start = span[1]
    return packed(header, b"".join(array.tobytes() for array in arrays.values()))


def packed(header, data, length=None):
    """The bytes of a safetensors file of any header, right or wrong."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def save(path, arrays):
    """Writes arrays as the suffix says; returns the path."""
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        path.write_bytes(safetensors(arrays))
    return str(path)


PLAIN = weights()
