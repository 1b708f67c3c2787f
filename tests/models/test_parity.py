"""The same weights give the same features in transformers and here.

The other library builds each model with random weights and saves it, as its users would; the root
reads what it saved. Needs the extra 'parity'.
"""

import numpy as np
import pytest

from mu2.models import Safetensors, ViT, nest
from mu2.random_keys import Key
from tests.models import files

# Importing both libraries takes seconds.
pytestmark = pytest.mark.slow

TOLERANCE = 2e-5
KEY = Key.from_seed(1)
SIZES = {"hidden_size": 48, "num_hidden_layers": 4, "num_attention_heads": 3, "image_size": 56}


@pytest.fixture(scope="module", autouse=True)
def _libraries():
    """Imported here, so that a run of the quick tests does not wait for them."""
    global torch, transformers
    torch = pytest.importorskip("torch", reason="needs mu2[parity]")
    transformers = pytest.importorskip("transformers", reason="needs mu2[parity]")


def randomised(model, std):
    """The model with weights as large as training leaves them, rather than as it begins."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            scale = std / parameter.shape[-1] ** 0.5 if parameter.ndim == 2 else 0.2
            mean = 1 if ("norm" in name and name.endswith("weight")) or "lambda" in name else 0
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * scale + mean)
    return model.eval()


def vit(std):
    config = transformers.ViTConfig(**SIZES, intermediate_size=96, patch_size=14)
    return randomised(transformers.ViTModel(config, add_pooling_layer=False), std)


def vit_classifier(std):
    config = transformers.ViTConfig(**SIZES, intermediate_size=96, patch_size=14)
    return randomised(transformers.ViTForImageClassification(config), std)


def tanh_vit(std):
    config = transformers.ViTConfig(
        **SIZES, intermediate_size=96, patch_size=14, hidden_act="gelu_pytorch_tanh"
    )
    return randomised(transformers.ViTModel(config), std)


def dinov2(std):
    config = transformers.Dinov2Config(**SIZES, mlp_ratio=2, patch_size=14)
    return randomised(transformers.Dinov2Model(config), std)


def features(model, x):
    """Class-token features [N, D] of images [N, S, S, 3], normalised as the model wants them."""
    base = getattr(model, "vit", model)
    with torch.no_grad():
        y = base(torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2))))
    return y.last_hidden_state[:, 0].numpy()


def ours(root, model, x, layers=4):
    for component, arrays in root.components(model, {"image_size": 56, "num_layers": layers}, KEY):
        x = component.apply(nest(arrays), x)
    return np.asarray(x)


@pytest.mark.parametrize("std", [0.5, 1.0])
@pytest.mark.parametrize(
    ("build", "settings", "normal"),
    [
        (vit, {"gelu": "exact", "epsilon": 1e-12}, files.HALF),
        (vit_classifier, {"gelu": "exact", "epsilon": 1e-12}, files.HALF),
        (tanh_vit, {"gelu": "tanh", "epsilon": 1e-12}, files.HALF),
        (dinov2, {"gelu": "exact", "epsilon": 1e-6}, files.IMAGENET),
    ],
)
def test_features_are_those_of_transformers(tmp_path, build, settings, normal, std):
    theirs = build(std)
    theirs.save_pretrained(tmp_path)
    x = files.images(4, 56)
    mean, deviation = normal
    expected = features(theirs, (((x + 1) / 2 - mean) / deviation).astype(np.float32))
    model = ViT(patch=14, width=48, heads=3, mlp_dim=96, **settings)
    found = ours(Safetensors(str(tmp_path)), model, x)
    difference = float(np.abs(found - expected).max())
    assert difference < TOLERANCE, difference
    assert expected.std() > 0.1


def test_the_names_are_those_that_transformers_saves(tmp_path):
    """The library's own reader gives the tensors that ours gives."""
    numpy = pytest.importorskip("safetensors.numpy", reason="needs mu2[parity]")
    from mu2.models.roots.location import Location
    from mu2.models.roots.tensors import Safetensors as Reader

    vit(1.0).save_pretrained(tmp_path)
    expected = numpy.load_file(tmp_path / "model.safetensors")
    with Reader(Location(str(tmp_path))) as file:
        assert set(file.shapes) == set(expected)
        for name, array in expected.items():
            np.testing.assert_array_equal(file.read(name), array)


@pytest.mark.parametrize("build", ["vit", "dinov2"])
def test_features_of_a_public_size_are_those_of_transformers(tmp_path, build):
    """Ti/16 with its 12 layers at 224 pixels, as transformers initialises it."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 192, "num_hidden_layers": 12, "num_attention_heads": 3}
    if build == "vit":
        config = transformers.ViTConfig(**sizes, intermediate_size=768, image_size=224)
        theirs, epsilon, normal = transformers.ViTModel(config).eval(), 1e-12, files.HALF
    else:
        config = transformers.Dinov2Config(**sizes, image_size=224, patch_size=16)
        theirs, epsilon, normal = transformers.Dinov2Model(config).eval(), 1e-6, files.IMAGENET
    theirs.save_pretrained(tmp_path)
    x, (mean, deviation) = files.images(2, 224), normal
    expected = features(theirs, (((x + 1) / 2 - mean) / deviation).astype(np.float32))
    model = ViT(16, 192, 3, 768, gelu="exact", epsilon=epsilon)
    made = Safetensors(str(tmp_path)).components(model, {"image_size": 224, "num_layers": 12}, KEY)
    for component, arrays in made:
        x = component.apply(nest(arrays), x)
    difference = float(np.abs(np.asarray(x) - expected).max())
    assert difference < TOLERANCE, difference
