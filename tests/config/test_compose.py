"""Spaces, methods and streams compose: every combination is checked, and trains a generation."""

import io
import os
from pathlib import Path

import pytest

from mu2.config import load
from mu2.config.start import open_for_run, start_workers
from mu2.experiment import run
from mu2.planning.preview import preview_run
from mu2.report.progress import LogReporter
from mu2.report.summary import summarise

ROOT = Path(__file__).parents[2]
MESH = "gin/mesh/cpu.gin"
# Each space with a stream that it can read, and what makes it small.
SPACES = {
    "vit_micro": ("gin/stream/scripts.gin", ("ViT.width=16", "ViT.heads=2", "ViT.mlp_dim=32")),
    "convnet_micro": (
        "gin/stream/scripts.gin",
        ("ConvNet.stem_width=8", "ConvNet.width=16", "ConvNet.mlp_dim=16"),
    ),
    "mixed_micro": ("gin/stream/mixed.gin", ()),
}
SGD, CROPS = "gin/optimizer/sgd_small.gin", "gin/augmentation/crops.gin"
ADAPTERS, SHAPES = "search_spaces/adapters.gin", "search_spaces/shapes_v1.gin"
FIXED = (SGD, CROPS)  # nothing lets their hyperparameters move
MU2NET, V1, V2 = "gin/mutation/mu2net.gin", "gin/ranges/v1.gin", "gin/ranges/v2.gin"
METHODS = {
    "munet": ("gin/mutation/munet.gin", ADAPTERS, *FIXED),
    "munet auto-tuned": ("gin/mutation/munet.gin", "gin/ranges/munet.gin", SHAPES, SGD, CROPS),
    "mu2net": (MU2NET, *FIXED),
    "mu2net v1": (MU2NET, V1, SHAPES, SGD, CROPS),
    "mu2net v2": (MU2NET, V2, SGD, CROPS),
    "mu2net+": (
        *("gin/mutation/mu2net_plus.gin", "gin/ranges/mu2net_plus.gin"),
        *("gin/optimizer/mu2net_plus.gin", "gin/augmentation/mu2net_plus.gin"),
    ),
    "thrifty": (MU2NET, V2, SGD, CROPS, "gin/budget/thrifty.gin"),
    "closed form first": (MU2NET, V2, SGD, CROPS, "gin/mutation/closed_form_first.gin"),
    "closed form": ("gin/mutation/baseline/closed_form.gin", *FIXED),
    "finetune all": ("gin/mutation/baseline/finetune_all.gin", *FIXED),
    "freeze bottom": ("gin/mutation/baseline/freeze_bottom.gin", *FIXED),
    "adapters": ("gin/mutation/baseline/adapters.gin", ADAPTERS, *FIXED),
    "multihead": ("gin/mutation/baseline/multihead.gin", *FIXED),
}
BUDGET = "gin/budget/papers_small.gin"
SMALL = (
    *("Evolution.children_per_iteration=2", "Evolution.children_per_generation=1"),
    *("Training.batch_size=32", "Training.intervals=2"),
    *("Training.max_train_examples=32", "Training.max_validation_examples=32"),
)
# The image size of the space, whatever the ranges of a method: other sizes are other programs.
ONE_SIZE = ("Ranges.image_size=(16,)",)


def parts(space, method):
    stream, bindings = SPACES[space]
    files = (f"search_spaces/{space}.gin", stream, *METHODS[method], BUDGET, MESH)
    fixed = ONE_SIZE if SHAPES in METHODS[method] else ()
    sizes = () if "mixed" in space else ("Glyphs.per_class=4",)
    return files, (*SMALL, *bindings, *fixed, *sizes)


COMBINATIONS = [(space, method) for space in SPACES for method in METHODS]


@pytest.mark.parametrize(("space", "method"), COMBINATIONS)
def test_it_is_checked(space, method):
    files, bindings = parts(space, method)
    would = preview_run(load(files, bindings).experiment)
    assert would["children"] >= len(would["tasks"])


# Spaces whose children are too large to train here, and those of one kind of example.
LARGE = ("Hyperparameters.image_size=32", "Training.batch_size=64")
OTHERS = {
    **dict.fromkeys(("vit_ti16", "vit_s16", "vit_b16", "vit_l16", "vit_ti0"), LARGE),
    "convnet": LARGE,
    "mlp": ("Stream.tasks=(@wine/Task(),)", "Training.batch_size=32"),
    "text": ("Stream.tasks=(@docstrings/Task(),)", "Training.batch_size=32"),
}


@pytest.mark.parametrize("method", ["munet", "mu2net v2", "mu2net+", "thrifty", "finetune all"])
@pytest.mark.parametrize("space", OTHERS)
def test_other_spaces_are_checked(space, method):
    stream = "mixed" if space in ("mlp", "text") else "scripts"
    files = (
        f"search_spaces/{space}.gin",
        f"gin/stream/{stream}.gin",
        *METHODS[method],
        BUDGET,
        MESH,
    )
    assert preview_run(load(files, OTHERS[space]).experiment)["children"] > 0


@pytest.mark.parametrize("stream", ["cmaterdb", "characters_small"])
def test_streams_of_real_sets_are_checked(stream):
    if not os.environ.get("TFDS_DATA_DIR"):
        pytest.skip("TFDS_DATA_DIR is not set: it names a folder of prepared TFDS data sets")
    files = (
        "search_spaces/vit_ti0.gin",
        f"gin/stream/{stream}.gin",
        *METHODS["mu2net v2"],
        BUDGET,
        MESH,
    )
    assert preview_run(load(files, ()).experiment)["children"] > 0


@pytest.mark.slow
@pytest.mark.parametrize(("space", "method"), COMBINATIONS)
def test_it_trains_a_generation(space, method, tmp_path):
    files, bindings = parts(space, method)
    tasks = "(@digits/Task(), @latin/Task())" if space != "mixed_micro" else None
    only = (f"Stream.tasks={tasks}",) if tasks else ()
    loaded = load(files, (*bindings, "Stream.iterations=1", *only))
    with open_for_run(loaded.experiment, loaded.resolved, str(tmp_path / "system")) as system:
        workers = start_workers(loaded.experiment)
        run(loaded.experiment, system, workers, LogReporter(io.StringIO()))
    summary = summarise(system)
    assert summary["run"] == {"complete": True}
    assert len(summary["tasks"]) == (3 if space == "mixed_micro" else 2)
    assert all(task["test_accuracy"] is not None for task in summary["tasks"])


def gin_files():
    folders = ("gin", "search_spaces", "benchmarks/tables")
    return sorted(
        f.relative_to(ROOT).as_posix() for d in folders for f in (ROOT / d).rglob("*.gin")
    )


@pytest.mark.parametrize("file", gin_files())
def test_every_file_opens_with_what_it_is_and_costs(file):
    head = []
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        head.append(line)
    said = "\n".join(head)
    for part in ("Must be set:", "Commonly overridden:", "Should give", "Costs:"):
        assert part in said, f"{file}: the header does not say: {part}"
