"""Data files that are something else than their names say: each reader says what they are."""

import gzip
import io
import zipfile

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks import CSV, Npz, TextLines
from mu2.tasks.picture import decode
from tests.own_data import deep_png

PAGE = b"<!DOCTYPE html>\n<html><body>404</body></html>\n"
TABLE = b"a,label\n1,x\n2,y\n"
# Without the time, as workers of one test run have to collect the same tests.
PACKED = gzip.compress(TABLE, mtime=0)


def archive():
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        opened.writestr("xl/workbook.xml", "x")
    return made.getvalue()


def array():
    made = io.BytesIO()
    np.save(made, np.zeros(3))
    return made.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.csv", PACKED, "packed by gzip"),
        ("x.csv", archive(), "a ZIP archive, as workbooks of Excel are"),
        ("x.csv", PAGE, "a web page"),
        ("x.csv", b"PAR1" + bytes(99), "a Parquet file"),
        ("x.parquet", PAGE, "a web page"),
        ("x.parquet", PACKED, "packed by gzip"),
        ("x.npz", PAGE, "a web page"),
        ("x.npz", array(), "a single array of NumPy"),
        ("x.npz", b"\x80\x04" + bytes(99), "a pickle, which can run any program"),
        ("x.txt", PAGE, "a web page"),
        ("x.txt", PACKED, "packed by gzip"),
    ],
)
def test_a_file_of_another_kind_is_told(tmp_path, name, content, said):
    pytest.importorskip("pyarrow")
    (tmp_path / name).write_bytes(content)
    source = {
        "npz": lambda: Npz(str(tmp_path / name)),
        "txt": lambda: TextLines(str(tmp_path)),
    }.get(name[2:], lambda: CSV(str(tmp_path / name), "label"))()
    with pytest.raises(Mu2Error) as caught:
        source.class_names()
    assert f"{name}" in caught.value.message
    assert said in caught.value.message
    assert caught.value.hint


def test_a_web_page_is_no_damaged_image():
    with pytest.raises(Mu2Error, match=r"cat\.jpg is a web page"):
        decode(PAGE, "cat.jpg")


@pytest.mark.parametrize("highest", [200, 4000])
def test_colours_of_16_bits_that_would_become_black_are_refused(highest):
    colours = np.linspace(0, highest, 48).astype(np.uint16).reshape(4, 4, 3)
    with pytest.raises(Mu2Error, match=r"where white is 65,535: .* at most (0|15) of 255"):
        decode(deep_png(colours), "x.png")
    whole = np.linspace(0, 65535, 48).astype(np.uint16).reshape(4, 4, 3)
    np.testing.assert_array_equal(decode(deep_png(whole), "x.png"), whole >> 8)
