"""Where a component lies, as records and commits name it."""

from collections.abc import Iterator
from typing import NamedTuple

from mu2.store.files import Json


class StoredComponent(NamedTuple):
    """Where a component lies.

    Attributes:
      digest: sha256 (hex) of its leaves.
      pack: name of the checkpoint that holds it.
    """

    digest: str
    pack: str


def components_of(document: Json) -> Iterator[StoredComponent]:
    """The components that a record names: objects with the keys `digest` and `pack`."""
    if isinstance(document, dict):
        if isinstance(document.get("digest"), str) and isinstance(document.get("pack"), str):
            if document["digest"] or document["pack"]:
                yield StoredComponent(document["digest"], document["pack"])
            return
        document = list(document.values())
    if isinstance(document, list):
        for part in document:
            yield from components_of(part)
