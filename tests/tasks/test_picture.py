"""Image files as pixels: upright, on white, eight bits, and refused where they are none."""

import io

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks.picture import decode, is_picture

Image = pytest.importorskip("PIL.Image")


def encoded(image, form="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


GREY = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4) * 20)


def test_grey_colour_and_one_bit_become_three_channels(tmp_path):
    grey = decode(encoded(GREY), "x")
    assert grey.shape == (3, 4, 3)
    assert (grey == np.asarray(GREY)[..., None]).all()
    bits = decode(encoded(GREY.point(lambda v: 255 * (v > 100)).convert("1")), "x")
    assert set(np.unique(bits)) == {0, 255}
    GREY.convert("RGB").save(tmp_path / "a.png")
    np.testing.assert_array_equal(decode(tmp_path / "a.png", "x"), grey)


def test_transparent_parts_are_white():
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[0, 0, 3] = 255  # black where it is opaque
    pixels = decode(encoded(Image.fromarray(rgba)), "x")
    assert pixels[0, 0].tolist() == [0, 0, 0]
    assert (pixels[1] == 255).all()
    palette = Image.fromarray(rgba).convert("RGB").quantize(4)
    assert (decode(encoded(palette, transparency=0), "x") == 255).any()


def test_photographs_stand_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    pixels = decode(encoded(GREY, exif=exif), "x")
    np.testing.assert_array_equal(pixels[..., 0], np.rot90(np.asarray(GREY), -1))


def test_sixteen_bits_keep_the_upper_eight():
    wide = np.array([[0, 255, 256, 65535]], np.uint16)
    assert decode(encoded(Image.fromarray(wide)), "x")[0, :, 0].tolist() == [0, 0, 1, 255]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no image that Pillow knows"),
        (b"label,text\n1,a\n", "no image that Pillow knows"),
        (encoded(GREY)[:-30], "x: "),
        (encoded(GREY).replace(b"IDAT", b"IDAX"), "x: "),
    ],
)
def test_what_is_no_image_is_named(content, message):
    with pytest.raises(Mu2Error, match=message) as caught:
        decode(content, "x")
    assert caught.value.message.startswith("x: ")


def test_an_image_too_large_to_be_true_is_refused(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 11)
    with pytest.raises(Mu2Error, match="more than 11 pixels"):
        decode(encoded(GREY), "x")


def test_integers_of_32_bits_are_read_where_16_would_do():
    greys = np.array([[0, 255, 256, 65535]], np.int32)
    assert decode(encoded(Image.fromarray(greys), "TIFF"), "x")[0, :, 0].tolist() == [0, 0, 1, 255]
    for wrong in (65536, -1):
        with pytest.raises(Mu2Error, match=rf"x: pixels of 32-bit integers.*{wrong}"):
            decode(encoded(Image.fromarray(np.array([[3, wrong]], np.int32)), "TIFF"), "x")


def test_whether_bytes_are_an_image(monkeypatch):
    assert is_picture(encoded(GREY))
    assert is_picture(encoded(GREY)[:60])
    assert not is_picture(b"a.png\nb.png\n")
    assert not is_picture(b"")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
    assert is_picture(encoded(GREY))


def test_floats_are_refused():
    floats = Image.fromarray(np.zeros((2, 2), np.float32))
    with pytest.raises(Mu2Error, match="32-bit floats"):
        decode(encoded(floats, "TIFF"), "x")


def test_without_pillow_the_command_that_installs_it_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(Mu2Error, match="needs Pillow") as caught:
        decode(b"", "x")
    assert "pip install 'mu2[images]'" in caught.value.hint
