"""Pretrained roots: every layout gives the features of its weights; what does not fit is told."""

import json
import random
import re
import struct
import zipfile

import ml_dtypes
import numpy as np
import pytest

from mu2 import cli
from mu2.errors import Mu2Error
from mu2.key import Key
from mu2.models import AugReg, Model, Safetensors, ViT, nest
from tests.models import files

KEY = Key.from_seed(1)
DEFAULTS = {"image_size": files.SIDE, "num_layers": files.LAYERS, "adapter_dim": 4}
SIZES = {
    "patch": files.PATCH,
    "width": files.WIDTH,
    "heads": files.HEADS,
    "mlp_dim": files.MLP,
}
JAX = ViT(**SIZES)
TIMM = ViT(**SIZES, gelu="exact")
HF = ViT(**SIZES, gelu="exact", epsilon=1e-12)


def save(path, arrays):
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        path.write_bytes(files.safetensors(arrays))
    return str(path)


def features(root, model, x, **changed):
    """The features [N, D] of the root's components; all but the head must be there, in order."""
    hyperparameters = {**DEFAULTS, **changed}
    made = root.components(model, hyperparameters, KEY)
    expected = [c for c in model.network(hyperparameters, 1) if not c.optional][:-1]
    assert [component for component, _ in made] == expected
    for component, arrays in made:
        assert {k: (v.shape, v.dtype) for k, v in arrays.items()} == {
            k: (v.shape, v.dtype) for k, v in component.shapes.items()
        }
        x = component.apply(nest(arrays), x)
    return np.asarray(x)


def without_class_position(arrays):
    return {**arrays, "pos_embed": arrays["pos_embed"][:, 1:]}


PLAIN, SCALED = files.weights(), files.weights(scaled=True)
UNBIASED = files.weights(biases=False)
BARE = {**PLAIN, "pos": PLAIN["pos"] * (np.arange(10) > 0)[None, :, None]}
HEADED = {"classifier.weight": np.zeros((5, files.WIDTH), np.float32)}
MASKED = {"embeddings.mask_token": np.zeros((1, files.WIDTH), np.float32)}
HEAD = {"head.weight": np.zeros((5, files.WIDTH), np.float32)}
# The weights, what is in the file, the model, and how images were normalised.
LAYOUTS = {
    "augreg": (PLAIN, files.augreg(PLAIN), JAX, files.HALF),
    "transformers ViT": (PLAIN, files.hf(PLAIN), HF, files.HALF),
    "with a head": (PLAIN, files.hf(PLAIN, "vit.") | HEADED, HF, files.HALF),
    "transformers DINOv2": (
        SCALED,
        files.hf(SCALED, dinov2=True) | MASKED,
        TIMM,
        files.IMAGENET,
    ),
    "timm": (PLAIN, files.timm(PLAIN) | HEAD, TIMM, files.HALF),
    "timm DINOv2": (SCALED, files.timm(SCALED), TIMM, files.IMAGENET),
    "timm without biases": (UNBIASED, files.timm(UNBIASED, biases=False), TIMM, files.HALF),
    "timm, bare class token": (BARE, without_class_position(files.timm(BARE)), TIMM, files.HALF),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_features_of_its_weights(tmp_path, layout):
    w, arrays, model, normal = LAYOUTS[layout]
    kind, suffix = (AugReg, "npz") if layout == "augreg" else (Safetensors, "safetensors")
    root = kind(save(tmp_path / f"weights.{suffix}", arrays))
    root.check(model, DEFAULTS)
    x = files.images()
    expected = files.features(w, x, gelu=model.gelu, epsilon=model.epsilon, normal=normal)
    np.testing.assert_allclose(features(root, model, x), expected, atol=1e-4)
    assert np.abs(expected).mean() > 0.1


@pytest.mark.parametrize("layout", ["augreg", "timm DINOv2"])
def test_fewer_layers_are_the_first_ones_and_more_are_refused(tmp_path, layout):
    w, arrays, model, normal = LAYOUTS[layout]
    kind, suffix = (AugReg, "npz") if layout == "augreg" else (Safetensors, "safetensors")
    root = kind(save(tmp_path / f"weights.{suffix}", arrays))
    x = files.images()
    said = {"gelu": model.gelu, "epsilon": model.epsilon, "normal": normal}
    for layers in (0, 1):
        expected = files.features(w, x, layers=layers, **said)
        found = features(root, model, x, num_layers=layers)
        np.testing.assert_allclose(found, expected, atol=1e-4)
    with pytest.raises(Mu2Error, match=r"num_layers is 4, and the weights have 3") as caught:
        root.check(model, {**DEFAULTS, "num_layers": 4})
    assert "num_layers = 3" in caught.value.hint


def test_positions_are_resampled_as_the_model_resamples_them(tmp_path):
    root = AugReg(save(tmp_path / "w.npz", files.augreg(PLAIN)))
    larger = {**DEFAULTS, "image_size": 2 * files.SIDE}
    found = {c.name: arrays for c, arrays in root.components(JAX, larger, KEY)}
    network = {c.name: c for c in JAX.network(larger, 1)}
    expected = JAX.resample(
        "posembed_input", {"pos_embedding": PLAIN["pos"]}, network["posembed_input"]
    )
    np.testing.assert_array_equal(
        found["posembed_input"]["pos_embedding"], expected["pos_embedding"]
    )
    assert found["posembed_input"]["pos_embedding"].shape == (1, 37, files.WIDTH)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ml_dtypes.bfloat16])
