"""A table and its columns, as a Gin file declares them."""

import dataclasses
import re
from collections.abc import Sequence

from mu2.errors import Mu2Error, did_you_mean


@dataclasses.dataclass(frozen=True)
class Column:
    """One way to solve a table's tasks; what its scope sets in the table's file is its own.

    Attributes:
      name: of the column, as the table prints it.
      parts: Gin files that the column is made of, beside what the table's file includes.
      compared: it is of the method that something is reported of, which is told beside it.
    """

    name: str
    parts: tuple[str, ...] = ()
    compared: bool = False

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise Mu2Error("Column.name is empty.", hint="A name is what the table prints.")

    @property
    def folder(self) -> str:
        """The name as a folder's: small letters, digits, dots and dashes."""
        plain = self.name.replace("µ", "mu").casefold()
        return re.sub(r"[^a-z0-9.]+", "-", plain).strip("-.") or "column"


@dataclasses.dataclass(frozen=True)
class Table:
    """A table: its columns, how often each is run, and what stands beside them.

    Attributes:
      columns: at least one; each is a run, and each seed of it a system.
      seeds: runs of each column, with seeds 0 to seeds - 1.
      reported: the table of `benchmarks/tables/reported.json` whose values stand beside the columns
        that are compared; None: nothing is reported.
      segment_of: the chain that this table is a segment of: the segments are runs of one system,
        one after the other. None: it is a table by itself.
      after: the table of the segment before this one; None where it is the first, or no segment.
    """

    columns: tuple[Column, ...]
    seeds: int = 1
    reported: str | None = None
    segment_of: str | None = None
    after: str | None = None

    def __post_init__(self) -> None:
        if not self.columns:
            raise Mu2Error(
                "Table.columns is empty.", hint="A table has at least one @NAME/Column()."
            )
        if self.seeds < 1:
            raise Mu2Error(f"Table.seeds is {self.seeds}; it must be 1 or more.")
        if self.after is not None and self.segment_of is None:
            raise Mu2Error(
                f"Table.after is {self.after!r}, and Table.segment_of is not set.",
                hint="Name the chain that both are segments of.",
            )
        folders: dict[str, str] = {}
        for column in self.columns:
            other = folders.setdefault(column.folder, column.name)
            if other != column.name or sum(c.name == column.name for c in self.columns) > 1:
                raise Mu2Error(
                    f"columns {other!r} and {column.name!r} would have one folder, "
                    f"{column.folder}.",
                    hint="Give each Column.name a word that tells it from the others.",
                )

    def select(self, names: Sequence[str]) -> tuple[Column, ...]:
        """The columns of some names, in the table's order; all where none is named.

        Raises:
          Mu2Error: there is no such column.
        """
        known = [column.name for column in self.columns]
        for name in names:
            if name not in known:
                raise Mu2Error(f"the table has no column {name!r}.", hint=did_you_mean(name, known))
        return tuple(c for c in self.columns if c.name in names or not names)
