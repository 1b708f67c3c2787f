"""The layout: its axes, its slices, and where arrays lie."""

import json
import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.training.layout import Layout, single


@pytest.mark.parametrize("axis", ["population", "data", "model"])
@pytest.mark.parametrize("size", [0, -2])
def test_an_axis_is_one_or_more(axis, size):
    with pytest.raises(Mu2Error, match=rf"Layout\.{axis} is {size}; it must be 1 or more"):
        Layout(**{axis: size})


def test_rules_name_axes_of_a_slice():
    with pytest.raises(Mu2Error, match="splits 'mlp' over 'modle'") as caught:
        Layout(rules=(("mlp", "modle"),))
    assert "'model'" in caught.value.hint
    with pytest.raises(Mu2Error, match="over 'population'; a slice has the axes 'data' and"):
        Layout(rules=(("batch", "population"),))


@pytest.mark.parametrize(
    ("axes", "pieces"),
    [
        (("batch",), (3,)),
        (("embed", "mlp"), (1, 2)),
        (("embed", "heads", "kv"), (1, 2, 1)),
        ((None, None), (1, 1)),
        ((), ()),
        # An axis of the slice serves one dimension of an array: the first rule has it.
        (("mlp", "heads"), (1, 2)),
    ],
)
def test_pieces_follow_the_rules(axes, pieces):
    assert Layout(data=3, model=2).pieces(axes) == pieces


def test_rules_can_be_other_ones():
    layout = Layout(data=3, model=2, rules=(("embed", "data"), ("classes", "model")))
    assert layout.pieces(("embed", "mlp")) == (3, 1)
    assert layout.pieces(("embed", "classes")) == (3, 2)
    assert layout.pieces(("batch",)) == (1,)


def test_two_dimensions_of_one_name_are_refused():
    with pytest.raises(Mu2Error, match="cannot be split"):
        Layout(model=2).pieces(("mlp", "mlp"))


def test_devices_of_other_processes_are_refused(monkeypatch):
    monkeypatch.setattr(jax, "process_count", lambda: 4)
    with pytest.raises(Mu2Error, match="belong to 4 processes") as caught:
        Layout(data=len(jax.devices())).slices()
    assert "one process for each host" in caught.value.hint


def test_the_product_must_be_the_number_of_devices():
    count = len(jax.devices())
    with pytest.raises(Mu2Error) as caught:
        Layout(population=count + 1, data=3).slices()
    assert f"(population {count + 1} x data 3 x model 1)" in caught.value.message
    assert f"made for {3 * (count + 1)} device(s); there are {count} (" in caught.value.message
    assert "JAX_PLATFORMS=cpu" in caught.value.hint


def test_a_platform_is_a_kind_of_devices():
    with pytest.raises(Mu2Error, match=r"Layout\.platform is 'gpuu'") as caught:
        Layout(platform="gpuu")
    assert "'gpu'" in caught.value.hint


def test_one_device_gives_the_bits_of_a_population_on_its_platform():
    here = jax.devices()[0].platform
    other = {"cpu": "gpu"}.get(here, "cpu")
    assert Layout(population=8).is_like_one_device()
    assert Layout(population=8, platform=here).is_like_one_device()
    assert not Layout(population=8, platform=other).is_like_one_device()
    assert not Layout(data=2).is_like_one_device()
    assert not Layout(model=2).is_like_one_device()


def test_one_slice_of_all_devices():
    devices = jax.devices()
    (whole,) = Layout(data=len(devices)).slices()
    assert whole.mesh.axis_names == ("data", "model")
    assert whole.mesh.devices.shape == (len(devices), 1)
    assert set(whole.mesh.devices.flat) == set(devices)


def test_single_is_the_first_device_alone():
    one = single()
    assert list(one.mesh.devices.flat) == jax.devices()[:1]
    assert one.mesh.axis_names == ("data", "model")
    assert one.split(np.arange(3)).devices() == {jax.devices()[0]}


def test_placed_arrays_are_copies():
    array, here = np.arange(64, dtype=np.float32), single().sharding(())
    (copied,) = single().place([array], [here])
    array[:] = 0
    np.testing.assert_array_equal(copied, np.arange(64))
    # Safe to donate: a second copy outlives the first.
    again = single().place(copied, here)
    jax.jit(lambda x: x + 1, donate_argnums=0)(copied).block_until_ready()
    np.testing.assert_array_equal(again, np.arange(64))


EIGHT = """
import json
import jax
import numpy as np
from mu2.errors import Mu2Error
from mu2.training.layout import Layout, single
slices = Layout(population=2, data=4).slices()
first, second = ({d.id for d in s.mesh.devices.flat} for s in slices)
split, whole = slices[1].split(np.arange(8)), slices[1].place(
    np.arange(8), slices[1].sharding(())
)
try:
    Layout(population=2).slices()
    refused = None
except Mu2Error as error:
    refused = error.message
print(json.dumps({
    "devices": [sorted(first), sorted(second)],
    "split": sorted((s.device.id, s.data.tolist()) for s in split.addressable_shards),
    "whole": sorted((s.device.id, s.data.tolist()) for s in whole.addressable_shards),
    "single": single().mesh.size,
    "refused": refused,
}))
"""


def test_slices_of_eight_devices():
    done = subprocess.run(
        [sys.executable, "-c", EIGHT],
        env={
            **os.environ,
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["devices"] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert seen["split"] == [[4 + i, [2 * i, 2 * i + 1]] for i in range(4)]
    assert seen["whole"] == [[4 + i, list(range(8))] for i in range(4)]
    assert seen["single"] == 1
    assert "made for 2 device(s); there are 8 (cpu)" in seen["refused"]
