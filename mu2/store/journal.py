"""The journal: commits that name records. A commit is durable as a whole or not there.

Layout of a system's folder (all JSON is spelt as `files.encode` spells it):

  mu2.json                    format number, header and the header's digest, written once
  HEAD                        name of the newest commit, replaced atomically
  commits/<number>-<digest>.json  one a commit: the one before, message, index, progress
  index/<digest>.json         nodes of the index: record name to record
  records/<digest>.json       JSON documents by content
  leases/                     who is writing, see `lock`
  agents/<name>/              what an agent has not published yet, see `agent_folder`
"""

import contextlib
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from mu2.errors import Mu2Error
from mu2.store.commit import Commit
from mu2.store.files import (
    Json,
    encode,
    flush,
    read_document,
    reason,
    refuse_links,
    sha256,
    write_file,
)
from mu2.store.head import cure, drop_commit, publish_head, read_head, stage_head
from mu2.store.header import FORMAT, read_header, seal
from mu2.store.index import Entry, Index
from mu2.store.lock import WriterLock

_FOLDERS = ("commits", "index", "records")
# Where a link would let a writer out of the system's folder.
_NO_LINKS = (
    *("mu2.json", "HEAD", "log.jsonl", "times.jsonl", *_FOLDERS, "runs", "leases", "agents"),
    *("components", "components/where", "components/new"),
)


