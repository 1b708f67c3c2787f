"""Folders that a user gives: the files of examples in them."""

import os
from collections.abc import Collection, Mapping
from types import MappingProxyType

from mu2.errors import Mu2Error
from mu2.tasks.picture import SUFFIXES
from mu2.tasks.sources.parquet import PARQUET
from mu2.tasks.user_tables import FILES, SHEETS

# How the names of the files end that hold examples of a kind.
ENDINGS: Mapping[str, Collection[str]] = MappingProxyType(
    {"image": SUFFIXES, "table": (*SHEETS, *PARQUET), "text": FILES}
)


def files_in(folder: str | os.PathLike[str], kind: str) -> tuple[list[str], list[str]]:
    """The files of examples in a folder and in those below, by name.

    Names that begin with a dot are left out.

    Args:
      folder: where they are.
      kind: of examples: `image`, `table` or `text`.

    Returns:
      Their names, which begin with the folder's; and those of the other files there.

    Raises:
      Mu2Error: none of its files has examples by its name.
    """
    found: list[str] = []
    others: list[str] = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for file in sorted(each for each in files if not each.startswith(".")):
            path = os.path.join(place, file)
            wanted = os.path.splitext(file)[1].lower() in ENDINGS[kind] and os.path.isfile(path)
            (found if wanted else others).append(path)
    if not found:
        raise Mu2Error(
            f"{os.fspath(folder)} holds no {kind}s.",
            hint=f"{kind.capitalize()}s end in {', '.join(sorted(ENDINGS[kind]))}.",
        )
    return found, others
