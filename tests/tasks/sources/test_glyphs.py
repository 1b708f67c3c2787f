"""Letters from matplotlib's fonts: the same bytes everywhere, whole letters, no two alike."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import Glyphs, Source
from mu2.tasks.sources import glyphs, letters

matplotlib = pytest.importorskip("matplotlib")

SCRIPTS = {
    "latin": 26,
    "latin_capitals": 26,
    "greek": 24,
    "greek_capitals": 24,
    "cyrillic": 33,
    "cyrillic_capitals": 33,
    "armenian": 38,
    "georgian": 33,
    "hebrew": 27,
    "arabic": 28,
    "digits": 10,
}


def pictures(examples):
    return {image.tobytes() for image in examples.inputs}


@pytest.mark.parametrize(
    ("split", "size", "bytes_"),
    [
        ("train", 52, "a41a5c222e737e175ffb8b6d74105f08c356eabe0bd5f6c7f3ea0f2e6cf9d56a"),
        ("validation", 26, "3a2e1fe6198ac952df9cb3680c4830f40cf869f7f3e8b247a9ecb1d7645b4f1b"),
        ("test", 26, "25fadfa66b7d877735296c07ba78793ba7ad7c4e1f10d6cec69892778effeed8"),
    ],
)
def test_pictures_are_the_same_bytes_on_every_machine(split, size, bytes_):
    source = Glyphs("latin", per_class=2)
    examples = source.read(split, 32)
    assert isinstance(source, Source)
    assert source.size(split) == len(examples) == size
    assert examples.inputs.shape == (size, 32, 32, 1)
    assert (examples.inputs.dtype, examples.labels.dtype) == (np.uint8, np.int32)
    labels = examples.labels.astype("<i4").tobytes()
    assert hashlib.sha256(examples.inputs.tobytes() + labels).hexdigest() == bytes_


def test_an_object_gives_what_another_of_its_attributes_gave_in_any_order():
    one, other = Glyphs("hebrew", per_class=3, side=16), Glyphs("hebrew", per_class=3, side=16)
    assert one == other
    first = {split: one.read(split, 16) for split in ("train", "test")}
    second = {split: other.read(split, 16) for split in ("test", "train")}
    for split, examples in first.items():
        np.testing.assert_array_equal(examples.inputs, second[split].inputs)
        np.testing.assert_array_equal(examples.labels, second[split].labels)


def test_another_seed_is_another_draw():
    draws = [Glyphs("digits", per_class=8, side=16, seed=seed).read("all", 16) for seed in (0, 1)]
    assert not pictures(draws[0]) & pictures(draws[1])
    assert (draws[0].labels != draws[1].labels).any()


def test_splits_have_no_picture_in_common_and_none_twice():
    source = Glyphs("digits", per_class=30, side=16)
    assert source.splits() == ("train", "validation", "test")
    splits = [pictures(source.read(name, 16)) for name in source.splits()]
    # A quarter of 30, rounded up.
    assert [len(split) for split in splits] == [300, 80, 80]
    assert len(set.union(*splits)) == source.size("all") == 460


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_every_class_has_as_many_examples_in_random_order(split):
    labels = Glyphs("digits", per_class=40, side=8).read(split, 8).labels
    assert set(np.bincount(labels)) == {40 if split == "train" else 10}
    assert (labels[1:] == labels[:-1]).mean() < 0.25


def test_a_slice_is_a_part_of_its_split_and_terms_keep_their_order():
    # More than are drawn at once, so that the noise of the second block is tried too.
    source = Glyphs("digits", per_class=60, side=8)
    whole = source.read("train", 8)
    expression = "train[90%:]+test[:3]+train[5:6]"
    some = Glyphs("digits", per_class=60, side=8).read(expression, 8)
    assert source.size(expression) == len(some) == 64
    np.testing.assert_array_equal(some.inputs[:60], whole.inputs[540:])
    np.testing.assert_array_equal(some.labels[:60], whole.labels[540:])
    np.testing.assert_array_equal(some.inputs[60:63], source.read("test", 8).inputs[:3])
    np.testing.assert_array_equal(some.inputs[63:], whole.inputs[5:6])


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_has_the_letters_it_promises_in_every_face(script):
    from matplotlib.ft2font import FT2Font

    source = Glyphs(script)
    letters, faces = glyphs._SCRIPTS[script]
    assert source.num_classes() == len(source.class_names()) == SCRIPTS[script]
    assert source.class_names() == tuple(letters)
    assert len(set(letters)) == len(letters)
    for face in faces:
        font = FT2Font(str(Path(matplotlib.get_data_path(), f"fonts/ttf/{face}.ttf")))
        # Glyph 0 is the box that stands for a letter that is not there.
        assert [letter for letter in letters if not font.get_char_index(ord(letter))] == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_letters_of_a_face_are_whole_and_distinct(script):
    masters = glyphs._masters(script, 16)
    letters, faces, m, _ = masters.shape
    assert (letters, m) == (SCRIPTS[script], 64)
    assert faces == len(glyphs._SCRIPTS[script][1])
    # None is cut off by the edge, which would smear it over the picture when it is drawn small.
    edges = [masters[:, :, 0], masters[:, :, -1], masters[..., 0], masters[..., -1]]
    assert max(edge.max() for edge in edges) == 0
    for face in range(faces):
        flat = masters[:, face].reshape(letters, -1).astype(np.int32)
        # Softened, a stroke thinner than one pixel of the picture is no more than grey.
        assert flat.max(axis=1).min() > 150
        differences = np.abs(flat[:, None] - flat).sum(axis=2) + 10**9 * np.eye(letters, dtype=int)
        # At least what eight of the oversampled pixels, or half a pixel of the picture, can hold.
        assert differences.min() > 8 * 255


def test_the_inside_of_an_outline_is_inked_and_its_holes_are_not():
    def ring(radius, turn):
        corners = radius * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])[::turn]
        return np.stack([corners, np.roll(corners, -1, axis=0)], axis=1)

    def inked(*rings):
        return letters._soften(letters._inside(np.concatenate(rings), 64)[np.newaxis])[0]

    square = inked(ring(12, 1))
    assert (square[24:40, 24:40] == 255).all()
    assert square[:16].max() == square[:, 48:].max() == 0
    assert square.sum() / 255 == pytest.approx(24 * 24, rel=0.01)
    holed = inked(ring(20, 1), ring(8, -1))
    assert (holed[28:36, 28:36] == 0).all()
    assert holed.sum() / 255 == pytest.approx(40 * 40 - 16 * 16, rel=0.01)
    # Outlines that overlap, as those of letters with accents may, leave no hole.
    twice = inked(ring(20, 1), ring(8, 1))
    assert (twice[16:48, 16:48] == 255).all()


def test_pictures_asked_for_in_any_order_are_the_same():
    source = Glyphs("digits", per_class=60, side=8)
    reader, whole = source.reader("train[10:]+test"), source.read("train[10:]+test", 8)
    indices = [595, 0, 700, 589, 3, 3]
    images, labels = reader.fetch(indices)
    np.testing.assert_array_equal(images, whole.inputs[indices])
    np.testing.assert_array_equal(labels, whole.labels[indices])


def test_letters_stand_upright_and_are_light_on_dark():
    images = Glyphs("latin_capitals", per_class=60).read("train", 32)
    mean = {
        letter: images.inputs[images.labels == i].astype(float).mean(axis=0)[..., 0]
        for i, letter in enumerate(Glyphs("latin_capitals").class_names())
    }
    assert max(mean[letter][:2].max() for letter in mean) < 60
    # A T has its bar at the top, an L at the bottom right, and a P its bowl at the top.
    assert mean["T"][6:14].mean() > 1.2 * mean["T"][18:26].mean()
    assert mean["L"][18:28, 17:24].mean() > 1.5 * mean["L"][4:14, 17:24].mean()
    assert mean["P"][6:14, 17:24].mean() > 1.5 * mean["P"][18:26, 17:24].mean()


def test_images_are_drawn_at_a_side_and_resized_to_another():
    drawn = Glyphs("digits", per_class=2, side=32).read("train", 32)
    resized = Glyphs("digits", per_class=2, side=32).read("train", 16)
    assert resized.inputs.shape == (20, 16, 16, 1)
    np.testing.assert_array_equal(resized.labels, drawn.labels)
    means = drawn.inputs.reshape(20, 16, 2, 16, 2).mean(axis=(2, 4))
    assert np.corrcoef(means.ravel(), resized.inputs.ravel())[0, 1] > 0.97


def test_an_unknown_script_is_answered_with_the_nearest():
    with pytest.raises(Mu2Error, match="no script 'Latin'") as caught:
        Glyphs("Latin")
    assert "Did you mean 'latin'?" in caught.value.hint
    with pytest.raises(Mu2Error) as caught:
        Glyphs("klingon")
    assert all(script in caught.value.hint for script in SCRIPTS)
    for other in (None, 5, ["latin"]):
        with pytest.raises(Mu2Error, match="no script"):
            Glyphs(other)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"per_class": 0}, "per_class must be at least 1, not 0"),
        ({"side": 7}, "side must be at least 8, not 7"),
        *(
            ({name: wrong}, f"{name} must be an int")
            for name in ("per_class", "side", "seed")
            for wrong in (2.0, "8", True, None)
        ),
    ],
)
def test_numbers_that_will_not_do_are_refused(attributes, message):
    with pytest.raises(Mu2Error, match=message):
        Glyphs(**attributes)


def test_wrong_splits_are_refused_in_the_name_of_the_script():
    for call in (Glyphs("greek").size, lambda split: Glyphs("greek").read(split, 8)):
        with pytest.raises(Mu2Error, match=r"Glyphs\('greek'\) has no split 'dev'"):
            call("dev")


def test_without_matplotlib_the_command_that_installs_it_is_named(monkeypatch):
    for module in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert Glyphs("greek").size("train") == 24 * 320
    with pytest.raises(Mu2Error, match="needs matplotlib") as caught:
        Glyphs("greek").read("train", 8)
    assert "pip install 'mu2[demo]'" in caught.value.hint
