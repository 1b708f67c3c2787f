"""A commit: one step of a journal, a file named by its number and its content."""

import dataclasses
import re
from pathlib import Path

from mu2.errors import Mu2Error
from mu2.store.files import Json, damage_error, encode, parse_json, read_bytes, sha256

NAME = re.compile(r"(\d{8,})-([0-9a-f]{64})")
_LONGEST_MESSAGE = 10_000
# Names that a commit may give to files.
_FILE = re.compile(r"(index|records)/[0-9a-f]{64}\.json|commits/\d{8,}-[0-9a-f]{64}\.json")


@dataclasses.dataclass(frozen=True)
class Commit:
    """One commit.

    Attributes:
      number: counted from 1.
      previous: name of the commit before; None for the first.
      message: what it was for.
      index: digest of the index's topmost node; None where there are no records.
      introduced: records ever introduced, those removed since included.
      progress: JSON that the writer wants to find again.
      passing: after a generation; the commit that ends the task iteration replaces it.
      files: below the folder; of a passing commit those that it wrote, of a lasting one those
        that are superfluous since.
      changed: names of the records that it changed, and those of the passing commits that it
        replaced.
    """

    number: int
    previous: str | None
    message: str
    index: str | None
    introduced: int
    progress: Json
    passing: bool = False
    files: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    def serialize(self) -> tuple[str, bytes]:
        """Its name, and the bytes of its file."""
        content = encode(dataclasses.asdict(self))
        return f"{self.number:08d}-{sha256(content)}", content

    @classmethod
    def read(cls, directory: Path, name: str) -> "Commit":
        """A commit by its name, its bytes checked.

        Raises:
          Mu2Error: the name is none, or the commit is missing or damaged.
        """
        folder = directory / "commits"
        match = NAME.fullmatch(name)
        if match is None:
            raise Mu2Error(f"{name[:100]!r} names no commit.", location=str(folder))
        path = folder / f"{name}.json"
        content = read_bytes(path)
        if sha256(content) != match[2]:
            raise damage_error(path, "its bytes are not those of its name.")
        try:
            document = parse_json(content)
            tuples = {key: tuple(document[key]) for key in ("files", "changed")}
            commit = cls(**{**document, **tuples})
            strays = [file for file in commit.files if not _FILE.fullmatch(file)]
        except (KeyError, RecursionError, TypeError, ValueError) as error:
            raise damage_error(path, "it is no commit.") from error
        if fault := _fault(document):
            raise damage_error(path, fault)
        if strays:
            raise damage_error(path, f"it names the file {strays[0][:80]!r}, which no system has.")
        if commit.number != int(match[1]):
            raise damage_error(path, "its number is not that of its name.")
        return commit


def _fault(document: Json) -> str | None:
    """What no commit is, though its bytes are those of its name: others may have written it."""
    number, introduced, message = (document[key] for key in ("number", "introduced", "message"))
    if type(number) is not int or type(introduced) is not int or introduced < 0:
        return "its number is none."
    if not isinstance(message, str) or len(message) > _LONGEST_MESSAGE:
        return "its message is none."
    if not isinstance(document["passing"], bool):
        return "it is no commit."
    if not all(isinstance(name, str) for name in document["changed"]):
        return "it is no commit."
    previous = document["previous"]
    before = NAME.fullmatch(previous) if isinstance(previous, str) else None
    if before is not None and int(before[1]) >= number:
        return "it comes before the one that it follows."
    return None
