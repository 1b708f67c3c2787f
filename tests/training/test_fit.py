"""Whether a layout fits networks, and the layouts that come with mu2."""

import dataclasses

import flax.linen as nn
import jax
import pytest

from mu2 import config
from mu2.config.validation import validate
from mu2.errors import Mu2Error
from mu2.models import MLP, Component, Network, ViT
from mu2.training.fit import validate_layout
from mu2.training.layout import Layout
from tests import shrunken

VALUES = {"image_size": 16, "num_layers": 1}
MICRO = ViT(patch=4, width=24, heads=3, mlp_dim=64)
BODY = ("heads", "model"), ("mlp", "model")


def networks(model=MICRO, **changed):
    return [(type(model).__name__, model.network({**VALUES, **changed}, 5))]


def said(layout, *given):
    return [(error.message, error.hint) for error in validate_layout(layout, given or networks())]


@pytest.mark.parametrize(
    "layout", [Layout(), Layout(population=7), Layout(data=5), Layout(model=3, rules=(BODY[0],))]
)
def test_a_layout_that_fits(layout):
    assert said(layout) == []


def test_an_axis_that_the_devices_cannot_share_out():
    ((message, hint),) = said(Layout(model=2))
    assert message == (
        "Layout.model is 2, which does not divide axis 'heads' of ViT's "
        "encoderblock_0/MultiHeadDotProductAttention_1/key/kernel: it is 3."
    )
    assert hint == (
        "Set Layout.model to a divisor of 3, or keep what has this axis whole: Layout.rules = "
        "(('batch', 'data'), ('mlp', 'model'))."
    )
    assert said(Layout(model=2, rules=(BODY[1],))) == []


def test_each_axis_is_told_once_whatever_the_layers():
    assert len(said(Layout(model=5), *networks(), *networks(num_layers=3))) == 2


def test_a_slice_over_which_nothing_is_split():
    ((message, hint),) = said(Layout(model=2), *networks(num_layers=0))
    assert "Layout.model is 2, and nothing is split over it" in message
    assert message.endswith("fits a batch or ViT.")
    assert "Layout.population" in hint
    ((message, _),) = said(Layout(data=2, rules=BODY))
    assert "Layout.data is 2, and nothing is split" in message
    # One network of the space is enough.
    assert said(Layout(model=3, rules=(BODY[0],)), *networks(num_layers=0), *networks()) == []


def test_a_rule_for_an_axis_that_nothing_has():
    ((message, hint),) = said(Layout(data=2, rules=(("batch", "data"), ("headz", "model"))))
    assert "names 'headz', an axis that no parameter of ViT has" in message
    assert "'heads'" in hint


def test_heads_are_split_at_the_width_they_are_padded_to():
    rules = (("classes", "model"),)
    assert said(Layout(model=2, rules=rules)) == []
    assert "'classes'" in said(Layout(model=3, rules=rules))[0][0]


def test_a_module_that_names_no_axes_stays_whole():
    component = Component("dense", nn.Dense(8), (4,))
    assert component.axes == {"bias": (None,), "kernel": (None, None)}
    assert Layout(model=2).device_parameters(component) == component.size == 40


def test_what_one_device_holds():
    (block,) = (c for c in MICRO.network(VALUES, 5) if c.name == "encoderblock_0")
    assert Layout().device_parameters(block) == block.size
    matrices = 2 * 24 * 64 + 64
    layout = Layout(model=2, rules=(BODY[1],))
    assert layout.device_parameters(block) == block.size - matrices // 2


def test_tables_name_their_axes():
    network = MLP(width=8, mlp_dim=16).network({"num_features": 3, "num_layers": 1}, 4)
    assert said(Layout(model=2), ("MLP", network)) == []
    assert "'mlp'" in said(Layout(model=3), ("MLP", Network(network)))[0][0]


def test_a_check_tells_it_where_it_is_set(monkeypatch):
    monkeypatch.setattr(Layout, "slices", lambda self: ())
    experiment = dataclasses.replace(shrunken.load().experiment, layout=Layout(model=4))
    asked = []

    def place(made, text):
        asked.append((made, text))
        return "run.gin:7"

    with pytest.raises(Mu2Error) as caught:
        validate((), (experiment,), place)
    (fault,) = caught.value.faults
    assert (fault.location, "'heads'" in fault.message) == ("run.gin:7", True)
    assert asked == [(experiment.layout, fault.message)]


@pytest.mark.parametrize(
    ("name", "devices", "platform"),
    [
        ("cpu", 1, None),
        ("gpu_1", 1, "gpu"),
        ("gpu_8", 8, "gpu"),
        ("tpu_v3_8", 8, "tpu"),
        ("gpu_nodes", 1, "gpu"),
        ("tpu_v4_32", 4, "tpu"),
    ],
)
def test_layouts_that_come_with_mu2(name, devices, platform):
    layout = config.load([shrunken.FILE, f"gin/mesh/{name}.gin"], []).experiment.layout
    assert layout.population * layout.data * layout.model == devices
    assert layout.platform == platform
    if platform not in (None, jax.devices()[0].platform):
        with pytest.raises(Mu2Error, match=f"made for a {platform}, as Layout.platform says"):
            layout.slices()
