"""Roots that are paths of other systems: the layers it learned, and what does not fit is told."""

import dataclasses

import numpy as np
import pytest
from ml_collections import FrozenConfigDict

from mu2.errors import Mu2Error
from mu2.evolution.path import Component, Path
from mu2.models import Model, ViT
from mu2.random_keys import Key
from mu2.system.changes import Changes
from mu2.system.record import TaskRecord
from mu2.system.system_root import SystemRoot
from mu2.system.writable import WritableSystem

KEY = Key.from_seed(4)
MODEL = ViT(patch=4, width=16, heads=2, mlp_dim=24)
THERE = {"image_size": 12, "num_layers": 2, "adapter_dim": 4, "learning_rate": 0.5}
SPACE = {"image_size": 12, "num_layers": 2, "adapter_dim": 4, "learning_rate": 0.1}


@pytest.fixture
def system(tmp_path):
    """A system with a path for `digits` (one adapter, with momentum), and none yet for `latin`."""
    network = [c for c in MODEL.network(THERE, 5) if c.name != "adapter_1"]
    arrays = {}
    for slot in network:
        params = slot.init(KEY.fold_in(slot.name).jax())
        arrays[slot.name] = {
            **{f"params/{name}": leaf for name, leaf in params.items()},
            **{f"momentum/{name}": np.ones_like(leaf) for name, leaf in params.items()},
        }
    path = Path(
        id="task/digits/0/1",
        task="digits",
        parent=None,
        parent_task=None,
        components=tuple(
            Component(c.name, f"digits/0/1/{c.name}", c.size, c.signature) for c in network
        ),
        hyperparameters=FrozenConfigDict(THERE),
        num_classes=5,
        model=MODEL.name,
    )
    with WritableSystem.extend(tmp_path / "system") as opened:
        digits = TaskRecord("digits", tuple("abcde"), False, path=opened.stage(path, arrays))
        opened.commit("test", Changes(tasks=[digits, TaskRecord("latin", ("a", "b"), False)]))
    return str(tmp_path / "system"), arrays


def test_the_layers_of_the_path_without_head_and_momentum(system):
    folder, arrays = system
    root = SystemRoot(folder, "digits")
    root.check(MODEL, SPACE)
    made = root.components(MODEL, SPACE, KEY)
    assert [component.name for component, _ in made] == [
        "embedding", "cls", "posembed_input", "adapter_0", "encoderblock_0", "encoderblock_1",
        "encoder_norm",
    ]  # fmt: skip
    slots = {slot.name: slot for slot in MODEL.network(SPACE, 1)}
    for component, leaves in made:
        assert component == slots[component.name]
        assert set(leaves) == set(component.shapes)
        for name, leaf in leaves.items():
            np.testing.assert_array_equal(leaf, arrays[component.name][f"params/{name}"])


def test_fewer_layers_and_another_image_size(system):
    folder, arrays = system
    space = {**SPACE, "num_layers": 1, "image_size": 24}
    made = {
        c.name: leaves for c, leaves in SystemRoot(folder, "digits").components(MODEL, space, KEY)
    }
    assert "encoderblock_1" not in made
    positions = made["posembed_input"]["pos_embedding"]
    assert positions.shape == (1, 37, 16)
    before = arrays["posembed_input"]["params/pos_embedding"]
    np.testing.assert_array_equal(positions[:, 0], before[:, 0])


@pytest.mark.parametrize(
    ("model", "space", "words"),
    [
        (dataclasses.replace(MODEL, width=32), SPACE, "Set ViT.width = 16"),
        (dataclasses.replace(MODEL, gelu="exact"), SPACE, "Set ViT.gelu = 'tanh'"),
        (MODEL, {**SPACE, "num_layers": 3}, "Set Hyperparameters.num_layers = 2"),
        (MODEL, {**SPACE, "adapter_dim": 8}, "Set Hyperparameters.adapter_dim = 4"),
        (
            MODEL,
            {k: v for k, v in SPACE.items() if k != "adapter_dim"},
            "Set Hyperparameters.adapter_dim = 4",
        ),
    ],
)
def test_a_space_that_does_not_fit_is_told_what_to_set(system, model, space, words):
    root = SystemRoot(system[0], "digits")
    for validate in (root.check, lambda *a: root.components(*a, KEY)):
        with pytest.raises(Mu2Error) as caught:
            validate(model, space)
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("task", "words"), [("digit", "no task 'digit'"), ("latin", "'latin' .* has no path yet")]
)
def test_a_task_without_a_path_is_told(system, task, words):
    with pytest.raises(Mu2Error, match=words):
        SystemRoot(system[0], task).check(MODEL, SPACE)


def test_no_system_is_told(tmp_path):
    with pytest.raises(Mu2Error):
        SystemRoot(str(tmp_path), "digits").check(MODEL, SPACE)


def test_a_model_of_another_kind_has_no_weights(system):
    class Other(Model):
        def input_shape(self, hyperparameters):
            return ()

        def network(self, hyperparameters, num_classes, dtype="float32"):
            return ()

    assert SystemRoot(system[0], "digits").components(Other(), SPACE, KEY) == ()
