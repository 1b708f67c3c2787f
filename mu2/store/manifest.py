"""The manifest of a pack: which components it holds, and a digest of each of its files."""

import dataclasses
import math
from pathlib import Path

from mu2.errors import Mu2Error
from mu2.store.arrays import ITEM_BYTES, Shapes
from mu2.store.files import (
    MAX_DOCUMENT,
    Json,
    bytes_below,
    damage_error,
    encode,
    is_below,
    is_digest,
    read_bytes,
    read_json,
    refuse_links,
    sha256,
)

# Components of more bytes than this are not read where they are stored in a thousandth of them.
_SMALL, _GROWTH = 1 << 26, 1000


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What lies in a pack.

    Attributes:
      components: component digest to leaves; its own digest is the pack's name.
      files: file below `arrays/` to digest; None where the list itself is damaged.
    """

    components: dict[str, Shapes]
    files: dict[str, str] | None

    def serialize(self) -> bytes:
        """The bytes of its file."""
        digest = sha256(encode(self.files))
        return encode({"components": self.components, "files": self.files, "digest": digest})

    @classmethod
    def read(cls, directory: Path, pack: str) -> "Manifest":
        """The manifest of a pack, its bytes checked.

        Args:
          directory: that the packs lie in.
          pack: its name.

        Raises:
          Mu2Error: it is missing or damaged, names what no pack holds, or is a symbolic link.
        """
        path = directory / pack / "manifest.json"
        refuse_links(directory, (pack, f"{pack}/arrays"))
        document = read_json(path)
        if (
            not isinstance(document, dict)
            or list(document) != ["components", "files", "digest"]
            or sha256(encode(document["components"])) != pack
        ):
            raise damage_error(path, "it is not the manifest of this pack.")
        whole = sha256(encode(document["files"])) == document["digest"]
        # A digest vouches for bytes, not for who wrote them: names may still lead elsewhere.
        _check_names(path, document["components"], document["files"] if whole else {})
        return cls(document["components"], document["files"] if whole else None)


def _check_names(path: Path, components: Json, files: Json) -> None:
    """Raises Mu2Error unless a manifest names components and files as this module does."""
    if not (isinstance(components, dict) and isinstance(files, dict)):
        raise damage_error(path, "it is no manifest.")
    wrong = [name for name in files if not is_below(name)]
    wrong += [name for name in components if not is_digest(name)]
    wrong += [name for name, known in files.items() if not is_digest(known)]
    if wrong:
        raise damage_error(path, f"it names {str(wrong[0])[:80]!r}, which no pack holds.")
    for leaves in components.values():
        if not isinstance(leaves, dict) or not leaves or not all(map(_is_leaf, leaves.values())):
            raise damage_error(path, "it gives a component leaves that none has.")


def _is_leaf(leaf: Json) -> bool:
    """Whether a manifest gives a dtype and a shape as this module writes them."""
    if not (isinstance(leaf, list) and len(leaf) == 2 and isinstance(leaf[1], list)):
        return False
    dtype, shape = leaf
    known = isinstance(dtype, str) and dtype in ITEM_BYTES
    sides = len(shape) <= 32 and all(type(side) is int and 0 < side < 1 << 40 for side in shape)
    return known and sides and math.prod(shape) < 1 << 44


def stored_bytes(leaves: Shapes) -> int:
    """Bytes of a component's leaves once they are read."""
    return sum(ITEM_BYTES[dtype] * math.prod(shape) for dtype, shape in leaves.values())


def file_limit(leaves: Shapes) -> int:
    """Bytes that a file of a component's checkpoint may have: what does not compress, and some."""
    return stored_bytes(leaves) * 2 + MAX_DOCUMENT


def refuse_bomb(folder: Path, leaves: Shapes) -> None:
    """Refuses a component that would grow out of all proportion when it is read.

    Raises:
      Mu2Error: it is large, and stored in less than a thousandth of its bytes.
    """
    size = stored_bytes(leaves)
    if size > _SMALL and size > _GROWTH * bytes_below(folder):
        raise Mu2Error(
            f"a component of {size:,} bytes is stored in {bytes_below(folder):,}: no layer that "
            "was trained is so empty.",
            location=str(folder),
        )


def compare(path: Path, known: str | None, limit: int = MAX_DOCUMENT) -> str | None:
    """What is wrong with a file of which this digest is known, or None.

    Args:
      path: of the file.
      known: its digest; None for one that no pack holds.
      limit: bytes that it may have.
    """
    if known is None:
        return "the file does not belong to the pack."
    try:
        content = read_bytes(path, limit)
    except Mu2Error as error:
        return error.message
    return None if sha256(content) == known else "the file is damaged: its bytes have changed."
