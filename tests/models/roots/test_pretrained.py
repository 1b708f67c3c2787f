"""Pretrained roots: every layout gives the features of its weights; what does not fit is told."""

import json
import re

import ml_dtypes
import numpy as np
import pytest

from mu2 import cli
from mu2.errors import Mu2Error
from mu2.models import AugReg, Model, Safetensors, ViT, nest
from mu2.models.roots import tensors
from mu2.random_keys import Key
from tests.models import files

KEY = Key.from_seed(1)


def features(root, model, x, **changed):
    """The features [N, D] of the root's components; all but the head must be there, in order."""
    hyperparameters = {**files.DEFAULTS, **changed}
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


SCALED = files.weights(scaled=True)
UNBIASED = files.weights(biases=False)
BARE = {**files.PLAIN, "pos": files.PLAIN["pos"] * (np.arange(10) > 0)[None, :, None]}
HEADED = {"classifier.weight": np.zeros((5, files.WIDTH), np.float32)}
MASKED = {"embeddings.mask_token": np.zeros((1, files.WIDTH), np.float32)}
HEAD = {"head.weight": np.zeros((5, files.WIDTH), np.float32)}
# The weights, what is in the file, the model, and how images were normalised.
LAYOUTS = {
    "augreg": (files.PLAIN, files.augreg(files.PLAIN), files.JAX, files.HALF),
    "transformers ViT": (files.PLAIN, files.hf(files.PLAIN), files.HF, files.HALF),
    "with a head": (files.PLAIN, files.hf(files.PLAIN, "vit.") | HEADED, files.HF, files.HALF),
    "transformers DINOv2": (
        SCALED,
        files.hf(SCALED, dinov2=True) | MASKED,
        files.TIMM,
        files.IMAGENET,
    ),
    "timm": (files.PLAIN, files.timm(files.PLAIN) | HEAD, files.TIMM, files.HALF),
    "timm DINOv2": (SCALED, files.timm(SCALED), files.TIMM, files.IMAGENET),
    "timm without biases": (UNBIASED, files.timm(UNBIASED, biases=False), files.TIMM, files.HALF),
    "timm, bare class token": (
        BARE,
        without_class_position(files.timm(BARE)),
        files.TIMM,
        files.HALF,
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_features_of_its_weights(tmp_path, layout):
    w, arrays, model, normal = LAYOUTS[layout]
    kind, suffix = (AugReg, "npz") if layout == "augreg" else (Safetensors, "safetensors")
    root = kind(files.save(tmp_path / f"weights.{suffix}", arrays))
    root.check(model, files.DEFAULTS)
    x = files.images()
    expected = files.features(w, x, gelu=model.gelu, epsilon=model.epsilon, normal=normal)
    np.testing.assert_allclose(features(root, model, x), expected, atol=1e-4)
    assert np.abs(expected).mean() > 0.1


@pytest.mark.parametrize("layout", ["augreg", "timm DINOv2"])
def test_fewer_layers_are_the_first_ones_and_more_are_refused(tmp_path, layout):
    w, arrays, model, normal = LAYOUTS[layout]
    kind, suffix = (AugReg, "npz") if layout == "augreg" else (Safetensors, "safetensors")
    root = kind(files.save(tmp_path / f"weights.{suffix}", arrays))
    x = files.images()
    said = {"gelu": model.gelu, "epsilon": model.epsilon, "normal": normal}
    for layers in (0, 1):
        expected = files.features(w, x, layers=layers, **said)
        found = features(root, model, x, num_layers=layers)
        np.testing.assert_allclose(found, expected, atol=1e-4)
    with pytest.raises(Mu2Error, match=r"num_layers is 4, and the weights have 3") as caught:
        root.check(model, {**files.DEFAULTS, "num_layers": 4})
    assert "num_layers = 3" in caught.value.hint


def test_positions_are_resampled_as_the_model_resamples_them(tmp_path):
    root = AugReg(files.save(tmp_path / "w.npz", files.augreg(files.PLAIN)))
    larger = {**files.DEFAULTS, "image_size": 2 * files.SIDE}
    found = {c.name: arrays for c, arrays in root.components(files.JAX, larger, KEY)}
    network = {c.name: c for c in files.JAX.network(larger, 1)}
    expected = files.JAX.resample(
        "posembed_input", {"pos_embedding": files.PLAIN["pos"]}, network["posembed_input"]
    )
    np.testing.assert_array_equal(
        found["posembed_input"]["pos_embedding"], expected["pos_embedding"]
    )
    assert found["posembed_input"]["pos_embedding"].shape == (1, 37, files.WIDTH)
    # Children of any other size begin from the weights themselves, not from what was resampled.
    np.testing.assert_array_equal(
        found["posembed_input_original"]["pos_embedding"], files.PLAIN["pos"]
    )
    plain = {c.name for c, _ in root.components(files.JAX, files.DEFAULTS, KEY)}
    assert plain == {*found} - {"posembed_input_original"}


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ml_dtypes.bfloat16])
@pytest.mark.parametrize("kind", [AugReg, Safetensors])
def test_other_precisions_become_float32(tmp_path, kind, dtype):
    layout = files.augreg if kind is AugReg else files.timm
    model = files.JAX if kind is AugReg else files.TIMM
    path = tmp_path / ("w.npz" if kind is AugReg else "w.safetensors")
    stored = {name: array.astype(dtype) for name, array in layout(files.PLAIN).items()}
    rounded = {name: array.astype(dtype).astype(np.float32) for name, array in files.PLAIN.items()}
    x = files.images()
    expected = files.features(rounded, x, gelu=model.gelu, epsilon=model.epsilon)
    np.testing.assert_allclose(
        features(kind(files.save(path, stored)), model, x), expected, atol=1e-4
    )


