"""JSON documents: what `--json` prints and what the child log holds."""

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import numpy as np

from mu2.errors import Mu2Error, shown
from mu2.store.files import reason, write_file

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


def plain(value: Any) -> Json:
    """A value as JSON can hold it: numpy scalars as Python's, tuples as lists, NaN as null.

    Raises:
      TypeError: JSON has no form for it.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Set):
        return [plain(each) for each in sorted(value)]
    if isinstance(value, Sequence | np.ndarray):
        return [plain(each) for each in value]
    raise TypeError(f"no JSON form for {type(value).__name__}: {value!r}")


def pretty(document: Mapping[str, Any]) -> str:
    """A document as text for standard output, keys in their given order.

    Letters that steer a terminal are escaped, as JSON escapes them.
    """
    text = json.dumps(plain(document), indent=2, ensure_ascii=False, allow_nan=False)
    return text if text.isascii() else "".join(map(_escaped, text))


def _escaped(letter: str) -> str:
    """JSON's own escape of a letter that must not be shown as it is (see `errors.shown`)."""
    if letter == "\n" or shown(letter) == letter:
        return letter
    return json.dumps(letter)[1:-1]


def read(file: Path, what: str) -> Any:
    """The JSON document in a file that a user may have edited.

    Args:
      file: where it lies.
      what: what it is, for the message.

    Raises:
      Mu2Error: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise Mu2Error(f"the {what} {file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Mu2Error(f"the {what} {file} is no JSON: {error}.") from error


def write(file: Path, content: bytes) -> None:
    """Writes a file: the whole of it, or what was there before is as it was.

    Args:
      file: a file, or what is no plain file, such as a pipe, which is written as it is.
      content: its bytes.

    Raises:
      Mu2Error: the folder is not there or cannot be written, or the disk is full.
    """
    place = Path(os.path.realpath(file))
    try:
        if place.exists() and not place.is_file():
            place.write_bytes(content)
        else:
            write_file(place, content)
    except OSError as error:
        raise Mu2Error(f"{file} cannot be written: {reason(error)}.") from error


def faults_document(faults: Iterable[Mu2Error]) -> dict[str, Any]:
    """What `--json` prints when a command fails: `ok` false, and `faults`.

    Each fault has `message`, `location` (`file:line` or null) and `hint` (or null).
    """
    return {
        "ok": False,
        "faults": [
            {"message": fault.message, "location": fault.location, "hint": fault.hint}
            for fault in faults
        ],
    }
