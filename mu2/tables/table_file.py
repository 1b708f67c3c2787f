"""A table as its Gin file declares it, found by its name or its file."""

import dataclasses
from pathlib import Path

from mu2.config import search_paths
from mu2.config.columns import Table
from mu2.config.linter import Faults
from mu2.config.reading import TableReading, read_table
from mu2.errors import Mu2Error, did_you_mean

FOLDER = "benchmarks/tables"


@dataclasses.dataclass(frozen=True)
class TableFile:
    """A table and the file that declares it.

    Attributes:
      name: of the table, which is its file's without the ending.
      file: as it was asked for.
      table: its columns.
      reading: of the file.
      before: the files of the segments before this one, in order; each is run as its first column.
    """

    name: str
    file: str
    table: Table
    reading: TableReading
    before: tuple[str, ...]

    @property
    def home(self) -> str:
        """The folder of its systems; the segments of a chain are runs of the same ones."""
        chain = self.table.segment_of
        return self.name if chain is None else f"{chain}_segments"


def open_table(name: str) -> TableFile:
    """The table of a name or a file.

    Args:
      name: of a table that comes with mu2, such as `characters_small`, or a Gin file.

    Raises:
      Faults: the file is not there, declares no table, or is wrong, here or in a segment before it.
    """
    file = name if name.endswith(".gin") else _shipped(name)
    reading = _read(file)
    table = reading.table
    if table is None:
        raise Faults(reading.declared)
    before: list[str] = []
    known, earlier, after = {_real(file)}, reading, table.after
    while after is not None:
        place = earlier.locations.get("after")
        earlier = _read(after, place)
        if earlier.table is None:
            raise Faults(earlier.declared)
        if _real(after) in known:
            raise Mu2Error(
                f"Table.after is {after!r}, which comes after this table itself.",
                location=place,
                hint="Name the segment before this one, and none in the first.",
            )
        known.add(_real(after))
        before.insert(0, after)
        after = earlier.table.after
    return TableFile(Path(file).stem, file, table, reading, tuple(before))


def _read(file: str, place: str | None = None) -> TableReading:
    reading = read_table(file, [])
    if reading is None:
        raise Mu2Error(
            f"{file} declares no table.",
            location=place or f"{file}:1",
            hint="A table sets Table.columns = (@NAME/Column(), ...) and NAME/Column.name.",
        )
    faults = [
        Mu2Error(fault.message, location=fault.location or place, hint=fault.hint)
        for fault in reading.declared
    ]
    return dataclasses.replace(reading, declared=tuple(faults))


def _real(file: str) -> Path:
    """The path of a file, for it may be called by several names."""
    for folder in (Path(), *search_paths()):
        if (folder / file).is_file():
            return (folder / file).resolve()
    return Path(file)


def _shipped(name: str) -> str:
    """The file of a table that comes with mu2."""
    known = [
        path.stem for folder in search_paths() for path in sorted((folder / FOLDER).glob("*.gin"))
    ]
    if name not in known:
        hint = did_you_mean(name, known) or ""
        raise Mu2Error(
            f"there is no table {name!r}.",
            hint=f"{hint} A table of your own is a Gin file: mu2 table FILE.gin".strip(),
        )
    return f"{FOLDER}/{name}.gin"