@pytest.mark.parametrize("kind", [AugReg, Safetensors])
def test_other_precisions_become_float32(tmp_path, kind, dtype):
    layout = files.augreg if kind is AugReg else files.timm
    model = JAX if kind is AugReg else TIMM
    path = tmp_path / ("w.npz" if kind is AugReg else "w.safetensors")
    stored = {name: array.astype(dtype) for name, array in layout(PLAIN).items()}
    rounded = {name: array.astype(dtype).astype(np.float32) for name, array in PLAIN.items()}
    x = files.images()
    expected = files.features(rounded, x, gelu=model.gelu, epsilon=model.epsilon)
    np.testing.assert_allclose(features(kind(save(path, stored)), model, x), expected, atol=1e-4)


def shards(folder, arrays, **changed):
    """A folder of two shards and their index."""
    names = sorted(arrays)
    half = len(names) // 2
    parts = {"a.safetensors": names[:half], "b.safetensors": names[half:]}
    for file, held in parts.items():
        save(folder / file, {name: arrays[name] for name in held})
    where = {name: file for file, held in parts.items() for name in held}
    index = {"weight_map": {**where, **changed}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return str(folder)


def test_shards_and_a_folder_are_one_file(tmp_path):
    arrays = files.timm(PLAIN)
    whole = features(
        Safetensors(save(tmp_path / "model.safetensors", arrays)), TIMM, files.images()
    )
    folder = Safetensors(str(tmp_path))
    np.testing.assert_array_equal(features(folder, TIMM, files.images()), whole)
    shards(tmp_path, arrays)
    (tmp_path / "model.safetensors").unlink()
    for path in (tmp_path, tmp_path / "model.safetensors.index.json"):
        found = features(Safetensors(str(path)), TIMM, files.images())
        np.testing.assert_array_equal(found, whole)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"norm.weight": "../a.safetensors"}, "no 'weight_map'"),
        ({"norm.weight": 5}, "no 'weight_map'"),
        ({"norm.weight": "a.safetensors"}, "lack: norm.weight"),
        ({"norm.weight": "c.safetensors"}, "no such file"),
    ],
)
def test_an_index_that_is_wrong_is_told(tmp_path, changed, words):
    path = shards(tmp_path, files.timm(PLAIN), **changed)
    with pytest.raises(Mu2Error, match=words):
        Safetensors(path).check(TIMM, DEFAULTS)


