import pytest

from mu2.report import words


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        (["latin", None], "latin ← root"),
        ([None], "root"),
        ([], "–"),
        (["a", "b", "c", "d", "e", None], "a ← b ← c ← … ← root"),
    ],
)
def test_lineage(tasks, said):
    assert words.lineage(tasks) == said


def test_layers_of_one_name_stand_together():
    names = ["embedding", "encoderblock_0", "encoderblock_1", "encoder_norm", "layer_x"]
    assert words.layers(names) == "embedding, encoderblock_0, 1, encoder_norm, layer_x"


def test_a_sparkline_has_a_bar_a_value():
    assert words.sparkline([0.0, None, 1.0]) == "▁·█"
    assert words.sparkline([0.5, 0.5]) == "▄▄"
    assert words.sparkline([]) == ""
    assert len(words.sparkline([0.1] * 100)) == 24


@pytest.mark.parametrize(
    ("number", "said"), [(812, "812 B"), (12_345, "12.3 kB"), (2e6, "2.00 MB")]
)
def test_bytes(number, said):
    assert words.bytes_of(number) == said


@pytest.mark.parametrize(("number", "said"), [(0, "0"), (250e9, "250 G"), (1.4e12, "1.4 T")])
def test_scaled(number, said):
    assert words.scaled(number) == said


def test_plurals():
    assert words.plural(2, "class") == "2 classes"
    assert words.plural(1, "class") == "1 class"
