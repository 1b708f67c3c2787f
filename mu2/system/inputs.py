"""What users give a system to answer for, as its networks read it: images, texts, rows."""

from mu2.tasks import Source
from mu2.tasks.picture import SUFFIXES, is_picture
from mu2.tasks.sources.parquet import PARQUET
from mu2.tasks.user_examples import (
    Form,
    Shape,
    examples,
    examples_of,
    fit_image,
    pixels,
)
from mu2.tasks.user_folders import ENDINGS, files_in
from mu2.tasks.user_tables import (
    LINES,
    SHEETS,
    read_columns,
    read_lines,
    read_texts,
)

__all__ = [
    "ENDINGS",
    "LINES",
    "PARQUET",
    "SHEETS",
    "SUFFIXES",
    "Form",
    "Shape",
    "Source",
    "examples",
    "examples_of",
    "files_in",
    "fit_image",
    "is_picture",
    "is_source",
    "pixels",
    "read_columns",
    "read_lines",
    "read_texts",
]


def is_source(made: object) -> bool:
    """Whether an object is where examples come from; no data are looked at."""
    names = ("num_classes", "class_names", "splits", "size", "read")
    return hasattr(type(made), "input") and all(hasattr(type(made), name) for name in names)
