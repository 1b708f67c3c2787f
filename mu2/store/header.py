"""The header of a system, mu2.json: what its folder is, written once."""

from pathlib import Path

from mu2.errors import Mu2Error
from mu2.store.files import Json, damage_error, encode, read_json, sha256

FORMAT = 2


def read_header(directory: Path) -> Json:
    """The header that a system was created with.

    Raises:
      Mu2Error: there is no system, it is of another format, or damaged.
    """
    path = directory / "mu2.json"
    if not path.exists():
        raise Mu2Error(
            f"{directory} is no mu2 system (it has no mu2.json).",
            hint="Name the folder that was given to `mu2 run` as --system.",
        )
    document = read_json(path)
    number = document.get("format") if isinstance(document, dict) else None
    if type(number) is not int or number < 1:
        raise damage_error(path, "it gives no format number.")
    if number != FORMAT:
        age = "a newer" if number > FORMAT else "an older"
        raise Mu2Error(
            f"{directory} was written by {age} mu2 (format {number}; this one reads {FORMAT}).",
            location=str(path),
            hint=f"Install that {age.split()[1]} mu2.",
        )
    if document != seal(number, document.get("header")):
        raise damage_error(path, "its header is not the one that was written.")
    return document["header"]


def seal(number: int, header: Json) -> Json:
    """What mu2.json holds: the format's number, and the header with its digest."""
    return {"format": number, "header": header, "digest": sha256(encode(header))}
