"""Systems that somebody has tampered with, so that the digests fit."""

import json

from mu2.store import Journal
from mu2.store.components import ComponentStore
from mu2.store.files import encode, sha256


def committed(system, **changed):
    """Puts a commit in place of the newest, and names it in HEAD."""
    head = Journal.open(system).read_commit(Journal.open(system).name)
    document = {**vars(head), "files": list(head.files), "changed": list(head.changed), **changed}
    content = encode(document)
    name = f"{document['number']:08d}-{sha256(content)}"
    (system / "commits" / f"{name}.json").write_bytes(content)
    (system / "HEAD").write_text(f"{name}\n")


def repacked(system, components=None, files=None):
    """The pack with another manifest, whose digests fit; its name."""
    (old,) = ComponentStore(system / "components").packs()
    folder = system / "components" / old
    manifest = json.loads((folder / "manifest.json").read_bytes())
    components = manifest["components"] if components is None else components
    files = manifest["files"] if files is None else {**manifest["files"], **files}
    made = {"components": components, "files": files, "digest": sha256(encode(files))}
    (folder / "manifest.json").write_bytes(encode(made))
    new = sha256(encode(components))
    if new != old:
        folder.rename(system / "components" / new)
    return new


def pack(system):
    (name,) = ComponentStore(system / "components").packs()
    return name
