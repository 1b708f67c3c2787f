"""A search space of a user's own, as docs/howto/space.md tells it: installed, and evolved with."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "tests" / "own_space"


@pytest.fixture(scope="module")
def mu2(tmp_path_factory):
    """The command in an environment where the package is installed, away from the checkout."""
    home = tmp_path_factory.mktemp("own_space")
    shutil.copytree(EXAMPLE, home / "source")
    packages = home / "packages"
    install = ["install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run(
        [sys.executable, "-m", "pip", *install, "--target", packages, home / "source"],
        check=True,
        timeout=300,
    )

    def run(*words):
        return subprocess.run(
            [sys.executable, "-m", "mu2", *words],
            cwd=home,
            env={**os.environ, "PYTHONPATH": f"{packages}{os.pathsep}{ROOT}"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    return run


RUN = (
    *("mixer.gin", "gin/mutation/mu2net.gin", "gin/ranges/v2.gin"),
    *("gin/budget/papers_large.gin", "gin/optimizer/sgd_large.gin", "gin/augmentation/crops.gin"),
    *("gin/stream/scripts.gin", "--gin.Stream.tasks=(@digits/Task(), @latin/Task())"),
    *("--gin.Stream.iterations=1", "--gin.Evolution.children_per_iteration=2"),
    *("--gin.Evolution.children_per_generation=1", "--gin.Training.intervals=4"),
    *("--gin.latin/Glyphs.per_class=8", "--gin.Training.batch_size=32"),
    *("--gin.Training.max_train_examples=64", "--gin.Hyperparameters.mutation_probability=0.3"),
)


@pytest.mark.slow
def test_it_is_checked_evolved_and_read_again(mu2):
    checked = mu2("check", *RUN)
    assert checked.returncode == 0, checked.stderr
    done = mu2("run", *RUN, "--system", "system")
    assert done.returncode == 0, done.stderr
    shown = json.loads(mu2("show", "system", "--json").stdout)
    assert [task["name"] for task in shown["tasks"]] == ["digits", "latin"]
    assert all('"Mixer"' in task["model"] for task in shown["tasks"])
    assert "Mixer" in mu2("list").stdout
