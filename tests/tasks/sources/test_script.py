"""Letters from font files: the same bytes everywhere, test images of fonts never trained on."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

from mu2.config import read
from mu2.errors import Mu2Error
from mu2.tasks import Script, Source, Task
from mu2.tasks.sources.fonts import parse_ranges, read_outlines

pytest.importorskip("fontTools")
matplotlib = pytest.importorskip("matplotlib")

DEJAVU = Path(matplotlib.get_data_path(), "fonts/ttf")
FONTS = Path(__file__).parents[3] / "fonts/node_modules"


def write_font(file, stretch=1.0, flavor=None):
    """A font of U+61 to U+63: a bar, a disc of quadratic curves, and a ring made of two of them."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    def glyph(*radii, bar=False):
        pen = TTGlyphPen(None)
        for r in radii:
            # Every second circle runs the other way round, which makes it a hole.
            points = [(r, r), (-r, r), (-r, -r), (r, -r)][:: 1 if r == radii[0] else -1]
            pen.qCurveTo(*((500 + x * stretch, 500 + y) for x, y in points), None)
            pen.closePath()
        if bar:
            for i, (x, y) in enumerate(((450, 100), (450, 900), (550, 900), (550, 100))):
                (pen.moveTo if i == 0 else pen.lineTo)((x, y))
            pen.closePath()
        return pen.glyph()

    font = FontBuilder(1000)
    glyphs = {".notdef": glyph(300), "a": glyph(bar=True), "b": glyph(400), "c": glyph(400, 200)}
    font.setupGlyphOrder([*glyphs, "space"])
    font.setupCharacterMap({0x20: "space", 0x61: "a", 0x62: "b", 0x63: "c"})
    font.setupGlyf({**glyphs, "space": glyph()})
    font.setupHorizontalMetrics(dict.fromkeys((*glyphs, "space"), (1000, 0)))
    font.setupHorizontalHeader(ascent=1000, descent=0)
    font.setupNameTable({"familyName": "Test"})
    font.setupOS2()
    font.setupPost()
    font.font["head"].created = font.font["head"].modified = 3_000_000_000
    font.font.flavor = flavor
    font.font.save(file)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("fonts")
    write_font(made / "one-400.ttf")
    write_font(made / "one-700.ttf", 0.8)
    write_font(made / "two.woff", 0.6, "woff")
    return made


def script(folder, **changes):
    values = {"letters": "U+61-63", "train": ("one-*.ttf",), "test": ("two.woff",), "per_class": 8}
    return Script(**{**values, "folder": str(folder), **changes})


def test_ranges_are_read_as_css_has_them():
    assert parse_ranges("U+61-63, u+41 U+5D0", "it") == "abcAא"
    for wrong in ("61", "U+63-61", "U+", "U+110000", "U+D800", "a"):
        with pytest.raises(Mu2Error, match=r"no range of characters") as caught:
            parse_ranges(f"U+41, {wrong}", "Script.letters")
        assert "U+5D0-5EA" in caught.value.hint
    with pytest.raises(Mu2Error, match=r"U\+0062 twice"):
        parse_ranges("U+61-63, U+62", "Script.letters")


def test_pictures_are_the_same_bytes_on_every_machine(folder):
    source = script(folder)
    assert isinstance(source, Source)
    assert source.class_names() == ("a", "b", "c")
    assert Task("abc", source).check() == {"train": 24, "validation": 6, "test": 6}
    digest = hashlib.sha256()
    for split in source.splits():
        examples = source.read(split, 32)
        assert examples.inputs.shape == (source.size(split), 32, 32, 1)
        assert set(np.bincount(examples.labels)) == {8 if split == "train" else 2}
        digest.update(examples.inputs.tobytes() + examples.labels.astype("<i4").tobytes())
    assert digest.hexdigest() == (
        "fed87174dd69a8c22e928827c93ad038217c9712a931ebaffc385fde3e0c5e45"
    )
    np.testing.assert_array_equal(
        source.read("train[4:9]", 32).inputs, source.read("train", 32).inputs[4:9]
    )