def test_a_url_is_read_through_fsspec(tmp_path):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.pipe("/vit/model.safetensors", files.safetensors(files.timm(PLAIN)))
    memory.pipe("/vit/config.json", json.dumps({"num_attention_heads": 3}).encode())
    local = Safetensors(save(tmp_path / "w.safetensors", files.timm(PLAIN)))
    expected = features(local, TIMM, files.images())
    for url in ("memory://vit/model.safetensors", "memory://vit"):
        np.testing.assert_array_equal(features(Safetensors(url), TIMM, files.images()), expected)
    with pytest.raises(Mu2Error, match="no such file"):
        AugReg("memory://vit/none.npz").check(JAX, DEFAULTS)
    with pytest.raises(Mu2Error, match="cannot be read"):
        AugReg("nowhere://vit/none.npz").check(JAX, DEFAULTS)


def test_a_model_of_another_kind_has_no_weights(tmp_path):
    class Other(Model):
        def input_shape(self, hyperparameters):
            return ()

        def network(self, hyperparameters, num_classes, dtype="float32"):
            return ()

    for root in (AugReg(str(tmp_path / "none")), Safetensors(str(tmp_path / "none"))):
        assert root.components(Other(), DEFAULTS, KEY) == ()
        root.check(Other(), DEFAULTS)


def test_a_file_that_is_missing_is_told_with_the_nearest(tmp_path):
    save(tmp_path / "Ti_16.npz", files.augreg(PLAIN))
    with pytest.raises(Mu2Error, match="no such file") as caught:
        AugReg(str(tmp_path / "Ti_61.npz")).check(JAX, DEFAULTS)
    assert "Ti_16.npz" in caught.value.hint
    with pytest.raises(Mu2Error, match="no such file") as caught:
        Safetensors(str(tmp_path)).check(TIMM, DEFAULTS)
    with pytest.raises(Mu2Error, match="names no file"):
        AugReg("")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"patch": 2}, ["patch 4", "[24, 3, 4, 4]", "Set ViT.patch = 4"]),
        ({"width": 48}, ["width 24", "Set ViT.width = 24"]),
        ({"mlp_dim": 64}, ["mlp_dim 40", "fc1", "[40, 24]", "Set ViT.mlp_dim = 40"]),
        ({"channels": 1}, ["channels 3", "Set ViT.channels = 3"]),
        ({"gelu": "tanh"}, ["gelu 'exact'", "Set ViT.gelu = 'exact'"]),
        ({"epsilon": 1e-5}, ["epsilon 1e-06", "Set ViT.epsilon = 1e-06"]),
        ({"patch": 2, "mlp_dim": 64}, ["ViT.patch = 4; Set ViT.mlp_dim = 40"]),
    ],
)
def test_a_model_of_other_sizes_is_told_what_to_set(tmp_path, changed, words):
    root = Safetensors(save(tmp_path / "w.safetensors", files.timm(PLAIN)))
    for refuse in (root.check, lambda *a: root.components(*a, KEY)):
        with pytest.raises(Mu2Error) as caught:
            refuse(ViT(**{**SIZES, "gelu": "exact", **changed}), DEFAULTS)
        assert all(word in str(caught.value) for word in words), str(caught.value)


