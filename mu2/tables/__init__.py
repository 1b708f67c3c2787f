"""A table is a Gin file that names its columns; what is missing is run, and results are read."""

from mu2.tables.entry import Entry, check, entries, visits
from mu2.tables.sheet import Sheet, open_table

__all__ = ["Entry", "Sheet", "check", "entries", "open_table", "visits"]
