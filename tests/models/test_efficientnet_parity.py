"""EfficientNet-Lite0 gives the same in PyTorch and here. Needs the extra 'parity'."""

import importlib.util

import jax
import numpy as np
import pytest

from mu2.models import EfficientNetLite0, EfficientNetWeights, nest
from mu2.models.efficientnet_lite import LAYERS
from mu2.models.roots.efficientnet import SOURCE
from mu2.random_keys import Key

# Importing PyTorch and compiling every layer takes seconds.
pytestmark = pytest.mark.slow

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def published():
    """`(pixels NHWC) -> outputs NHWC` of the stem, of every block and of the features."""
    torch = pytest.importorskip("torch", reason="needs mu2[parity]")
    networks = pytest.importorskip("efficientnet_lite_pytorch", reason="needs mu2[parity]")
    package = importlib.util.find_spec(SOURCE.package)
    if package is None:
        pytest.skip("needs mu2[parity]")
    # Without a size, images of any are padded as TensorFlow pads them.
    network = networks.EfficientNet.from_name("efficientnet-lite0", image_size=None)
    file = f"{package.submodule_search_locations[0]}/{SOURCE.path}"
    network.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    network.eval()

    def outputs(pixels):
        x = torch.tensor((pixels - 127) / 128).permute(0, 3, 1, 2)
        with torch.no_grad():
            found = [network._swish(network._bn0(network._conv_stem(x)))]
            for block in network._blocks:
                found.append(block(found[-1]))
            found.append(network._swish(network._bn1(network._conv_head(found[-1]))))
        return [y.permute(0, 2, 3, 1).numpy() for y in found]

    return outputs


@pytest.mark.parametrize("side", [33, 64, 224])
def test_every_layer_gives_what_it_gives_in_pytorch(side, published):
    pixels = np.random.default_rng(side).integers(0, 256, (2, side, side, 3)).astype(np.float32)
    space = {"image_size": side, "num_layers": LAYERS}
    *layers, _ = EfficientNetWeights().components(EfficientNetLite0(), space, Key.from_seed(0))
    x = pixels / 127.5 - 1
    for (component, arrays), expected in zip(layers, published(pixels), strict=True):
        x = jax.jit(component.apply)(nest(arrays), x)
        assert x.shape[1:] == component.output_shape
        # The two add up in another order; outputs reach 90.
        np.testing.assert_allclose(x, expected, rtol=TOLERANCE, atol=TOLERANCE)
        assert np.abs(expected).max() > 0.5
