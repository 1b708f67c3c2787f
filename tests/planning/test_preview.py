"""The preview: what a run would do, and what is refused before anything is spent."""

import dataclasses

import pytest

from mu2.config import start
from mu2.errors import Mu2Error
from mu2.planning.preview import preview_run
from mu2.system.writable import WritableSystem
from mu2.training.layout import Layout
from tests import shrunken


@pytest.fixture(scope="module")
def told():
    return preview_run(shrunken.load().experiment)


def test_tasks_with_their_sizes(told):
    tasks = {task.pop("name"): task for task in map(dict, told["tasks"])}
    assert list(tasks) == ["digits", "latin", "greek"]
    assert tasks["latin"] == {"classes": 26, "train": 208, "validation": 52, "test": 52}
    assert tasks["greek"] == {"classes": 24, "train": 192, "validation": 48, "test": 48}
    assert tasks["digits"]["train"] > 1000


def test_numbers(told):
    assert told["iterations"] == 2
    assert told["children"] == 3 * 2 * 3
    # Two batches of 32 for each of the 64 examples, one interval.
    assert told["training_steps"] == 18 * 2
    assert told["programs"] == 2 * 2
    assert told["devices"] == 1


def test_the_smallest_and_the_largest_network(told):
    width, mlp, tokens = 16, 32, 1 + (16 // 4) ** 2
    body = (4 * 4 + 1) * width + width + tokens * width + 2 * width
    block = 4 * width + 4 * (width + 1) * width + (width + 1) * mlp + (mlp + 1) * width
    assert told["parameters"] == {
        "smallest": body + (width + 1) * 10,
        "largest": body + block + (width + 1) * 26,
    }


def test_steps_follow_intervals_and_examples():
    longer = shrunken.load(
        "Training.intervals=3", "Training.max_train_examples=200", "Stream.iterations=1"
    )
    # Of digits and Latin 200, of Greek all 192: 7, 7 and 6 batches.
    assert preview_run(longer.experiment)["training_steps"] == 3 * 3 * (7 + 7 + 6)


def test_wide_heads_are_programs_of_their_own():
    space = shrunken.load("Ranges.num_layers=(0, 1, 2)")
    assert preview_run(space.experiment)["programs"] == 2 * 3
    sizes = shrunken.load("Ranges.image_size=(16, 32)")
    assert preview_run(sizes.experiment)["programs"] == 2 * 2 * 2


def test_every_slice_compiles_for_itself(monkeypatch):
    (slice_,) = Layout().slices()
    monkeypatch.setattr(Layout, "slices", lambda self: (slice_,) * self.population)
    experiment = dataclasses.replace(shrunken.load().experiment, layout=Layout(population=3))
    assert preview_run(experiment)["programs"] == 3 * 2 * 2
    assert preview_run(experiment)["devices"] == 3


def test_a_batch_that_the_devices_cannot_share_out_is_refused(monkeypatch):
    monkeypatch.setattr(Layout, "slices", lambda self: ())
    experiment = dataclasses.replace(shrunken.load().experiment, layout=Layout(data=3))
    with pytest.raises(Mu2Error, match="batch_size is 32") as caught:
        preview_run(experiment)
    assert "a multiple of 3" in caught.value.faults[0].hint


@pytest.mark.parametrize(
    ("binding", "said"),
    [
        ("Training.batch_size=193", "task 'greek' has 192 training examples"),
        ("Layout.population=77", "made for 77 device"),
        ("latin/Task.validation='train[:10%]'", "both in train"),
    ],
)
def test_what_does_not_fit_is_refused(binding, said, tmp_path):
    loaded = shrunken.load(binding)
    with pytest.raises(Mu2Error) as caught:
        start.open_for_run(loaded.experiment, loaded.resolved, str(tmp_path / "system"))
    assert said in str(caught.value)
    assert not (tmp_path / "system").exists()


def test_a_run_begins_under_the_lock(tmp_path):
    loaded, directory = shrunken.load(), str(tmp_path / "system")
    with start.open_for_run(loaded.experiment, loaded.resolved, directory) as system:
        assert not system.progress.complete
        assert system.gin_file(0).read_text() == loaded.resolved
        with pytest.raises(Mu2Error, match="is being written"):
            WritableSystem.extend(directory)
    with WritableSystem.extend(directory) as system:
        assert system.progress.runs == 1