class Journal:
    """The commits of one system's folder. Many may read; one may write, under `WriterLock`.

    Attributes:
      directory: the folder.
      header: the JSON document it was created with.
      name: name of the newest commit known here; None before the first.
      head: that commit.
    """

    def __init__(self, directory: Path, header: Json, name: str | None):
        self.directory = directory
        self.header = header
        self.name = name
        self.head = None if name is None else self.read_commit(name)
        self._names: dict[str, int] | None = None

    @staticmethod
    def exists(directory: Path) -> bool:
        """True if the folder holds a journal of any format."""
        return (directory / "mu2.json").exists()

    @classmethod
    def create(cls, directory: Path, header: Json) -> "Journal":
        """Makes a new or empty folder into a system without commits; takes the lock meanwhile.

        Raises:
          Mu2Error: it is a system already, holds other things or cannot be written.
        """
        try:
            directory.mkdir(parents=True, exist_ok=True)
            if others := sorted(p.name for p in directory.iterdir() if not is_ours(p.name)):
                raise Mu2Error(
                    f"{directory} is no mu2 system, and not empty (it holds {others[0]!r}).",
                    hint="Choose a new folder for --system.",
                )
            with WriterLock(directory):
                if cls.exists(directory):
                    raise Mu2Error(f"{directory} is a mu2 system already.")
                make_folders(directory)
                stage_head(directory, None)
                publish_head(directory)
                # Last, since it is what makes the folder a system.
                write_file(directory / "mu2.json", encode(seal(FORMAT, header)))
                flush(directory)
        except OSError as error:
            raise Mu2Error(f"no system can be made in {directory}: {reason(error)}") from error
        return cls(directory, header, None)

    @classmethod
    def open(cls, directory: Path) -> "Journal":
        """Opens the newest commit of a system; of its index nothing is read yet.

        Raises:
          Mu2Error: there is no system, it is of another format or damaged, or a part of it is a
            symbolic link.
        """
        refuse_links(directory, _NO_LINKS)
        header = read_header(directory)
        try:
            return cls(directory, header, read_head(directory))
        except Mu2Error as error:
            if error.hint is None:
                error.hint = cure(directory)
            raise

    def names(self) -> tuple[str, ...]:
        """Names of all records, in order of introduction.

        Raises:
          Mu2Error: the index is damaged.
        """
        if self._names is None:
            entries = sorted(self._index().items(), key=lambda item: item[1].order)
            self._names = {name: entry.order for name, entry in entries}
        return tuple(self._names)

    def records(self, prefix: str) -> Iterator[tuple[str, Json]]:
        """The records whose names begin so, in order of introduction; the index is read once.

        Raises:
          Mu2Error: one of them is missing or damaged, or the index is.
        """
        entries = [item for item in self._index().items() if item[0].startswith(prefix)]
        for name, entry in sorted(entries, key=lambda item: item[1].order):
            yield name, self.document(entry.digest)

    def __contains__(self, name: str) -> bool:
        """True if there is a record of this name.

        Raises:
          Mu2Error: the index is damaged.
        """
        return self._index().get(name) is not None

    def digest(self, name: str) -> str | None:
        """The digest of a record's bytes; None where there is no such record.

        Raises:
          Mu2Error: the index is damaged.
        """
        entry = self._index().get(name)
        return None if entry is None else entry.digest

    def record(self, name: str) -> Json:
        """A record, its bytes checked.

        Raises:
          KeyError: no such record.
          Mu2Error: it is missing or damaged, or the index is.
        """
        entry = self._index().get(name)
        if entry is None:
            raise KeyError(name)
        return self.document(entry.digest)

    def document(self, digest: str) -> Json:
        """A record of any commit by its digest, its bytes checked.

        Raises:
          Mu2Error: it is missing or damaged.
        """
        return read_document(self.directory / "records", digest)

    def read_commit(self, name: str) -> Commit:
        """A commit by its name; see `Commit.read`."""
        return Commit.read(self.directory, name)

    def commit(
        self,
        changed: Mapping[str, Json],
        progress: Json,
        message: str,
        removed: Iterable[str] = (),
        *,
        passing: bool = False,
    ) -> Commit:
        """Writes changed records, then the commit, then HEAD; call under the lock.

        What it writes does not grow with the number of records. On return all of it is on disk.
        What passing commits wrote is kept until the second lasting commit after them, for those
        who are reading it.

        Args:
          changed: record name to its new document.
          progress: kept in the commit.
          message: kept in the commit.
          removed: names of records that end here; unknown ones are passed over.
          passing: a step on the way to a lasting commit, which will take its place in the history.

        Raises:
          Mu2Error: the disk is full, the folder cannot be written, or another process has
            committed since this journal was opened. HEAD is as it was, and so is this object.
        """
        index, introduced = self._index(), self.head.introduced if self.head else 0
        entries: dict[str, Entry | None] = dict.fromkeys(removed)
        documents: dict[str, bytes] = {}
        for name, document in changed.items():
            content = encode(document)
            known = None if name in entries else index.get(name)
            entries[name] = Entry(sha256(content), known.order if known else introduced)
            introduced += known is None
            documents[sha256(content)] = content
        index, nodes = index.updated(entries)
        number = self.head.number + 1 if self.head else 1
        passed = {} if passing else self._passed()
        previous = self.name if not passed else list(passed.values())[-1].previous
        files = self._missing(documents, nodes) if passing else _files_of(passed)
        touched = sorted({*entries, *(name for each in passed.values() for name in each.changed)})
        commit = Commit(
            number=number,
            previous=previous,
            message=message,
            index=index.root,
            introduced=introduced,
            progress=progress,
            passing=passing,
            files=files,
            changed=tuple(touched),
        )
        name, content = commit.serialize()
        try:
            self._refuse_if_moved()
            self._write_documents("records", documents)
            self._write_documents("index", nodes)
            stage_head(self.directory, name)
            write_file(self.directory / "commits" / f"{name}.json", content)
            flush(self.directory / "commits")
            publish_head(self.directory)
        except OSError as error:
            with contextlib.suppress(OSError, Mu2Error):  # a commit that failed was never there
                drop_commit(self.directory, name)
            raise Mu2Error(
                f"{self.directory} does not take a commit: {reason(error)}",
                hint="Its last commit is whole. Mend this, then run the same command again.",
            ) from error
        if self._names is not None:
            kept = {n: o for n, o in self._names.items() if n not in entries or entries[n]}
            kept.update({n: e.order for n, e in entries.items() if e})
            self._names = dict(sorted(kept.items(), key=lambda item: item[1]))
        self.head, self.name = commit, name
        self.remove_superfluous()
        return commit

    def remove_superfluous(self) -> None:
        """Removes what the commit before the newest made superfluous; call under the lock.

        Every commit ends with it, and so must a process begin that finds one whose end may never
        have come. While the newest commit is passing there is nothing to remove.
        """
        if self.head and self.head.previous and not self.head.passing:
            with contextlib.suppress(OSError, Mu2Error):  # the commit itself is whole
                self._drop_superfluous(self.head.previous)

    @property
    def newest(self) -> Commit:
        """The newest commit known here; ValueError before the first."""
        if self.head is None:
            raise ValueError(f"{self.directory} has no commit")
        return self.head

    def history(self) -> Iterator[tuple[str, Commit]]:
        """The newest commit and those before it, by name, newest first.

        Raises:
          Mu2Error: one of them is missing or damaged.
        """
        name, commit = self.name, self.head
        while name is not None and commit is not None:
            yield name, commit
            name = commit.previous
            commit = None if name is None else self.read_commit(name)

    def changes(self) -> Iterator[tuple[str, Commit, dict[str, Json]]]:
        """The commits of the history, oldest first: name, commit, and the records it changed.

        Records that it removed are not among them. Reads no record twice but those that changed.

        Raises:
          Mu2Error: a commit, a record or the index is missing or damaged.
        """
        for name, commit in reversed(list(self.history())):
            index = Index(self.directory / "index", commit.index)
            found = [(record, index.get(record)) for record in commit.changed]
            yield name, commit, {r: self.document(entry.digest) for r, entry in found if entry}

    def records_of(self, commit: Commit, known: set[str]) -> Iterator[str]:
        """Digests of the records of a commit that are not known yet.

        Args:
          commit: of this journal.
          known: files seen before, which are passed over, and to which those seen now are added.

        Raises:
          Mu2Error: a node of its index is missing or damaged.
        """
        for entry in Index(self.directory / "index", commit.index).entries(known):
            if (file := f"records/{entry.digest}.json") not in known:
                known.add(file)
                yield entry.digest

    def at(self, commit: str) -> "Journal":
        """The journal as it stood at a commit of its history, for reading.

        Args:
          commit: its number, its name, or the beginning of its name.

        Raises:
          Mu2Error: there is no such commit, or more than one.
        """
        names = [name for name, _ in self.history()]
        wanted = re.fullmatch(r"0*(\d+)(-[0-9a-f]*)?", commit)
        start = f"{int(wanted[1]):08d}{wanted[2] or '-'}" if wanted else None
        found = [name for name in names if start is not None and name.startswith(start)]
        if len(found) != 1:
            newest = ", ".join(name[:15].lstrip("0") for name in names[:5])
            raise Mu2Error(
                f"{self.directory} has no commit {commit!r} in its history.",
                hint=f"The newest are {newest}; `mu2 log {self.directory}` lists all.",
            )
        return Journal(self.directory, self.header, found[0])

    def _passed(self) -> dict[str, Commit]:
        """The passing commits at the end of the history, newest first."""
        return dict(itertools.takewhile(lambda item: item[1].passing, self.history()))

    def _missing(
        self, documents: Mapping[str, bytes], nodes: Mapping[str, bytes]
    ) -> tuple[str, ...]:
        """The files among those of some records and nodes that are still to be written."""
        names = [*(f"records/{d}.json" for d in documents), *(f"index/{d}.json" for d in nodes)]
        return tuple(sorted(name for name in names if not (self.directory / name).exists()))

    def _drop_superfluous(self, previous: str) -> None:
        """Removes what the lasting commit before made superfluous, but for what is in use again."""
        if not (before := self.read_commit(previous)).files:
            return
        both = (self._index(), Index(self.directory / "index", before.index))
        entries = [each.get(name) for each in both for name in before.changed]
        records = {f"records/{entry.digest}.json" for entry in entries if entry}
        nodes = {
            file: file.removeprefix("index/").removesuffix(".json")
            for file in before.files
            if file.startswith("index/")
        }
        used = {file for file, node in nodes.items() if any(each.holds(node) for each in both)}
        for file in before.files:
            if file not in used | records:
                (self.directory / file).unlink(missing_ok=True)

    def _index(self) -> Index:
        return Index(self.directory / "index", self.head.index if self.head else None)

    def _refuse_if_moved(self) -> None:
        """The lock forbids it, but not every network file system keeps locks."""
        if read_head(self.directory) != self.name:
            raise Mu2Error(
                f"{self.directory} has a commit of another process since this one opened it.",
                hint="Run the same command again, when the other has ended.",
            )

    def _write_documents(self, folder: str, documents: Mapping[str, bytes]) -> None:
        for digest, content in documents.items():
            path = self.directory / folder / f"{digest}.json"
            # Read, not only looked for: a damaged document that comes again is mended by it.
            if not path.exists() or path.read_bytes() != content:
                write_file(path, content)
        flush(self.directory / folder)


def make_folders(directory: Path) -> None:
    """Makes the folders of a journal.

    Raises:
      OSError: they cannot be made.
    """
    for folder in _FOLDERS:
        (directory / folder).mkdir(exist_ok=True)


def is_ours(name: str) -> bool:
    """True for what an interrupted creation may have left, and for what a creation makes."""
    # "lock" is that of mu2 up to November 2026.
    return name in (*_FOLDERS, "HEAD", "leases", "lock", "mu2.json", ".new")


def _files_of(passed: Mapping[str, Commit]) -> tuple[str, ...]:
    """The files of passing commits: their own, and those that they wrote."""
    own = [f"commits/{name}.json" for name in passed]
    return tuple(sorted({*own, *(file for commit in passed.values() for file in commit.files)}))