def test_outlines_are_whole_centred_and_as_large_in_every_font(folder):
    for file in ("one-400.ttf", "two.woff"):
        bar, disc, ring = read_outlines(folder / file, "abc")
        for edges in (bar, disc, ring):
            points = edges.reshape(-1, 2)
            np.testing.assert_allclose(points.min(axis=0) + points.max(axis=0), 0, atol=1e-9)
        assert np.ptp(disc.reshape(-1, 2), axis=0).max() == pytest.approx(1)

        def area(edges):
            (x0, y0), (x1, y1) = np.moveaxis(edges, 0, -1)
            return abs(float((x0 * y1 - x1 * y0).sum()) / 2)

        assert area(ring) == pytest.approx(0.75 * area(disc))


def test_no_font_is_both_trained_and_tested_on(folder):
    for part in ("train", "validation"):
        mixed = script(folder, **{part: ("*",)})
        with pytest.raises(Mu2Error, match=rf"two\.woff is both in {part} and in test"):
            mixed.size("train")
    both = script(folder, train=("one-400.ttf",), validation=("one-700.ttf",))
    assert [len(files) for files in both.fonts().values()] == [1, 1, 1]


def test_what_is_not_there_is_told_and_its_sizes_are_known(folder):
    source = script(folder, test=("three.ttf",))
    (absent,) = source.find_missing()
    assert "no font three.ttf" in absent.message
    assert "make fonts" in absent.hint
    known = source.describe()
    assert (known.num_classes(), known.size("train")) == (3, 24)
    with pytest.raises(Mu2Error, match=r"no font three\.ttf"):
        source.size("train")
    assert script(folder).find_missing() == ()
    with pytest.raises(Mu2Error, match=r"lacks U\+0064 and 1 more letters"):
        script(folder, letters="U+61-65").read("train", 32)
    with pytest.raises(Mu2Error, match=r"draws nothing for U\+0020"):
        script(folder, letters="U+20, U+61").read("train", 32)
    (folder / "text.ttf").write_text("no font")
    with pytest.raises(Mu2Error, match="cannot be read as a font"):
        script(folder, train=("text.ttf",)).read("train", 32)


def test_fonts_need_their_reader(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "fontTools.ttLib", None)
    with pytest.raises(Mu2Error, match="fontTools") as caught:
        read_outlines(folder / "two.woff", "abc")
    assert "mu2[demo]" in caught.value.hint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"letters": "abc"}, "no range"),
        ({"train": ()}, "names no font"),
        ({"test": "two.woff"}, "tuple of texts"),
        ({"per_class": 0}, "at least 1"),
        ({"side": 32.0}, "must be an int"),
    ],
)
def test_attributes_are_of_their_types(folder, changes, message):
    with pytest.raises(Mu2Error, match=message):
        script(folder, **changes)


def test_real_fonts_stand_upright():
    source = Script("U+41-5A", ("DejaVuSans.ttf",), ("DejaVuSerif.ttf",), folder=str(DEJAVU))
    images = source.read("test", 32)
    mean = [images.inputs[images.labels == i].mean(axis=0)[..., 0] for i in range(26)]
    tall, wide = mean[ord("T") - 65], mean[ord("L") - 65]
    assert tall[4:12].mean() > 1.2 * tall[20:28].mean()
    assert wide[18:28].mean() > 1.2 * wide[4:14].mean()


def forty():
    parts = ("mutation/mu2net", "budget/laptop", "optimizer/sgd_laptop", "mesh/cpu")
    files = [f"gin/{part}.gin" for part in (*parts, "augmentation/characters", "stream/scripts_40")]
    loaded = read([*files, "search_spaces/ocr.gin"], []).load()
    return {task.name: task.source for task in loaded.experiment.stream.tasks}


def test_the_forty_scripts_name_their_letters_without_the_fonts():
    import unicodedata

    sources = forty()
    assert len(sources) == 40
    for source in sources.values():
        assert 24 <= source.num_classes() <= 40
        assert {unicodedata.category(each) for each in source.class_names()} <= {"Ll", "Lo", "Lu"}

        assert not {*source.train, *source.validation} & {*source.test}


@pytest.mark.slow
@pytest.mark.skipif(not FONTS.exists(), reason="the fonts are not there: make fonts")
def test_the_forty_scripts_are_drawn_and_no_two_letters_of_a_font_are_alike():
    for name, source in forty().items():
        files = source.fonts()
        families = {part: {file.name.rsplit("-", 2)[0] for file in files[part]} for part in files}
        assert not (families["train"] | families["validation"]) & families["test"], name
        for part in ("train", "test"):
            examples = source.read(part, 32)
            assert len(examples) == source.size(part)
            assert examples.inputs.reshape(len(examples), -1).max(axis=1).min() > 80, name
