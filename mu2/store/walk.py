"""Everything that a commit names, read and compared, whatever of it is damaged."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from mu2.errors import Mu2Error
from mu2.store.commit import Commit
from mu2.store.files import Json, damage_error, files_of, read_bytes, sha256
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


def walk(
    journal: Journal,
    commit: Commit,
    known: set[str],
    read: Callable[[str, Json], object] | None = None,
) -> Iterator[Part]:
    """Reads the index, the records and the Gin texts of a commit; goes on behind what is damaged.

    Args:
      journal: whose commit it is.
      commit: the commit.
      known: digests of nodes and records seen before, which are passed over, and to which those
        seen now are added.
      read: makes of a record, by its name and document, what it stands for; raises
        AttributeError, KeyError, TypeError or ValueError where that is nothing.

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
                yield _record(journal, name, entry.digest, read)


def _record(
    journal: Journal, name: str, digest: str, read: Callable[[str, Json], object] | None
) -> Part:
    components: tuple[StoredComponent, ...] = ()
    try:
        document = journal.document(digest)
        components = tuple(components_of(document))
        for file in files_of(document):
            path = journal.directory / file.name
            if sha256(read_bytes(path)) != file.digest:
                raise damage_error(path, "its bytes are not those that its record names.")
        if read is not None:
            read(name, document)
    except Mu2Error as error:
        return Part(name, error, components)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        why = f"its record {name!r} is none that mu2 writes ({type(error).__name__}: {error})."
        path = journal.directory / "records" / f"{digest}.json"
        return Part(name, damage_error(path, why), components)
    return Part(name, None, components)
