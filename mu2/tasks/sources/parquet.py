"""Parquet files: their columns, by name."""

from collections import Counter
from pathlib import Path
from typing import Any

from mu2.errors import Mu2Error
from mu2.tasks.foreign import foreign_file
from mu2.tasks.sources.listing import head_of

PARQUET = (".parquet", ".pq")


def is_parquet(file: Path) -> bool:
    """Whether a file is one by its name."""
    return file.suffix.lower() in PARQUET


def read_parquet(file: Path) -> tuple[dict[str, list[Any]], dict[str, str]]:
    """The columns of a file.

    Returns:
      Name to values, one a row, of Python's types, None where one is missing; times have no more
      than microseconds. And name to type, as pyarrow writes it, of the columns whose values are no
      single numbers or texts, which are left out.

    Raises:
      Mu2Error: pyarrow is missing; the file cannot be read, or two columns have one name.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise Mu2Error(f"{file} needs pyarrow.", hint="pip install 'mu2[tables]'") from error
    if (foreign := foreign_file(head_of(file), str(file), b"PAR1")) is not None:
        raise foreign
    try:
        table = parquet.read_table(file)
    except (OSError, pa.ArrowException) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        raise Mu2Error(f"{file} cannot be read as Parquet: {said}.") from error
    names = table.column_names
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise Mu2Error(f"{file}: the column {twice[0]!r} is named twice.")
    columns: dict[str, list[Any]] = {}
    others: dict[str, str] = {}
    for name in names:
        column = table.column(name)
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if pa.types.is_nested(kind) or "binary" in str(kind):
            others[name] = str(kind)
            continue
        if pa.types.is_timestamp(kind):
            column = column.cast(pa.timestamp("us", kind.tz), safe=False)
        columns[name] = column.to_pylist()
    return columns, others
