"""The choices of the image pipeline: what is none is refused with what there is."""

import pytest

from mu2.errors import Mu2Error
from mu2.tasks import Images


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
