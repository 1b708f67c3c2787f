"""Weights that are not what a root reads: said what they are, and what to do."""

import json

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.models import AugReg, Safetensors, ViT
from mu2.models.roots.torch_layouts import detect
from tests.models import files

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 346284714\n"


def refused(root):
    model = files.JAX if isinstance(root, AugReg) else files.TIMM
    with pytest.raises(Mu2Error) as caught:
        root.check(model, files.DEFAULTS)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("model.safetensors", POINTER, ["pointer of Git LFS", "git lfs pull"]),
        ("w.bin", b"PK\3\4" + bytes(500), ["PyTorch file", "pickle", "save_pretrained"]),
        ("w.pt", b"\x80\x02}q\0" + bytes(99), ["pickle", "save_pretrained"]),
        ("w.h5", b"\x89HDF\r\n\x1a\n" + bytes(99), ["HDF5", "save_pretrained"]),
        ("w.gguf", b"GGUF\3\0\0\0" + bytes(99), ["GGUF", "safetensors file"]),
        ("w.safetensors", b"<!DOCTYPE html><html>" + bytes(99), ["web page"]),
    ],
)
def test_files_of_other_kinds_say_what_they_are(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    told = refused(Safetensors(str(tmp_path / name)))
    assert all(word in told for word in words), told
    if name == "model.safetensors":
        assert refused(Safetensors(str(tmp_path))) == told


def test_a_pointer_of_git_lfs_is_no_archive(tmp_path):
    (tmp_path / "B_16.npz").write_bytes(POINTER)
    assert "git lfs pull" in refused(AugReg(str(tmp_path / "B_16.npz")))


def test_each_root_names_the_other(tmp_path):
    path = files.save(tmp_path / "w.npz", files.augreg(files.PLAIN))
    assert "@AugReg() reads it" in refused(Safetensors(path))
    path = files.save(tmp_path / "w.safetensors", files.timm(files.PLAIN))
    assert "@Safetensors() reads it" in refused(AugReg(path))


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["pytorch_model.bin", "config.json"], ["pytorch_model.bin holds weights of PyTorch"]),
        (["tf_model.h5"], ["tf_model.h5 holds weights of TensorFlow", "save_pretrained"]),
        (["flax_model.msgpack"], ["flax_model.msgpack holds weights of Flax"]),
        (["model.onnx"], ["model.onnx holds weights for running"]),
        (
            ["model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors"],
            ["2 shards", "lacks their index", "model.safetensors.index.json"],
        ),
        (["vit.safetensors"], ["it holds vit.safetensors", "vit.safetensors'"]),
        (
            ["adapter_model.safetensors", "adapter_config.json"],
            ["an adapter of 'owner/base' alone"],
        ),
        ([], ["no such file"]),
    ],
)
def test_folders_of_other_weights_say_what_they_hold(tmp_path, names, words):
    for name in names:
        text = json.dumps({"base_model_name_or_path": "owner/base"}) if "config" in name else "x"
        (tmp_path / name).write_text(text)
    told = refused(Safetensors(str(tmp_path)))
    assert all(word in told for word in words), told


def test_the_tensors_of_an_adapter_are_no_network(tmp_path):
    name = "base_model.model.vit.encoder.layer.0.attention.attention.query.lora_A.weight"
    path = files.save(tmp_path / "w.safetensors", {name: np.zeros((4, 24), np.float32)})
    told = refused(Safetensors(path))
    assert "tensors of an adapter" in told
    assert "merge_and_unload" in told


# What modules of transformers 5 call the parts that `files.hf` names as version 4 did.
RENAMED = (
    ("attention.attention.query", "attention.q_proj"),
    ("attention.attention.key", "attention.k_proj"),
    ("attention.attention.value", "attention.v_proj"),
    ("attention.output.dense", "attention.o_proj"),
    ("intermediate.dense", "mlp.fc1"),
    ("output.dense", "mlp.fc2"),
)


def renamed(arrays, blocks):
    """Arrays under the names of transformers 5, their blocks under another name."""
    found = {}
    for name, array in arrays.items():
        for old, new in (*RENAMED, ("encoder.layer.", blocks)):
            name = name.replace(old, new)
        found[name] = array
    return found


