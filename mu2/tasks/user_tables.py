"""Tables and texts that a user gives, as columns: from files, data frames and rows."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mu2.errors import Mu2Error, did_you_mean
from mu2.tasks.preparation import Preparation
from mu2.tasks.sources.parquet import PARQUET, is_parquet, read_parquet
from mu2.tasks.sources.sheet import Sheet

Columns = dict[str, Sequence[Any]]

SHEETS, LINES = (".csv", ".tsv"), (".txt",)
FILES = (*SHEETS, *PARQUET, *LINES)
# What a column of texts is most often called.
_TEXT = "text"


def read_columns(
    file: str | os.PathLike[str], delimiter: str | None = None, quote: str | None = None
) -> Columns:
    """The columns of a CSV or Parquet file, by name: texts of CSV, values of any type of Parquet.

    Args:
      file: its name says what it is: `.csv`, `.tsv`, `.parquet` or `.pq`.
      delimiter: of a CSV file; None: a comma, or a tab in a file named `.tsv`.
      quote: around values of a CSV file; None: as `CSV.quote` has it.

    Raises:
      Mu2Error: it cannot be read, is no such file, or pyarrow is missing.
    """
    path = Path(os.path.expanduser(file))
    if is_parquet(path):
        return dict(read_parquet(path)[0])
    if path.suffix.lower() not in SHEETS:
        raise Mu2Error(
            f"{path} is no table by its name.",
            hint=f"Tables end in {', '.join((*SHEETS, *PARQUET))}.",
        )
    if not path.exists():
        raise Mu2Error(f"there is no {str(path)!r}.")
    sheet = Sheet.of(path, delimiter, quote)
    return {
        name: [values[column] for _, values in sheet.rows]
        for column, name in enumerate(sheet.columns)
    }


def read_lines(content: bytes, owner: str) -> list[str]:
    """The texts in a text file: its lines that are not blank, without the blanks around them.

    Raises:
      Mu2Error: it is not in UTF-8, or holds no text.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Mu2Error("not written in UTF-8.", location=f"{owner}:{line}") from error
    lines = [line.strip() for line in text.replace("\r\n", "\n").split("\n")]
    if not any(lines):
        raise Mu2Error(f"{owner} holds no text.")
    return [line for line in lines if line]


def read_texts(
    file: str | os.PathLike[str], preparation: Preparation | None, column: str | None = None
) -> list[str]:
    """The texts in a file: the lines of a `.txt`, or a column of a table.

    Args:
      file: `.txt`, or what `read_columns` reads.
      preparation: says which column; None: it is called `text`, or the only one.
      column: its name, where it is called otherwise.

    Raises:
      Mu2Error: it cannot be read, or has no such column.
    """
    path = Path(os.path.expanduser(file))
    if path.suffix.lower() in LINES:
        try:
            return read_lines(path.read_bytes(), str(path))
        except OSError as error:
            raise Mu2Error(f"{path}: {error.strerror}.") from error
    columns = read_columns(path, *(preparation.signs if preparation else ()))
    return text_column(columns, preparation, str(path), column)


def text_column(
    columns: Mapping[str, Sequence[Any]],
    preparation: Preparation | None,
    owner: str,
    column: str | None = None,
) -> list[str]:
    """The column of texts among some; a missing text is an empty one.

    Raises:
      Mu2Error: there is no such column, or it holds no texts.
    """
    name = column or (preparation.text if preparation else None)
    if name is None:
        name = next(iter(columns)) if len(columns) == 1 else _TEXT
    if name not in columns:
        raise Mu2Error(
            f"{owner} has no column {name!r} with texts.",
            hint=did_you_mean(name, columns),
        )
    texts = []
    for row, value in enumerate(columns[name]):
        value = "" if value is None else value
        if not isinstance(value, str):
            raise Mu2Error(
                f"{owner}: {name!r} is {value!r} in row {row + 1}, of type "
                f"{type(value).__name__}; texts are str."
            )
        texts.append(value.strip())
    return texts


def columns_of_table(data: Any) -> Columns | None:
    """A table that was given in Python, as columns by name; None where it is none.

    Args:
      data: a data frame (of pandas, polars or pyarrow, told by what it offers), a mapping of name
        to values, or a sequence of mappings.
    """
    if hasattr(data, "column_names") and hasattr(data, "column"):  # pyarrow
        return {str(name): data.column(name).to_pylist() for name in data.column_names}
    if isinstance(data, Mapping):
        return {str(name): list(values) for name, values in data.items()}
    if hasattr(data, "columns") and hasattr(data, "__getitem__"):  # pandas, polars
        return {str(name): list(data[name]) for name in data.columns}
    if isinstance(data, list | tuple) and data and all(isinstance(r, Mapping) for r in data):
        keys = dict.fromkeys(str(name) for row in data for name in row)
        return {name: [row.get(name) for row in data] for name in keys}
    return None


def read_table_columns(data: Any, preparation: Preparation) -> Columns | None:
    """Rows that were given in Python, as columns; None where they are no table.

    Args:
      data: a table as `columns_of_table` takes it, or rows [N, columns] in the order of the
        task's own.
      preparation: of the task.

    Raises:
      Mu2Error: rows have another number of columns than the task.
    """
    if (columns := columns_of_table(data)) is not None:
        return columns
    rows = data if isinstance(data, np.ndarray) else list(data)
    if (columns := columns_of_table(rows)) is not None:
        return columns
    if preparation.encoding is None:
        return None
    names = preparation.encoding.columns
    for number, row in enumerate(rows):
        if not isinstance(row, Sequence | np.ndarray) or isinstance(row, str | bytes):
            raise Mu2Error(
                f"row {number} is of type {type(row).__name__}.",
                hint="Rows are sequences of values, or mappings of a column's name to its value.",
            )
        if len(row) != len(names):
            raise Mu2Error(
                f"row {number} has {len(row)} values, and the task reads {len(names)} columns: "
                f"{', '.join(names)}.",
                hint="Rows are given as they stand in a file, neither filled nor scaled, in the "
                "order of the task's columns, the label left out.",
            )
    return {name: [row[column] for row in rows] for column, name in enumerate(names)}
