"""The choices of the image pipeline, and how validated images are resized by them."""

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import Digits, Images, Task
from mu2.tasks.data import TaskData
from mu2.tasks.image import resize, resize_bilinear


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"resize": "bilinaer"}, "Images.resize is 'bilinaer'; it must be one of 'antialias'"),
        ({"colours": 3}, "Images.colours is 3; it must be one of 'unit', 'signed', 'bytes'"),
        ({"colours_before_resize": "yes"}, "Images.colours_before_resize must be True or False"),
    ],
)
def test_other_choices_are_refused(choice, said):
    with pytest.raises(Mu2Error) as caught:
        Images(**choice)
    assert said in caught.value.message


def test_the_nearest_choice_is_named():
    with pytest.raises(Mu2Error) as caught:
        Images(resize="bilinaer")
    assert "Did you mean 'bilinear'?" in caught.value.hint


@pytest.mark.parametrize("limit", [64, 0], ids=["held", "streamed"])
@pytest.mark.parametrize(("choice", "how"), [("bilinear", resize_bilinear), ("antialias", resize)])
def test_validation_and_test_images_are_resized_as_the_run_chose(choice, how, limit):
    task = Task("digits", Digits())
    data = TaskData(task, 8, limit, Images(choice))
    for part in ("validation", "test"):
        raw, _ = (reader := task.source.reader(getattr(task.splits(), part))).fetch(range(40))
        made = [block.inputs for block in data.read(part, (3, 3, 1)).blocks(len(reader))]
        np.testing.assert_array_equal(np.concatenate(made)[:40], how(np.stack(raw), 3))
        assert not np.array_equal(resize_bilinear(np.stack(raw), 3), resize(np.stack(raw), 3))
