"""The manifest of a pack: which components it holds, and a digest of each of its files."""

import dataclasses
from pathlib import Path

from mu2.errors import Mu2Error
from mu2.store.files import (
    Json,
    damaged,
    encode,
    is_below,
    is_digest,
    read_bytes,
    read_json,
    refuse_links,
    sha256,
)
from mu2.store.leaves import Shapes


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
            raise damaged(path, "it is not the manifest of this pack.")
        whole = sha256(encode(document["files"])) == document["digest"]
        # A digest vouches for bytes, not for who wrote them: names may still lead elsewhere.
        _check_names(path, document["components"], document["files"] if whole else {})
        return cls(document["components"], document["files"] if whole else None)


def _check_names(path: Path, components: Json, files: Json) -> None:
    """Raises Mu2Error unless a manifest names components and files as this module does."""
    if not (isinstance(components, dict) and isinstance(files, dict)):
        raise damaged(path, "it is no manifest.")
    wrong = [name for name in files if not is_below(name)]
    wrong += [name for name in components if not is_digest(name)]
    wrong += [name for name, known in files.items() if not is_digest(known)]
    if wrong:
        raise damaged(path, f"it names {str(wrong[0])[:80]!r}, which no pack holds.")


def compare(path: Path, known: str | None) -> str | None:
    """What is wrong with a file of which this digest is known, or None."""
    if known is None:
        return "the file does not belong to the pack."
    try:
        content = read_bytes(path)
    except Mu2Error as error:
        return error.message
    return None if sha256(content) == known else "the file is damaged: its bytes have changed."
