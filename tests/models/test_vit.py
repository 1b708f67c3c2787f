"""The ViT's components: names, shapes and sizes of the public weights, and their function."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage

from mu2.errors import Mu2Error
from mu2.models import RandomRoot, ViT, nest
from mu2.models.text import TextBlock
from mu2.models.vit import ClassToken, Embedding, EncoderBlock, Head, PositionEmbedding
from mu2.random_keys import Key

TINY = {"image_size": 32, "num_layers": 2, "adapter_dim": 8}
KEY = Key.from_seed(7)
POSITIONS = "posembed_input"


def parameters(network, key=KEY):
    return {c.name: nest(c.init(key.fold_in(c.name).jax())) for c in network}


@pytest.mark.parametrize(
    ("model", "image", "layers", "total"),
    [
        (ViT(16, 192, 3, 768), 224, 12, 5_717_416),
        (ViT(16, 384, 6, 1536), 224, 12, 22_050_664),
        (ViT(16, 768, 12, 3072), 224, 12, 86_567_656),
        (ViT(16, 1024, 16, 4096), 224, 24, 304_326_632),
    ],
)
def test_parameter_counts_are_those_of_the_public_models(model, image, layers, total):
    network = model.network({"image_size": image, "num_layers": layers}, 1000)
    assert sum(component.size for component in network) == total


@pytest.mark.parametrize(("layers", "total"), [(3, 1_484_162), (0, 149_570)])
def test_parameter_counts_of_the_papers_tiny_settings(layers, total):
    network = ViT().network({"image_size": 32, "num_layers": layers}, 2)
    assert sum(component.size for component in network) == total


def test_names_and_shapes_of_the_public_weights():
    network = ViT(16, 192, 3, 768).network({"image_size": 224, "num_layers": 1}, 10)
    shapes = {f"{c.name}/{k}": v.shape for c in network for k, v in c.shapes.items()}
    block = "encoderblock_0/"
    assert shapes == {
        "embedding/kernel": (16, 16, 3, 192),
        "embedding/bias": (192,),
        "cls/cls": (1, 1, 192),
        "posembed_input/pos_embedding": (1, 197, 192),
        block + "LayerNorm_0/scale": (192,),
        block + "LayerNorm_0/bias": (192,),
        block + "LayerNorm_2/scale": (192,),
        block + "LayerNorm_2/bias": (192,),
        block + "MultiHeadDotProductAttention_1/query/kernel": (192, 3, 64),
        block + "MultiHeadDotProductAttention_1/query/bias": (3, 64),
        block + "MultiHeadDotProductAttention_1/key/kernel": (192, 3, 64),
        block + "MultiHeadDotProductAttention_1/key/bias": (3, 64),
        block + "MultiHeadDotProductAttention_1/value/kernel": (192, 3, 64),
        block + "MultiHeadDotProductAttention_1/value/bias": (3, 64),
        block + "MultiHeadDotProductAttention_1/out/kernel": (3, 64, 192),
        block + "MultiHeadDotProductAttention_1/out/bias": (192,),
        block + "MlpBlock_3/Dense_0/kernel": (192, 768),
        block + "MlpBlock_3/Dense_0/bias": (768,),
        block + "MlpBlock_3/Dense_1/kernel": (768, 192),
        block + "MlpBlock_3/Dense_1/bias": (192,),
        "encoder_norm/scale": (192,),
        "encoder_norm/bias": (192,),
        "head/kernel": (192, 10),
        "head/bias": (10,),
    }


def test_embedding_is_the_convolution_of_the_public_weights():
    network = ViT(8, 24, 3, 48).network({"image_size": 20, "num_layers": 0}, 2)
    params = parameters(network)["embedding"]
    image = jax.random.normal(KEY.jax(), (2, 20, 20, 3))
    convolution = nn.Conv(24, (8, 8), strides=(8, 8), padding="VALID")
    expected = convolution.apply({"params": params}, image).reshape(2, 4, 24)
    np.testing.assert_allclose(network[0].apply(params, image), expected, atol=1e-5)


def test_encoder_norm_is_a_layer_norm_of_the_class_token():
    network = ViT(8, 24, 3, 48).network({"image_size": 16, "num_layers": 0}, 2)
    norm = network[-2]
    params = {"scale": jnp.arange(24.0), "bias": jnp.ones(24)}
    x = jax.random.normal(KEY.jax(), (3, 5, 24))
    expected = nn.LayerNorm().apply({"params": params}, x)[:, 0]
    np.testing.assert_allclose(norm.apply(params, x), expected, atol=1e-5)


@pytest.mark.parametrize("block", [EncoderBlock, TextBlock])
def test_the_last_block_is_any_block_of_which_the_class_token_is_kept(block):
    whole, last = block(2, 64), block(2, 64, last=True)
    x = jax.random.normal(jax.random.key(0), (3, 5, 32))
    x = x.at[:, 4].set(0.0)  # padding, where the block is that of a text
    params = whole.init(jax.random.key(1), x)
    assert jax.tree.map(jnp.shape, last.init(jax.random.key(1), x)) == jax.tree.map(
        jnp.shape, params
    )

    def token(module, params, x):
        return jnp.sum(jnp.sin(module.apply(params, x)[:, :1]))

    assert last.apply(params, x).shape == (3, 1, 32)
    np.testing.assert_allclose(
        last.apply(params, x)[:, 0], whole.apply(params, x)[:, 0], rtol=1e-5, atol=1e-5
    )
    for one, other in zip(
        jax.tree.leaves(jax.grad(token, (1, 2))(last, params, x)),
        jax.tree.leaves(jax.grad(token, (1, 2))(whole, params, x)),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_only_the_last_block_puts_out_the_class_token_alone():
    network = ViT(8, 32, 2, 64).network({"image_size": 16, "num_layers": 3}, 3)
    shapes = [c.output_shape for c in network if c.name.startswith("encoderblock")]
    assert shapes == [(5, 32), (5, 32), (1, 32)]
    assert network[1].output_shape == (5, 32)


def test_without_layers_the_output_ignores_the_image():
    network = ViT().network({"image_size": 32, "num_layers": 0}, 3)
    params = parameters(network)
    params["head"] = {"kernel": jnp.ones((192, 3)), "bias": jnp.zeros(3)}
    x = jax.random.normal(KEY.jax(), (2, 32, 32, 3))
    y = network.apply(params, x)
    np.testing.assert_array_equal(y[0], y[1])


def test_adapters_are_optional_and_leave_the_function_unchanged():
    model = ViT(8, 32, 2, 64)
    network = model.network(TINY, 4)
    assert [c.name for c in network if c.optional] == ["adapter_0", "adapter_1"]
    params = parameters(network)
    params["head"]["kernel"] = jax.random.normal(KEY.jax(), (32, 4))
    x = jax.random.normal(KEY.jax(), (2, 32, 32, 3))
    bare = network.select([c.name for c in network if not c.optional])
    np.testing.assert_array_equal(network.apply(params, x), bare.apply(params, x))


def test_bfloat16_keeps_float32_parameters_and_logits():
    network = ViT(8, 32, 2, 64).network(TINY, 4, "bfloat16")
    params = parameters(network)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    x = jax.random.normal(KEY.jax(), (2, 32, 32, 3))
    assert (
        network[3].apply(params["adapter_0"], jnp.zeros((2, 17, 32), "bfloat16")).dtype
        == "bfloat16"
    )
    assert network.apply(params, x).dtype == jnp.float32


def test_position_embedding_is_resampled_to_another_image_size():
    model = ViT(8, 32, 2, 64)
    small = model.network({"image_size": 16, "num_layers": 0}, 2)[2]
    large = model.network({"image_size": 32, "num_layers": 0}, 2)[2]
    arrays = small.init(KEY.jax())
    resized = model.resample("posembed_input", arrays, large)["pos_embedding"]
    assert resized.shape == (1, 17, 32)
    np.testing.assert_array_equal(resized[:, 0], arrays["pos_embedding"][:, 0])
    same = model.resample("posembed_input", {"pos_embedding": resized}, large)["pos_embedding"]
    np.testing.assert_allclose(same, resized, atol=1e-6)


def test_equal_shapes_under_different_names_start_differently():
    hyperparameters = {"image_size": 32, "num_layers": 2}
    root = dict(RandomRoot().components(ViT(8, 32, 2, 64), hyperparameters, KEY))
    by_name = {component.name: arrays for component, arrays in root.items()}
    assert set(by_name) == {
        "embedding", "cls", "posembed_input", "encoderblock_0", "encoderblock_1", "encoder_norm",
    }  # fmt: skip
    leaf = "MlpBlock_3/Dense_0/kernel"
    assert (by_name["encoderblock_0"][leaf] != by_name["encoderblock_1"][leaf]).all()


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: ViT(width=10, heads=3), "heads must divide"),
        (lambda: ViT(patch=0), "ViT.patch is 0"),
        (lambda: ViT(16).network({"image_size": 8, "num_layers": 1}, 2), "smaller than one patch"),
        (lambda: ViT(16).network({"image_size": 32, "num_layers": -1}, 2), "num_layers is -1"),
    ],
)
def test_what_cannot_be_built_is_refused(build, words):
    with pytest.raises(Mu2Error, match=words):
        build()


def test_positions_are_interpolated_from_corner_to_corner_as_scipy_does():
    model, draw = ViT(8, 32, 2, 64), np.random.default_rng(0)
    for old, new in ((4, 7), (7, 4), (4, 2), (2, 5), (1, 3), (14, 24), (24, 14)):
        (like,) = (
            c
            for c in model.network({"image_size": 8 * new, "num_layers": 0}, 2)
            if c.name == POSITIONS
        )
        given = draw.normal(size=(1, 1 + old * old, 32)).astype(np.float32)
        found = model.resample(POSITIONS, {"pos_embedding": given}, like)["pos_embedding"]
        grid = given[0, 1:].reshape(old, old, 32).astype(np.float64)
        expected = scipy.ndimage.zoom(grid, (new / old, new / old, 1), order=1, mode="nearest")
        np.testing.assert_array_equal(found[:, 0], given[:, 0])
        np.testing.assert_allclose(found[0, 1:].reshape(new, new, 32), expected, atol=1e-6)
        assert found.dtype == np.float32


class Published(nn.Module):
    """The forward pass as published: every token goes through the last block and the norm."""

    model: ViT
    layers: int

    @nn.compact
    def __call__(self, x):
        x = Embedding(self.model.patch, self.model.width)(x)
        x = PositionEmbedding()(ClassToken()(x))
        for _ in range(self.layers):
            x = EncoderBlock(self.model.heads, self.model.mlp_dim)(x)
        return Head(5)(nn.LayerNorm(1e-6)(x)[:, 0])


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_dense_flops_are_those_of_the_whole_forward_pass_as_the_compiler_counts_them(layers):
    model = ViT(8, 32, 2, 64)
    module, x = Published(model, layers), jax.ShapeDtypeStruct((1, 64, 64, 3), jnp.float32)
    params = nn.unbox(jax.eval_shape(module.init, jax.random.key(0), x))
    whole = jax.jit(module.apply).lower(params, x).cost_analysis()["flops"]
    network = model.network({"image_size": 64, "num_layers": layers}, 5)
    dense = sum(component.dense_flops for component in network)
    assert dense == pytest.approx(whole, rel=1e-3)
    computed = sum(component.flops for component in network)
    assert (computed < 0.9 * dense) == (layers > 0)
