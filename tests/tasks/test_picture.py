"""Image files as pixels: upright, on white, eight bits, and refused where they are none."""

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.random_keys import Key
from mu2.tasks.picture import FORMATS, MAX_SIDE, decode, decode_view, is_picture
from mu2.tasks.view import View, Views
from tests.imports import ROOT

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


def jpeg_with(ifd):
    """A JPEG of GREY with bytes of one's own as Exif."""
    plain, segment = encoded(GREY, "JPEG", quality=100), b"Exif\0\0" + ifd
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + plain[2:]


def ifd(*entries, rest=b""):
    """An image file directory, little-endian: tag, type, count and value of each entry."""
    return (
        b"II*\0"
        + struct.pack("<IH", 8, len(entries))
        + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        + struct.pack("<I", 0)
        + rest
    )


UPRIGHT = (0x0112, 3, 1, 6)  # to be turned by a quarter, clockwise


@pytest.mark.parametrize(
    "exif",
    [
        ifd(UPRIGHT, (0x011A, 2, 7, 38), rest=b"72 dpi\0"),  # a resolution as text
        ifd(UPRIGHT, (0x011A, 5, 1, 9_999)),  # a value outside of the file
        ifd(UPRIGHT, (0x8769, 4, 1, 0xFFFFFF)),  # the directory of the camera is not there
        ifd(UPRIGHT, (0x9286, 2, 0xFFFFFFF, 38)),  # a comment longer than the file
        ifd(UPRIGHT, (0x0132, 99, 1, 0)),  # a type that Exif has not
    ],
)
def test_a_photograph_stands_upright_whatever_else_its_exif_says(exif):
    turned = decode(jpeg_with(exif), "x")[..., 0].astype(int)
    assert np.abs(turned - np.rot90(np.asarray(GREY), -1)).max() <= 3


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"no directory at all",
        ifd((0x0112, 2, 4, int.from_bytes(b"six\0", "little"))),  # the orientation as text
        ifd((0x0112, 3, 1, 77)),
        ifd(UPRIGHT)[:14],
    ],
)
def test_an_orientation_that_cannot_be_read_is_none(exif):
    pixels = decode(jpeg_with(exif), "x")[..., 0].astype(int)
    assert np.abs(pixels - np.asarray(GREY)).max() <= 3


@pytest.mark.parametrize("value", range(1, 9))
def test_every_orientation_is_as_pillow_has_it(value):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = value
    content = encoded(GREY, exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))))
    np.testing.assert_array_equal(decode(content, "x")[..., 0], expected)


