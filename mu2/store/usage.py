"""Where the bytes of a system are."""

import dataclasses
import stat
from pathlib import Path

from mu2.store.components import ComponentStore
from mu2.store.files import bytes_below, entries_below
from mu2.store.journal import Journal
from mu2.store.stored_component import components_of
from mu2.store.sweep import find_reachable


@dataclasses.dataclass(frozen=True)
class Usage:
    """Bytes of a system's folder.

    Attributes:
      records: record name to bytes of the checkpoints that the newest commit keeps for it; one
        that several records share counts for the first of them.
      history: bytes of checkpoints that only earlier commits name.
      unnamed: bytes that no commit names; a sweep frees them.
      journal: bytes of commits, index and records.
      other: bytes of logs, Gin files and the like.
    """

    records: dict[str, int]
    history: int
    unnamed: int
    journal: int
    other: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.records.values()) + self.history + self.unnamed + self.journal + self.other


def usage(directory: Path) -> Usage:
    """Adds up a system's files; reads the journal, no arrays.

    Raises:
      Mu2Error: there is no system, or its history is damaged.
    """
    journal = Journal.open(directory)
    store = ComponentStore(directory / "components")
    sizes = {pack: bytes_below(store.directory / pack) for pack in store.packs()}
    records: dict[str, int] = {}
    counted: set[str] = set()
    for name in journal.names():
        packs = {stored.pack for stored in components_of(journal.record(name))} - counted
        records[name] = sum(sizes.get(pack, 0) for pack in packs)
        counted |= packs
    history = find_reachable(journal)
    earlier = set(history.packs) - counted
    documents = {
        path.relative_to(directory).as_posix(): status.st_size
        for folder in ("commits", "index", "records")
        for path, status in entries_below(directory / folder)
        if not stat.S_ISDIR(status.st_mode)
    }
    journal_bytes = sum(size for name, size in documents.items() if name in history.files)
    strays = sum(documents.values()) - journal_bytes
    lost = sum(size for pack, size in sizes.items() if pack not in counted | earlier)
    other = bytes_below(directory) - sum(records.values()) - lost - strays - journal_bytes
    history_bytes = sum(sizes.get(pack, 0) for pack in earlier)
    return Usage(records, history_bytes, strays + lost, journal_bytes, other - history_bytes)
