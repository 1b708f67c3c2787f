"""The OCR root in a system: blocks for every depth, and a task's path as another system's root."""

import pytest
from ml_collections import FrozenConfigDict

from mu2.errors import Mu2Error
from mu2.evolution.origin import Origin
from mu2.evolution.path import Component, Path
from mu2.evolution.rules import Mutation
from mu2.evolution.space import Hyperparameters, Ranges, SearchSpace
from mu2.models import PPOCR, LCNetV4
from mu2.models.leaves import to_stored
from mu2.random_keys import Key
from mu2.system.changes import Changes
from mu2.system.record import TaskRecord
from mu2.system.roots import introduce_roots
from mu2.system.system_root import SystemRoot
from mu2.system.writable import WritableSystem

KEY = Key.from_seed(4)
MODEL = LCNetV4(channels=1)
SETTINGS = {"image_size": 12, "num_layers": 2, "mutation_probability": 0.1}
SPACE = SearchSpace((MODEL,), Hyperparameters(**SETTINGS), Ranges(num_layers=(1, 2, 3)))


@pytest.fixture
def system(tmp_path):
    """A system with the root, and a path of two blocks for `digits` that shares the stem."""
    pytest.importorskip("rapidocr", reason="needs mu2[ocr]")
    with WritableSystem.extend(tmp_path / "system") as opened:
        introduce_roots(opened, SPACE, (PPOCR(),), 0, "float32")
        (root,) = opened.roots()
        own = [c for c in MODEL.network(SETTINGS, 5) if c.name != "stem"]
        made = [Component(c.name, f"task/digits/0/1/{c.name}", c.size, c.signature) for c in own]
        path = Path(
            id="task/digits/0/1",
            task="digits",
            parent=root.id,
            parent_task=None,
            components=(root.component("stem"), *made),
            hyperparameters=FrozenConfigDict(SETTINGS),
            num_classes=5,
            model=MODEL.name,
        )
        arrays = {c.name: to_stored(c.init(KEY.fold_in(c.name).jax())) for c in own}
        digits = TaskRecord("digits", tuple("abcde"), False, path=opened.stage(path, arrays))
        opened.commit("test", Changes(tasks=[digits]))
        yield str(tmp_path / "system"), root, digits.path


def test_a_path_that_grows_takes_its_new_block_from_the_root(system):
    _, root, digits = system
    origin = Origin(
        Mutation(), (), SPACE, (digits, root), "digits", (), True, False, lambda _: False
    )
    slots = MODEL.slots({**SETTINGS, "num_layers": 3}, 5)
    plans = {slot.name: origin.plan_component(slot, "child") for slot in slots}
    assert {name: plan.source and plan.source.id for name, plan in plans.items()} == {
        "stem": f"{root.id}/stem",
        "block_0": "task/digits/0/1/block_0",
        "block_1": "task/digits/0/1/block_1",
        "block_2": f"{root.id}/block_2",
        "norm": "task/digits/0/1/norm",
        "head": "task/digits/0/1/head",
    }
    assert root.component("block_12") is not None


def test_a_path_of_it_is_a_root_of_another_system(system):
    folder, _, _ = system
    root = SystemRoot(folder, "digits")
    for layers in (1, 2):
        space = {**SETTINGS, "num_layers": layers, "image_size": 20}
        root.check(MODEL, space)
        made = [component.name for component, _ in root.components(MODEL, space, KEY)]
        assert made == ["stem", *(f"block_{i}" for i in range(layers)), "norm"]
    with pytest.raises(Mu2Error, match="has no block_2 that fits"):
        root.check(MODEL, {**SETTINGS, "num_layers": 3})
    with pytest.raises(Mu2Error, match=r"LCNetV4.channels = 1; the search\s*space has 3"):
        root.check(LCNetV4(channels=3), SETTINGS)