@pytest.mark.parametrize("highest", [1, 15, 255, 1023, 4095])
@pytest.mark.parametrize("kind", [np.uint16, np.int32])
def test_sixteen_bits_of_small_values_are_not_made_black(highest, kind):
    small = np.array([[0, highest // 2, highest]], kind)
    form = "TIFF" if kind == np.int32 else "PNG"
    with pytest.raises(Mu2Error, match=f"16-bit pixels of at most {highest}") as caught:
        decode(encoded(Image.fromarray(small), form), "x")
    assert "white is 65,535" in caught.value.hint
    # As the message says; and black itself is black.
    right = (small.astype(np.int64) * 65535 // highest).astype(np.uint16)
    assert decode(encoded(Image.fromarray(right)), "x")[0, 2].tolist() == [255] * 3
    assert not decode(encoded(Image.fromarray(right * 0)), "x").any()


def test_a_pointer_of_git_lfs_is_told(tmp_path):
    content = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
    (tmp_path / "a.png").write_bytes(content)
    for image in (content, tmp_path / "a.png"):
        with pytest.raises(Mu2Error, match="x is a pointer of Git LFS"):
            decode(image, "x")


def in_file(pixels, **settings):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, settings.pop("format", "JPEG"), **settings)
    return file.getvalue()


@pytest.mark.parametrize(
    "settings",
    [
        {"quality": 90},
        {"quality": 40, "subsampling": 0},
        {"quality": 75, "subsampling": 1},
        {"quality": 90, "progressive": True},
        {"quality": 90, "restart_marker_rows": 1},
        {"quality": 90, "exif": b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00"},
        {"format": "PNG"},
    ],
)
def test_opencv_decodes_the_pixels_that_pillow_does(settings, tmp_path):
    pytest.importorskip("cv2")
    random = np.random.default_rng(0)
    coarse = Image.fromarray(random.integers(0, 256, (9, 7, 3), np.uint8))
    pixels = np.asarray(coarse.resize((131, 97), Image.Resampling.BICUBIC))
    content = in_file(pixels, **settings)
    (tmp_path / "a.jpg").write_bytes(content)
    expected = decode(content, "x")
    boxes = Views(Key.from_seed(0), area_min=0.2, aspect_min=0.5).draw(0, 2, opencv=True)
    images = [(content, "x"), (tmp_path / "a.jpg", "a.jpg")]
    for part, (top, left, h, w) in zip(
        decode_view(images, boxes), boxes.boxes([[97, 131]] * 2), strict=True
    ):
        np.testing.assert_array_equal(part, expected[top : top + h, left : left + w])


@pytest.mark.parametrize("opencv", [False, True])
def test_parts_of_images_that_are_turned_grey_or_transparent(opencv):
    pytest.importorskip("cv2")
    random = np.random.default_rng(1)
    colour = random.integers(0, 256, (20, 30, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    files = [
        in_file(colour, quality=95, exif=exif),
        in_file(colour[:, :, 0], quality=95),
        in_file(random.integers(0, 256, (20, 30, 4), np.uint8), format="PNG"),
    ]
    view = Views(Key.from_seed(2), area_min=0.3, aspect_min=0.5).draw(0, 3, opencv=opencv)
    whole = [decode(file, "x") for file in files]
    assert [image.shape for image in whole] == [(30, 20, 3), (20, 30, 3), (20, 30, 3)]
    made = decode_view([(file, "x") for file in files], view)
    for part, expected in zip(made, view.cut(whole), strict=True):
        np.testing.assert_array_equal(part, expected)


@pytest.mark.parametrize("opencv", [False, True])
def test_a_damaged_file_is_named_when_a_part_of_it_is_wanted(opencv):
    pytest.importorskip("cv2")
    content = in_file(np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8))
    cut_off = content[: len(content) // 2]
    with pytest.raises(Mu2Error, match="photo 7: "):
        list(decode_view([(content, "fine"), (cut_off, "photo 7")], View(opencv=opencv)))


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 4 3\n%%EndComments\nshowpage\n%%EOF\n"


def test_formats_that_start_programs_or_read_files_are_never_decoded(monkeypatch, tmp_path):
    """Pillow would start Ghostscript for an EPS file, whatever its name."""
    import subprocess

    def started(*_, **__):
        raise AssertionError("a program was started")

    for name in ("Popen", "call", "check_call", "run"):
        monkeypatch.setattr(subprocess, name, started)
    (tmp_path / "a.png").write_bytes(EPS)
    for image in (EPS, tmp_path / "a.png"):
        with pytest.raises(Mu2Error, match="of those that mu2 reads") as caught:
            decode(image, "x")
        assert "PNG, JPEG, BMP, GIF, WebP, TIFF, PPM" in caught.value.hint
    assert not is_picture(EPS)


def test_images_of_every_source_are_opened_with_the_formats_that_are_read():
    """Folders, Hugging Face's sets and TFDS give bytes or files to `decode`, and open none."""
    opened = {
        path.name: line.strip()
        for path in (ROOT / "mu2").rglob("*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if "Image.open(" in line
    }
    assert opened.keys() == {"picture.py", "jpeg.py"}  # which opens what it has encoded itself
    assert all("formats=" in line for line in opened.values())
    sources = ROOT / "mu2" / "tasks" / "sources"
    assert "SkipDecoding()" in (sources / "tfds.py").read_text(encoding="utf-8")
    assert "decode=False" in (sources / "huggingface.py").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "form", ["PNG", "JPEG", "MPO", "BMP", "GIF", "WEBP", "TIFF", "PPM", "TGA", "ICO", "PCX", "PDF"]
)
def test_the_formats_that_are_read(form):
    try:
        content = encoded(GREY.convert("RGB"), form)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow writes no {form}")
    if form in (*FORMATS, "MPO"):
        assert decode(content, "x").shape == (3, 4, 3)
    else:
        with pytest.raises(Mu2Error, match="no image that Pillow knows"):
            decode(content, "x")


def test_sides_and_bytes_are_limited_before_anything_is_decoded(tmp_path, monkeypatch):
    wide = encoded(Image.new("L", (MAX_SIDE + 1, 1)))
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", None)
    with pytest.raises(Mu2Error, match=f"x: a side of {MAX_SIDE + 1:,} pixels"):
        decode(wide, "x")
    with (tmp_path / "sparse.png").open("wb") as file:
        file.write(wide)
        file.truncate(1 << 40)
    with pytest.raises(Mu2Error, match=r"1,099,511,627,776 bytes"):
        decode(tmp_path / "sparse.png", "x")


def test_a_pipe_is_no_image(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    for path in (tmp_path / "a.png", Path("/dev/zero"), tmp_path):
        with pytest.raises(Mu2Error, match="x: no file"):
            decode(path, "x")
