"""Everything that a commit names, read and compared, whatever of it is damaged."""

from collections.abc import Iterator
from typing import NamedTuple

from mu2.errors import Mu2Error
from mu2.store.commit import Commit
from mu2.store.files import damage_error, files_of, read_bytes, sha256
from mu2.store.index import Index
from mu2.store.journal import Journal
from mu2.store.stored_component import StoredComponent, components_of


class Part(NamedTuple):
    """Something that a commit names.

    Attributes:
      record: name of the record; None for a node of the index.
      error: what is amiss, or None.
      components: that the record names.
    """

    record: str | None
    error: Mu2Error | None
    components: tuple[StoredComponent, ...] = ()


def walk(journal: Journal, commit: Commit, known: set[str]) -> Iterator[Part]:
    """Reads the index, the records and the Gin texts of a commit; goes on behind what is damaged.

    Args:
      journal: whose commit it is.
      commit: the commit.
      known: digests of nodes and records seen before, which are passed over, and to which those
        seen now are added.

    Yields:
      A part for each record, and one for each damaged node.
    """
    index = Index(journal.directory / "index", commit.index)
    below = [] if commit.index is None else [commit.index]
    here: set[str] = set()
    while below:
        digest = below.pop()
        if str(digest) in here:
            error = damage_error(index.folder / f"{digest}.json", "it stands in the index twice.")
            yield Part(None, error)
            below = [each for each in below if each != digest]  # told once
            continue
        here.add(str(digest))
        if str(digest) in known:
            continue
        known.add(str(digest))
        try:
            entries, children = index.node(digest)
        except Mu2Error as error:
            yield Part(None, error)
            continue
        below.extend((children or {}).values())
        for name, entry in entries.items():
            if entry.digest not in known:
                known.add(entry.digest)
                yield _record(journal, name, entry.digest)


def _record(journal: Journal, name: str, digest: str) -> Part:
    components: tuple[StoredComponent, ...] = ()
    try:
        document = journal.document(digest)
        components = tuple(components_of(document))
        for file in files_of(document):
            path = journal.directory / file.name
            if sha256(read_bytes(path)) != file.digest:
                raise damage_error(path, "its bytes are not those that its record names.")
    except Mu2Error as error:
        return Part(name, error, components)
    return Part(name, None, components)
