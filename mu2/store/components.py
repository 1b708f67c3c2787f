"""The parameter store: components written once, by content, through Orbax.

Layout of the folder `components/` of a system:

  <pack>/arrays/          an Orbax checkpoint: one item a component, named by its digest
  <pack>/manifest.json    each component's leaves, and a digest of every file of the checkpoint
  where/<digest>          name of the pack that holds a component, so that it is not written twice
  new/                    what is being written or removed

A pack is put together under `new/`, flushed, and renamed into place: it is whole or not there. It
is named by its components' digests, never by time or machine.
"""

import dataclasses
import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from mu2.errors import Mu2Error
from mu2.store.arrays import Arrays, as_little_endian, check_leaves, digest, pack_name, shapes
from mu2.store.checkpoint import load, make_room, save
from mu2.store.files import (
    damage_error,
    entries_below,
    flush,
    flush_below,
    is_digest,
    read_bytes,
    reason,
    refuse_links_below,
    sha256,
    write_file,
    write_unflushed,
)
from mu2.store.manifest import Manifest, compare, file_limit, refuse_bomb
from mu2.store.stored_component import StoredComponent

_MANIFESTS = 64  # kept in memory; a path needs about as many as it has ancestors


@dataclasses.dataclass(frozen=True)
class Damage:
    """A file of a pack that is not what was written.

    Attributes:
      file: which.
      problem: what is wrong with it.
      components: digests of the components that are lost by it; None: all that the pack held.
    """

    file: Path
    problem: str
    components: frozenset[str] | None