def test_augreg_shows_its_heads(tmp_path):
    root = AugReg(save(tmp_path / "w.npz", files.augreg(PLAIN)))
    with pytest.raises(Mu2Error, match=re.escape("Set ViT.heads = 3")):
        root.check(ViT(**{**SIZES, "heads": 4}), DEFAULTS)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"num_attention_heads": 4}, "Set ViT.heads = 4"),
        ({"hidden_act": "gelu_new"}, "Set ViT.gelu = 'tanh'"),
        ({"layer_norm_eps": 1e-5}, "Set ViT.epsilon = 1e-05"),
        ({"hidden_act": "relu"}, "'relu', which ViT has not"),
        ({"num_attention_heads": "many"}, "'many' makes no sense"),
        ({"pretrained_cfg": {"mean": "x"}}, "'x' makes no sense"),
        ({"pretrained_cfg": {"mean": [0.1, 0.2]}}, "has not 3 channels"),
        ([], "no JSON object"),
    ],
)
def test_a_config_beside_is_believed(tmp_path, config, words):
    root = Safetensors(save(tmp_path / "model.safetensors", files.timm(PLAIN)))
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(Mu2Error, match=re.escape(words)):
        root.check(TIMM, DEFAULTS)
    save(tmp_path / "other.safetensors", files.timm(PLAIN))
    Safetensors(str(tmp_path / "other.safetensors")).check(TIMM, DEFAULTS)


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("config.json", {"pretrained_cfg": {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}}),
        ("preprocessor_config.json", {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]}),
        (None, None),
    ],
)
def test_the_normalisation_of_images_is_folded_in(tmp_path, name, document):
    path, mean, std = str(tmp_path), (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    save(tmp_path / "model.safetensors", files.timm(PLAIN))
    root = Safetensors(path)
    if name:
        (tmp_path / name).write_text(json.dumps(document))
    else:
        root = Safetensors(path, mean=mean, std=std)
    x, normal = files.images(), (np.array(mean), np.array(std))
    expected = files.features(PLAIN, x, gelu="exact", epsilon=1e-6, normal=normal)
    np.testing.assert_allclose(features(root, TIMM, x), expected, atol=1e-4)


@pytest.mark.parametrize("field", [{"std": (0.5, 0.0, 0.5)}, {"mean": ()}, {"std": ()}])
def test_a_normalisation_that_cannot_be_is_refused(field):
    with pytest.raises(Mu2Error, match=f"Safetensors.{next(iter(field))}"):
        Safetensors("w.safetensors", **field)


def extra(*names):
    return {name: np.zeros((1, 1, files.WIDTH), np.float32) for name in names}


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        (files.hf(SCALED, dinov2=True) | extra("embeddings.register_tokens"), "register tokens"),
        (files.timm(PLAIN) | extra("reg_token"), "register tokens"),
        (files.timm(PLAIN) | extra("dist_token"), "distillation token"),
        (files.hf(SCALED, dinov2=True) | extra("encoder.layer.0.mlp.weights_in.weight"), "SwiGLU"),
        (files.timm(PLAIN) | extra("fc_norm.weight"), "mean of all tokens"),
        (files.timm(PLAIN) | extra("blocks.0.attn.q_norm.weight"), "normalised queries"),
        (files.timm(PLAIN) | extra("moon.a", "sun.b"), "holds moon.a, sun.b, which ViT has not"),
        ({"a": np.zeros(2, np.float32)}, "of no ViT that mu2 knows: a."),
        ({}, "of no ViT that mu2 knows"),
        (files.timm(PLAIN) | {"norm.bias": np.zeros((2, 2), np.float32)}, "norm.bias [2, 2]"),
        (
            files.timm(PLAIN) | {"pos_embed": np.zeros((1, 8, files.WIDTH), np.float32)},
            "8 positions are no square",
        ),
        (
            files.timm(PLAIN)
            | {f"blocks.{i}.mlp.fc2.weight": np.zeros((24, 20), np.float32) for i in range(3)},
            "Its MLP is a SwiGLU",
        ),
    ],
)
def test_networks_that_are_no_plain_vit_are_refused_with_the_reason(tmp_path, arrays, words):
    root = Safetensors(save(tmp_path / "w.safetensors", arrays))
    with pytest.raises(Mu2Error) as caught:
        root.check(TIMM, DEFAULTS)
    assert words in str(caught.value)
    assert caught.value.location == root.path


