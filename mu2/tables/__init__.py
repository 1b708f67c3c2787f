"""A table is a Gin file that names its columns; what is missing is run, and results are read."""

from mu2.tables.entry import Entry, check, entries, visits
from mu2.tables.table_file import TableFile, open_table

__all__ = ["Entry", "TableFile", "check", "entries", "open_table", "visits"]
