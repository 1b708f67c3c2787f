"""The index: a map from record name to digest of which a change rewrites a few small files.

A tree over the hashes of the names. Nodes are JSON documents named by their content, so commits
share what did not change and a commit costs the same with ten records and with a million.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

from mu2.errors import Mu2Error
from mu2.store.files import Json, damage_error, encode, is_digest, read_document, sha256

LEAF = 32  # entries of a node before it is split in sixteen


@dataclasses.dataclass(frozen=True)
class Entry:
    """Where a record lies.

    Attributes:
      digest: sha256 (hex) of its bytes.
      order: records introduced before it, so that names can be listed as they came.
    """

    digest: str
    order: int


@dataclasses.dataclass(frozen=True)
class Index:
    """One state of the map; nodes are read as they are needed.

    Attributes:
      folder: where nodes lie.
      root: digest of the topmost node; None for an empty map.
    """

    folder: Path
    root: str | None

    def get(self, name: str) -> Entry | None:
        """The entry of a name, or None.

        Raises:
          Mu2Error: a node on the way is missing or damaged.
        """
        for digest in self.nodes(name):
            entries, _ = self.node(digest)
            if name in entries:
                return entries[name]
        return None

    def nodes(self, name: str) -> Iterator[str]:
        """The digests of the nodes on the way to a name, the topmost first.

        Raises:
          Mu2Error: one of them is missing or damaged.
        """
        digest, hashed = self.root, iter(_hash(name))
        while digest is not None:
            yield digest
            _, children = self.node(digest)
            digest = None if children is None else children.get(next(hashed, ""))

    def holds(self, digest: str) -> bool:
        """Whether a node, which may be any that was ever written, is one of this map's."""
        try:
            # Its place is that of any name below it.
            entries, children = self.node(digest)
            while children is not None:
                entries, children = self.node(next(iter(children.values())))
            return digest in self.nodes(next(iter(entries)))
        except Mu2Error:
            return False  # of this map's nodes, none is missing

    def items(self) -> Iterator[tuple[str, Entry]]:
        """Every name and entry, in no particular order; reads every node.

        Raises:
          Mu2Error: a node is missing or damaged, or stands at two places, as none does that has a
            name below it: a few files could so make an index of any size.
        """
        below = [] if self.root is None else [self.root]
        seen: set[str] = set()
        while below:
            digest = below.pop()
            if str(digest) in seen:  # it need not be a text
                raise damage_error(self.folder / f"{digest}.json", "it stands in the index twice.")
            seen.add(str(digest))
            entries, children = self.node(digest)
            yield from entries.items()
            below.extend((children or {}).values())

    def entries(self, known: set[str]) -> Iterator[Entry]:
        """The entries of all nodes that are not known yet.

        Args:
          known: files (`index/<digest>.json`) seen before, whose branches are passed over; those
            seen now are added.
        """
        below = [] if self.root is None else [self.root]
        while below:
            digest = below.pop()
            if (file := f"index/{digest}.json") in known:
                continue
            known.add(file)
            entries, children = self.node(digest)
            yield from entries.values()
            below.extend((children or {}).values())

    def updated(self, changes: Mapping[str, Entry | None]) -> tuple[Self, dict[str, bytes]]:
        """The map with some entries changed, or dropped where None.

        Returns:
          It, and the nodes to be written for it: digest to bytes.
        """
        nodes: dict[str, bytes] = {}
        root = self._update(self.root, changes, 0, nodes)
        return dataclasses.replace(self, root=root), nodes

    def _update(
        self,
        digest: str | None,
        changes: Mapping[str, Entry | None],
        depth: int,
        nodes: dict[str, bytes],
    ) -> str | None:
        entries, children = ({}, None) if digest is None else self.node(digest)
        if children is None:
            merged = {**entries, **changes}
            kept = {name: entry for name, entry in sorted(merged.items()) if entry is not None}
            if len(kept) <= LEAF:
                rows = {name: [entry.digest, entry.order] for name, entry in kept.items()}
                return _add({"entries": rows}, nodes) if rows else None
            changes, children = kept, {}
        by_digit: dict[str, dict[str, Entry | None]] = {}
        for name, entry in changes.items():
            by_digit.setdefault(_hash(name)[depth], {})[name] = entry
        below = {d: self._update(children.get(d), c, depth + 1, nodes) for d, c in by_digit.items()}
        result = {d: c for d, c in sorted({**children, **below}.items()) if c is not None}
        return _add({"children": result}, nodes) if result else None

    def node(self, digest: str) -> tuple[dict[str, Entry], dict[str, str] | None]:
        """Entries of a leaf, and children of a branch (None for a leaf).

        Raises:
          Mu2Error: it is missing or damaged.
        """
        node = read_document(self.folder, digest)
        try:
            if "children" in node:
                children = dict(node["children"])
                if len(children) > 16 or not all(map(is_digest, children.values())):
                    wrong = next(filter(lambda each: not is_digest(each), children.values()), "")
                    raise Mu2Error(f"{str(wrong)[:80]!r} is no digest.", location=str(self.folder))
                return {}, children
            entries = {n: Entry(d, o) for n, (d, o) in node["entries"].items()}
            if wrong := [e.digest for e in entries.values() if not is_digest(e.digest)]:
                raise Mu2Error(f"{str(wrong[0])[:80]!r} is no digest.", location=str(self.folder))
            if len(entries) > LEAF or any(type(e.order) is not int for e in entries.values()):
                raise ValueError("more entries than a node has, or none of its kind")
            return entries, None
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise damage_error(
                self.folder / f"{digest}.json", "it is no node of an index."
            ) from error


def _hash(name: str) -> str:
    return sha256(name.encode())


def _add(node: Json, nodes: dict[str, bytes]) -> str:
    content = encode(node)
    digest = sha256(content)
    nodes[digest] = content
    return digest