def test_missing_tensors_are_named_all_at_once(tmp_path):
    gone = ["norm.bias", "blocks.1.attn.qkv.weight", "blocks.2.ls2.gamma", "cls_token"]
    arrays = {k: v for k, v in files.timm(SCALED).items() if k not in gone}
    with pytest.raises(Mu2Error) as caught:
        Safetensors(save(tmp_path / "w.safetensors", arrays)).check(TIMM, DEFAULTS)
    assert all(name in caught.value.message for name in gone)
    gone = ["cls", "Transformer/encoderblock_1/MlpBlock_3/Dense_0/kernel", "embedding/bias"]
    arrays = {k: v for k, v in files.augreg(PLAIN).items() if k not in gone}
    with pytest.raises(Mu2Error) as caught:
        AugReg(save(tmp_path / "w.npz", arrays)).check(JAX, DEFAULTS)
    assert all(name in caught.value.message for name in gone)


def test_a_missing_block_is_named(tmp_path):
    arrays = {k: v for k, v in files.timm(PLAIN).items() if "blocks.1." not in k}
    with pytest.raises(Mu2Error, match="blocks 1 are missing"):
        Safetensors(save(tmp_path / "w.safetensors", arrays)).check(TIMM, DEFAULTS)


@pytest.mark.parametrize("kind", [AugReg, Safetensors])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(tmp_path, kind, value):
    w = {**PLAIN, "2.out.b": np.full(files.WIDTH, value, np.float32)}
    path, arrays = (
        ("w.npz", files.augreg(w)) if kind is AugReg else ("w.safetensors", files.timm(w))
    )
    root = kind(save(tmp_path / path, arrays))
    model = JAX if kind is AugReg else TIMM
    root.check(model, DEFAULTS)
    with pytest.raises(Mu2Error, match="NaN or infinite"):
        root.components(model, DEFAULTS, KEY)
    # A layer that is not taken may hold what it will.
    root.components(model, {**DEFAULTS, "num_layers": 2}, KEY)


def test_numbers_beyond_float32_and_integers_are_refused(tmp_path):
    for array, words in (
        (np.full(files.WIDTH, 1e300), "NaN or infinite"),
        (np.zeros(files.WIDTH, np.int64), "no weight"),
    ):
        for kind, name, layout, key, model in (
            (AugReg, "w.npz", files.augreg, "embedding/bias", JAX),
            (Safetensors, "w.safetensors", files.timm, "patch_embed.proj.bias", TIMM),
        ):
            root = kind(save(tmp_path / name, {**layout(PLAIN), key: array}))
            with pytest.raises(Mu2Error, match=words):
                root.components(model, DEFAULTS, KEY)


def entry(shape, start, stop, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "does not fit"),
        (b"abc", "does not fit"),
        (struct.pack("<Q", 10 << 30) + b"{}", "header of 10737418240 bytes does not fit"),
        (struct.pack("<Q", 2**64 - 1) + b"{}", "does not fit"),
        (files.packed(b"{}", b"", length=99), "does not fit"),
        (files.packed(b"{", b""), "header is wrong"),
        (files.packed(b"[]", b""), "no JSON object"),
        (files.packed(b"[" * 100_000, b""), "header is wrong"),
        (files.packed(b"\xff\xfe", b""), "header is wrong"),
        (files.packed(b'{"a": 1, "a": 2}', b""), "stands in it twice"),
        (files.packed({"a": 5}, b""), "has not dtype"),
        (files.packed({"a": {"dtype": "F32", "shape": [1]}}, b"1234"), "has not dtype"),
        (files.packed({"a": entry([1], 0, 4, "F3")}, b"1234"), "unknown dtype 'F3'"),
        (files.packed({"a": entry([1], 0, 4, ["F32"])}, b"1234"), "unknown dtype"),
        (files.packed({"a": entry([-1], 0, 4)}, b"1234"), "no lists of counts"),
        (files.packed({"a": entry([True], 0, 4)}, b"1234"), "no lists of counts"),
        (files.packed({"a": entry([1.0], 0, 4)}, b"1234"), "no lists of counts"),
        (files.packed({"a": entry("1", 0, 4)}, b"1234"), "no lists of counts"),
        (files.packed({"a": entry([2], 0, 4)}, b"1234"), "takes 8 bytes"),
        (files.packed({"a": entry([2], 0, 8, "F16")}, b"12345678"), "takes 4 bytes"),
        (files.packed({"a": entry([1], 4, 0)}, b"1234"), "takes 4 bytes"),
        (files.packed({"a": entry([2**40, 2**40], 0, 4)}, b"1234"), "takes"),
        (files.packed({"a": entry([2], 0, 8)}, b"1234"), "reach outside the file"),
        (files.packed({"a": entry([1], 0, 4)}, b"12345"), "end before the file does"),
        (files.packed({"a": entry([1], 4, 8)}, b"12345678"), "leaves a gap"),
        (
            files.packed({"a": entry([1], 0, 4), "b": entry([1], 2, 6)}, b"123456"),
            "'b' overlaps",
        ),
        (
            files.packed({"a": entry([1], 0, 4), "b": entry([1], 0, 4)}, b"1234"),
            "'b' overlaps",
        ),
    ],
)
def test_damaged_safetensors_are_refused(tmp_path, content, words):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(Mu2Error, match="damaged") as caught:
        Safetensors(str(path)).check(TIMM, DEFAULTS)
    assert words in caught.value.message


