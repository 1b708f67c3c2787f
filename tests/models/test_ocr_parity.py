"""PP-OCRv6's backbone gives the same in ONNX Runtime and here. Needs the extra 'parity'."""

import importlib.util

import jax
import numpy as np
import pytest

from mu2.models import PPOCR, LCNetV4, nest
from mu2.models.roots.onnx import SOURCE
from mu2.random_keys import Key

# Importing ONNX Runtime and compiling every depth takes seconds.
pytestmark = pytest.mark.slow

TOLERANCE = 1e-4
# The tensors that come out of the stem and of each block.
STEM = "p2o.pd_op.relu.4.0"
ENDS = (10, 14, 18, 21, 27, 31, 37, 41, 47, 51, 54, 60, 64)


@pytest.fixture(scope="module")
def published():
    """`(images NHWC) -> outputs NHWC` of the stem and of every block."""
    onnx = pytest.importorskip("onnx", reason="needs mu2[parity]")
    runtime = pytest.importorskip("onnxruntime", reason="needs mu2[parity]")
    package = importlib.util.find_spec("rapidocr")
    if package is None:
        pytest.skip("needs mu2[parity]")
    network = onnx.load(f"{package.submodule_search_locations[0]}/{SOURCE.path}")
    names = [STEM, *(f"p2o.pd_op.add.{i}.0" for i in ENDS)]
    del network.graph.output[:]
    del network.graph.value_info[:]  # they are those of 48 rows
    for name in names:
        network.graph.output.append(onnx.helper.make_tensor_value_info(name, 1, None))
    network.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "rows"
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # it warns that the rows are not 48
    session = runtime.InferenceSession(
        network.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda x: [
        y.transpose(0, 2, 3, 1) for y in session.run(names, {"x": x.transpose(0, 3, 1, 2)})
    ]


@pytest.mark.parametrize("side", [28, 32, 33, 48])
def test_every_depth_gives_what_it_gives_in_onnx_runtime(side, published):
    image = np.random.default_rng(side).uniform(-1, 1, (2, side, side, 3)).astype(np.float32)
    model, space = LCNetV4(ink="dark"), {"image_size": side, "num_layers": 13}
    *layers, _ = PPOCR().components(model, space, Key.from_seed(0))
    x = image
    for (component, arrays), expected in zip(layers, published(image), strict=True):
        x = jax.jit(component.apply)(nest(arrays), x)
        assert x.shape[1:] == component.output_shape
        # The two add up in another order; outputs reach 15.
        np.testing.assert_allclose(x, expected, rtol=TOLERANCE, atol=TOLERANCE)
        assert np.abs(expected).max() > 0.5
