"""Examples that a user gives, as a network reads them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mu2.errors import Mu2Error
from mu2.tasks.image import to_channels
from mu2.tasks.images import FIRST_RESIZE, Resize
from mu2.tasks.picture import decode
from mu2.tasks.preparation import Preparation, join_faults
from mu2.tasks.reader import fit
from mu2.tasks.text import pad_texts, to_bytes
from mu2.tasks.user_folders import files_in
from mu2.tasks.user_tables import FILES, read_columns, read_table_columns, read_texts, text_column

Shape = tuple[int, ...]


def pixels(image: Any, place: str) -> np.ndarray:
    """An image in any of the forms that it can be given in, uint8 [H, W, C].

    Args:
      image: the name of a file, or what is in one (bytes), or pixels: uint8 [H, W, C] with one or
        three channels, or [H, W].
      place: what to call it in messages.

    Raises:
      Mu2Error: it is none of these, or cannot be read.
    """
    if isinstance(image, str | os.PathLike):
        return decode(Path(image), str(image) or "an image without a name")
    if isinstance(image, bytes):
        return decode(image, place)
    array = np.asarray(image)
    if array.dtype != np.uint8:
        raise Mu2Error(
            f"{place}: pixels of {array.dtype}; they must be uint8.",
            hint="Pixels are whole numbers from 0 to 255.",
        )
    array = array[:, :, np.newaxis] if array.ndim == 2 else array
    if array.ndim != 3 or array.shape[2] not in (1, 3):
        raise Mu2Error(
            f"{place}: an array of shape {list(array.shape)} is no image.",
            hint="An image is [H, W], [H, W, 1] or [H, W, 3].",
        )
    return array


class Form(NamedTuple):
    """What a network reads.

    Attributes:
      shape: of one example.
      resize: how images are brought to it, as `Images.resize` has it.
    """

    shape: Shape
    resize: Resize = FIRST_RESIZE

    def dtype(self, kind: str) -> np.dtype[Any]:
        """Of examples of a kind (`image`, `table`, `text`)."""
        whole = kind == "text" or (kind == "image" and self.resize == FIRST_RESIZE)
        return np.dtype(np.uint8 if whole else np.float32)


def fit_image(image_HxWxC: np.ndarray, form: Form) -> np.ndarray:
    """Pixels, uint8 [H, W, C], as a network reads them, [S, S, C]: uint8, or float32."""
    size, _, channels = form.shape
    return to_channels(fit([image_HxWxC], size, form.resize), channels)[0]


def examples(
    kind: str, data: Any, forms: Sequence[Form], preparation: Preparation | None = None
) -> dict[Form, np.ndarray]:
    """Examples for networks that read some forms of them.

    Args:
      kind: `image`, `table` or `text`.
      data: images: a sequence of what `pixels` takes, or one array of them. Rows: a CSV or Parquet
        file, a data frame, mappings, or rows (see `user_tables.read_table_columns`), as they stand;
        of a task whose preparation is not known, numbers [N, F] that are filled and scaled already.
        Texts: a sequence of them, a file (`.txt`, or a table with a column of texts), or a data
        frame. Of each kind also a folder: all such files in it and below, by name.
      forms: what the networks read.
      preparation: how the task's examples are made of columns, if that is known.

    Returns:
      Form to examples [N, *shape], of the form's dtype.

    Raises:
      Mu2Error: an example is not what its kind takes, or does not fit a shape; of images all such
        are told.
    """
    return examples_of(kind, data, forms, preparation)[0]


def examples_of(
    kind: str, data: Any, forms: Sequence[Form], preparation: Preparation | None = None
) -> tuple[dict[Form, np.ndarray], tuple[str, ...]]:
    """What `examples` gives; and where `data` is a folder, the file of each example, else none."""
    if not isinstance(data, str | os.PathLike) or not os.path.isdir(data):
        return _given(kind, data, forms, preparation), ()
    files, _ = files_in(data, kind)
    if kind == "image":
        return _given(kind, files, forms, preparation), tuple(files)
    parts = [_given(kind, file, forms, preparation) for file in files]
    made = {form: np.concatenate([part[form] for part in parts]) for form in forms}
    counts = [len(next(iter(part.values()), ())) for part in parts]
    return made, tuple(f for f, count in zip(files, counts, strict=True) for _ in range(count))


def _given(
    kind: str, data: Any, forms: Sequence[Form], preparation: Preparation | None
) -> dict[Form, np.ndarray]:
    """Examples of anything but a folder; see `examples`."""
    is_file = kind != "image" and _is_file(data)
    if isinstance(data, str | bytes | os.PathLike) and not is_file:
        raise Mu2Error("one example was given, not a sequence of them.", hint="Put it in a list.")
    if kind == "table":
        rows = _table(data, preparation)
        return {form: _rows(rows, form.shape) for form in forms}
    if kind == "text":
        if is_file:
            data = read_texts(data, preparation)
        elif _is_frame(data):
            columns = read_table_columns(data, preparation or Preparation()) or {}
            data = text_column(columns, preparation, "the data frame")
        texts = list(_texts(data))
        return {form: pad_texts(texts, form.shape[0]) for form in forms}
    made: dict[Form, list[np.ndarray]] = {form: [] for form in forms}
    faults: list[Mu2Error] = []
    for number, image in enumerate(data):
        try:
            whole = pixels(image, f"image {number}")
            for form, fitting in made.items():
                fitting.append(fit_image(whole, form))
        except Mu2Error as fault:
            faults.append(fault)
    if faults:
        raise join_faults(faults)
    return {
        form: np.stack(fitting) if fitting else np.empty((0, *form.shape), form.dtype(kind))
        for form, fitting in made.items()
    }


def _is_file(data: Any) -> bool:
    """Whether a table or texts are given by the name of a file."""
    if not isinstance(data, str | os.PathLike):
        return False
    return Path(data).suffix.lower() in FILES


def _is_frame(data: Any) -> bool:
    return isinstance(data, Mapping) or hasattr(data, "columns")


def _table(data: Any, preparation: Preparation | None) -> Any:
    """Rows as the task's network reads them; without a preparation, as they were given."""
    if preparation is None:
        if _is_file(data) or _is_frame(data):
            raise Mu2Error(
                "the system does not say how this task's columns become numbers: it was written by "
                "an earlier mu2.",
                hint="Run the task again, which keeps it, or give numbers [N, F] that are filled "
                "and scaled as its source does it.",
            )
        return data
    if _is_file(data):
        return preparation.rows(read_columns(data, *preparation.signs), str(data))
    columns = read_table_columns(data, preparation)
    return data if columns is None else preparation.rows(columns, "the table")


def _texts(data: Any) -> Iterator[np.ndarray]:
    for number, text in enumerate(data):
        if not isinstance(text, str):
            raise Mu2Error(f"text {number} is of type {type(text).__name__}; it must be str.")
        yield to_bytes(text)


def _rows(data: Any, shape: Shape) -> np.ndarray:
    try:
        rows = np.asarray(data, np.float32)
    except (TypeError, ValueError) as error:
        raise Mu2Error(f"the rows are no table of numbers: {error}.") from error
    if not rows.size and rows.ndim < 2:
        rows = rows.reshape(0, *shape)
    if rows.shape[1:] != shape:
        raise Mu2Error(
            f"rows of shape {list(rows.shape[1:])} were given, and the task reads {list(shape)}."
        )
    return rows