def objects(path):
    np.savez(path, a=np.array([{}], dtype=object))


def no_archive(path):
    path.write_bytes(b"no archive")


def no_array(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"no array")


@pytest.mark.parametrize("write", [objects, no_archive, no_array])
def test_damaged_archives_are_refused_without_pickle(tmp_path, write):
    write(tmp_path / "w.npz")
    with pytest.raises(Mu2Error, match="damaged"):
        AugReg(str(tmp_path / "w.npz")).check(JAX, DEFAULTS)


@pytest.mark.parametrize("kind", [AugReg, Safetensors])
def test_whatever_is_done_to_the_bytes_is_told_without_a_traceback(tmp_path, kind):
    w = {k: v for k, v in PLAIN.items() if k[0] not in "12"}  # one layer
    hyperparameters = {**DEFAULTS, "num_layers": 1}
    layers, files.LAYERS = files.LAYERS, 1
    try:
        arrays = files.augreg(w) if kind is AugReg else files.timm(w)
    finally:
        files.LAYERS = layers
    path = tmp_path / ("w.npz" if kind is AugReg else "w.safetensors")
    save(path, arrays)
    whole, generator = path.read_bytes(), random.Random(3)
    model = JAX if kind is AugReg else TIMM
    told = []
    for attempt in range(120):
        content = bytearray(whole)
        if attempt % 3 == 0:
            del content[generator.randrange(len(content)) :]
        else:
            # The names and shapes: at the end of an archive, at the start of safetensors.
            start = len(content) - 3000 if kind is AugReg else 0
            for _ in range(generator.randint(1, 4)):
                place = start + generator.randrange(2000)
                content[place] = generator.choice([*b"0129[]{}:,\"'-. \n", 0, 255])
        path.write_bytes(content)
        try:
            kind(str(path)).components(model, hyperparameters, KEY)
        except Mu2Error as error:
            told.append(str(error))
    assert len(told) > 60
    assert max(map(len, told)) < 3000


PARTS = {
    "augreg": ["AugReg.path"],
    "safetensors": ["Safetensors.path"],
    "system": ["SystemRoot.path", "SystemRoot.task"],
}


@pytest.mark.parametrize("part", PARTS)
def test_check_tells_what_a_root_needs(tmp_path, monkeypatch, capsys, part):
    monkeypatch.chdir(tmp_path)
    text = f"include 'gin/quickstart.gin'\ninclude 'gin/root/{part}.gin'\n"
    (tmp_path / "run.gin").write_text(text)
    assert cli.main(["check", "run.gin"]) == 2
    told = capsys.readouterr().err
    assert all(f"{name} is never set" in told for name in PARTS[part])
