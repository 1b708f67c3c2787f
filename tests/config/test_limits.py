"""The limits of hyperparameters that a search space may leave out."""

import re

import pytest

from mu2.config import Faults, load

FILES = ["gin/quickstart.gin"]
REFUSED = {
    "Hyperparameters.rotation = 181.0": "181.0 is not a number from 0 to 180",
    "Ranges.rotation = (-15.0, 0.0)": "-15.0 is not a number from 0 to 180",
    "Hyperparameters.scale = 1.0": "1.0 is not a number of 0 or more and below 1",
    "Ranges.shear = (-0.1, 0.0)": "-0.1 is not a number from 0 to 1",
    "Hyperparameters.translation = 1.5": "1.5 is not a number from 0 to 1",
    "Hyperparameters.rotation = '15'": "'15' is not a number",
    "Hyperparameters.optimizer = 'adam'": "'adam' is not one of 'sgd', 'adamw', 'lion'",
    "Choices.optimizer = ('sgd', 'lions')": "'lions' is not one of 'sgd', 'adamw', 'lion'",
    "Hyperparameters.weight_decay = -0.1": "-0.1 is not a number from 0 on",
    "Hyperparameters.label_smoothing = 1.0": "1.0 is not a number of 0 or more and below 1",
    "Hyperparameters.adamw_factor = 0.0": "0.0 is not a number above 0",
}


def faults(line):
    with pytest.raises(Faults) as caught:
        load(FILES, [line])
    return caught.value.faults


@pytest.mark.parametrize(("line", "message"), REFUSED.items())
def test_what_lies_outside_of_the_limits_is_refused(line, message):
    found = [fault for fault in faults(line) if message in fault.message]
    assert found, [fault.message for fault in faults(line)]


def test_ends_that_are_among_them():
    lines = ["Hyperparameters.rotation = 180.0", "Hyperparameters.scale = 0.99"]
    lines += ["Hyperparameters.shear = 1.0", "Hyperparameters.translation = 0.0"]
    values = load(FILES, lines).experiment.space.hyperparameters
    assert (values["rotation"], values["scale"]) == (180.0, 0.99)


def test_a_range_without_a_default_is_not_called_misspelt():
    (fault,) = faults("Ranges.rotation = (0.0, 15.0)")
    assert "Hyperparameters.rotation has no default" in fault.message
    assert fault.hint == "Set Hyperparameters.rotation to one of (0.0, 15.0)."
    (fault,) = faults("Ranges.weight_decay = (0.0, 0.001)")
    assert fault.hint == "Set Hyperparameters.weight_decay to one of (0.0, 0.001)."
    assert re.search(
        "Did you mean 'weight_decay'", faults("Ranges.weight_decy = (0.0,)")[0].hint or ""
    )
    assert re.search("Did you mean 'rotation'", faults("Ranges.rotaton = (0.0,)")[0].hint or "")
