"""What the commits of a system name, and the removal of everything else."""

import dataclasses
from pathlib import Path

from mu2.errors import Mu2Error
from mu2.store.agent_folder import unpublished_packs
from mu2.store.components import ComponentStore
from mu2.store.files import NamedFile, bytes_below, files_of, flush, reason
from mu2.store.head import refuse_doubtful_head
from mu2.store.journal import Journal
from mu2.store.stored_component import StoredComponent, components_of


@dataclasses.dataclass(frozen=True)
class Reachable:
    """What the history of a journal names.

    Attributes:
      files: of the journal, below its folder.
      components: of any record of any commit.
      texts: files of `runs/` that any record of any commit names.
    """

    files: frozenset[str]
    components: frozenset[StoredComponent]
    texts: frozenset[NamedFile]

    @property
    def packs(self) -> frozenset[str]:
        """Names of the packs that hold the components."""
        return frozenset(stored.pack for stored in self.components)


def find_reachable(journal: Journal) -> Reachable:
    """Walks the history from the newest commit; what commits share is read once.

    Raises:
      Mu2Error: a commit, a node or a record is missing or damaged.
    """
    seen: set[str] = set()
    others: set[str] = set()
    components: set[StoredComponent] = set()
    texts: set[NamedFile] = set()
    newest = True
    for name, commit in journal.history():
        others.add(f"commits/{name}.json")
        if newest:  # what the newest lasting commit made superfluous may still be read
            others.update(commit.files)
        newest = newest and commit.passing
        for digest in journal.records_of(commit, known=seen):
            document = journal.document(digest)
            components.update(components_of(document))
            texts.update(files_of(document))
    return Reachable(frozenset(seen | others), frozenset(components), frozenset(texts))


def sweep(directory: Path) -> int:
    """Removes the files and packs of a system that no commit and no agent names.

    Call under the system's lease; agents may run meanwhile.

    Returns:
      The number of bytes that were freed.

    Raises:
      Mu2Error: the history is damaged, or HEAD names an older commit than others that stand there
        (nothing is removed then); or the folder cannot be written.
    """
    journal = Journal.open(directory)
    refuse_doubtful_head(directory)
    store = ComponentStore(directory / "components")
    packs = store.packs()  # first, as an agent names its packs before they are there
    keep = find_reachable(journal)
    freed = 0
    try:
        for folder in ("commits", "index", "records"):
            for path in sorted((directory / folder).iterdir()):
                if f"{folder}/{path.name}" not in keep.files:
                    freed += path.lstat().st_size
                    path.unlink()
            flush(directory / folder)
    except OSError as error:
        raise Mu2Error(f"{directory} cannot be swept: {reason(error)}") from error
    before = bytes_below(store.directory)
    store.remove(packs - keep.packs - unpublished_packs(directory))
    return freed + before - bytes_below(store.directory)