def shards(folder, arrays, **changed):
    """A folder of two shards and their index."""
    names = sorted(arrays)
    half = len(names) // 2
    parts = {"a.safetensors": names[:half], "b.safetensors": names[half:]}
    for file, held in parts.items():
        files.save(folder / file, {name: arrays[name] for name in held})
    where = {name: file for file, held in parts.items() for name in held}
    index = {"weight_map": {**where, **changed}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return str(folder)


def test_shards_and_a_folder_are_one_file(tmp_path):
    arrays = files.timm(files.PLAIN)
    whole = features(
        Safetensors(files.save(tmp_path / "model.safetensors", arrays)), files.TIMM, files.images()
    )
    folder = Safetensors(str(tmp_path))
    np.testing.assert_array_equal(features(folder, files.TIMM, files.images()), whole)
    shards(tmp_path, arrays)
    (tmp_path / "model.safetensors").unlink()
    for path in (tmp_path, tmp_path / "model.safetensors.index.json"):
        found = features(Safetensors(str(path)), files.TIMM, files.images())
        np.testing.assert_array_equal(found, whole)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"norm.weight": "../a.safetensors"}, "no 'weight_map'"),
        ({"norm.weight": 5}, "no 'weight_map'"),
        ({"norm.weight": "a.safetensors"}, "lack: norm.weight"),
        ({"norm.weight": "c.safetensors"}, "1 of the 3 files .* not there: c.safetensors"),
        (
            {"norm.weight": "c.safetensors", "norm.bias": "d.safetensors"},
            "2 of the 4 files .* not there: c.safetensors, d.safetensors",
        ),
    ],
)
def test_an_index_that_is_wrong_is_told(tmp_path, changed, words):
    path = shards(tmp_path, files.timm(files.PLAIN), **changed)
    with pytest.raises(Mu2Error, match=words):
        Safetensors(path).check(files.TIMM, files.DEFAULTS)


def test_a_url_is_read_through_fsspec(tmp_path):
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    memory.pipe("/vit/model.safetensors", files.safetensors(files.timm(files.PLAIN)))
    memory.pipe("/vit/config.json", json.dumps({"num_attention_heads": 3}).encode())
    local = Safetensors(files.save(tmp_path / "w.safetensors", files.timm(files.PLAIN)))
    expected = features(local, files.TIMM, files.images())
    for url in ("memory://vit/model.safetensors", "memory://vit"):
        np.testing.assert_array_equal(
            features(Safetensors(url), files.TIMM, files.images()), expected
        )
    with pytest.raises(Mu2Error, match="no such file"):
        AugReg("memory://vit/none.npz").check(files.JAX, files.DEFAULTS)
    with pytest.raises(Mu2Error, match="cannot be read"):
        AugReg("nowhere://vit/none.npz").check(files.JAX, files.DEFAULTS)


def test_a_model_of_another_kind_has_no_weights(tmp_path):
    class Other(Model):
        def input_shape(self, hyperparameters):
            return ()

        def network(self, hyperparameters, num_classes, dtype="float32"):
            return ()

    for root in (AugReg(str(tmp_path / "none")), Safetensors(str(tmp_path / "none"))):
        assert root.components(Other(), files.DEFAULTS, KEY) == ()
        root.check(Other(), files.DEFAULTS)


def test_a_file_that_is_missing_is_told_with_the_nearest(tmp_path):
    files.save(tmp_path / "Ti_16.npz", files.augreg(files.PLAIN))
    with pytest.raises(Mu2Error, match="no such file") as caught:
        AugReg(str(tmp_path / "Ti_61.npz")).check(files.JAX, files.DEFAULTS)
    assert "Ti_16.npz" in caught.value.hint
    with pytest.raises(Mu2Error, match="no such file") as caught:
        Safetensors(str(tmp_path)).check(files.TIMM, files.DEFAULTS)
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
    root = Safetensors(files.save(tmp_path / "w.safetensors", files.timm(files.PLAIN)))
    for validate in (root.check, lambda *a: root.components(*a, KEY)):
        with pytest.raises(Mu2Error) as caught:
            validate(ViT(**{**files.SIZES, "gelu": "exact", **changed}), files.DEFAULTS)
        assert all(word in str(caught.value) for word in words), str(caught.value)