@pytest.mark.parametrize("prefix", ["", "vit.", "deit."])
@pytest.mark.parametrize(
    ("scaled", "blocks"), [(False, "layers."), (True, "layers."), (True, "encoder.layer.")]
)
def test_names_of_transformers_5_are_those_of_4(tmp_path, prefix, scaled, blocks):
    w = files.weights(scaled=scaled)
    old = files.hf(w, prefix, dinov2=scaled)
    model = files.TIMM if scaled else files.HF
    four = Safetensors(files.save(tmp_path / "4.safetensors", old))
    five = Safetensors(files.save(tmp_path / "5.safetensors", renamed(old, blocks)))
    five.check(model, files.DEFAULTS)
    made = [root.components(model, files.DEFAULTS, None) for root in (four, five)]
    assert len(made[0]) == len(made[1]) > files.LAYERS
    for (one, ours), (other, theirs) in zip(*made, strict=True):
        assert one == other
        for leaf, array in ours.items():
            np.testing.assert_array_equal(array, theirs[leaf])


def positions(n):
    return {**files.hf(files.PLAIN), "embeddings.position_embeddings": np.zeros((1, n, 24), "f4")}


@pytest.mark.parametrize(
    ("sides", "tokens"),
    [
        ([32, 8], 17),  # 8 x 2 patches, and 4 x 4 of as many
        ([8, 32], 17),
        ([16, 24], 25),  # 4 x 6 and a class token, and 5 x 5
        ({"height": 144, "width": 4}, 37),
    ],
)
def test_positions_of_a_rectangle_are_no_square(tmp_path, sides, tokens):
    files.save(tmp_path / "model.safetensors", positions(tokens))
    (tmp_path / "config.json").write_text(json.dumps({"image_size": sides}))
    with pytest.raises(Mu2Error, match=r"patches, as config.json says, and no square"):
        Safetensors(str(tmp_path)).check(files.HF, files.DEFAULTS)


def test_positions_of_timm_say_their_rectangle(tmp_path):
    arrays = {**files.timm(files.PLAIN), "pos_embed": np.zeros((1, 16, 24), np.float32)}
    files.save(tmp_path / "model.safetensors", arrays)
    Safetensors(str(tmp_path)).check(files.TIMM, files.DEFAULTS)
    config = {"pretrained_cfg": {"input_size": [3, 32, 8]}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(Mu2Error, match="8 x 2 patches"):
        Safetensors(str(tmp_path)).check(files.TIMM, files.DEFAULTS)


@pytest.mark.parametrize("tokens", [16, 25])
def test_a_square_without_a_class_token_is_none_where_the_layout_has_one(tmp_path, tokens):
    root = Safetensors(files.save(tmp_path / "w.safetensors", positions(tokens)))
    with pytest.raises(Mu2Error, match="no square of patches and a class token"):
        root.check(files.HF, files.DEFAULTS)
    arrays = files.augreg(files.PLAIN)
    arrays["Transformer/posembed_input/pos_embedding"] = np.zeros((1, tokens, 24), np.float32)
    with pytest.raises(Mu2Error, match="no square of patches and a class token"):
        AugReg(files.save(tmp_path / "w.npz", arrays)).check(files.JAX, files.DEFAULTS)


def test_what_the_files_do_not_say_is_told_as_a_guess(tmp_path):
    alone = Safetensors(files.save(tmp_path / "w.safetensors", files.timm(files.PLAIN)))
    told = alone.guesses(files.TIMM)
    assert [
        word for word in ("heads", "square", "mean", "std") if not any(word in t for t in told)
    ] == []
    assert alone.guesses(ViT(**files.SIZES)) != ()
    files.save(tmp_path / "model.safetensors", files.timm(files.PLAIN))
    config = {
        "num_attention_heads": 3,
        "image_size": 12,
        "pretrained_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert Safetensors(str(tmp_path)).guesses(files.TIMM) == ()
    assert detect({k: v.shape for k, v in files.timm(files.PLAIN).items()}, "x").bare is False
