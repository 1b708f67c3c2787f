"""Examples that a user gives: images in every form, rows, texts, and what is none of them."""

import io

import numpy as np
import pytest

from mu2.errors import Mu2Error
from mu2.tasks.image import resize, resize_bilinear
from mu2.tasks.preparation import Preparation
from mu2.tasks.table import Encoding, Scaling
from mu2.tasks.user_examples import Form, examples, examples_of, fit_image, pixels

Image = pytest.importorskip("PIL.Image")
COLOUR = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)


def test_an_image_is_the_same_in_every_form(tmp_path):
    file, stream = tmp_path / "a.png", io.BytesIO()
    Image.fromarray(COLOUR).save(file)
    Image.fromarray(COLOUR).save(stream, "PNG")
    given = [file, str(file), stream.getvalue(), COLOUR]
    for each in given:
        np.testing.assert_array_equal(pixels(each, "x"), COLOUR)
    small, grey, smooth = Form((4, 4, 3)), Form((8, 8, 1)), Form((4, 4, 3), "bilinear")
    made = examples("image", given, [small, grey, smooth])
    assert {form: (x.shape, x.dtype) for form, x in made.items()} == {
        small: ((4, 4, 4, 3), np.uint8),
        grey: ((4, 8, 8, 1), np.uint8),
        smooth: ((4, 4, 4, 3), np.float32),
    }
    np.testing.assert_array_equal(made[small][0], resize(COLOUR[None], 4)[0])
    np.testing.assert_array_equal(made[smooth][0], resize_bilinear(COLOUR[None], 4)[0])
    assert all((x == x[:1]).all() for x in made.values())


def test_grey_images():
    np.testing.assert_array_equal(pixels(COLOUR[..., 0], "x"), COLOUR[..., :1])
    assert fit_image(COLOUR[..., :1], Form((6, 6, 3))).shape == (6, 6, 3)


def test_no_images():
    assert examples("image", [], [Form((4, 4, 3))])[Form((4, 4, 3))].shape == (0, 4, 4, 3)
    assert examples("text", [], [Form((5,))])[Form((5,))].shape == (0, 5)
    assert examples("table", [], [Form((5,))])[Form((5,))].shape == (0, 5)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (COLOUR / 255, "image 0: pixels of float64; they must be uint8"),
        (COLOUR[..., :2], "image 0: an array of shape [6, 9, 2] is no image"),
        (COLOUR[None], "an array of shape [1, 6, 9, 3] is no image"),
        (COLOUR[:0], "an image of 0x9 pixels cannot be resized"),
        ("none.png", "none.png: No such file"),
        ("", "an image without a name: "),
        (b"none", "image 0: no image that Pillow knows"),
        (None, "image 0: pixels of object"),
    ],
)
def test_what_is_no_image(image, said):
    with pytest.raises(Mu2Error) as caught:
        examples("image", [image], [Form((4, 4, 3))])
    assert said in caught.value.message


def test_texts_and_rows():
    made = examples("text", ["ab", "cdef"], [Form((3,))])[Form((3,))]
    assert (made.dtype, made.tolist()) == (np.uint8, [[97, 98, 0], [99, 100, 101]])
    rows = examples("table", [[1, 2], [3.5, 4]], [Form((2,))])[Form((2,))]
    assert (rows.dtype, rows.tolist()) == (np.float32, [[1, 2], [3.5, 4]])


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        ("text", [b"ab"], "text 0 is of type bytes"),
        ("text", "ab", "one example was given"),
        ("image", "a.png", "one example was given"),
        ("table", [[1, 2, 3]], "rows of shape [3] were given, and the task reads [2]"),
        ("table", [1, 2], "rows of shape [] were given"),
        ("table", [[1], [2, 3]], "no table of numbers"),
        ("table", [["a", "b"]], "no table of numbers"),
    ],
)
def test_what_does_not_fit(kind, given, said):
    with pytest.raises(Mu2Error) as caught:
        examples(kind, given, [Form((2,))])
    assert said in caught.value.message


def test_a_folder_of_each_kind_is_its_files_by_name(tmp_path):
    for name in ("b/2.PNG", "b/a/1.png", "c.png", ".hidden/0.png", "b/note.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if name.lower().endswith("png"):
            Image.fromarray(COLOUR).save(tmp_path / name, "PNG")
        else:
            (tmp_path / name).write_text("no image")
    form = Form((4, 4, 3))
    made, files = examples_of("image", tmp_path, [form])
    assert files == tuple(str(tmp_path / name) for name in ("c.png", "b/2.PNG", "b/a/1.png"))
    np.testing.assert_array_equal(made[form], examples("image", files, [form])[form])

    (tmp_path / "1.txt").write_text("ab\n\ncd\n")
    (tmp_path / "b/2.csv").write_text("n,text\n1,ef\n")
    form = Form((3,))
    made, files = examples_of("text", str(tmp_path), [form])
    assert made[form].tolist() == [[97, 98, 0], [99, 100, 0], [101, 102, 0]]
    assert files == tuple(str(tmp_path / name) for name in ("1.txt", "1.txt", "b/2.csv"))

    (tmp_path / "b/1.csv").write_text("text,n\n,2\n,3\n")
    scaling = Scaling(np.zeros(1), np.ones(1), np.zeros(0, np.int64))
    known = Preparation(encoding=Encoding(("n",), scaling, {}))
    made, files = examples_of("table", tmp_path, [Form((1,))], known)
    assert made[Form((1,))].tolist() == [[2], [3], [1]]
    assert files == tuple(str(tmp_path / f"b/{name}.csv") for name in (1, 1, 2))


def test_a_folder_without_examples_and_one_with_damaged_ones(tmp_path):
    with pytest.raises(Mu2Error, match="holds no tables"):
        examples("table", tmp_path, [Form((1,))])
    for name in "abcdefgh":
        (tmp_path / f"{name}.png").write_bytes(b"none")
    with pytest.raises(Mu2Error) as caught:
        examples("image", tmp_path, [Form((4, 4, 3))])
    assert all(f"{name}.png: " in caught.value.message for name in "abcde")
    assert caught.value.message.endswith(" And 3 more.")