def test_augreg_shows_its_heads(tmp_path):
    root = AugReg(files.save(tmp_path / "w.npz", files.augreg(files.PLAIN)))
    with pytest.raises(Mu2Error, match=re.escape("Set ViT.heads = 3")):
        root.check(ViT(**{**files.SIZES, "heads": 4}), files.DEFAULTS)


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
    root = Safetensors(files.save(tmp_path / "model.safetensors", files.timm(files.PLAIN)))
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(Mu2Error, match=re.escape(words)):
        root.check(files.TIMM, files.DEFAULTS)
    files.save(tmp_path / "other.safetensors", files.timm(files.PLAIN))
    Safetensors(str(tmp_path / "other.safetensors")).check(files.TIMM, files.DEFAULTS)


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
    files.save(tmp_path / "model.safetensors", files.timm(files.PLAIN))
    root = Safetensors(path)
    if name:
        (tmp_path / name).write_text(json.dumps(document))
    else:
        root = Safetensors(path, mean=mean, std=std)
    x, normal = files.images(), (np.array(mean), np.array(std))
    expected = files.features(files.PLAIN, x, gelu="exact", epsilon=1e-6, normal=normal)
    np.testing.assert_allclose(features(root, files.TIMM, x), expected, atol=1e-4)


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
        (files.timm(files.PLAIN) | extra("reg_token"), "register tokens"),
        (files.timm(files.PLAIN) | extra("dist_token"), "distillation token"),
        (files.hf(SCALED, dinov2=True) | extra("encoder.layer.0.mlp.weights_in.weight"), "SwiGLU"),
        (files.timm(files.PLAIN) | extra("fc_norm.weight"), "mean of all tokens"),
        (files.timm(files.PLAIN) | extra("blocks.0.attn.q_norm.weight"), "normalised queries"),
        (
            files.timm(files.PLAIN) | extra("moon.a", "sun.b"),
            "holds moon.a, sun.b, which ViT has not",
        ),
        ({"a": np.zeros(2, np.float32)}, "of no ViT that mu2 knows: a."),
        ({}, "of no ViT that mu2 knows"),
        (files.timm(files.PLAIN) | {"norm.bias": np.zeros((2, 2), np.float32)}, "norm.bias [2, 2]"),
        (
            files.timm(files.PLAIN) | {"pos_embed": np.zeros((1, 8, files.WIDTH), np.float32)},
            "8 positions are no square",
        ),
        (
            files.timm(files.PLAIN)
            | {f"blocks.{i}.mlp.fc2.weight": np.zeros((24, 20), np.float32) for i in range(3)},
            "Its MLP is a SwiGLU",
        ),
    ],
)
def test_networks_that_are_no_plain_vit_are_refused_with_the_reason(tmp_path, arrays, words):
    root = Safetensors(files.save(tmp_path / "w.safetensors", arrays))
    with pytest.raises(Mu2Error) as caught:
        root.check(files.TIMM, files.DEFAULTS)
    assert words in str(caught.value)
    assert caught.value.location == root.path


def test_missing_tensors_are_named_all_at_once(tmp_path):
    gone = ["norm.bias", "blocks.1.attn.qkv.weight", "blocks.2.ls2.gamma", "cls_token"]
    arrays = {k: v for k, v in files.timm(SCALED).items() if k not in gone}
    with pytest.raises(Mu2Error) as caught:
        Safetensors(files.save(tmp_path / "w.safetensors", arrays)).check(
            files.TIMM, files.DEFAULTS
        )
    assert all(name in caught.value.message for name in gone)
    gone = ["cls", "Transformer/encoderblock_1/MlpBlock_3/Dense_0/kernel", "embedding/bias"]
    arrays = {k: v for k, v in files.augreg(files.PLAIN).items() if k not in gone}
    with pytest.raises(Mu2Error) as caught:
        AugReg(files.save(tmp_path / "w.npz", arrays)).check(files.JAX, files.DEFAULTS)
    assert all(name in caught.value.message for name in gone)


def test_a_missing_block_is_named(tmp_path):
    arrays = {k: v for k, v in files.timm(files.PLAIN).items() if "blocks.1." not in k}
    with pytest.raises(Mu2Error, match="blocks 1 are missing"):
        Safetensors(files.save(tmp_path / "w.safetensors", arrays)).check(
            files.TIMM, files.DEFAULTS
        )


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


def test_of_a_url_the_header_alone_is_fetched_to_check_it(tmp_path, monkeypatch):
    fsspec = pytest.importorskip("fsspec")
    content = files.safetensors(files.timm(files.PLAIN))
    fsspec.filesystem("memory").pipe("/header/w.safetensors", content)
    length = 8 + int.from_bytes(content[:8], "little")
    opened, read = tensors.Location.open, []

    def counted(location):
        file = opened(location)
        whole = file.read
        monkeypatch.setattr(file, "read", lambda n=-1: read.append(n) or whole(n), raising=False)
        return file

    monkeypatch.setattr(tensors.Location, "open", counted)
    root = Safetensors("memory://header/w.safetensors")
    root.check(files.TIMM, files.DEFAULTS)
    assert 0 < sum(read) <= length + 64
    assert -1 not in read