class ComponentStore:
    """The components of one system. Many may read; one may write, under `WriterLock`.

    Attributes:
      directory: where they lie.
    """

    def __init__(self, directory: Path):
        self.directory = directory
        self._manifests: dict[str, Manifest] = {}
        self._placed: dict[str, str] = {}  # component digest to pack, perhaps not yet written
        self._new = directory / "new"

    def write(self, components: Mapping[str, Arrays]) -> dict[str, StoredComponent]:
        """Writes what the store does not hold yet, in one pack; call under the lock.

        On return it is on disk, but nothing names it: commit before the next sweep.

        Args:
          components: component id to leaves by name, of any shape without a zero and any number
            type of numpy or ml_dtypes.

        Returns:
          Component id to where it lies.

        Raises:
          Mu2Error: the disk is full or the folder cannot be written. What was there still is.
          ValueError: a component has no leaf, or a leaf that is no number or has no elements.
        """
        stored, new = self.assign_packs(components)
        self.put(new)
        return stored

    def assign_packs(
        self, components: Mapping[str, Arrays]
    ) -> tuple[dict[str, StoredComponent], dict[str, Arrays]]:
        """Where components will lie; writes nothing.

        Args:
          components: see `write`.

        Returns:
          Component id to its place, and what is to be `put`: digest to leaves.

        Raises:
          ValueError: see `write`.
        """
        by_digest: dict[str, Arrays] = {}
        digests: dict[str, str] = {}
        for component, arrays in components.items():
            plain = {name: as_little_endian(array) for name, array in sorted(arrays.items())}
            check_leaves(component, plain)
            digests[component] = digest(plain)
            by_digest[digests[component]] = plain
        where = {d: self._placed[d] for d in by_digest if d in self._placed}
        for d in by_digest:
            if d not in where and (pack := self._where(d)) is not None:
                # All of that pack, for a killed write may have left only its first pointer.
                where.update(dict.fromkeys(self._manifest(pack).components, pack))
        new = {d: arrays for d, arrays in sorted(by_digest.items()) if d not in where}
        where.update(dict.fromkeys(new, pack_name(new)))
        self._placed.update((d, where[d]) for d in new)
        return {component: StoredComponent(d, where[d]) for component, d in digests.items()}, new

    def withdraw(self, components: Iterable[str]) -> None:
        """Takes back the places of components, by digest, that will not be `put`."""
        for d in components:
            self._placed.pop(d, None)

    def put(self, components: Mapping[str, Arrays]) -> None:
        """Writes components that were placed, in one pack; call under the lock.

        Args:
          components: all that one call of `assign_packs` gave.

        Raises:
          Mu2Error: the disk is full or the folder cannot be written. What was there still is.
        """
        if not components:
            return
        try:
            self._write_pack(components)
        except OSError as error:
            for d in components:
                self._placed.pop(d, None)
            shutil.rmtree(self._new, ignore_errors=True)
            raise Mu2Error(
                f"{self.directory} does not take new components: {reason(error)}",
                hint="The last commit is whole. Mend this, then run the same command again.",
            ) from error

    def read(
        self, stored: Iterable[tuple[str, str]], verify: bool = False
    ) -> dict[str, dict[str, np.ndarray]]:
        """Reads components, and nothing else of their packs.

        Args:
          stored: digest and pack of each.
          verify: compute their digests from what was read.

        Returns:
          Digest to leaves by name, equal bit for bit to those written.

        Raises:
          Mu2Error: a component is missing or damaged.
        """
        by_pack: dict[str, list[str]] = {}
        for d, pack in stored:
            for name in (d, pack):
                if not is_digest(name):
                    raise Mu2Error(
                        f"{str(name)[:80]!r} names no component.", location=str(self.directory)
                    )
            by_pack.setdefault(pack, []).append(d)
        result: dict[str, dict[str, np.ndarray]] = {}
        for pack, wanted in by_pack.items():
            result.update(self._read_pack(pack, wanted))
        if verify:
            for pack, wanted in by_pack.items():
                for d in wanted:
                    if digest(result[d]) != d:
                        raise damage_error(
                            self._arrays(pack) / d, f"component {d} is not what was written."
                        )
        return result

    def packs(self) -> set[str]:
        """Names of all packs."""
        if not self.directory.is_dir():
            return set()
        return {entry.name for entry in os.scandir(self.directory) if is_digest(entry.name)}

    def components(self, pack: str) -> frozenset[str]:
        """Digests of the components that a pack holds.

        Raises:
          Mu2Error: there is no such pack, or its manifest is damaged.
        """
        return frozenset(self._manifest(pack).components)

    def files(self, pack: str) -> list[Path]:
        """Every file of a pack, and the pointers to what it holds.

        Raises:
          Mu2Error: there is no such pack, its manifest is damaged, or it holds a link.
        """
        pointers = [self.directory / "where" / d for d in self.components(pack)]
        refuse_links_below(self.directory / pack)
        own = [path for path in (self.directory / pack).rglob("*") if path.is_file()]
        return sorted([*own, *(path for path in pointers if path.exists())])

    def remove(self, packs: Iterable[str]) -> None:
        """Removes packs by name, those that are there, and what a killed write left.

        Call under the lock.

        Raises:
          Mu2Error: the folder cannot be written.
        """
        try:
            for pack in sorted(self.packs().intersection(packs)):
                self._remove(pack)
            self._clear_new()
        except OSError as error:
            raise Mu2Error(f"{self.directory} cannot be pruned: {reason(error)}") from error

    def check(self, pack: str) -> list[Damage]:
        """Compares a pack with its manifest: every file's bytes, and every component's digest."""
        path = self.directory / pack / "manifest.json"
        try:
            manifest = Manifest.read(self.directory, pack)
        except Mu2Error as error:
            return [Damage(path, error.message, None)]
        found: list[Damage] = []
        shared: list[tuple[Path, str]] = []
        suspects = set(manifest.components)
        arrays = self._arrays(pack)
        if manifest.files is None:
            shared.append((path, "the file is damaged: its list of files has changed."))
        else:
            there = {
                str(path.relative_to(arrays))
                for path, status in entries_below(arrays)
                if not stat.S_ISDIR(status.st_mode)
            }
            for name in sorted(there | set(manifest.files)):
                owner = name.split("/")[0]
                leaves = manifest.components.get(owner, {})
                problem = compare(arrays / name, manifest.files.get(name), file_limit(leaves))
                if problem is not None and owner in manifest.components:
                    # Its component is lost already; Orbax need not see it.
                    suspects.discard(owner)
                    found.append(Damage(arrays / name, problem, frozenset([owner])))
                elif problem is not None:
                    shared.append((arrays / name, problem))
        lost: dict[str, str] = {}
        for d in sorted(suspects):
            try:
                self.read([(d, pack)], verify=True)
            except Mu2Error as error:
                lost[d] = error.message
        found += [Damage(file, problem, frozenset(lost)) for file, problem in shared]
        if not shared:
            found += [Damage(arrays / d, why, frozenset([d])) for d, why in lost.items()]
        return found

    def check_pointer(self, name: str) -> str | None:
        """What is wrong with the file `where/<name>`, or None."""
        if not is_digest(name):
            return "the file does not belong to the store."
        try:
            # An empty one is what a killed write may leave; it costs a second copy at most.
            if self._where(name) or not read_bytes(self.directory / "where" / name):
                return None
        except Mu2Error as error:
            return error.message if os.path.lexists(self.directory / "where" / name) else None
        return "the file is damaged: it names no pack that holds this component."

    def pointers(self) -> list[str]:
        """Names of the files in `where/`, in order."""
        folder = self.directory / "where"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    # Packs

    def _write_pack(self, components: Mapping[str, Arrays]) -> None:
        leaves = {d: shapes(arrays) for d, arrays in components.items()}
        pack = pack_name(components)
        target, new = self.directory / pack, self._new / pack
        if target.exists() and self.check(pack):
            self._remove(pack)  # damaged, and here is what it should hold
        if not target.exists():
            self._make_folders(self.directory / "where")
            self._clear_new()
            self._make_folders(new)
            size = sum(array.nbytes for arrays in components.values() for array in arrays.values())
            make_room(new / "room", size, len(components))
            save(new / "arrays", components)
            files = {
                str(path.relative_to(new / "arrays")): sha256(path.read_bytes())
                for path in sorted(p for p in new.rglob("*") if p.is_file())
            }
            write_file(new / "manifest.json", Manifest(leaves, files).serialize())
            flush_below(new)
            self._put_in_place(new, target)
            flush(self.directory)
        self._point(components, pack)

    def _put_in_place(self, new: Path, target: Path) -> None:
        new.rename(target)

    def _point(self, components: Iterable[str], pack: str) -> None:
        for d in components:
            # Unflushed: a pointer that a power cut spoils only costs a second copy.
            write_unflushed(self.directory / "where" / d, f"{pack}\n".encode())

    def _read_pack(self, pack: str, wanted: list[str]) -> dict[str, dict[str, np.ndarray]]:
        named = wanted[0] if len(wanted) == 1 else f"one of {', '.join(wanted)}"
        try:
            manifest = self._manifest(pack)
        except Mu2Error as error:
            raise Mu2Error(
                f"component {named} cannot be read: {error.message}", location=error.location
            ) from error
        for d in wanted:
            if d not in manifest.components:
                raise Mu2Error(
                    f"component {d} is not in this pack.", location=str(self.directory / pack)
                )
        arrays = self._arrays(pack)
        for d in wanted:
            refuse_links_below(arrays / d)
        for name, known in (manifest.files or {}).items():
            # Looked at first: where Orbax's threads meet damage, each prints its own traceback.
            owner = name.split("/")[0]
            if owner not in wanted:
                continue
            if problem := compare(arrays / name, known, file_limit(manifest.components[owner])):
                raise Mu2Error(
                    f"component {owner} cannot be read: {problem}", location=str(arrays / name)
                )
        for d in wanted:
            refuse_bomb(arrays / d, manifest.components[d])
        try:
            return load(arrays, {d: manifest.components[d] for d in wanted})
        except Exception as error:  # Orbax passes on whatever the library beneath it met
            raise Mu2Error(
                f"component {named} cannot be read: {reason(error)}",
                location=str(arrays),
                hint="`mu2 verify` finds out what is damaged.",
            ) from error

    def _remove(self, pack: str) -> None:
        # Pointers first, and never half a pack under its name.
        try:
            held: Iterable[str] = self.components(pack)
        except Mu2Error:
            held = self.pointers()
        for d in held:
            pointer = self.directory / "where" / d
            if pointer.is_file() and read_bytes(pointer) == f"{pack}\n".encode():
                pointer.unlink()
        self._manifests.pop(pack, None)
        self._placed = {d: name for d, name in self._placed.items() if name != pack}
        self._new.mkdir(exist_ok=True)
        (self.directory / pack).rename(self._new / pack)

    def _make_folders(self, folder: Path) -> None:
        """Makes folders, one in the other; not that of the system, which may have been moved."""
        path = self.directory.parent
        for name in folder.relative_to(path).parts:
            path = path / name
            path.mkdir(exist_ok=True)

    def _clear_new(self) -> None:
        if self._new.exists():
            shutil.rmtree(self._new)

    def _arrays(self, pack: str) -> Path:
        return self.directory / pack / "arrays"

    # Manifests

    def _where(self, d: str) -> str | None:
        """The pack that holds a component, if the store knows one and it is whole by name."""
        try:
            pack = read_bytes(self.directory / "where" / d).decode("ascii", errors="replace")
        except Mu2Error:
            return None
        try:
            known = pack.endswith("\n") and is_digest(pack[:-1]) and d in self.components(pack[:-1])
        except Mu2Error:
            return None
        return pack[:-1] if known else None

    def _manifest(self, pack: str) -> Manifest:
        if pack not in self._manifests:
            self._manifests[pack] = Manifest.read(self.directory, pack)
            while len(self._manifests) > _MANIFESTS:
                del self._manifests[next(iter(self._manifests))]
        return self._manifests[pack]
