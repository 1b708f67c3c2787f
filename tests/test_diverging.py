"""Children that diverge: logged, passed over, and told where there are no others."""

import pytest

from mu2 import cli
from mu2.errors import Mu2Error
from mu2.store.verify import verify
from mu2.system import System
from tests import shrunken
from tests.shrunken import DIGITS, ONCE

DIVERGES = 1e38
ALWAYS = (
    "Hyperparameters.mutation_probability=1.0",
    "Ranges.mutation_probability=(1.0,)",
    "Ranges.momentum=(0.9,)",
)


def test_a_child_that_diverges_is_logged_and_the_run_goes_on(tmp_path):
    rates = ("Hyperparameters.learning_rate=0.1", f"Ranges.learning_rate=(0.1, {DIVERGES})")
    system = shrunken.evolve(
        tmp_path / "system", *DIGITS, *ALWAYS, *rates, "Evolution.children_per_iteration=6"
    )
    children = list(system.log)
    assert len(children) == 12
    diverged = [line["diverged"] for line in children]
    assert diverged == [line["hyperparameters"]["learning_rate"] > 1 for line in children]
    assert set(diverged) == {True, False}
    assert diverged.index(True) < 11
    for line in children:
        if line["diverged"]:
            assert (line["quality"], line["score"], line["retained"]) == (None, None, False)
    assert system.path("digits").hyperparameters["learning_rate"] == 0.1
    assert system.progress.complete
    assert verify(tmp_path / "system") == []


ALL_DIVERGE = (
    *(*DIGITS, ONCE),
    f"Hyperparameters.learning_rate={DIVERGES}",
    f"Ranges.learning_rate=({DIVERGES},)",
)


def test_all_children_diverging_is_told_and_can_be_mended(tmp_path, capsys):
    directory = tmp_path / "system"
    with shrunken.shared_programs():
        assert cli.main(shrunken.words(directory, *ALL_DIVERGE)) == 2
    said = capsys.readouterr().err
    assert "no child of task 'digits' reached a quality: all 3 diverged" in said
    assert "learning_rate" in said
    assert "Traceback" not in said
    system = System.open(directory)
    assert system.progress.position == 0
    assert not system.progress.complete
    with pytest.raises(Mu2Error, match="no path yet"):
        system.path("digits")
    assert [line["diverged"] for line in system.log] == [True] * 3
    mended = shrunken.evolve(directory, *DIGITS, ONCE, accept_changes=True)
    assert mended.progress.complete
    assert mended.path("digits").quality > 0
    diverged = [line["diverged"] for line in mended.log]
    assert diverged[:3] == [True] * 3
    assert len(diverged) == 6
    assert not all(diverged)
    assert len(mended.times) == 6
    assert verify(directory) == []


def test_a_lower_default_learning_rate_reaches_the_children_of_a_root(tmp_path):
    with pytest.raises(Mu2Error, match="all 3 diverged"):
        shrunken.evolve(tmp_path / "system", *ALL_DIVERGE)
    fixed = ("Hyperparameters.learning_rate=0.1", "Ranges.learning_rate=(0.1,)")
    mended = shrunken.evolve(tmp_path / "system", *DIGITS, ONCE, *fixed, accept_changes=True)
    rates = {line["hyperparameters"]["learning_rate"] for line in list(mended.log)[3:]}
    assert rates == {0.1}
