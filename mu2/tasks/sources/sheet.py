"""A CSV file as it stands: the names of its columns, and its rows."""

import csv
import dataclasses
import functools
from pathlib import Path

from mu2.errors import Mu2Error


@dataclasses.dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
      file: that it stands in.
      line: the line that it ends in, from 1.
      values: one a column.
      index: the number of each column, by name.
    """

    file: str
    line: int
    values: tuple[str, ...]
    index: dict[str, int]

    def __getitem__(self, name: str) -> str:
        return self.values[self.index[name]]

    @property
    def location(self) -> str:
        """file:line."""
        return f"{self.file}:{self.line}"


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A file.

    Attributes:
      file: its name.
      columns: their names, no two the same.
      rows: the line that each ends in, and its values, one a column.
    """

    file: str
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    @classmethod
    def of(cls, file: Path, delimiter: str | None) -> "Sheet":
        """Reads a file; again only where it has changed.

        Args:
          file: in UTF-8.
          delimiter: what stands between values; None: a comma, or a tab in a file named `.tsv`.

        Raises:
          Mu2Error: it cannot be read, or is no table.
        """
        delimiter = delimiter or ("\t" if file.suffix.lower() == ".tsv" else ",")
        try:
            status = file.stat()
            return _parsed(str(file), delimiter, status.st_mtime_ns, status.st_size)
        except OSError as error:
            raise Mu2Error(f"{file}: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise Mu2Error(
                f"{file} is not written in UTF-8 (byte {error.start}).",
                hint="Save it as UTF-8.",
            ) from error


@functools.lru_cache(maxsize=16)
def _parsed(file: str, delimiter: str, changed: int, size: int) -> Sheet:
    """A file's table; read again only where the file has changed.

    Raises:
      Mu2Error: it is no table.
      OSError: it cannot be read.
      UnicodeDecodeError: it is not in UTF-8.
    """
    rows: list[tuple[int, tuple[str, ...]]] = []
    with open(file, encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        try:
            for line in reader:
                if line:  # an empty one is no row
                    rows.append((reader.line_num, tuple(value.strip() for value in line)))
        except csv.Error as error:
            raise Mu2Error(
                f"{str(error).rstrip('.')}.", location=f"{file}:{reader.line_num}"
            ) from error
    if len(rows) < 2:
        raise Mu2Error(
            f"{file} has no rows.", hint="The first line names the columns; rows follow."
        )
    columns = rows.pop(0)[1]
    if twice := [name for name in columns if columns.count(name) > 1]:
        raise Mu2Error(f"the column {twice[0]!r} is named twice.", location=f"{file}:1")
    for number, values in rows:
        if len(values) != len(columns):
            raise Mu2Error(
                f"{len(values)} values, and {len(columns)} columns are named in the first line.",
                location=f"{file}:{number}",
                hint="A value that holds the delimiter stands in double quotes.",
            )
    return Sheet(file, columns, tuple(rows))
