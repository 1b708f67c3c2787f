"""The root of PP-OCRv6: what comes of its file, and what is said where it cannot be read."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.models import PPOCR, ConvNet, LCNetV4, RemoteRoot, nest
from mu2.random_keys import Key

onnx = pytest.importorskip("onnx", reason="needs mu2[ocr]")
PACKAGE = importlib.util.find_spec("rapidocr")
if PACKAGE is None:
    pytest.skip("needs mu2[ocr]", allow_module_level=True)
MODELS = Path(PACKAGE.submodule_search_locations[0]) / "models"
TEXT = MODELS / "PP-OCRv6_rec_small.onnx"

KEY = Key.from_seed(3)
MODEL = LCNetV4()
SPACE = {"image_size": 16, "num_layers": 2}


def made(model=MODEL):
    return PPOCR().components(model, SPACE, KEY)


def test_every_block_is_there_however_few_the_default_has():
    names = ["stem", *(f"block_{i}" for i in range(13)), "norm"]
    whole = {c.name: c for c in LCNetV4().network({**SPACE, "num_layers": 13}, 1)}
    found = made()
    assert [component.name for component, _ in found] == names
    for component, arrays in found:
        assert {k: (v.shape, v.dtype) for k, v in arrays.items()} == {
            k: (v.shape, v.dtype) for k, v in component.shapes.items()
        }
        if component.name != "norm":
            assert component == whole[component.name]
    # What reads the features is that of the default's depth, and leaves them as they are.
    norm, arrays = found[-1]
    assert norm in LCNetV4().network(SPACE, 1)
    assert (arrays["LayerNorm_0/scale"] == 1).all()
    assert not arrays["LayerNorm_0/bias"].any()


def test_no_more_blocks_are_there_than_a_path_may_have():
    whole = {component.name: arrays for component, arrays in made()}
    cut = PPOCR(num_layers=2).components(MODEL, SPACE, KEY)
    assert [component.name for component, _ in cut] == ["stem", "block_0", "block_1", "norm"]
    for component, arrays in cut:
        for name, leaf in arrays.items():
            np.testing.assert_array_equal(leaf, whole[component.name][name])
    with pytest.raises(Mu2Error, match="num_layers is 1, fewer than"):
        PPOCR(num_layers=1).components(MODEL, SPACE, KEY)
    with pytest.raises(Mu2Error, match="the network has 13 blocks"):
        PPOCR(num_layers=14)


def test_the_weights_are_those_of_the_file():
    numbers = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(TEXT).graph.initializer}
    leaves = {f"{c.name}/{k}": v for c, arrays in made() for k, v in arrays.items()}
    kernel = leaves["block_3/DepthwiseConv_0/kernel"].reshape(3, 3, 96)
    np.testing.assert_array_equal(kernel, numbers["conv2d_85.w_0"][:, 0].transpose(1, 2, 0))
    last = leaves["block_12/Dense_1/kernel"]
    np.testing.assert_array_equal(last, numbers["conv2d_122.w_0"][:, :, 0, 0].T)
    gate = leaves["block_11/Gate_0/Dense_0/kernel"]
    np.testing.assert_array_equal(gate, numbers["conv2d_57.w_0"][:, :, 0, 0].T)


def test_grey_images_give_what_they_give_in_three_channels():
    image = jax.random.uniform(KEY.jax(), (2, 16, 16, 1), minval=-1)
    ((grey, of_grey), *_), ((stem, of_colour), *_) = made(LCNetV4(channels=1)), made()
    expected = stem.apply(nest(of_colour), image.repeat(3, -1))
    np.testing.assert_allclose(grey.apply(nest(of_grey), image), expected, atol=1e-4)
    assert np.abs(expected).max() > 1


def test_it_is_for_this_network_alone():
    root = PPOCR()
    root.check(ConvNet(), SPACE)
    assert root.components(ConvNet(), SPACE, KEY) == ()
    assert root.find_missing(ConvNet()) == ()


def fault(**settings):
    with pytest.raises(Mu2Error) as error:
        PPOCR(**settings).check(LCNetV4(), SPACE)
    return str(error.value)


def test_the_network_that_finds_text_is_refused():
    message = fault(path=str(MODELS / "PP-OCRv6_det_small.onnx"))
    assert "not PP-OCRv6's small network that reads text" in message


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_file_that_is_cut_short_is_refused(share, tmp_path):
    content = TEXT.read_bytes()
    path = tmp_path / "cut.onnx"
    path.write_bytes(content[: int(share * len(content))])
    message = fault(path=str(path))
    assert "cut.onnx" in message
    assert "pip install 'mu2[ocr]'" in message


def test_numbers_that_are_none_are_refused(tmp_path):
    network = onnx.load(TEXT)
    (bias,) = (t for t in network.graph.initializer if t.name == "p2o.pd_op.reshape.4.0")
    bad = onnx.numpy_helper.to_array(bias).copy()
    bad[0, 3] = np.nan
    bias.CopyFrom(onnx.numpy_helper.from_array(bad, bias.name))
    onnx.save(network, tmp_path / "nan.onnx")
    assert "Dense_4 of stem holds NaN" in fault(path=str(tmp_path / "nan.onnx"))


def test_a_file_that_is_not_there_is_told(tmp_path):
    assert "No such file" in fault(path=str(tmp_path / "none.onnx"))
    pointer = tmp_path / "pointer.onnx"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:" + 64 * "0")
    assert "git lfs pull" in fault(path=str(pointer))
    with pytest.raises(Mu2Error, match=r"PPOCR\.path is ''"):
        PPOCR(path="")


@pytest.mark.parametrize("lacking", [{"rapidocr"}, {"onnx"}, {"rapidocr", "onnx"}])
def test_packages_that_are_not_installed_are_told(lacking, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in lacking else find(name)
    )
    root = PPOCR()
    assert isinstance(root, RemoteRoot)
    (told,) = root.find_missing(LCNetV4())
    assert all(name in told.message for name in lacking)
    assert told.hint == "pip install 'mu2[ocr]'"
    assert str(told) == fault()


def test_the_package_is_not_imported():
    """It would load all that it runs networks with."""
    program = (
        "import sys; from mu2.models import LCNetV4, PPOCR\n"
        f"PPOCR().check(LCNetV4(), {SPACE})\n"
        "assert not {'rapidocr', 'onnxruntime', 'cv2'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
